/* The order of a profile's sites: by process, then live bytes descending, then fingerprint.
 *
 * Sites are sorted by a radix sort over (process, live bytes descending, the fingerprint's upper
 * half), a byte a round, least significant first; rounds in which all bytes are equal, which is
 * most of them, are skipped. What is equal then, which is rare, is sorted in full. */
#ifndef SEEP_ANALYSIS_SITE_ORDER_H
#define SEEP_ANALYSIS_SITE_ORDER_H

#include "analysis/profile.h"

/* Gives each site its fingerprint, sorts profile->sites and fills first_site and site_count of the
 * processes. Stacks, frames and symbols are complete. */
void site_order_sort(struct profile *profile);

#endif
