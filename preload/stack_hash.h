/* The hash of a stack, from its root inwards: stacks that share outer frames share the hash of
 * those, so one that differs from a known stack in a few inner frames costs a step for each of
 * these. */
#ifndef SEEP_PRELOAD_STACK_HASH_H
#define SEEP_PRELOAD_STACK_HASH_H

#include <stdint.h>

static inline uint64_t stack_hash_step(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* Of no frames yet. `ending` tells apart stacks of the same frames that ended in different ways, or
 * lack a different number of frames; `unloads`, addresses that may be other code by now. */
static inline uint64_t stack_hash_begin(uint64_t unloads, uint64_t ending)
{
    return stack_hash_step(unloads ^ UINT64_C(0x2545f4914f6cdd1d), ending);
}

/* 0 is the mark of an empty slot. */
static inline uint64_t stack_hash_end(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

#endif
