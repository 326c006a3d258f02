#include "base/ranked.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->item < b->item ? -1 : a->item > b->item;
}

void ranked_sort(struct ranked *items, size_t count)
{
    if (count > 0)
        qsort(items, count, sizeof *items, compare);
}
