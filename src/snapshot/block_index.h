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

struct index_chunk {
    uint32_t key_plus_1; /* address >> CHUNK_BITS; 0 = none */
    uint32_t table;      /* position in granules */
    uint32_t shift;      /* offset in the chunk >> shift = granule */
};

struct block_index {
    const struct snapshot_block *blocks; /* borrowed, sorted by address, disjoint */
    size_t block_count;
    uint64_t low, high; /* no block outside of it */
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

/* The same in three steps, for an address between low and high: its chunk (NULL: none), its block
 * into the cache, and the answer. */
const struct index_chunk *block_index_chunk(const struct block_index *index, uint64_t address);
void block_index_prefetch(const struct block_index *index, const struct index_chunk *chunk,
                          uint64_t address);
uint32_t block_index_find_in(const struct block_index *index, const struct index_chunk *chunk,
                             uint64_t address);

#endif
