/* Blocks that could have been: a recording has the sums of each site, and some readers want every
 * single event. A plan has, for each site, blocks of which a reader gets the recorded sums again:
 * calls, bytes, temporary blocks, what was held at the peak and what is held at the end.
 *
 * Whoever replays it lets the transient blocks come and go first, one after the other, so that they
 * do not raise the peak; then come those held at the peak; then some of these go, and what came
 * later comes and stays. Blocks of a batch are of two sizes, a byte apart, that have the right
 * sum. */
#ifndef SEEP_ANALYSIS_SITE_PLANS_H
#define SEEP_ANALYSIS_SITE_PLANS_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"

/* The first `large_count` blocks are a byte larger than the others. */
struct site_batch {
    uint64_t count;
    uint64_t bytes; /* of all, before a divisor made them fewer */
    uint64_t small_bytes;
    uint64_t large_count;
    uint64_t kind; /* for whoever writes them; 0 */
};

struct site_plan {
    const struct profile_site *site; /* of the profile */
    struct site_batch kept;          /* there at the peak and at the end */
    struct site_batch dropped;       /* at the peak, not at the end */
    struct site_batch grown;         /* at the end, not at the peak */
    struct site_batch transient;     /* neither */
    uint64_t temporary_count;        /* of the transient ones */
};

struct site_plans {
    struct site_plan *items;
    size_t count;
    const struct site_plan *last; /* one block of its dropped ones is temporary; NULL = none */
    uint64_t peak_bytes;          /* of all sites */
    uint64_t divisor;             /* each block stands for so many */
};

/* For the sites at these positions in profile.sites, with at most about `most_blocks` blocks in
 * all. Figures that no blocks can have (estimates, forged ones) lose what does not fit, peak and
 * end last. Clear after use. */
void site_plans_make(const struct profile *profile, const uint32_t *sites, size_t count,
                     uint64_t most_blocks, struct site_plans *plans);
void site_plans_clear(struct site_plans *plans);

#endif
