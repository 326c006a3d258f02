/* A set of objects that words of memory are looked up in: nearly all words are none of them, so a
 * filter of one bit each answers first. */
#ifndef SEEP_RUNTIMES_CPYTHON_WATCHED_H
#define SEEP_RUNTIMES_CPYTHON_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "runtimes/cpython/cpython.h"

enum {
    WATCHED_FILTER_BITS_LOG2 = 22
};

struct cpython_watched {
    struct hash_map index; /* by address: what was said of it */
    uint64_t *filter;
    uint64_t tags; /* bits of words that are no part of an address */
};

void cpython_watched_init(struct cpython_watched *watched, const struct cpython *python);
void cpython_watched_clear(struct cpython_watched *watched);

void cpython_watched_add(struct cpython_watched *watched, uint64_t address, uint64_t number);

static inline uint64_t cpython_watched_place(uint64_t address)
{
    return address * UINT64_C(0x9e3779b97f4a7c15) >> (64 - WATCHED_FILTER_BITS_LOG2);
}

/* May the word be the address of one? */
static inline bool cpython_watched_may_have(const struct cpython_watched *watched, uint64_t word)
{
    uint64_t place = cpython_watched_place(word & ~watched->tags);
    return watched->filter[place / 64] >> place % 64 & 1;
}

/* What was said of the object; NULL: it is none of them. */
static inline const uint64_t *cpython_watched_find(const struct cpython_watched *watched,
                                                   uint64_t word)
{
    return cpython_watched_may_have(watched, word)
               ? hash_map_find(&watched->index, word & ~watched->tags)
               : NULL;
}

#endif
