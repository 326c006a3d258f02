/* The blocks freed last, by address: tells a double free from the free of something unknown. A
 * small table without probing, in which a later free takes the place of an earlier one. */
#ifndef SEEP_HEAP_RECENT_FREES_H
#define SEEP_HEAP_RECENT_FREES_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/block.h"

struct recent_free {
    uint64_t address; /* 0 = empty */
    uint64_t size;
    uint64_t time_ns; /* of the release */
    uint32_t site;
};

enum {
    RECENT_FREES_LAST_BITS = 12,
    RECENT_FREES_PER_ITEM = 4 /* added before it grows */
};

/* A zeroed struct is valid and empty. */
struct recent_frees {
    struct recent_free *items;
    uint32_t bits;        /* log2 of their number */
    uint32_t added_count; /* since it grew */
};

void recent_frees_clear(struct recent_frees *frees);
void recent_frees_grow(struct recent_frees *frees);

static inline struct recent_free *recent_frees_place(const struct recent_frees *frees,
                                                     uint64_t address)
{
    return &frees->items[address * 0x9e3779b97f4a7c15u >> (64 - frees->bits)];
}

static inline void recent_frees_add(struct recent_frees *frees, const struct block *block,
                                    uint64_t time_ns)
{
    if (!frees->items || (frees->bits < RECENT_FREES_LAST_BITS &&
                          ++frees->added_count > (uint32_t)RECENT_FREES_PER_ITEM << frees->bits))
        recent_frees_grow(frees);
    *recent_frees_place(frees, block->address) = (struct recent_free){
        .address = block->address,
        .size = block->size,
        .time_ns = time_ns,
        .site = block->site,
    };
}

const struct recent_free *recent_frees_find(const struct recent_frees *frees, uint64_t address);
uint64_t recent_frees_own_bytes(const struct recent_frees *frees);

#endif
