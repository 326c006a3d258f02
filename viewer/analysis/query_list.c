#include "config.h"

#include "analysis/query_list.h"

#include <stdlib.h>

#include "analysis/interval.h"
#include "analysis/partial_order.h"
#include "base/memory.h"

struct query_list {
    const struct profile *profile;
    struct partial_order order; /* of sites */
    uint64_t total, matched;
};

/* As compare_rows of query.c, for sites that have no names yet: keys are the value, descending, and
 * the upper half of the fingerprint. */
static bool is_site_before(const void *context, uint32_t a, uint32_t b)
{
    const struct profile *profile = context;
    uint64_t one = profile->sites[a].fingerprint, other = profile->sites[b].fingerprint;
    return one != other ? one < other : a < b;
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
        list->order.keys[list->order.count++] = (struct partial_key){
            ~query_metric_rank(query->sort, value), (uint32_t)(site->fingerprint >> 32), i};
    }
    partial_order_begin(&list->order, is_in_order(profile, query));
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
        list->order = (struct partial_order){.is_before = is_site_before, .context = profile};
        partial_order_init(&list->order, profile->processes[one.process].site_count);
        fill(list, &one, is_kept);
    }
    free(is_kept);
    return list;
}

void query_list_destroy(struct query_list *list)
{
    if (!list)
        return;
    partial_order_clear(&list->order);
    free(list);
}

/* ---- asking ---- */

size_t query_list_count(const struct query_list *list)
{
    return list->order.count;
}

void query_list_row(struct query_list *list, size_t position, struct query_row *row)
{
    query_make_site_row(list->profile, partial_order_at(&list->order, position), row);
}

uint64_t query_list_total(const struct query_list *list)
{
    return list->total;
}

uint64_t query_list_matched(const struct query_list *list)
{
    return list->matched;
}
