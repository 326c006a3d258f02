/* What was live when the process held most: exact per site, without touching all sites at every new
 * maximum.
 *
 * Each new maximum begins a new epoch. A site remembers the epoch in which it last changed and its
 * figures just before that change. When its epoch is the current one, those are its figures at the
 * peak; when it is older, it has not changed since the peak, and its present figures are. So a site
 * pays one comparison per event, before it changes. */
#ifndef SEEP_HEAP_PEAK_H
#define SEEP_HEAP_PEAK_H

#include <stdint.h>

#include "heap/site.h"

struct peak {
    uint64_t epoch; /* from 1, so that a zeroed site is older */
    uint64_t bytes;
    uint64_t blocks; /* live when the bytes were at their peak */
    uint64_t time_ns;
};

/* Call before a site changes. */
static inline void peak_keep_site(const struct peak *peak, struct site *site)
{
    if (site->peak_epoch == peak->epoch)
        return;
    site->peak_epoch = peak->epoch;
    site->peak_blocks = site_live_blocks(site);
    site->peak_bytes = site_live_bytes(site);
}

/* Call after the totals grew. */
static inline void peak_note(struct peak *peak, uint64_t bytes, uint64_t blocks, uint64_t time_ns)
{
    if (bytes <= peak->bytes)
        return;
    peak->epoch++;
    peak->bytes = bytes;
    peak->blocks = blocks;
    peak->time_ns = time_ns;
}

static inline uint64_t peak_site_bytes(const struct peak *peak, const struct site *site)
{
    return site->peak_epoch == peak->epoch ? site->peak_bytes : site_live_bytes(site);
}

static inline uint64_t peak_site_blocks(const struct peak *peak, const struct site *site)
{
    return site->peak_epoch == peak->epoch ? site->peak_blocks : site_live_blocks(site);
}

#endif
