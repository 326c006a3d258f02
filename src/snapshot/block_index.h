/* Which block holds this address? For tens of millions of blocks and a hundred million questions.
 *
 * Address space is cut into chunks of 2 MiB; those with blocks stand in a hash table. A chunk is
 * cut again into as many granules as it has blocks (to the next lower power of two), and each
 * granule knows its first block. So a question costs one probe into a table that fits the cache,
 * one word of a table of 4 bytes a block, and mostly one block; and being three steps, many
 * questions can be asked side by side (block_index_prefetch). Blocks larger than LARGE_BLOCK_BYTES
 * have a list of their own: no table grows with what a program merely reserves. At most 8 bytes a
 * block. */
#ifndef SEEP_SNAPSHOT_BLOCK_INDEX_H
#define SEEP_SNAPSHOT_BLOCK_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot.h"

enum {
    BLOCK_INDEX_CHUNK_BITS = 21,
    BLOCK_INDEX_HINTS = 1 << 13 /* chunks in a row that have one each */
};

struct index_chunk {
    uint32_t key_plus_1; /* address >> CHUNK_BITS; 0 = none */
    uint32_t table;      /* position in granules */
    uint32_t shift;      /* offset in the chunk >> shift = granule */
};

struct block_index {
    const struct snapshot_block *blocks; /* borrowed, sorted by address, disjoint */
    size_t block_count;
    uint64_t low, high; /* no block outside of it */
    /* Bits: where one is not set, no chunk has a key of this remainder. */
    uint64_t hints[BLOCK_INDEX_HINTS / 64];
    struct index_chunk *chunks;
    uint32_t chunk_mask;
    uint32_t *granules; /* of the chunk's granules, and one more: the first block that ends in or
                           behind it */
    uint32_t *large;    /* positions of blocks that are not in chunks, ascending */
    size_t large_count;
};

void block_index_init(struct block_index *index, const struct snapshot_block *blocks,
                      size_t block_count);
void block_index_clear(struct block_index *index);

/* The block that holds `address`, or SNAPSHOT_NONE. A block of 0 bytes holds its address. One of 8
 * bytes also has the address behind it, unless another block does: an array of no elements may be
 * pointed at there (see scan_kind.h). */
uint32_t block_index_find(const struct block_index *index, uint64_t address);

/* May any block hold it? 0: none does; else 1. No branch, and next to no memory. */
static inline uint64_t block_index_may_hold(const struct block_index *index, uint64_t address)
{
    uint64_t hint = address >> BLOCK_INDEX_CHUNK_BITS & (BLOCK_INDEX_HINTS - 1);
    return (index->hints[hint / 64] >> hint % 64 & 1) &
           (uint64_t)(address - index->low < index->high - index->low);
}

/* The same in three steps, for an address between low and high: its chunk (key_plus_1 is 0: none of
 * that address), its block into the cache, and the answer. */
static inline struct index_chunk *block_index_chunk(const struct block_index *index,
                                                    uint64_t address)
{
    uint32_t key = (uint32_t)(address >> BLOCK_INDEX_CHUNK_BITS);
    uint32_t at = (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & index->chunk_mask;
    while (index->chunks[at].key_plus_1 != 0 && index->chunks[at].key_plus_1 != key + 1)
        at = (at + 1) & index->chunk_mask;
    return &index->chunks[at];
}

/* Of a chunk that there is: where its granules' first blocks stand. */
static inline uint32_t block_index_granule(const struct index_chunk *chunk, uint64_t address)
{
    uint64_t offset = address & ((UINT64_C(1) << BLOCK_INDEX_CHUNK_BITS) - 1);
    return chunk->table + (uint32_t)(offset >> chunk->shift);
}

static inline void block_index_prefetch(const struct block_index *index,
                                        const struct index_chunk *chunk, uint64_t address)
{
    __builtin_prefetch(&index->blocks[index->granules[block_index_granule(chunk, address)]]);
}

uint32_t block_index_find_in(const struct block_index *index, const struct index_chunk *chunk,
                             uint64_t address);

#endif
