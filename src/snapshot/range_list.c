#include "snapshot/range_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void range_list_clear(struct range_list *list)
{
    free(list->items);
    *list = (struct range_list){0};
}

void range_list_add(struct range_list *list, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = (struct address_range){.start = start, .end = end};
}

void range_list_add_all(struct range_list *list, const struct address_ranges *ranges)
{
    for (size_t i = 0; i < ranges->count; i++)
        range_list_add(list, ranges->items[i].start, ranges->items[i].end);
}

static int compare_starts(const void *left, const void *right)
{
    uint64_t a = ((const struct address_range *)left)->start;
    uint64_t b = ((const struct address_range *)right)->start;
    return (a > b) - (a < b);
}

/* Those that were added are often in order already: what stands where in a heap is. */
static void sort_added(struct range_list *list)
{
    struct address_range *added = list->items + list->sorted_count;
    size_t count = list->count - list->sorted_count;
    for (size_t i = 1; i < count; i++)
        if (added[i].start < added[i - 1].start) {
            qsort(added, count, sizeof *added, compare_starts);
            return;
        }
}

/* From the back, so that nothing is overwritten that has not moved. */
static void merge_added(struct range_list *list)
{
    size_t old = list->sorted_count, added = list->count - old, at = list->count;
    if (old == 0 || list->items[old - 1].start <= list->items[old].start)
        return;
    struct address_range *copy = memory_allocate(added * sizeof *copy);
    memcpy(copy, list->items + old, added * sizeof *copy);
    while (added > 0)
        list->items[--at] = old > 0 && list->items[old - 1].start > copy[added - 1].start
                                ? list->items[--old]
                                : copy[--added];
    free(copy);
}

static void join_neighbours(struct range_list *list)
{
    size_t kept = 0;
    for (size_t i = 1; i < list->count; i++) {
        struct address_range *last = &list->items[kept];
        if (list->items[i].start > last->end)
            list->items[++kept] = list->items[i];
        else if (list->items[i].end > last->end)
            last->end = list->items[i].end;
    }
    list->count = kept + 1;
}

void range_list_sort(struct range_list *list)
{
    if (list->sorted_count == list->count)
        return;
    sort_added(list);
    merge_added(list);
    join_neighbours(list);
    list->sorted_count = list->count;
}

/* The first that ends behind `address`. */
static size_t first_behind(const struct range_list *list, uint64_t address)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool ends_behind(const struct range_list *list, size_t position, uint64_t address)
{
    return position >= list->count || list->items[position].end > address;
}

/* The same, if it is at `position` or right behind that. */
static size_t first_behind_from(const struct range_list *list, size_t position, uint64_t address)
{
    for (size_t at = position; at <= list->count && at <= position + 1; at++)
        if ((at == 0 || !ends_behind(list, at - 1, address)) && ends_behind(list, at, address))
            return at;
    return first_behind(list, address);
}

bool range_list_gap(const struct range_list *list, uint64_t start, uint64_t end,
                    struct address_range *gap)
{
    size_t position = SIZE_MAX;
    return range_list_next_gap(list, &position, start, end, gap);
}

bool range_list_next_gap(const struct range_list *list, size_t *position, uint64_t start,
                         uint64_t end, struct address_range *gap)
{
    size_t at = first_behind_from(list, *position, start);
    *position = at;
    if (at < list->count && list->items[at].start <= start)
        start = list->items[at++].end; /* merged: the next begins behind it */
    if (start >= end)
        return false;
    *gap = (struct address_range){.start = start, .end = end};
    if (at < list->count && list->items[at].start < end)
        gap->end = list->items[at].start;
    return true;
}

const struct address_range *range_list_overlap(const struct range_list *list, uint64_t start,
                                               uint64_t end)
{
    size_t at = first_behind(list, start);
    return at < list->count && list->items[at].start < end ? &list->items[at] : NULL;
}
