#include "config.h"

#include "analysis/query_list.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/interval.h"
#include "base/memory.h"

struct key {
    uint64_t smallness;   /* of the value: ascending is descending */
    uint32_t fingerprint; /* its upper half: where that is the same, the site is asked */
    uint32_t site;
};

enum {
    SMALL_PART = 1024,    /* what is sorted at once */
    LARGE_PART = 1 << 12, /* where it is worth to look for a good pivot */
    TRIED_KEYS = 512,     /* there */
    MARGIN = 8            /* so many of them further back than wanted */
};

struct part {
    uint32_t start; /* up to the next one's; all in it are behind all in the part before */
    bool is_sorted;
};

struct query_list {
    const struct profile *profile;
    struct key *keys;
    size_t count;
    struct part *parts; /* the last one is the end */
    size_t part_count, part_capacity;
    uint64_t total, matched;
};

/* ---- order ---- */

static bool is_before_by_site(const struct query_list *list, const struct key *a,
                              const struct key *b)
{
    const struct profile_site *sites = list->profile->sites;
    uint64_t one = sites[a->site].fingerprint, other = sites[b->site].fingerprint;
    return one != other ? one < other : a->site < b->site;
}

/* As compare_rows of query.c, for sites that have no names yet. */
static inline bool is_before(const struct query_list *list, const struct key *a,
                             const struct key *b)
{
    if (a->smallness != b->smallness)
        return a->smallness < b->smallness;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint;
    return is_before_by_site(list, a, b);
}

static int compare_keys(const void *left, const void *right, void *context)
{
    return is_before(context, left, right) ? -1 : is_before(context, right, left);
}

static void swap_keys(struct key *a, struct key *b)
{
    struct key kept = *a;
    *a = *b;
    *b = kept;
}

/* What is shown is a page somewhere. A pivot a little behind it leaves nearly all that is not asked
 * for on one side, where one round of comparisons, which the processor foretells, is done with it.
 * (After Floyd and Rivest, "Expected time bounds for selection", CACM 18, 1975.) */
static struct key choose_near(const struct query_list *list, const struct key *keys, size_t count,
                              size_t wanted)
{
    struct key tried[TRIED_KEYS];
    for (size_t i = 0; i < TRIED_KEYS; i++)
        tried[i] = keys[i * (count / TRIED_KEYS)];
    qsort_r(tried, TRIED_KEYS, sizeof *tried, compare_keys, (void *)(uintptr_t)list);
    size_t place = (size_t)((double)wanted / (double)count * TRIED_KEYS);
    /* Behind the middle the rest is what is large, and the pivot belongs before what is wanted. */
    if (place < TRIED_KEYS / 2)
        return tried[place + MARGIN];
    return tried[place - MARGIN];
}

/* The one in the middle of three. */
static struct key choose_middle(const struct query_list *list, const struct key *keys, size_t count)
{
    struct key a = keys[0], b = keys[count / 2], c = keys[count - 1];
    if (is_before(list, &b, &a))
        swap_keys(&a, &b);
    if (is_before(list, &c, &b))
        swap_keys(&b, &c);
    return is_before(list, &b, &a) ? a : b;
}

/* Hoare's partition: what is before the pivot, one of the keys, comes first. Returns how many,
 * neither none nor all: no two keys are equal. */
static size_t partition(const struct query_list *list, struct key *keys, size_t count,
                        struct key pivot)
{
    size_t low = 0, high = count - 1;
    for (;;) {
        while (is_before(list, &keys[low], &pivot))
            low++;
        while (is_before(list, &pivot, &keys[high]))
            high--;
        if (low >= high)
            return high + 1 < count ? high + 1 : high;
        swap_keys(&keys[low++], &keys[high--]);
    }
}

static void split_part(struct query_list *list, size_t part, size_t start)
{
    list->parts = memory_grow(list->parts, &list->part_capacity, list->part_count + 1,
                              sizeof *list->parts);
    memmove(&list->parts[part + 2], &list->parts[part + 1],
            (list->part_count - part - 1) * sizeof *list->parts);
    list->parts[part + 1] = (struct part){(uint32_t)start, false};
    list->part_count++;
}

