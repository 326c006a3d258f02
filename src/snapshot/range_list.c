#include "snapshot/range_list.h"

#include <stdlib.h>

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
    list->is_sorted = false;
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

void range_list_sort(struct range_list *list)
{
    if (list->is_sorted || list->count == 0)
        return;
    qsort(list->items, list->count, sizeof *list->items, compare_starts);
    size_t kept = 0;
    for (size_t i = 1; i < list->count; i++) {
        struct address_range *last = &list->items[kept];
        if (list->items[i].start > last->end)
            list->items[++kept] = list->items[i];
        else if (list->items[i].end > last->end)
            last->end = list->items[i].end;
    }
    list->count = kept + 1;
    list->is_sorted = true;
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

bool range_list_gap(const struct range_list *list, uint64_t start, uint64_t end,
                    struct address_range *gap)
{
    size_t at = first_behind(list, start);
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
