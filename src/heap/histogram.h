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

unsigned histogram_bucket(uint64_t value);

void histogram_add(struct histogram *histogram, uint64_t value);

/* Starts loading the count that adding this value would change. */
void histogram_prefetch(const struct histogram *histogram, uint64_t value);

/* 0 for a bucket that is not in use. */
uint64_t histogram_count(const struct histogram *histogram, unsigned bucket);

uint64_t histogram_own_bytes(const struct histogram *histogram);

#endif
