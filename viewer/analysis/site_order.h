/* The order of a profile's sites: by process, then live bytes descending, then fingerprint.
 *
 * Sites are sorted by a radix sort over keys of 64 bits: the process, live bytes descending, and as
 * many bits of the fingerprint as tell most sites apart; with the most of each known, that is few
 * bits, in four or five rounds, least significant first. What is equal then, which is rare, is
 * sorted in full. */
#ifndef SEEP_ANALYSIS_SITE_ORDER_H
#define SEEP_ANALYSIS_SITE_ORDER_H

#include "analysis/profile.h"
#include "base/progress.h"

/* Gives each site its fingerprint, sorts profile->sites and fills first_site and site_count of the
 * processes. Stacks, frames and symbols are complete. When `progress` (NULL = nobody asks) wants no
 * more, the sites are in no order. */
void site_order_sort(struct profile *profile, const struct progress *progress);

#endif
