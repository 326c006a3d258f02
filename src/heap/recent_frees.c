#include "heap/recent_frees.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    FIRST_BITS = 5, /* a short process pays for a short memory */
    LAST_BITS = 12,
    GROWTH_BITS = 2
};

void recent_frees_clear(struct recent_frees *frees)
{
    free(frees->items);
    *frees = (struct recent_frees){0};
}

static struct recent_free *place_of(const struct recent_frees *frees, uint64_t address)
{
    return &frees->items[address * 0x9e3779b97f4a7c15u >> (64 - frees->bits)];
}

static void grow(struct recent_frees *frees)
{
    struct recent_frees old = *frees;
    frees->bits = old.items ? old.bits + GROWTH_BITS : FIRST_BITS;
    if (frees->bits > LAST_BITS)
        frees->bits = LAST_BITS;
    frees->added_count = 0;
    frees->items = memory_allocate_zeroed((size_t)1 << frees->bits, sizeof *frees->items);
    for (uint32_t i = 0; old.items && i < 1u << old.bits; i++)
        if (old.items[i].address != 0)
            *place_of(frees, old.items[i].address) = old.items[i];
    free(old.items);
}

void recent_frees_add(struct recent_frees *frees, const struct block *block, uint64_t time_ns)
{
    if (!frees->items || (frees->bits < LAST_BITS && ++frees->added_count > 4u << frees->bits))
        grow(frees);
    *place_of(frees, block->address) = (struct recent_free){
        .address = block->address,
        .size = block->size,
        .time_ns = time_ns,
        .site = block->site,
    };
}

const struct recent_free *recent_frees_find(const struct recent_frees *frees, uint64_t address)
{
    if (!frees->items)
        return NULL;
    const struct recent_free *item = place_of(frees, address);
    return item->address == address ? item : NULL;
}

uint64_t recent_frees_own_bytes(const struct recent_frees *frees)
{
    return frees->items ? sizeof *frees->items << frees->bits : 0;
}
