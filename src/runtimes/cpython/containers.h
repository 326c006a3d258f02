/* Where lists, sets and deques keep what they hold; alike in all versions. */
#ifndef SEEP_RUNTIMES_CPYTHON_CONTAINERS_H
#define SEEP_RUNTIMES_CPYTHON_CONTAINERS_H

#include "runtimes/cpython/cpython.h"

enum {
    CPYTHON_LIST_ITEMS = 24,
    CPYTHON_LIST_ALLOCATED = 32,
    CPYTHON_SET_MASK = 32,
    CPYTHON_SET_TABLE = 40,
    CPYTHON_SET_SMALL_TABLE = 64,
    CPYTHON_SET_ENTRY_BYTES = 16,
    CPYTHON_DEQUE_LEFT = 24,
    CPYTHON_DEQUE_RIGHT = 32,
    CPYTHON_DEQUE_LEFT_INDEX = 40,
    CPYTHON_DEQUE_RIGHT_INDEX = 48,
    CPYTHON_DEQUE_BLOCK_ITEMS = 64,
    CPYTHON_DEQUE_BLOCK_NEXT = 8 + CPYTHON_DEQUE_BLOCK_ITEMS * 8,
    CPYTHON_DEQUE_BLOCK_BYTES = CPYTHON_DEQUE_BLOCK_NEXT + 8,
    CPYTHON_LINKS_MAX = 1 << 24 /* of a list of elements, whatever it says */
};

/* How many blocks a deque can have: what leads round in a circle ends there. */
static inline uint64_t cpython_deque_blocks(const struct cpython *python, uint64_t deque)
{
    uint64_t count = cpython_field(python, deque, CPYTHON_OBJECT_SIZE);
    uint64_t blocks = count / CPYTHON_DEQUE_BLOCK_ITEMS + 2;
    return blocks < CPYTHON_LINKS_MAX ? blocks : CPYTHON_LINKS_MAX;
}

#endif
