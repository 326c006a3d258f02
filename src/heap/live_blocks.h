/* Address to block, for tens of millions of blocks: at most 48 bytes a block when there are more
 * than some 20,000, and 90 below. What thousands of blocks took, less than 1 MiB, is kept when they
 * have gone.
 *
 * Blocks stand in groups of five, two cache lines each, with a byte of each one's hash in the first
 * word: a group is searched in one step, so there is no loop whose end a processor must guess, and
 * one event waits for memory once. A block that finds its home group full stands in the next one
 * that is not; the groups that it passed count it, and a search goes on only where such a count is
 * not 0, so removal leaves nothing behind (Bronson, Shi: F14, 2019). A block's home is the high
 * half of its address's hash scaled to the number of groups, which need not be a power of two.
 *
 * A large table is 64 segments, chosen by other bits of the hash, which move to their place in a
 * larger area one after the other, whenever the blocks need it: so the table is always about as
 * full as it may be, no move takes long, and the old area goes back to the system from its front
 * while the new one fills (Litwin: Linear hashing, 1980). Areas want huge pages: with small ones,
 * each event would also wait for its page to be found. */
#ifndef SEEP_HEAP_LIVE_BLOCKS_H
#define SEEP_HEAP_LIVE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/block.h"

struct block_group;

struct block_area {
    struct block_group *groups; /* of all segments, one segment after the other */
    uint32_t group_count;       /* of one segment */
};

/* A zeroed struct is a valid empty table. */
struct live_blocks {
    struct block_area areas[2]; /* the second: of the segments that have moved */
    uint32_t segment_count;     /* 0, 1 or LIVE_BLOCKS_SEGMENTS */
    uint32_t moved_count;       /* segments below stand in the second area */
    uint64_t count;
    uint64_t limit; /* with as many blocks it grows at the next */
    uint64_t least; /* with fewer it gives memory back */
};

enum {
    LIVE_BLOCKS_SEGMENTS = 64,
    LIVE_BLOCKS_SPLIT_COUNT = 16 * 1024
};

/* Two products with a fold between: neighbouring addresses must not become neighbouring groups. The
 * high half places the block, the low bits choose its segment, those above them are its tag. */
static inline uint64_t live_blocks_hash(uint64_t address)
{
    uint64_t hash = address * 0x9e3779b97f4a7c15u;
    return (hash ^ hash >> 32) * 0xd6e8feb86659fd93u;
}

void live_blocks_clear(struct live_blocks *table);

/* `block` may be NULL. */
bool live_blocks_find(const struct live_blocks *table, uint64_t address, struct block *block);

/* The same for who knows the address's hash. */
bool live_blocks_find_hashed(const struct live_blocks *table, uint64_t address, uint64_t hash,
                             struct block *block);

/* Puts the block at its address. Returns true, and the block that stood there in *old, when it
 * replaces one. */
bool live_blocks_put(struct live_blocks *table, const struct block *block, struct block *old);

/* The same where there is nothing to replace, and nothing to grow. False: it would have to, and the
 * table is as it was. `hash`: the address's. */
bool live_blocks_add(struct live_blocks *table, const struct block *block, uint64_t hash);

/* `old` may be NULL. */
bool live_blocks_remove(struct live_blocks *table, uint64_t address, struct block *old);

/* The same for a block that was not born later than that. False: there is none; nothing changed. */
bool live_blocks_take(struct live_blocks *table, uint64_t address, uint64_t hash,
                      uint64_t latest_birth_ns, struct block *old);

/* Starts loading the group of the address with this hash into the cache. */
void live_blocks_prefetch(const struct live_blocks *table, uint64_t hash);

/* When that has come: the next group, too, if this one is full. */
void live_blocks_prefetch_further(const struct live_blocks *table, uint64_t hash);

/* Iteration in unspecified order: start with a zeroed cursor; the table must not change meanwhile.
 */
struct live_blocks_cursor {
    uint32_t segment;
    uint32_t group;
    uint32_t slot;
};
bool live_blocks_next(const struct live_blocks *table, struct live_blocks_cursor *cursor,
                      struct block *block);

uint64_t live_blocks_own_bytes(const struct live_blocks *table);

#endif
