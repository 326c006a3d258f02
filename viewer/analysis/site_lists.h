/* The lists inside a site's record: its parts by thread, its histograms of sizes and lifetimes. */
#ifndef SEEP_ANALYSIS_SITE_LISTS_H
#define SEEP_ANALYSIS_SITE_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"

enum {
    SITE_THREAD_NUMBERS = 7, /* that one part has in the list, see RECORDING_FIELDS_site */
    SITE_BUCKET_NUMBERS = 2
};

struct profile_site_thread {
    uint64_t thread; /* recording_thread.id */
    uint64_t allocations, allocated_bytes, frees, freed_bytes, live_blocks, live_bytes;
};

size_t profile_site_thread_count(const struct profile_site *site);
struct profile_site_thread profile_site_thread_at(const struct profile_site *site, size_t position);

struct profile_bucket { /* of a histogram */
    uint64_t end;       /* the largest value that counts here: UINT64_MAX when there is no end */
    uint64_t blocks;
};

size_t profile_bucket_count(const struct recording_list *histogram);
struct profile_bucket profile_bucket_at(const struct recording_list *histogram, size_t position);

#endif
