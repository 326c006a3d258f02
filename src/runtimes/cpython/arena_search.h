/* Where the arenas of a CPython process are: its array of them. */
#ifndef SEEP_RUNTIMES_CPYTHON_ARENA_SEARCH_H
#define SEEP_RUNTIMES_CPYTHON_ARENA_SEARCH_H

#include "runtimes/cpython/cpython.h"

struct arena_entry {
    uint64_t address;
    uint64_t pools_end; /* pools were cut up to here */
};

struct arena_list {
    struct arena_entry *items;
    size_t count, capacity;
};

/* Adds all of them; false: there are none, or they were not found. */
bool arena_search(const struct cpython *python, struct arena_list *list);
void arena_list_clear(struct arena_list *list);

/* Of an arena and of a pool, by version. */
void arena_search_sizes(const struct cpython *python, uint64_t *arena_bytes, uint64_t *pool_bytes);

#endif
