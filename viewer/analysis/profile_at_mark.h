/* What marks tell of sites. */
#ifndef SEEP_ANALYSIS_PROFILE_AT_MARK_H
#define SEEP_ANALYSIS_PROFILE_AT_MARK_H

#include "analysis/profile.h"
#include "base/hash_map.h"

/* The numbers of a site, in their order (recording_records.h). */
enum mark_site_number {
    MARK_SITE_ID,
    MARK_SITE_ALLOCATIONS,
    MARK_SITE_ALLOCATED_BYTES,
    MARK_SITE_FREES,
    MARK_SITE_FREED_BYTES,
    MARK_SITE_TEMPORARY,
    MARK_SITE_PEAK_BLOCKS,
    MARK_SITE_PEAK_BYTES,
    MARK_SITE_NUMBERS
};

/* Fills an empty map: site id to the address of its numbers at the mark, of the sites that had any.
 * `mark` stands in profile->marks and has figures. */
void mark_collect_sites(const struct profile *profile, const struct recording_mark *mark,
                        struct hash_map *known);

#endif
