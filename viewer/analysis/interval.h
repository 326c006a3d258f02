/* A recording between two of its instants: what was allocated and freed from the one to the other,
 * net, and what survived; or, from the start on, its state at one instant.
 *
 * The result is a profile like any other, of which everything else asks its questions: live is what
 * was live at the second instant, inherited what was at the first, so that what was inherited and
 * allocated is what lives and was freed. Sites keep their positions; those that had nothing in the
 * interval are void, and queries leave them out. Peaks, temporary blocks, threads, histograms and
 * mappings are not known of intervals.
 *
 * A timeline tells sums of buckets, exactly. So an instant becomes the nearest edge of the widest
 * buckets, save those that are known exactly: the start, the end, and, of the process that set it,
 * a mark. What survived - born behind the first instant, live at the second - is known where a
 * snapshot tells of blocks: at one that is named, or at the one that was taken at the end. */
#ifndef SEEP_ANALYSIS_INTERVAL_H
#define SEEP_ANALYSIS_INTERVAL_H

#include "analysis/instant.h"
#include "analysis/profile.h"
#include "base/error.h"
#include "recording/recording_reader.h"

/* `whole` is of a whole recording, which `reader` reads, and must outlive the result; what the
 * instants borrow need not. Fails where the instants do not exist or are in the wrong order, and
 * where the recording is sampled or has no timeline. Caller owns the profile. */
struct profile *interval_create(const struct profile *whole, struct recording_reader *reader,
                                const struct instant *from, const struct instant *to,
                                struct error *error);

/* "+1.25 s": a time, as headers show where the figures of an interval stand. */
void interval_print_time(uint64_t time_ns, struct text *out);

/* Nothing of the site was there in the profile's interval. */
static inline bool interval_is_void(const struct profile_site *site)
{
    const struct profile_figures *figures = &site->figures;
    return !(figures->live_blocks | figures->inherited_blocks | figures->allocations |
             figures->frees);
}

/* interval_survivors.c: of the processes of a new interval, up to `to`. */
void interval_find_survivors(struct profile *interval, struct recording_reader *reader,
                             const struct snapshot_list *snapshots, const struct instant *to);

#endif
