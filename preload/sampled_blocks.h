/* The samples that live in this process, by address: whoever frees a block must know whether it is
 * one.
 *
 * Nearly none is, so the question is answered in two steps. A counter a byte, by a hash of the
 * address, says for most blocks that there can be no sample: 32 KiB that stay in the cache, and
 * neighbours in memory share a line of them, so that programs that free in some order touch few.
 * Where a counter is not 0, tables of whole addresses are asked: small ones first, larger ones as
 * those fill. Only a thread that frees a sample takes it out, before the real call, and only the
 * one that allocated it puts it in, after its real call, so an address is never in here for a block
 * that was not chosen.
 *
 * Bounded: when the tables are full, or a counter is at its end, that counter stays where it is.
 * The releases that share it are then all told, and the recorder leaves out those of no sample.
 *
 * No lock; a fork passes it on, as its blocks. An entry whose other half another thread was about
 * to write is at worst a counter too high. */
#ifndef SEEP_PRELOAD_SAMPLED_BLOCKS_H
#define SEEP_PRELOAD_SAMPLED_BLOCKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/export.h"

enum {
    SAMPLED_COUNTERS = 1 << 15,
    SAMPLED_COUNTER_FULL = 255, /* for good */
    SAMPLED_LINE = 8,           /* addresses in a line of the cache, which one search looks at */
    SAMPLED_TABLES = 3,
    SAMPLED_SMALLEST_LINES_LOG2 = 10,
    SAMPLED_LINES = (1 << 10) + (1 << 13) + (1 << 16) /* each table has 8 times as many */
};

struct sampled_blocks {
    _Alignas(64) _Atomic uint8_t counters[SAMPLED_COUNTERS];
    _Alignas(64) _Atomic uint64_t addresses[SAMPLED_LINES][SAMPLED_LINE]; /* 0 = free */
};

/* NULL in a recording that is not sampled. */
INTERNAL extern struct sampled_blocks *sampled_blocks;

enum sampled_answer {
    SAMPLED_NO,
    SAMPLED_YES,
    SAMPLED_MAYBE /* not known any more */
};

/* A zeroed one is empty. */
void sampled_blocks_add(struct sampled_blocks *blocks, const void *block);

/* Releases of this address are to be looked at, for ever: it is no block of the allocator. */
void sampled_blocks_never_pass(struct sampled_blocks *blocks, const void *address);

/* Is it one? It is none any more. */
enum sampled_answer sampled_blocks_remove(struct sampled_blocks *blocks, const void *block);

/* The low bits choose within a line, the high ones the line. */
static inline uint32_t sampled_blocks_counter(const void *block)
{
    uint64_t address = (uint64_t)(uintptr_t)block;
    return (uint32_t)(address >> 4 ^ (address >> 19) * (64 * 0x4f1bu)) & (SAMPLED_COUNTERS - 1);
}

/* False for nearly all blocks that are not a sample; true when nothing is sampled. Relaxed: the
 * address came here by some way that also brought what was written before it was known. */
static inline bool sampled_blocks_may_have(const void *block)
{
    struct sampled_blocks *blocks = sampled_blocks;
    return __builtin_expect(blocks == NULL, 1) ||
           atomic_load_explicit(&blocks->counters[sampled_blocks_counter(block)],
                                memory_order_relaxed) != 0;
}

#endif
