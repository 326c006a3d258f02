/* Numbers that are the same in each run (xorshift64, Marsaglia 2003). */
#ifndef BENCH_RANDOM_NUMBERS_H
#define BENCH_RANDOM_NUMBERS_H

#include <stdint.h>

static inline uint32_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/* Small ones are frequent, as in real programs: 16 to about 8000 bytes, each octave as likely. */
static inline uint32_t random_size(uint64_t *state)
{
    uint32_t octave = random_next(state) % 9;
    return (16u << octave) + random_next(state) % (16u << octave);
}

#endif
