/* The figures of one site: all blocks of a process born with the same stack and function.
 *
 * What can be derived is not stored: live = inherited + allocated - freed. What every event of a
 * site looks at stands in its first two cache lines: of many sites, none is in the cache. */
#ifndef SEEP_HEAP_SITE_H
#define SEEP_HEAP_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"
#include "heap/histogram.h"
#include "heap/site_threads.h"

enum {
    SITE_HOT_BYTES = 128
};

struct site {
    _Alignas(MEMORY_LINE_BYTES) uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees;
    uint64_t freed_bytes;
    uint64_t inherited_blocks;
    uint64_t peak_epoch; /* peak.h: of peak_blocks and peak_bytes */
    uint64_t last_ns;
    uint32_t stack;
    uint8_t function;
    bool is_changed; /* since its record was last written */
    struct site_threads threads;
    struct histogram sizes;
    struct histogram lifetimes;
    uint64_t temporary_allocations;
    uint32_t open_position; /* timeline.h: place + 1 among the sites of the open bucket; 0 = none */

    uint64_t peak_blocks;
    uint64_t peak_bytes;
    uint64_t inherited_bytes;
    uint64_t first_ns;
    uint64_t written_peak_bytes; /* what the last record said */
    uint64_t written_peak_blocks;
};
_Static_assert(offsetof(struct site, peak_blocks) <= SITE_HOT_BYTES, "two lines");

static inline uint64_t site_live_blocks(const struct site *site)
{
    return site->inherited_blocks + site->allocations - site->frees;
}

static inline uint64_t site_live_bytes(const struct site *site)
{
    return site->inherited_bytes + site->allocated_bytes - site->freed_bytes;
}

/* Call before the site's own figures change. `total_count` counts the entries of all lists. */
static inline void site_threads_birth(struct site *site, uint32_t thread, struct weight weight,
                                      uint64_t *total_count)
{
    struct site_thread *guess = site_threads_guess(&site->threads, thread);
    if (guess && guess->thread == thread) {
        guess->allocations += weight.blocks;
        guess->allocated_bytes += weight.bytes;
    } else if (site->threads.list || site->threads.count != 1 || site->threads.first != thread) {
        site_threads_birth_slowly(site, thread, weight, total_count);
    }
}

static inline void site_threads_release(struct site *site, uint32_t thread, struct weight weight)
{
    struct site_thread *guess = site_threads_guess(&site->threads, thread);
    if (guess && guess->thread == thread) {
        guess->frees += weight.blocks;
        guess->freed_bytes += weight.bytes;
    } else if (site->threads.list) {
        site_threads_release_slowly(site, thread, weight);
    }
}

#endif
