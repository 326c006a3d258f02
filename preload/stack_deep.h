/* What is kept of the last stack of a thread that was deeper than the limit, from which the next
 * such one is found: stack_trail's way for stacks of any depth.
 *
 * Of a deep stack the innermost frames and the outermost ones are told, and how many are left out
 * between them. Recursion goes up and down by a few frames at the end of thousands, so what is told
 * of the next stack is known but for its top. The frames that were walked last are kept, many more
 * than are told. A walk needs rules until it comes to one of them, with the same pc and sp; from
 * there on those that are told, inner and outer, are compared word by word, as a trail's are (with
 * a small limit some more of the inner ones). So no frame is told that the stack does not have, and
 * none is missing among those that are told.
 *
 * Of what lies between, only every so many frames are compared. That is no proof: a program may go
 * far down, up again by other frames and to the same frames at the end, all that without an
 * allocation, and the two ways need not have the same number of frames. But where the number is
 * another while the ends have stayed at their places, frames of other sizes lie between, and those
 * that are compared are no longer at theirs, unless the new frames left the old words standing in
 * room that they do not use. Then the number of frames left out is the former stack's, and nothing
 * else is wrong. To compare all would cost as much as the depth is large, each time.
 *
 * Frames that are kept come into the window when those inside of them go, and are compared then.
 * When no more of them are left the stack is walked anew, to its end: once for hundreds of frames.
 *
 * Stacks of plain frames only, as in a trail, in one piece of memory; the others are stack_walk's.
 */
#ifndef SEEP_PRELOAD_STACK_DEEP_H
#define SEEP_PRELOAD_STACK_DEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_plain.h"

enum {
    STACK_DEEP_LIMIT = 256, /* the largest limit; stacks that are cut at more are all walked */
    STACK_DEEP_OUTER = STACK_DEEP_LIMIT / 4,
    STACK_DEEP_FRAMES = 1024,
    STACK_DEEP_KEPT = 768, /* frames kept of a stack that is walked, or moved to make room */
    STACK_DEEP_FRESH = STACK_DEEP_FRAMES - STACK_DEEP_KEPT,
    STACK_DEEP_COMPARED = STACK_DEEP_LIMIT - STACK_DEEP_OUTER, /* innermost ones, all of them */
    STACK_DEEP_STRIDE = 32, /* one of so many of the others that are kept is compared */
    STACK_DEEP_MARKS = 64,  /* and so many beyond */
    /* After so many stacks in a row that were none for it, one of so many is tried. */
    STACK_DEEP_PATIENCE = 16,
    STACK_DEEP_RETRY = 64
};

/* Zeroes are an empty one. */
struct stack_deep {
    uint64_t generation; /* of the rules; any other: empty */
    uint32_t limit;      /* any other: empty */
    uint32_t failures;
    /* For the hash: of the most inner frames that are told, of one less, and so on. */
    uint64_t powers[STACK_DEEP_OUTER];

    /* frames[first .. end-1] stand innermost first. Room is left in front of them. */
    uint32_t first, end;
    uint64_t beyond;      /* frames outside of these */
    struct stack_cut cut; /* of the stack that was found */

    /* The outermost ones, which may be among the others too. */
    uint64_t outer_hash;
    struct plain_frame outer[STACK_DEEP_OUTER];

    /* Some of those beyond: one of `mark_stride`. */
    uint32_t mark_count, mark_stride, until_mark;
    struct plain_frame marks[STACK_DEEP_MARKS];

    struct plain_frame frames[STACK_DEEP_FRAMES];
    struct plain_note notes[STACK_DEEP_FRAMES]; /* hashes begin with some frame further out */

    /* Of the walk that is being made: those before it came to a frame that is kept; of one to the
     * end, the outermost so far, round and round. */
    struct plain_frame fresh_frames[STACK_DEEP_FRESH];
    struct plain_note fresh_notes[STACK_DEEP_FRESH];
    struct plain_frame last_frames[STACK_DEEP_OUTER];
    struct plain_note last_notes[STACK_DEEP_OUTER];
};

enum stack_deep_found {
    STACK_DEEP_FOUND,
    STACK_DEEP_NOT_DEEP, /* the stack has no more frames than the limit */
    STACK_DEEP_NOT_FOUND
};

/* What is kept becomes that of the stack that a walk from these registers finds. If not
 * STACK_DEEP_FOUND, it is empty or of an earlier stack. Not for signal handlers that interrupted
 * another walk of the same thread. */
enum stack_deep_found stack_deep_find(struct stack_deep *deep, struct plain_steps *steps,
                                      struct unwind_rules *rules, struct walk_memory *memory,
                                      const struct walk_registers *from, uint32_t limit);

/* The hash of the stack that was found; `begin` tells apart what its frames do not
 * (stack_hash_begin). */
uint64_t stack_deep_hash(const struct stack_deep *deep, uint64_t begin);

/* The frames that are told of it, as stack_walk_run gives them. */
void stack_deep_copy(const struct stack_deep *deep, uint64_t *frames);

#endif
