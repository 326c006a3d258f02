/* Numbered things in the order of their bytes. */
#ifndef SEEP_BASE_RANKED_H
#define SEEP_BASE_RANKED_H

#include <stddef.h>
#include <stdint.h>

struct ranked {
    uint64_t bytes;
    uint32_t item;
};

/* Most bytes first, equal ones by number. */
void ranked_sort(struct ranked *items, size_t count);

#endif
