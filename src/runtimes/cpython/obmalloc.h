/* CPython's own allocator (pymalloc): arenas from the system, pools of one block size in them,
 * blocks of 16 to 512 bytes in those. Who is live is exact: what was ever handed out of a pool,
 * less the chain of its free blocks; their number must be what the pool's head counts. */
#ifndef SEEP_RUNTIMES_CPYTHON_OBMALLOC_H
#define SEEP_RUNTIMES_CPYTHON_OBMALLOC_H

#include "base/hash_map.h"
#include "runtimes/cpython/cpython.h"

enum {
    OBMALLOC_CLASSES = 32,
    OBMALLOC_ALIGNMENT = 16
};

#define OBMALLOC_NONE UINT32_MAX

struct obmalloc_pool {
    uint64_t first_block;  /* position of its first live block among all */
    uint32_t first_word;   /* of its bits in live_bits: one a block that was ever handed out */
    uint16_t block_bytes;  /* 0: no live block */
    uint16_t carved_count; /* blocks that have bits */
    uint32_t arena;
};

struct obmalloc_arena {
    uint64_t address;
    uint64_t first_pool_address;
    uint32_t first_pool; /* in pools */
    uint32_t pool_count; /* that were ever cut */
    uint64_t live_blocks, live_bytes;
    uint32_t used_pools;
};

struct obmalloc_class {
    uint64_t pools, used_blocks, free_blocks;
};

struct obmalloc {
    uint64_t arena_bytes, pool_bytes; /* powers of two: */
    unsigned arena_bits, pool_bits;
    struct obmalloc_arena *arenas; /* by address */
    size_t arena_count, arena_capacity;
    struct obmalloc_pool *pools; /* of arena after arena, by address */
    size_t pool_count, pool_capacity;
    uint64_t *live_bits;
    uint16_t *ranks; /* of words of live_bits: live blocks of their pool before */
    size_t word_count, word_capacity, rank_capacity;
    uint64_t block_count; /* live ones */
    uint64_t live_bytes;
    struct obmalloc_class classes[OBMALLOC_CLASSES];
    uint64_t torn_pools;
    uint64_t overhead_bytes, free_pool_bytes, partly_free_bytes;
    /* Position + 1 of the arena that begins in each stretch of arena_bytes, from the first one's
     * on; where arenas are too far apart for that, the index has it by address / arena_bytes. */
    uint32_t *starts;
    uint64_t first_start, start_count;
    struct hash_map arena_index;
};

/* Reads all arenas. False: they could not be found; with the reason. */
bool obmalloc_read(struct obmalloc *heap, const struct cpython *python, char *reason,
                   size_t reason_bytes);
void obmalloc_clear(struct obmalloc *heap);

/* A live block. */
struct obmalloc_block {
    uint64_t address;
    uint64_t position; /* among all live blocks */
    uint32_t bytes;
    uint32_t arena;
};

/* The live block that holds an address. */
bool obmalloc_find(const struct obmalloc *heap, uint64_t address, struct obmalloc_block *block);

/* Is the address within an arena? */
bool obmalloc_is_arena(const struct obmalloc *heap, uint64_t address);

/* Bytes of the blocks of the pool that holds an address of this arena; 0: there is none. */
uint32_t obmalloc_block_bytes(const struct obmalloc *heap, uint32_t arena, uint64_t address);

/* All of them, by address within each arena, in the order of their positions. */
typedef void (*obmalloc_visit)(void *context, const struct obmalloc_block *block);
void obmalloc_visit_blocks(const struct obmalloc *heap, obmalloc_visit visit, void *context);
/* The same of arenas from one position to before another. */
void obmalloc_visit_arenas(const struct obmalloc *heap, size_t first, size_t end,
                           obmalloc_visit visit, void *context);

#endif
