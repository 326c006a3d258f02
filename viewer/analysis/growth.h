/* Which sites grow: the leak that is still reachable.
 *
 * What each site held over time (site_series.h) is judged by trend.h. The end is where the process
 * began to end, when a snapshot tells (destructors free what grew), else its last event. Of runs of
 * less than GROWTH_LEAST_NS nothing is told: a short program grows because it has begun. */
#ifndef SEEP_ANALYSIS_GROWTH_H
#define SEEP_ANALYSIS_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "analysis/trend.h"
#include "recording/recording_reader.h"
#include "snapshot/snapshot_store.h"

#define GROWTH_LEAST_NS    UINT64_C(10000000000)
#define GROWTH_LEAST_BYTES 16384 /* that a site holds, and that it rises by */

struct growth_site {
    uint32_t site; /* position in profile.sites */
    enum trend_verdict verdict;
    double bytes_per_minute, low, high;
    double level; /* bytes at the end */
};

struct growth {
    struct growth_site *sites; /* growing ones first, then unclear ones, then plateaus; of these the
                                  steepest first, then by fingerprint */
    size_t count;
    size_t growing_count;
    bool is_too_short;
    bool has_timeline; /* else nothing is known */
    uint64_t start_ns, end_ns;
};

/* Of a process (position); `snapshots`: all of the recording. Clear after use. */
void growth_find(const struct profile *profile, struct recording_reader *reader,
                 const struct snapshot_list *snapshots, uint32_t process, struct growth *growth);
void growth_clear(struct growth *growth);

#endif
