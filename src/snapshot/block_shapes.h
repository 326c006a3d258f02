/* What pointers into the middle of a block mean.
 *
 * Such a pointer mostly says little: it may be an old iterator, or a number. But four shapes are
 * made by compilers and libraries, whose owners keep nothing but a pointer into the middle; for
 * them it counts like one to the start. The shapes are those of memcheck's --leak-check-heuristics,
 * so that both tools judge alike:
 *
 *   string       length, capacity, count; text at 24; 24 + capacity + 1 bytes in all
 *   length       number of the bytes that follow, at 8
 *   new array    number of elements, which divides what follows; elements at 8
 *   inheritance  a table of virtual functions at the start and another at the pointer
 *
 * Beyond memcheck: new[] of no elements leaves 8 bytes with a 0 and a pointer behind them.
 *
 * A scan passes each block once, so a block's head may come after the pointers to it. What a head
 * could mean is one byte a block, noted when it comes by; a pointer is first noted by where it
 * points, and judged when all heads are known. */
#ifndef SEEP_SNAPSHOT_BLOCK_SHAPES_H
#define SEEP_SNAPSHOT_BLOCK_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/word_cache.h"

enum block_shape {
    BLOCK_SHAPE_STRING = 1,
    BLOCK_SHAPE_LENGTH = 2,
    BLOCK_SHAPE_ARRAY = 4,
    BLOCK_SHAPE_EMPTY_ARRAY = 8,
    BLOCK_SHAPE_VIRTUAL = 16 /* begins with a table of virtual functions */
};

/* Where a pointer points, until it is judged; beside START and INTERIOR. */
enum pointer_place {
    POINTER_AT_START = SNAPSHOT_START,
    POINTER_AT_INTERIOR = SNAPSHOT_INTERIOR, /* whatever the head says */
    POINTER_AT_8 = 8,
    POINTER_AT_24 = 9,
    POINTER_AT_WORD = 10, /* another aligned word */
    POINTER_AT_END = 11   /* of a block of 8 bytes */
};

enum {
    POINTER_IS_NONE = 15, /* judged: refers to nothing */
    POINTER_IS_OPEN = 14  /* judged: depends on block_shapes_is_inheritance */
};

struct block_shapes;

/* All are borrowed; `mappings` tell tables of virtual functions. */
struct block_shapes *block_shapes_create(size_t block_count, const struct target_mappings *mappings,
                                         struct word_cache *words);
/* For another thread, which notes other blocks: what is noted is in both. To be destroyed first. */
struct block_shapes *block_shapes_share(const struct block_shapes *shapes,
                                        struct word_cache *words);
void block_shapes_destroy(struct block_shapes *shapes);

/* The first `count` words (up to 3) of a block that begins at an aligned address. */
void block_shapes_note(struct block_shapes *shapes, uint32_t position,
                       const struct snapshot_block *block, const uint64_t *words, size_t count);

static inline enum pointer_place pointer_place_of(const struct snapshot_block *block,
                                                  uint64_t address)
{
    uint64_t offset = address - block->address;
    if (offset == 0)
        return POINTER_AT_START;
    if (offset == 8)
        return block->bytes == 8 ? POINTER_AT_END : POINTER_AT_8;
    if (address % 8 != 0)
        return POINTER_AT_INTERIOR;
    return offset == 24 ? POINTER_AT_24 : POINTER_AT_WORD;
}

/* An enum snapshot_reference_kind, POINTER_IS_NONE or POINTER_IS_OPEN. */
unsigned block_shapes_judge(const struct block_shapes *shapes, uint32_t position,
                            unsigned pointer_place);

/* Is there a table of virtual functions where the pointer points? */
bool block_shapes_is_inheritance(struct block_shapes *shapes, uint64_t pointer);

#endif
