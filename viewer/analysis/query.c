#include "config.h"

#include "analysis/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/arena.h"
#include "analysis/own_code.h"
#include "analysis/query_gathering.h"
#include "base/memory.h"

static int compare_texts(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int compare_rows(const void *left, const void *right, void *context)
{
    const struct query_row *a = left, *b = right;
    const struct query *query = context;
    const struct query_figures *a_figures = query->is_sorted_inclusive ? &a->inclusive : &a->self;
    const struct query_figures *b_figures = query->is_sorted_inclusive ? &b->inclusive : &b->self;
    uint64_t a_value = query_metric_rank(query->sort, a_figures->values[query->sort]);
    uint64_t b_value = query_metric_rank(query->sort, b_figures->values[query->sort]);
    if (a_value != b_value)
        return a_value > b_value ? -1 : 1;
    int order = compare_texts(a->name, b->name);
    if (!order && a->fingerprint != b->fingerprint)
        order = a->fingerprint < b->fingerprint ? -1 : 1;
    if (!order)
        order = compare_texts(a->file, b->file);
    if (!order)
        order = compare_texts(a->module, b->module);
    if (!order && a->process != b->process)
        order = a->process < b->process ? -1 : 1;
    if (!order && a->thread_id != b->thread_id)
        order = a->thread_id < b->thread_id ? -1 : 1;
    return order ? order : (a->site > b->site) - (a->site < b->site);
}

static void sort_and_cut(const struct query *query, struct query_result *result)
{
    if (result->row_count)
        qsort_r(result->rows, result->row_count, sizeof *result->rows, compare_rows, (void *)query);
    enum query_metric bytes = query_metric_at(query->sort)->bytes_metric;
    size_t kept = 0;
    for (size_t i = 0; i < result->row_count; i++) {
        const struct query_row *row = &result->rows[i];
        const struct query_figures *judged = query->is_sorted_inclusive ? &row->inclusive
                                                                        : &row->self;
        if (judged->values[bytes] >= query->min_bytes && (!query->limit || kept < query->limit)) {
            result->rows[kept++] = *row;
        } else {
            result->omitted_count++;
            result->omitted_bytes += row->self.values[bytes];
        }
    }
    result->row_count = kept;
}

static void name_site_row(const struct profile *profile, struct query_row *row)
{
    const struct profile_frame *frame;
    const struct profile_location *location = own_code_find(
        profile, profile->sites[row->site].stack_node, &frame, NULL);
    row->name = location ? location->function : "[no stack]";
    row->file = location ? location->file : NULL;
    row->line = location ? location->line : 0;
    if (location && frame->module_plus_1)
        row->module = profile->modules[frame->module_plus_1 - 1].path;
}

/* Only the rows that are left: names take a walk up each stack. */
static void name_site_rows(const struct profile *profile, struct query_result *result)
{
    for (size_t i = 0; i < result->row_count; i++)
        name_site_row(profile, &result->rows[i]);
}

void query_make_site_row(const struct profile *profile, uint32_t site, struct query_row *row)
{
    const struct profile_site *from = &profile->sites[site];
    *row = (struct query_row){.site = site,
                              .site_count = 1,
                              .process = from->process,
                              .fingerprint = from->fingerprint,
                              .thread_id = UINT64_MAX};
    query_figures_add_site(&row->self, from);
    row->inclusive = row->self;
    name_site_row(profile, row);
}

static void sum_up(struct query_gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    size_t end = query_gathering_end_site(gathering);
    for (size_t i = query_gathering_first_site(gathering); i < end; i++) {
        query_figures_add_site(&gathering->result->total, &profile->sites[i]);
        if (gathering->is_filtered && gathering->is_kept[i])
            query_figures_add_site(&gathering->result->matched, &profile->sites[i]);
    }
    if (!gathering->is_filtered) /* void sites of intervals have nothing to add */
        gathering->result->matched = gathering->result->total;
}

bool query_check(const struct profile *profile, const struct query *query, struct error *error)
{
    if (query->process != QUERY_ALL_PROCESSES && query->process >= profile->process_count)
        return error_set(error, "there is no process %" PRIu32 " in %s", query->process,
                         profile->info.path);
    if (!(query_known_metrics(profile, query->process, query->grouping) >> query->sort & 1))
        return error_set(error, "%ss cannot be sorted by \"%s\": it is not known for them",
                         query_grouping_at(query->grouping)->name,
                         query_metric_at(query->sort)->name);
    return query_filter_check(&query->filter, error);
}

static bool are_survivors_known(const struct profile *profile, uint32_t process)
{
    bool are_known = profile->whole != NULL && !profile->interval.is_from_start;
    for (uint32_t i = 0; i < profile->process_count; i++)
        if ((process == QUERY_ALL_PROCESSES || process == i) && profile->processes[i].site_count)
            are_known &= profile->processes[i].has_survivors;
    return are_known;
}

uint32_t query_known_metrics(const struct profile *profile, uint32_t process,
                             enum query_grouping grouping)
{
    uint32_t known = (1u << QUERY_METRIC_COUNT) - 1;
    if (grouping == QUERY_BY_THREAD)
        known &= QUERY_THREAD_METRICS;
    if (!profile->whole)
        return known;
    known &= ~(1u << QUERY_PEAK_BYTES | 1u << QUERY_PEAK_BLOCKS | 1u << QUERY_TEMPORARY);
    if (grouping == QUERY_BY_THREAD)
        return known;
    if (!profile->interval.is_from_start)
        known |= 1u << QUERY_NET_BYTES | 1u << QUERY_NET_BLOCKS;
    if (are_survivors_known(profile, process))
        known |= 1u << QUERY_SURVIVED_BYTES | 1u << QUERY_SURVIVED_BLOCKS;
    return known;
}

enum query_metric query_nearest_metric(const struct profile *profile, uint32_t process,
                                       enum query_grouping grouping, enum query_metric metric)
{
    if (query_known_metrics(profile, process, grouping) >> metric & 1)
        return metric;
    bool is_bytes = query_metric_at(metric)->is_bytes;
    return is_bytes || metric == QUERY_TEMPORARY ? QUERY_LIVE_BYTES : QUERY_LIVE_BLOCKS;
}

static void gather(struct query_gathering *gathering)
{
    switch (gathering->query->grouping) {
    case QUERY_BY_SITE:
        query_gather_sites(gathering);
        break;
    case QUERY_BY_FUNCTION:
    case QUERY_BY_FILE:
    case QUERY_BY_MODULE:
    case QUERY_BY_PYTHON_LINE:
        query_gather_code(gathering);
        break;
    case QUERY_BY_THREAD:
        query_gather_threads(gathering);
        break;
    }
}

bool query_run(const struct profile *profile, const struct query *query,
               struct query_result *result, struct error *error)
{
    *result = (struct query_result){0};
    if (!query_check(profile, query, error))
        return false;
    uint8_t *is_kept = memory_allocate(profile->site_count);
    if (!query_filter_sites(profile, &query->filter, is_kept, error)) {
        free(is_kept);
        return false;
    }
    for (size_t i = 0; query->only_sites && i < profile->site_count; i++)
        is_kept[i] = is_kept[i] && query->only_sites[i];
    struct query_gathering gathering = {.profile = profile,
                                        .query = query,
                                        .result = result,
                                        .arena = arena_create(),
                                        .is_kept = is_kept,
                                        .is_filtered = query->only_sites ||
                                                       query_filter_is_given(&query->filter)};
    result->memory = gathering.arena;
    result->known_metrics = query_known_metrics(profile, query->process, query->grouping);
    sum_up(&gathering);
    gather(&gathering);
    if (!gathering.is_stopped)
        sort_and_cut(query, result);
    if (query->grouping == QUERY_BY_SITE && !gathering.is_stopped)
        name_site_rows(profile, result);
    free(gathering.largest);
    free(is_kept);
    if (!gathering.is_stopped)
        return true;
    query_result_clear(result);
    return error_set(error, "stopped");
}

void query_result_clear(struct query_result *result)
{
    free(result->rows);
    arena_destroy(result->memory);
    *result = (struct query_result){0};
}

bool query_choose_largest_sites(const struct profile *profile, uint32_t process,
                                const struct query_filter *filter, size_t most, uint8_t *is_chosen,
                                struct error *error)
{
    static const enum query_metric metrics[] = {QUERY_LIVE_BYTES, QUERY_PEAK_BYTES,
                                                QUERY_ALLOCATED_BYTES, QUERY_ALLOCATIONS,
                                                QUERY_TEMPORARY};
    size_t count = sizeof metrics / sizeof *metrics;

    for (size_t i = 0; i < count; i++) {
        const struct query query = {.grouping = QUERY_BY_SITE,
                                    .sort = metrics[i],
                                    .process = process,
                                    .limit = most / count > 0 ? most / count : 1,
                                    .filter = *filter};
        struct query_result result;

        if (!(query_known_metrics(profile, process, QUERY_BY_SITE) >> metrics[i] & 1))
            continue;
        if (!query_run(profile, &query, &result, error))
            return false;
        for (size_t row = 0; row < result.row_count; row++)
            if (result.rows[row].site != QUERY_NO_SITE)
                is_chosen[result.rows[row].site] = 1;
        query_result_clear(&result);
    }
    return true;
}