static size_t find_part(const struct query_list *list, size_t position)
{
    size_t low = 0, high = list->part_count - 1;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (list->parts[middle].start <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void sort_around(struct query_list *list, size_t position)
{
    size_t part = find_part(list, position);
    while (!list->parts[part].is_sorted) {
        size_t start = list->parts[part].start, end = list->parts[part + 1].start;
        struct key *keys = list->keys + start;
        if (end - start <= SMALL_PART) {
            qsort_r(keys, end - start, sizeof *keys, compare_keys, list);
            list->parts[part].is_sorted = true;
            return;
        }
        size_t count = end - start;
        struct key pivot = count > LARGE_PART ? choose_near(list, keys, count, position - start)
                                              : choose_middle(list, keys, count);
        size_t before = start + partition(list, keys, count, pivot);
        split_part(list, part, before);
        part += position >= before;
    }
}

/* ---- making ---- */

bool query_list_fits(const struct profile *profile, const struct query *query)
{
    return query->grouping == QUERY_BY_SITE && !query->limit && !query->min_bytes &&
           (query->process != QUERY_ALL_PROCESSES || profile->process_count == 1);
}

/* A profile's sites stand in this order already. */
static bool is_in_order(const struct profile *profile, const struct query *query)
{
    return query->sort == QUERY_LIVE_BYTES && !profile->whole;
}

static void fill(struct query_list *list, const struct query *query, const uint8_t *is_kept)
{
    const struct profile *profile = list->profile;
    const struct profile_process *owner = &profile->processes[query->process];
    for (uint32_t i = owner->first_site; i < owner->first_site + owner->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        uint64_t value = query_site_value(site, query->sort);
        list->total += value;
        if (is_kept && !is_kept[i])
            continue;
        list->matched += value;
        list->keys[list->count++] = (struct key){~query_metric_rank(query->sort, value),
                                                 (uint32_t)(site->fingerprint >> 32), i};
    }
    list->parts = memory_grow(list->parts, &list->part_capacity, 2, sizeof *list->parts);
    list->parts[0] = (struct part){0, is_in_order(profile, query)};
    list->parts[1] = (struct part){(uint32_t)list->count, true};
    list->part_count = 2;
}

/* NULL: all of them. */
static bool find_kept(const struct profile *profile, const struct query *query, uint8_t **is_kept,
                      struct error *error)
{
    *is_kept = NULL;
    if (!query_filter_is_given(&query->filter) && !query->only_sites && !profile->whole)
        return true;
    *is_kept = memory_allocate(profile->site_count);
    if (!query_filter_sites(profile, &query->filter, *is_kept, error))
        return false;
    for (size_t i = 0; query->only_sites && i < profile->site_count; i++)
        (*is_kept)[i] = (*is_kept)[i] && query->only_sites[i];
    return true;
}

struct query_list *query_list_create(const struct profile *profile, const struct query *query,
                                     struct error *error)
{
    struct query one = *query;
    struct query_list *list = NULL;
    uint8_t *is_kept = NULL;
    if (one.process == QUERY_ALL_PROCESSES)
        one.process = 0;
    if (query_check(profile, &one, error) && find_kept(profile, &one, &is_kept, error)) {
        list = memory_allocate_zeroed(1, sizeof *list);
        list->profile = profile;
        list->keys = memory_allocate_large(profile->processes[one.process].site_count,
                                           sizeof *list->keys);
        fill(list, &one, is_kept);
    }
    free(is_kept);
    return list;
}

void query_list_destroy(struct query_list *list)
{
    if (!list)
        return;
    free(list->keys);
    free(list->parts);
    free(list);
}

/* ---- asking ---- */

size_t query_list_count(const struct query_list *list)
{
    return list->count;
}

void query_list_row(struct query_list *list, size_t position, struct query_row *row)
{
    sort_around(list, position);
    query_make_site_row(list->profile, list->keys[position].site, row);
}

uint64_t query_list_total(const struct query_list *list)
{
    return list->total;
}

uint64_t query_list_matched(const struct query_list *list)
{
    return list->matched;
}
