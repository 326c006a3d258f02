/* Counts by powers of two: bucket b holds values v with 2^(b-1) < v <= 2^b (bucket 0: v <= 1).
 *
 * Most sites have blocks of one size, so one bucket stands in the struct itself; more are an array
 * that holds only the buckets in use, in order, at the position that the bits below tell. */
#ifndef SEEP_HEAP_HISTOGRAM_H
#define SEEP_HEAP_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_BUCKETS = 64
};

/* A zeroed struct is a valid empty histogram. */
struct histogram {
    uint64_t buckets; /* bit b: bucket b is in use */
    union {
        uint64_t one;   /* one bucket in use */
        uint64_t *many; /* more; room for the next power of two */
    } counts;
};

void histogram_clear(struct histogram *histogram);
/* The same for one that is given up with the memory that it stands in: nothing is written there. */
void histogram_free(const struct histogram *histogram);

static inline unsigned histogram_bucket(uint64_t value)
{
    if (value <= 1)
        return 0;
    unsigned bucket = 64 - (unsigned)__builtin_clzll(value - 1);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* Warren, Hacker's Delight, 5-1: without a processor's own instruction the compiler makes a call.
 */
static inline unsigned histogram_count_bits(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(bits * 0x0101010101010101u >> 56);
}

/* Where this bucket's count stands among many, or would stand. */
static inline unsigned histogram_rank(const struct histogram *histogram, unsigned bucket)
{
    return histogram_count_bits(histogram->buckets & (((uint64_t)1 << bucket) - 1));
}

/* Takes a bucket into use, with count 0. */
void histogram_open(struct histogram *histogram, unsigned bucket);

static inline void histogram_add_many(struct histogram *histogram, uint64_t value, uint64_t count)
{
    unsigned bucket = histogram_bucket(value);
    uint64_t bit = (uint64_t)1 << bucket;
    if (__builtin_expect(!(histogram->buckets & bit), 0))
        histogram_open(histogram, bucket);
    if (histogram->buckets == bit)
        histogram->counts.one += count;
    else
        histogram->counts.many[histogram_rank(histogram, bucket)] += count;
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram_add_many(histogram, value, 1);
}

/* Starts loading the count that adding this value would change. */
void histogram_prefetch(const struct histogram *histogram, uint64_t value);

/* 0 for a bucket that is not in use. */
uint64_t histogram_count(const struct histogram *histogram, unsigned bucket);

uint64_t histogram_own_bytes(const struct histogram *histogram);

#endif
