/* Which blocks a sampled recording sees.
 *
 * Points lie at random along the bytes that a thread allocates, one in `mean` bytes on average, and
 * independently of each other (a Poisson process): a block is a sample when a point falls on it. So
 * each is chosen by its size alone, whatever the rhythm of the program, with a chance of
 * 1 - exp(-(size + 1) / mean); the recorder divides by that (src/heap/estimates.h). A block counts
 * for one byte more than its size, so that even one of size 0 has a chance.
 *
 * The gaps between points are exponential, which means that nothing is remembered: after a sample
 * the next gap begins at its end. An unsampled call costs one comparison and one subtraction. */
#ifndef SEEP_PRELOAD_SAMPLER_H
#define SEEP_PRELOAD_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampler {
    /* A block of this many bytes or more is the next sample; a smaller one is passed over. 0 in a
     * recording that is not sampled. */
    uint64_t left;
    uint64_t held;   /* the same, when is_careful; then `left` is 0 */
    bool is_careful; /* calls may be nested: each one is looked at */
    uint64_t random;
    /* The sample that this thread allocated last, and what was left to the next one then: as long
     * as nothing has been counted down, the thread has allocated nothing since. */
    const void *newest;
    uint64_t newest_left;
};

/* Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64. */
static inline uint64_t sampler_random(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

/* -log2(random / 2^64) in units of 2^-32, for any number but 0: the whole part by counting zeros,
 * then a bit of the fraction for each squaring (a number in [1, 2) whose square reaches 2 has a
 * logarithm of at least 1/2). No libm, no table, the same on each machine. */
static inline uint64_t sampler_negative_log2(uint64_t random)
{
    unsigned zeros = (unsigned)__builtin_clzll(random);
    uint64_t mantissa = random << zeros, fraction = 0; /* 2^63 stands for 1 */
    for (int bit = 0; bit < 32; bit++) {
        unsigned __int128 square = (unsigned __int128)mantissa * mantissa;
        unsigned is_two = (unsigned)(square >> 127);
        mantissa = (uint64_t)(square >> (63 + is_two));
        fraction = fraction << 1 | is_two;
    }
    return ((uint64_t)(zeros + 1) << 32) - fraction;
}

/* An exponential gap of `mean` (below 2^40) on average, rounded down. */
static inline uint64_t sampler_gap(uint64_t *state, uint64_t mean)
{
    const uint64_t ln2 = 2977044472; /* times 2^-32 */
    uint64_t logarithm = sampler_negative_log2(sampler_random(state) | 1);
    return (uint64_t)((unsigned __int128)logarithm * ln2 * mean >> 64);
}

static inline uint64_t *sampler_countdown(struct sampler *sampler)
{
    return sampler->is_careful ? &sampler->held : &sampler->left;
}

static inline void sampler_start(struct sampler *sampler, uint64_t seed, uint64_t mean,
                                 bool is_careful)
{
    *sampler = (struct sampler){.random = seed, .is_careful = is_careful};
    *sampler_countdown(sampler) = sampler_gap(&sampler->random, mean);
}

/* Counts a block down; false: it may be a sample, and sampler_takes must be asked. */
static inline bool sampler_passes(struct sampler *sampler, size_t size)
{
    if (size >= sampler->left)
        return false;
    sampler->left -= size + 1;
    return true;
}

static inline uint64_t sampler_left(const struct sampler *sampler)
{
    return sampler->left | sampler->held;
}

/* Is this block a sample? Counts it down, or begins a new gap. */
static inline bool sampler_takes(struct sampler *sampler, const void *block, size_t size,
                                 uint64_t mean)
{
    uint64_t *left = sampler_countdown(sampler);
    if (size < *left) {
        *left -= size + 1;
        return false;
    }
    *left = sampler_gap(&sampler->random, mean);
    sampler->newest = block;
    sampler->newest_left = *left;
    return true;
}

#endif
