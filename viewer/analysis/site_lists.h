/* The lists inside a site's record: its parts by thread, its histograms of sizes and lifetimes.
 *
 * In a profile they stay packed as they stand in the recording (packed_list.h), in this order, with
 * the number of their bytes in front: unpacked they would take more memory than all else. */
#ifndef SEEP_ANALYSIS_SITE_LISTS_H
#define SEEP_ANALYSIS_SITE_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"

enum {
    SITE_THREAD_NUMBERS = 7, /* that one part has in the list, see RECORDING_FIELDS_site */
    SITE_BUCKET_NUMBERS = 2
};

struct arena;

struct site_lists {
    struct recording_list size_histogram, lifetime_histogram, threads;
    uint64_t *numbers; /* of all of them */
    size_t capacity;
};

/* Unpacks them. `lists` is zeroed before the first time, may be used again, and is the caller's to
 * clear. */
void site_lists_read(struct site_lists *lists, const struct profile_site *site);
void site_lists_clear(struct site_lists *lists);

/* Packed lists of a record, checked (record_codec.h), as a site has them; NULL where all are empty,
 * or nobody wants them (no arena). `rest` moves behind them. A list is made of groups: *odd counts
 * those that do not end with one, of which the end is left out when they are read. */
const uint8_t *site_lists_keep(struct arena *arena, struct recording_bytes *rest, size_t *odd);

struct profile_site_thread {
    uint64_t thread; /* recording_thread.id */
    uint64_t allocations, allocated_bytes, frees, freed_bytes, live_blocks, live_bytes;
};

size_t profile_site_thread_count(const struct recording_list *threads);
struct profile_site_thread profile_site_thread_at(const struct recording_list *threads,
                                                  size_t position);

struct profile_bucket { /* of a histogram */
    uint64_t end;       /* the largest value that counts here: UINT64_MAX when there is no end */
    uint64_t blocks;
};

size_t profile_bucket_count(const struct recording_list *histogram);
struct profile_bucket profile_bucket_at(const struct recording_list *histogram, size_t position);

#endif
