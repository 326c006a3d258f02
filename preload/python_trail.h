/* The last Python stack of a thread, frame by frame, from which the hash of the next one is found.
 *
 * Stacks of Python that follow each other differ at their tops: the innermost frame runs on, some
 * are entered, some are left. What tells a stack from another is a hash over its frames, from the
 * root inwards; so where the outer frames are those of the last stack, their hash is known, and
 * only that they are the same must be shown: by comparing what the hash was made of, which is less
 * than half of making it, and none of it waits for another.
 *
 * A frame of the trail is looked at only when the frame inside of it, which lives, names it as its
 * caller: so nothing is read that is not a frame now. */
#ifndef SEEP_PRELOAD_PYTHON_TRAIL_H
#define SEEP_PRELOAD_PYTHON_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/python_frame.h"

enum {
    PYTHON_TRAIL_FRAMES = 128
};

/* Words as they stand in memory are compared, since that is quicker than to say what they mean. One
 * line of the cache. */
struct python_trail_frame {
    uint64_t at;
    uint64_t code_word, instruction_word;
    /* What tells the code from other code that had the same address. */
    uint64_t file_name, line_table;
    uint64_t code_hash; /* of what the words mean, but for the instruction */
    uint64_t hash;      /* of this frame and all outside of it */
    uint8_t group_byte;
    bool ends_group; /* what that byte means: python_frame.h */
};
_Static_assert(sizeof(struct python_trail_frame) == 64, "a line");

/* Zeroes are an empty trail. Frames stand innermost first, and the outermost is the last before the
 * array's end, which names no frame. */
struct python_trail {
    uint32_t count;
    struct python_trail_frame frames[PYTHON_TRAIL_FRAMES + 1];
    struct python_trail_frame fresh[PYTHON_TRAIL_FRAMES];
    uint64_t words[PYTHON_TRAIL_FRAMES]; /* the caller's, of each of the frames; 0 = not known */
};

/* A hash of the stack whose innermost frame is `at`; 0: it is too deep for a trail, or something in
 * it is no frame. The same stack has the same hash, whatever the last one was. */
uint64_t python_trail_hash(struct python_trail *trail, const struct cpython_offsets *offsets,
                           uint64_t at);

typedef uint64_t (*python_trail_hasher)(struct python_trail *trail,
                                        const struct cpython_offsets *offsets, uint64_t at);

/* What is the same and may be quicker: made for the version whose offsets these are. */
python_trail_hasher python_trail_find_hasher(const struct cpython_offsets *offsets);

/* Is this the hash of the stack that the trail is? */
static inline bool python_trail_is_of(const struct python_trail *trail, uint64_t hash)
{
    return trail->count != 0 &&
           (trail->frames[PYTHON_TRAIL_FRAMES - trail->count].hash | 1) == hash;
}

/* Of that stack's frame at `index`, innermost first: what tells the frame to others. It stays until
 * the frame changes. */
static inline uint64_t *python_trail_word(struct python_trail *trail, uint32_t index)
{
    return &trail->words[PYTHON_TRAIL_FRAMES - trail->count + index];
}

/* Is it the outermost of its group? */
static inline bool python_trail_ends_group(const struct python_trail *trail, uint32_t index)
{
    return trail->frames[PYTHON_TRAIL_FRAMES - trail->count + index].ends_group;
}

/* As python_frame_read gives it. */
struct python_frame python_trail_frame_at(const struct python_trail *trail,
                                          const struct cpython_offsets *offsets, uint32_t index);

#endif
