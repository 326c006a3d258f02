/* Names for frames, found in a child process: reading a stranger's ELF and DWARF may crash or take
 * long, and must neither end the caller nor keep it from its work. A crash costs names only: those
 * of the module that was being read and of those behind it.
 *
 * Opening a module's files takes much longer than what is asked of them then. So a child may last:
 * it waits for more, with all that it has open. */
#ifndef SEEP_SYMBOLS_SYMBOL_BATCH_H
#define SEEP_SYMBOLS_SYMBOL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "symbols/symbolizer.h"

struct symbol_batch_frame {
    uint32_t id;     /* the caller's */
    uint32_t module; /* position among the modules */
    uint64_t offset; /* as symbolizer_lookup takes it: of the instruction itself */
};

/* What is found above a call: a frame, or a function that allocates. */
struct symbol_batch_callee {
    bool is_frame;
    struct symbol_batch_frame frame;
    enum function_kind function;
};

/* A call, and what it led to; which functions are gone in between (symbolizer.h)? */
struct symbol_batch_pair {
    struct symbol_batch_frame caller; /* its offset is the return address */
    struct symbol_batch_callee callee;
};

/* All of it is borrowed while the batch starts. */
struct symbol_batch_input {
    const struct symbolizer_module *modules;
    size_t module_count;
    const struct symbol_batch_frame *frames; /* in any order */
    size_t frame_count;
    const struct symbol_batch_pair *pairs; /* in any order; looked at after all frames */
    size_t pair_count;
    bool is_gone_named; /* what is found between pairs gets names by the same child */
    bool is_lasting;    /* the child waits for more when it is done */
    const struct symbolizer_options *options;
};

struct symbol_batch;

/* Starts the child; NULL with *error when that fails. Caller owns. */
struct symbol_batch *symbol_batch_start(const struct symbol_batch_input *input,
                                        struct error *error);

/* Gives the child of a lasting batch, which was complete and read, more to do: `input` has the
 * modules that it had, and perhaps more behind them; options count no more. False: there is no such
 * child any more; close the batch and start another. */
bool symbol_batch_renew(struct symbol_batch *batch, const struct symbol_batch_input *input);

/* Is there a child that waits for more? */
bool symbol_batch_is_lasting(const struct symbol_batch *batch);

/* Readable when there is something to take. */
int symbol_batch_fd(const struct symbol_batch *batch);

/* Takes what has come, without waiting. True when it is complete: the child is done, or died. */
bool symbol_batch_poll(struct symbol_batch *batch);

/* How far it is: frames looked up so far, for a progress line. */
uint32_t symbol_batch_done_count(const struct symbol_batch *batch);
uint32_t symbol_batch_frame_count(const struct symbol_batch *batch);

/* Of a complete batch: did the child die, and over which module? */
bool symbol_batch_has_died(const struct symbol_batch *batch, uint32_t *module);

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
    /* What a module had to offer, and why no more ("" = it had everything). */
    void (*module)(void *context, uint32_t module, enum symbolizer_detail detail,
                   const char *reason);
    /* Functions that are gone between a pair, innermost first; never with count 0. Modules are
     * positions, and what was found may be nonsense if a file is. */
    void (*tail_calls)(void *context, const struct symbol_batch_pair *pair,
                       const struct symbolizer_tail_call *calls, size_t count);
    /* Locations of one of these functions, where is_gone_named; once for each, behind all pairs;
     * count 0 = nothing is known. */
    void (*gone)(void *context, const struct symbolizer_tail_call *call,
                 const struct symbol_batch_location *locations, size_t count);
};

/* Hands over what came; strings are borrowed until the call returns. */
void symbol_batch_read(const struct symbol_batch *batch, const struct symbol_batch_result *result);

/* Nothing more is to come: the child ends as soon as it is done, while we do something else. Called
 * again, it takes note of that. */
void symbol_batch_dismiss(struct symbol_batch *batch);

/* Ends the child; of a complete batch it may write into the cache what it unpacked first. */
void symbol_batch_close(struct symbol_batch *batch);

#endif
