/* What late_names finds of functions that ended in jumps: which calls to ask about, and the frames
 * that the answers add. */
#ifndef SEEP_ANALYSIS_LATE_CALLS_H
#define SEEP_ANALYSIS_LATE_CALLS_H

#include <stddef.h>

#include "analysis/late_names.h"
#include "base/hash_map.h"
#include "symbols/symbol_batch.h"

struct recording_copy;

/* Filled by the caller: profile and names. */
struct late_calls {
    const struct profile *profile;
    struct late_names *names;
    struct symbol_batch_pair *pairs;
    size_t pair_count, pair_capacity;
    struct hash_map seen;
    struct hash_index frames;
    size_t frame_capacity, tail_call_capacity, tail_frame_capacity;
};

/* All calls out of modules that are looked at (those with a path), whose answer is not known. */
void late_calls_list(struct late_calls *calls, const struct symbolizer_module *modules);
void late_calls_clear(struct late_calls *calls);

/* As symbol_batch_result wants it; the context is the calls. */
void late_calls_take(void *context, const struct symbol_batch_pair *pair,
                     const struct symbolizer_tail_call *found, size_t count);

/* The id of a frame that was added for one of these functions; false: there is none. */
bool late_calls_find_frame(const struct late_calls *calls, const struct symbolizer_tail_call *call,
                           uint32_t *id);

/* The frames that were added, to be looked up. Caller frees. */
struct symbol_batch_frame *late_calls_frames(const struct late_calls *calls);

void late_calls_add(const struct late_names *names, struct recording_copy *copy);

#endif
