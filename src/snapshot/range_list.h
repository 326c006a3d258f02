/* Sets of addresses, as ranges. */
#ifndef SEEP_SNAPSHOT_RANGE_LIST_H
#define SEEP_SNAPSHOT_RANGE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot_scan.h"

/* A zeroed struct is empty. */
struct range_list {
    struct address_range *items;
    size_t count, capacity;
    size_t sorted_count; /* so many from the beginning are sorted and disjoint */
};

void range_list_clear(struct range_list *list);
/* Empty ranges are left out. */
void range_list_add(struct range_list *list, uint64_t start, uint64_t end);
void range_list_add_all(struct range_list *list, const struct address_ranges *ranges);
/* Borrowed until the next change. */
static inline struct address_ranges range_list_all(const struct range_list *list)
{
    return (struct address_ranges){list->items, list->count};
}

/* Sorts and merges. Needed before the questions below. */
void range_list_sort(struct range_list *list);

/* The first part of [start, end) that is not in the list. False: all of it is. */
bool range_list_gap(const struct range_list *list, uint64_t start, uint64_t end,
                    struct address_range *gap);
/* The same for who goes through addresses upwards: `position` is where the last answer was found,
 * any number at first. */
bool range_list_next_gap(const struct range_list *list, size_t *position, uint64_t start,
                         uint64_t end, struct address_range *gap);
/* The first range that reaches into [start, end); NULL: none. Borrowed until the next change. */
const struct address_range *range_list_overlap(const struct range_list *list, uint64_t start,
                                               uint64_t end);

#endif
