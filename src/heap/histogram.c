#include "heap/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Warren, Hacker's Delight, 5-1: without a processor's own instruction the compiler makes a call.
 */
static inline unsigned count_bits(uint64_t bits)
{
    bits -= bits >> 1 & 0x5555555555555555u;
    bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (unsigned)(bits * 0x0101010101010101u >> 56);
}

static unsigned used_count(const struct histogram *histogram)
{
    return count_bits(histogram->buckets);
}

void histogram_clear(struct histogram *histogram)
{
    if (used_count(histogram) > 1)
        free(histogram->counts.many);
    *histogram = (struct histogram){0};
}

unsigned histogram_bucket(uint64_t value)
{
    if (value <= 1)
        return 0;
    unsigned bucket = 64 - (unsigned)__builtin_clzll(value - 1);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* Where this bucket's count stands, or would stand. */
static unsigned rank_of(const struct histogram *histogram, unsigned bucket)
{
    uint64_t below = histogram->buckets & (((uint64_t)1 << bucket) - 1);
    return count_bits(below);
}

/* Opens a new bucket with count 0 in the array. The room doubles whenever it is full. */
static void insert_bucket(struct histogram *histogram, unsigned bucket)
{
    unsigned used = used_count(histogram);
    unsigned rank = rank_of(histogram, bucket);
    if (used == 1) {
        uint64_t one = histogram->counts.one;
        histogram->counts.many = memory_resize(NULL, 2, sizeof *histogram->counts.many);
        histogram->counts.many[0] = one;
    } else if ((used & (used - 1)) == 0) {
        histogram->counts.many = memory_resize(histogram->counts.many, used * 2,
                                               sizeof *histogram->counts.many);
    }
    uint64_t *counts = histogram->counts.many;
    memmove(&counts[rank + 1], &counts[rank], (used - rank) * sizeof *counts);
    counts[rank] = 0;
    histogram->buckets |= (uint64_t)1 << bucket;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    unsigned bucket = histogram_bucket(value);
    uint64_t bit = (uint64_t)1 << bucket;
    if (histogram->buckets == bit) {
        histogram->counts.one++;
        return;
    }
    if (histogram->buckets == 0) {
        histogram->buckets = bit;
        histogram->counts.one = 1;
        return;
    }
    if (!(histogram->buckets & bit))
        insert_bucket(histogram, bucket);
    histogram->counts.many[rank_of(histogram, bucket)]++;
}

void histogram_prefetch(const struct histogram *histogram, uint64_t value)
{
    if (histogram->buckets & (histogram->buckets - 1))
        __builtin_prefetch(&histogram->counts.many[rank_of(histogram, histogram_bucket(value))], 1);
}

uint64_t histogram_count(const struct histogram *histogram, unsigned bucket)
{
    if (bucket >= HISTOGRAM_BUCKETS || !(histogram->buckets >> bucket & 1))
        return 0;
    if (used_count(histogram) == 1)
        return histogram->counts.one;
    return histogram->counts.many[rank_of(histogram, bucket)];
}

uint64_t histogram_own_bytes(const struct histogram *histogram)
{
    unsigned used = used_count(histogram);
    unsigned room = 2;
    while (room < used)
        room *= 2;
    return used > 1 ? room * sizeof(uint64_t) : 0;
}
