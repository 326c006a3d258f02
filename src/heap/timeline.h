/* What each site allocated and freed, in buckets of time.
 *
 * A site that is touched in the open bucket leaves its figures of before in a list; when the bucket
 * ends, the differences are its deltas, and they go to the end of the open block of encoded deltas.
 * Blocks are sealed when they are large. When deltas or bytes pass their limits, all blocks are
 * encoded anew with buckets twice as wide, so memory stays bounded and a run of days costs no more
 * than one of minutes. Only whole pairs of buckets are merged: widening waits until the open bucket
 * begins a new pair. An event that comes late counts in the bucket that is open when it comes. */
#ifndef SEEP_HEAP_TIMELINE_H
#define SEEP_HEAP_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/id_set.h"
#include "heap/site_table.h"
#include "heap/timeline_codec.h"

struct timeline_base { /* a site's figures when the open bucket first touched it */
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees;
    uint64_t freed_bytes;
};

struct timeline_block {
    uint8_t *bytes;
    size_t byte_count;
    uint64_t delta_count;
    bool is_written;
};

struct timeline {
    uint64_t bucket_ns;
    uint64_t bucket; /* the open one */
    uint64_t end_ns; /* of the open one: time for timeline_advance */
    uint64_t max_deltas;
    uint64_t max_bytes;
    uint64_t delta_count; /* in all blocks */
    uint64_t byte_count;
    bool was_widened; /* since everything was last written: earlier blocks are void */
    bool was_written;
    struct timeline_base *bases;
    size_t base_count;
    size_t base_capacity;
    struct id_set open_sites;
    struct timeline_block *blocks;
    size_t block_count;
    size_t block_capacity;
    struct timeline_writer open;
};

void timeline_init(struct timeline *timeline, uint64_t bucket_ns, uint64_t max_deltas,
                   uint64_t max_bytes, uint64_t start_ns);
void timeline_clear(struct timeline *timeline);

void timeline_open_site(struct timeline *timeline, uint32_t id, struct site *site);

/* Call before a site changes. */
static inline void timeline_keep_site(struct timeline *timeline, uint32_t id, struct site *site)
{
    if (site->open_position == 0)
        timeline_open_site(timeline, id, site);
}

/* Call when time reaches timeline->end_ns: closes the bucket. */
void timeline_advance(struct timeline *timeline, struct site_table *sites, uint64_t time_ns);

/* Hands over blocks, with their index. Without is_everything those that are complete and were not
 * handed over before; else all, the open bucket included. */
typedef void (*timeline_write)(void *context, uint64_t block_index, uint64_t bucket_ns,
                               uint64_t delta_count, const uint8_t *bytes, size_t byte_count);
void timeline_write_blocks(struct timeline *timeline, const struct site_table *sites,
                           bool is_everything, timeline_write write, void *context);

uint64_t timeline_own_bytes(const struct timeline *timeline);

#endif
