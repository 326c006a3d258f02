/* Names for the frames of a session, found bit by bit in a child process, which keeps the files that
 * it has read open as long as there is more to come; and the frames that stacks do not show, because
 * their functions ended in jumps (src/symbols/tail_calls.h). Those become frames of the stack table,
 * and get names in turn. */
#ifndef SEEP_RECORD_FRAME_NAMES_H
#define SEEP_RECORD_FRAME_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/string_pool.h"
#include "record/process_tree.h"
#include "symbols/symbolizer.h"

struct frame_names;

/* What is given must outlive the names. Caller owns. */
struct frame_names *frame_names_create(struct process_tree *tree,
                                       const struct symbolizer_options *options);
void frame_names_destroy(struct frame_names *names);

/* As recording_output has them. */
bool frame_names_look_up(struct frame_names *names, bool is_last);
bool frame_names_is_ready(const struct frame_names *names);
void frame_names_dismiss(struct frame_names *names);
bool frame_names_has_unnamed(struct frame_names *names);
bool frame_names_progress(const struct frame_names *names, uint32_t *done, uint32_t *wanted);
int frame_names_fd(const struct frame_names *names);

/* What was found. Lists only grow, but for details of modules. */
const struct string_pool *frame_names_strings(const struct frame_names *names);
size_t frame_names_count(const struct frame_names *names);
struct recording_symbol frame_names_symbol(const struct frame_names *names, size_t position);
size_t frame_names_tail_call_count(const struct frame_names *names);
struct recording_tail_calls frame_names_tail_calls(const struct frame_names *names,
                                                   size_t position);
/* enum symbolizer_detail, or 0. */
uint8_t frame_names_module_detail(const struct frame_names *names, size_t module);
/* Have details changed since this was asked last? */
bool frame_names_take_detail_change(struct frame_names *names);

#endif
