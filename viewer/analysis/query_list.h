/* A table of sites, row by row: what query_run answers by site, in the same order, without making
 * rows that nobody looks at. For a million sites, of which a terminal shows thirty.
 *
 * Rows are sorted as far as they are asked for: a quicksort that goes on only in the part where the
 * wanted row is, and remembers how far it came. The first row costs a pass or two over the keys of
 * all, others next to nothing. */
#ifndef SEEP_ANALYSIS_QUERY_LIST_H
#define SEEP_ANALYSIS_QUERY_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/query.h"

struct query_list;

/* Can this query be a list? By site, of one process, all rows. */
bool query_list_fits(const struct profile *profile, const struct query *query);

/* Fails like query_run. The profile is borrowed, the query's filter and sites only until it
 * returns. Caller owns the list. */
struct query_list *query_list_create(const struct profile *profile, const struct query *query,
                                     struct error *error);
void query_list_destroy(struct query_list *list);

size_t query_list_count(const struct query_list *list);

/* The row at this position, below the count: as query_run has it. */
void query_list_row(struct query_list *list, size_t position, struct query_row *row);

/* Of the figure that sorts: its sum over all sites of the process, and over the rows. */
uint64_t query_list_total(const struct query_list *list);
uint64_t query_list_matched(const struct query_list *list);

#endif
