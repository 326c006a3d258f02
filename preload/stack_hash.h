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

/* ---- windows of a stack ------------------------------------------------------------------------
 *
 * Of a stack that is cut both ends are hashed as polynomials modulo a prime (Karp and Rabin), from
 * the root inwards as well: when frames come and go at the top, the other end of the inner window
 * moves, and what falls out of it is subtracted. */

#define STACK_HASH_PRIME ((UINT64_C(1) << 61) - 1)
#define STACK_HASH_BASE  UINT64_C(0x1a3d70a4f5c28e6b)

static inline uint64_t stack_hash_modulo(unsigned __int128 value)
{
    uint64_t sum = (uint64_t)(value & STACK_HASH_PRIME) + (uint64_t)(value >> 61);

    sum = (sum & STACK_HASH_PRIME) + (sum >> 61);
    return sum >= STACK_HASH_PRIME ? sum - STACK_HASH_PRIME : sum;
}

/* Of all frames from `pc` outwards, where `outside` is that of the next; of no frame it is 0. */
static inline uint64_t stack_hash_roll(uint64_t outside, uint64_t pc)
{
    return stack_hash_modulo((unsigned __int128)outside * STACK_HASH_BASE + pc);
}

/* Of `count` frames, from those that begin and follow behind them. `power` is BASE to the `count`.
 */
static inline uint64_t stack_hash_window(uint64_t from_first, uint64_t from_behind, uint64_t power)
{
    return stack_hash_modulo(from_first + STACK_HASH_PRIME -
                             stack_hash_modulo((unsigned __int128)from_behind * power));
}

static inline uint64_t stack_hash_frames(const uint64_t *frames, uint32_t count)
{
    uint64_t hash = 0;

    for (uint32_t i = count; i-- > 0;)
        hash = stack_hash_roll(hash, frames[i]);
    return hash;
}

/* Of the whole, from its ends'. */
static inline uint64_t stack_hash_cut(uint64_t begin, uint64_t inner, uint64_t outer)
{
    return stack_hash_step(stack_hash_step(begin, outer), inner);
}

/* 0 is the mark of an empty slot. */
static inline uint64_t stack_hash_end(uint64_t hash)
{
    return hash != 0 ? hash : 1;
}

#endif
