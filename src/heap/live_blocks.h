/* Address to block, for tens of millions of blocks: 24 bytes a slot; at most 48 bytes a block when
 * there are more than 800,000, 60 below, and 110 up to some 200,000.
 *
 * A slot packs address 48, thread 16, size 48, birth 56 and site 24 bits. Its home is the high half
 * of the address's hash scaled to the table's capacity, which need not be a power of two: a large
 * table grows by a quarter, keeping its load between 0.55 and 0.69. A block stands at its home or
 * in the run of slots behind it, and a run is in order of hashes (linear probing with ordering:
 * Amble and Knuth, Ordered Hash Tables, 1974; Celis, Robin Hood Hashing, 1986). So removal moves
 * back only the run's rest up to a block at its home, there are no tombstones, and since scaling
 * keeps order, growing copies from front to back without a search. A large table is 64 segments,
 * chosen by other bits of the hash, each growing on its own: the old and the new slots that coexist
 * are one segment's. Segments that are large enough ask for huge pages, since a random slot costs a
 * TLB miss too. */
#ifndef SEEP_HEAP_LIVE_BLOCKS_H
#define SEEP_HEAP_LIVE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/block.h"

struct block_slot;

struct block_segment {
    struct block_slot *slots;
    uint32_t capacity; /* homes */
    uint32_t tail;     /* slots behind the last home, for the run that stands there */
    uint32_t count;
};

/* A zeroed struct is a valid empty table. */
struct live_blocks {
    struct block_segment small;     /* all blocks, until there are many */
    struct block_segment *segments; /* NULL, or LIVE_BLOCKS_SEGMENTS of them */
    uint64_t count;
};

enum {
    LIVE_BLOCKS_SEGMENTS = 64,
    LIVE_BLOCKS_SPLIT_COUNT = 16 * 1024
};

void live_blocks_clear(struct live_blocks *table);

/* `block` may be NULL. */
bool live_blocks_find(const struct live_blocks *table, uint64_t address, struct block *block);

/* Puts the block at its address. Returns true, and the block that stood there in *old, when it
 * replaces one. */
bool live_blocks_put(struct live_blocks *table, const struct block *block, struct block *old);

/* `old` may be NULL. */
bool live_blocks_remove(struct live_blocks *table, uint64_t address, struct block *old);

/* Starts loading the slot of this address, and those behind it, into the cache. */
void live_blocks_prefetch(const struct live_blocks *table, uint64_t address);

/* Iteration in unspecified order: start with a zeroed cursor; the table must not change meanwhile.
 */
struct live_blocks_cursor {
    uint32_t segment;
    uint32_t slot;
};
bool live_blocks_next(const struct live_blocks *table, struct live_blocks_cursor *cursor,
                      struct block *block);

uint64_t live_blocks_own_bytes(const struct live_blocks *table);

#endif
