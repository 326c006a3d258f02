#include "config.h"

#include "analysis/partial_order.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    SMALL_PART = 1024,    /* what is sorted at once */
    LARGE_PART = 1 << 12, /* where it is worth to look for a good pivot */
    TRIED_KEYS = 512,     /* there */
    MARGIN = 8            /* so many of them further back, or further on, than wanted */
};

struct partial_order_part {
    uint32_t start; /* up to the next one's; all in it are behind all in the part before */
    bool is_sorted;
};

static inline bool is_before(const struct partial_order *order, const struct partial_key *a,
                             const struct partial_key *b)
{
    if (a->first != b->first)
        return a->first < b->first;
    if (a->second != b->second)
        return a->second < b->second;
    return order->is_before(order->context, a->item, b->item);
}

static int compare_keys(const void *left, const void *right, void *context)
{
    return is_before(context, left, right) ? -1 : is_before(context, right, left);
}

static void swap_keys(struct partial_key *a, struct partial_key *b)
{
    struct partial_key kept = *a;
    *a = *b;
    *b = kept;
}

/* A little behind what is wanted, or before it. */
static struct partial_key choose_near(const struct partial_order *order,
                                      const struct partial_key *keys, size_t count, size_t wanted)
{
    struct partial_key tried[TRIED_KEYS];
    for (size_t i = 0; i < TRIED_KEYS; i++)
        tried[i] = keys[i * (count / TRIED_KEYS)];
    qsort_r(tried, TRIED_KEYS, sizeof *tried, compare_keys, (void *)(uintptr_t)order);
    size_t place = (size_t)((double)wanted / (double)count * TRIED_KEYS);
    return tried[place < TRIED_KEYS / 2 ? place + MARGIN : place - MARGIN];
}

/* The one in the middle of three. */
static struct partial_key choose_middle(const struct partial_order *order,
                                        const struct partial_key *keys, size_t count)
{
    struct partial_key a = keys[0], b = keys[count / 2], c = keys[count - 1];
    if (is_before(order, &b, &a))
        swap_keys(&a, &b);
    if (is_before(order, &c, &b))
        swap_keys(&b, &c);
    return is_before(order, &b, &a) ? a : b;
}

/* Hoare's partition: what is before the pivot, one of the keys, comes first. Returns how many,
 * neither none nor all: no two keys are equal. */
static size_t partition(const struct partial_order *order, struct partial_key *keys, size_t count,
                        struct partial_key pivot)
{
    size_t low = 0, high = count - 1;
    for (;;) {
        while (is_before(order, &keys[low], &pivot))
            low++;
        while (is_before(order, &pivot, &keys[high]))
            high--;
        if (low >= high)
            return high + 1 < count ? high + 1 : high;
        swap_keys(&keys[low++], &keys[high--]);
    }
}

static void split_part(struct partial_order *order, size_t part, size_t start)
{
    order->parts = memory_grow(order->parts, &order->part_capacity, order->part_count + 1,
                               sizeof *order->parts);
    memmove(&order->parts[part + 2], &order->parts[part + 1],
            (order->part_count - part - 1) * sizeof *order->parts);
    order->parts[part + 1] = (struct partial_order_part){(uint32_t)start, false};
    order->part_count++;
}

static size_t find_part(const struct partial_order *order, size_t position)
{
    size_t low = 0, high = order->part_count - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (order->parts[middle].start <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void sort_around(struct partial_order *order, size_t position)
{
    size_t part = find_part(order, position);
    while (!order->parts[part].is_sorted) {
        size_t start = order->parts[part].start, end = order->parts[part + 1].start;
        struct partial_key *keys = order->keys + start;
        if (end - start <= SMALL_PART) {
            qsort_r(keys, end - start, sizeof *keys, compare_keys, order);
            order->parts[part].is_sorted = true;
            return;
        }
        size_t count = end - start;
        struct partial_key pivot = count > LARGE_PART
                                       ? choose_near(order, keys, count, position - start)
                                       : choose_middle(order, keys, count);
        size_t before = start + partition(order, keys, count, pivot);
        split_part(order, part, before);
        part += position >= before;
    }
}

void partial_order_init(struct partial_order *order, size_t capacity)
{
    order->keys = memory_allocate_large(capacity, sizeof *order->keys);
    order->count = 0;
}

void partial_order_clear(struct partial_order *order)
{
    free(order->keys);
    free(order->parts);
    *order = (struct partial_order){0};
}

void partial_order_begin(struct partial_order *order, bool is_sorted)
{
    order->parts = memory_grow(order->parts, &order->part_capacity, 2, sizeof *order->parts);
    order->parts[0] = (struct partial_order_part){0, is_sorted};
    order->parts[1] = (struct partial_order_part){(uint32_t)order->count, true};
    order->part_count = 2;
}

uint32_t partial_order_at(struct partial_order *order, size_t position)
{
    sort_around(order, position);
    return order->keys[position].item;
}
