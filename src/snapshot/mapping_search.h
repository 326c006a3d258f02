/* The mapping that holds an address. */
#ifndef SEEP_SNAPSHOT_MAPPING_SEARCH_H
#define SEEP_SNAPSHOT_MAPPING_SEARCH_H

#include "snapshot/snapshot_scan.h"

/* The position of the first mapping that ends behind the address. */
static inline size_t mapping_first_behind(const struct target_mappings *mappings, uint64_t address)
{
    size_t low = 0, high = mappings->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mappings->items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* NULL: none. Borrowed from the list. */
static inline const struct target_mapping *mapping_search(const struct target_mappings *mappings,
                                                          uint64_t address)
{
    size_t at = mapping_first_behind(mappings, address);
    return at < mappings->count && mappings->items[at].start <= address ? &mappings->items[at]
                                                                        : NULL;
}

#endif
