#include "runtimes/cpython/allocation_sites.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    SITES_TOLD = 10
};

void cpython_sites_count(struct cpython_site_counts *counts, const struct cpython_native *native,
                         const struct cpython_type *type, uint64_t address, uint64_t bytes)
{
    bool is_new;
    uint32_t block = cpython_native_find(native, address);
    if (block == SNAPSHOT_NONE)
        return;
    uint32_t site = native->snapshot->blocks[block].site;
    uint64_t *place = hash_map_put(&counts->index, hash_mix(type->address) ^ site, &is_new);
    if (is_new) {
        *place = counts->count;
        counts->items = memory_grow(counts->items, &counts->capacity, counts->count + 1,
                                    sizeof *counts->items);
        counts->items[counts->count++] = (struct python_site){.type = (char *)type->name,
                                                              .site = site};
    }
    counts->items[*place].count++;
    counts->items[*place].bytes += bytes;
}

static int compare_sites(const void *left, const void *right)
{
    const struct python_site *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return a->site < b->site ? -1 : a->site > b->site;
}

void cpython_sites_tell(struct cpython_site_counts *counts, enum python_site_kind kind,
                        uint64_t leak, struct python_heap *heap)
{
    if (counts->count > 0)
        qsort(counts->items, counts->count, sizeof *counts->items, compare_sites);
    for (size_t i = 0; i < counts->count && i < SITES_TOLD; i++) {
        counts->items[i].kind = kind;
        counts->items[i].leak = leak;
        python_heap_add_site(heap, &counts->items[i]);
    }
    free(counts->items);
    hash_map_clear(&counts->index);
    *counts = (struct cpython_site_counts){0};
}
