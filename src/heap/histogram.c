#include "heap/histogram.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static unsigned used_count(const struct histogram *histogram)
{
    return histogram_count_bits(histogram->buckets);
}

void histogram_free(const struct histogram *histogram)
{
    if (used_count(histogram) > 1)
        free(histogram->counts.many);
}

void histogram_clear(struct histogram *histogram)
{
    histogram_free(histogram);
    *histogram = (struct histogram){0};
}

/* Opens a new bucket with count 0 in the array. The room doubles whenever it is full. */
static void insert_bucket(struct histogram *histogram, unsigned bucket)
{
    unsigned used = used_count(histogram);
    unsigned rank = histogram_rank(histogram, bucket);
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

void histogram_open(struct histogram *histogram, unsigned bucket)
{
    if (histogram->buckets == 0) {
        histogram->buckets = (uint64_t)1 << bucket;
        histogram->counts.one = 0;
    } else if (!(histogram->buckets >> bucket & 1)) {
        insert_bucket(histogram, bucket);
    }
}

void histogram_prefetch(const struct histogram *histogram, uint64_t value)
{
    uint64_t buckets = histogram->buckets;
    if ((buckets & (buckets - 1)) == 0)
        return;
    /* Where the count stands if no bucket from the lowest on is left out: mostly, and else it is
     * not far. */
    unsigned bucket = histogram_bucket(value), lowest = (unsigned)__builtin_ctzll(buckets);
    unsigned place = bucket > lowest && buckets >> bucket != 0 ? bucket - lowest : 0;
    __builtin_prefetch((const void *)((uintptr_t)histogram->counts.many + place * sizeof(uint64_t)),
                       1);
}

uint64_t histogram_count(const struct histogram *histogram, unsigned bucket)
{
    if (bucket >= HISTOGRAM_BUCKETS || !(histogram->buckets >> bucket & 1))
        return 0;
    if (used_count(histogram) == 1)
        return histogram->counts.one;
    return histogram->counts.many[histogram_rank(histogram, bucket)];
}

uint64_t histogram_own_bytes(const struct histogram *histogram)
{
    unsigned used = used_count(histogram);
    unsigned room = 2;
    while (room < used)
        room *= 2;
    return used > 1 ? room * sizeof(uint64_t) : 0;
}
