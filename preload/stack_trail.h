/* The last stack of a thread, frame by frame, from which the next one is found.
 *
 * Stacks that follow each other are mostly the same but for their tops: calls go up and down by a
 * few frames at the end of dozens. So a walk needs rules only until it comes to a frame that the
 * last stack had, with the same pc and sp. The rest of the stack is a function of the words that
 * the last one was found by, from there on: while they hold the same values, frames are the same,
 * and a load and a compare a frame show that, none of which must wait for another. Where a word has
 * changed the walk goes on by rules until it comes to the trail again.
 *
 * bp counts where a frame is found by it, and there alone: compilers keep all sorts of values in
 * that register. Whether it does depends on the frames outside, so that is told from the root
 * inwards, as the hash is; both stay for frames that stay.
 *
 * Only whole stacks of plain frames (stack_plain.h) that are not deeper than a trail are found. Of
 * deeper ones stack_deep finds what is kept; the others are stack_walk's. */
#ifndef SEEP_PRELOAD_STACK_TRAIL_H
#define SEEP_PRELOAD_STACK_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_plain.h"

enum {
    STACK_TRAIL_FRAMES = 256,
    /* After so many stacks in a row that were none for a trail, one of so many is tried. */
    STACK_TRAIL_PATIENCE = 16,
    STACK_TRAIL_RETRY = 64
};

/* Zeroes are an empty trail. Frames stand innermost first, and the outermost is the last of the
 * array: a new top is written before what stays. */
struct stack_trail {
    uint64_t generation; /* of the rules; any other: empty */
    uint64_t hash_seed;  /* what all hashes begin with; any other: empty */
    uint32_t first;
    uint32_t noticed; /* the caller's: frames from here on are not new to it; never below first */
    uint32_t failures;
    struct plain_steps steps;
    /* The fresh ones are those of the walk that is being made, before it came to the trail. They
     * begin where the others end: stacks that are not deep take few pages. */
    struct plain_frame frames[STACK_TRAIL_FRAMES];
    struct plain_frame fresh_frames[STACK_TRAIL_FRAMES];
    struct plain_note notes[STACK_TRAIL_FRAMES];
    struct plain_note fresh_notes[STACK_TRAIL_FRAMES];
};

/* Makes the trail the stack that a walk from these registers finds: true. Or that is none for a
 * trail, or deeper than `limit`: false, and the trail is empty or that of an earlier stack. Not for
 * signal handlers that interrupted another walk along the same trail. */
bool stack_trail_find(struct stack_trail *trail, struct unwind_rules *rules,
                      struct walk_memory *memory, const struct walk_registers *from, uint32_t limit,
                      uint64_t hash_seed);

/* A stack came that may be one for a trail, after others that were not. */
static inline void stack_trail_try_again(struct stack_trail *trail)
{
    trail->failures = 0;
}

/* Of the stack that was found. */
static inline uint32_t stack_trail_count(const struct stack_trail *trail)
{
    return STACK_TRAIL_FRAMES - trail->first;
}

static inline uint64_t stack_trail_hash(const struct stack_trail *trail)
{
    return trail->notes[trail->first].hash;
}

/* Its frames, as stack_walk_run gives them: innermost first. */
void stack_trail_copy(const struct stack_trail *trail, uint64_t *frames);

/* What it depends on, as stack_walk_run_telling tells it. */
void stack_trail_tell_reads(const struct stack_trail *trail, struct walk_reads *reads);

#endif
