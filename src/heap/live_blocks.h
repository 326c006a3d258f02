/* Address to block, for tens of millions of blocks: 24 bytes a slot, at most 40 bytes a block.
 *
 * A slot packs address 48, thread 16, size 48, birth 56 and site 24 bits. Collisions go to the next
 * free slot; removal shifts back, so there are no tombstones. A slot's place is the high half of
 * the hash scaled to the table's capacity, which therefore need not be a power of two: a table
 * grows by a quarter, keeping its load between 0.6 and 0.75, and because scaling keeps order,
 * growing reads and writes both tables from front to back. A large table is 256 segments, chosen by
 * other bits of the hash, each growing on its own: the old and the new slots that coexist are one
 * segment's. Segments that are large enough ask for huge pages, since a random slot costs a TLB
 * miss too. */
#ifndef SEEP_HEAP_LIVE_BLOCKS_H
#define SEEP_HEAP_LIVE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/block.h"

struct block_slot;

struct block_segment {
    struct block_slot *slots;
    uint32_t capacity;
    uint32_t count;
};

/* A zeroed struct is a valid empty table. */
struct live_blocks {
    struct block_segment small;     /* all blocks, until there are many */
    struct block_segment *segments; /* NULL, or LIVE_BLOCKS_SEGMENTS of them */
    uint64_t count;
};

enum {
    LIVE_BLOCKS_SEGMENTS = 256,
    LIVE_BLOCKS_SPLIT_COUNT = 64 * 1024
};

void live_blocks_clear(struct live_blocks *table);

/* `block` may be NULL. */
bool live_blocks_find(const struct live_blocks *table, uint64_t address, struct block *block);

/* Puts the block at its address. Returns true, and the block that stood there in *old, when it
 * replaces one. */
bool live_blocks_put(struct live_blocks *table, const struct block *block, struct block *old);

/* `old` may be NULL. */
bool live_blocks_remove(struct live_blocks *table, uint64_t address, struct block *old);

/* Starts loading the slot of this address into the cache. */
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
