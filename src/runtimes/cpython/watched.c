#include "runtimes/cpython/watched.h"

#include <stdlib.h>

#include "base/memory.h"

void cpython_watched_init(struct cpython_watched *watched, const struct cpython *python)
{
    *watched = (struct cpython_watched){.tags = python->offsets.minor >= 14 ? CPYTHON_REFERENCE_TAGS
                                                                            : 0};
    watched->filter = memory_allocate_zeroed((1 << WATCHED_FILTER_BITS_LOG2) / 64,
                                             sizeof(uint64_t));
}

void cpython_watched_clear(struct cpython_watched *watched)
{
    hash_map_clear(&watched->index);
    free(watched->filter);
    *watched = (struct cpython_watched){0};
}

void cpython_watched_add(struct cpython_watched *watched, uint64_t address, uint64_t number)
{
    uint64_t place = cpython_watched_place(address);
    *hash_map_put(&watched->index, address, NULL) = number;
    watched->filter[place / 64] |= UINT64_C(1) << place % 64;
}
