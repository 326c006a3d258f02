/* Calls that the program should not have made, counted by what they have in common: kind, functions
 * and stacks. The first MISUSE_MAX distinct ones are kept; all are counted. */
#ifndef SEEP_HEAP_MISUSE_H
#define SEEP_HEAP_MISUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "wire/function_kinds.h"

enum {
    MISUSE_MAX = 1000
};

struct misuse {
    uint64_t time_ns; /* of the first: as are address and size */
    uint64_t address;
    uint64_t size;
    uint32_t stack;
    uint32_t allocation_stack;
    uint8_t kind; /* enum recording_misuse_kind */
    uint8_t function;
    uint8_t allocation_function;
    uint64_t count;
    uint64_t written_count;
};

/* A zeroed struct is valid and empty. */
struct misuses {
    struct misuse *items;
    size_t count;
    size_t capacity;
    struct hash_index index;
    uint64_t total_count;
};

void misuses_clear(struct misuses *misuses);

/* `count` and `written_count` are not looked at. */
void misuses_add(struct misuses *misuses, const struct misuse *misuse);

/* Sets of functions (bits), by what allocated the block; 0: anybody, because nothing is known. */
extern const uint32_t MISUSE_RELEASES_OF[FUNCTION_KIND_COUNT];

/* May `release` free (or realloc) a block of `allocation`? Both are below FUNCTION_KIND_COUNT. */
static inline bool misuse_is_pair(unsigned allocation, unsigned release)
{
    uint32_t releases = MISUSE_RELEASES_OF[allocation];
    return releases == 0 || (releases >> release & 1);
}

/* Does the size that a sized release claims contradict the block's? 0 claims nothing; a block of
 * size 0 may be released as one byte, since operator new(0) makes one. */
static inline bool misuse_is_wrong_size(uint64_t block_size, uint64_t claimed_size)
{
    if (claimed_size == 0 || claimed_size == block_size)
        return false;
    return block_size != 0 || claimed_size != 1;
}

uint64_t misuses_own_bytes(const struct misuses *misuses);

#endif
