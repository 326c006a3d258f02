/* Names for frames, found in a child process: reading a stranger's ELF and DWARF may crash or take
 * long, and must neither end the recorder nor keep it from draining. A crash costs the names of its
 * batch. */
#ifndef SEEP_RECORD_SYMBOL_BATCH_H
#define SEEP_RECORD_SYMBOL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "heap/stack_table.h"
#include "record/module_files.h"
#include "symbols/module_map.h"
#include "symbols/symbolizer.h"

struct symbol_batch_input {
    const struct stack_table *stacks;
    const struct module_table *modules;
    const struct module_files *files;
    const struct symbolizer_options *options;
    uint32_t first_frame, end_frame; /* frames to name */
};

struct symbol_batch;

/* Starts the child; NULL with *error when that fails. Caller owns. */
struct symbol_batch *symbol_batch_start(const struct symbol_batch_input *input,
                                        struct error *error);

/* Readable when there is something to take. */
int symbol_batch_fd(const struct symbol_batch *batch);

/* Takes what has come, without waiting. True when it is complete: the child is done, or died. */
bool symbol_batch_poll(struct symbol_batch *batch);

/* How far it is: frames named so far, for a progress line. */
uint32_t symbol_batch_done_count(const struct symbol_batch *batch);
uint32_t symbol_batch_frame_count(const struct symbol_batch *batch);

struct symbol_batch_location {
    const char *function; /* NULL = not known */
    const char *file;     /* NULL = not known */
    uint32_t line;
    bool is_inlined;
};

struct symbol_batch_result {
    void *context;
    /* Locations of a frame, innermost first; never with count 0. */
    void (*frame)(void *context, uint32_t frame_id, const struct symbol_batch_location *locations,
                  size_t count);
    /* What a module had to offer (enum symbolizer_detail). */
    void (*module)(void *context, uint32_t module_id, unsigned detail);
};

/* Hands over what came; strings are borrowed until the call returns. */
void symbol_batch_read(const struct symbol_batch *batch, const struct symbol_batch_result *result);

/* Ends the child if it still runs. */
void symbol_batch_close(struct symbol_batch *batch);

#endif
