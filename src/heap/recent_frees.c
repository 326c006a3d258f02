#include "heap/recent_frees.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    FIRST_BITS = 5, /* a short process pays for a short memory */
    GROWTH_BITS = 2
};

void recent_frees_clear(struct recent_frees *frees)
{
    free(frees->items);
    *frees = (struct recent_frees){0};
}

void recent_frees_grow(struct recent_frees *frees)
{
    struct recent_frees old = *frees;
    frees->bits = old.items ? old.bits + GROWTH_BITS : FIRST_BITS;
    if (frees->bits > RECENT_FREES_LAST_BITS)
        frees->bits = RECENT_FREES_LAST_BITS;
    frees->added_count = 0;
    frees->items = memory_allocate_zeroed((size_t)1 << frees->bits, sizeof *frees->items);
    for (uint32_t i = 0; old.items && i < 1u << old.bits; i++)
        if (old.items[i].address != 0)
            *recent_frees_place(frees, old.items[i].address) = old.items[i];
    free(old.items);
}

const struct recent_free *recent_frees_find(const struct recent_frees *frees, uint64_t address)
{
    if (!frees->items)
        return NULL;
    const struct recent_free *item = recent_frees_place(frees, address);
    return item->address == address ? item : NULL;
}

uint64_t recent_frees_own_bytes(const struct recent_frees *frees)
{
    return frees->items ? sizeof *frees->items << frees->bits : 0;
}
