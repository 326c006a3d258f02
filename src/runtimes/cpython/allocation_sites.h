/* Where objects were allocated, summed up by type and site. */
#ifndef SEEP_RUNTIMES_CPYTHON_ALLOCATION_SITES_H
#define SEEP_RUNTIMES_CPYTHON_ALLOCATION_SITES_H

#include "base/hash_map.h"
#include "runtimes/cpython/native_blocks.h"
#include "snapshot/python_heap.h"

/* A zeroed struct is empty. */
struct cpython_site_counts {
    struct python_site *items; /* their types are borrowed */
    size_t count, capacity;
    struct hash_map index;
};

/* Nothing where the object's block was not recorded. */
void cpython_sites_count(struct cpython_site_counts *counts, const struct cpython_native *native,
                         const struct cpython_type *type, uint64_t address, uint64_t bytes);
/* The first of them as those of `kind`; `counts` is cleared. */
void cpython_sites_tell(struct cpython_site_counts *counts, enum python_site_kind kind,
                        uint64_t leak, struct python_heap *heap);

#endif
