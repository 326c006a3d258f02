#include "config.h"

#include <inttypes.h>

#include "analysis/arena.h"
#include "analysis/query_gathering.h"
#include "analysis/site_lists.h"
#include "base/hash_map.h"

static struct query_row *find_thread_row(struct query_gathering *gathering, struct hash_map *rows,
                                         uint32_t process, uint64_t thread_id)
{
    /* Thread ids are dense; a forged one shares a row with another, and is never followed. */
    uint64_t key = (uint64_t)process << 40 | ((thread_id + 1) & ((UINT64_C(1) << 40) - 1));
    bool is_new;
    uint64_t *place = hash_map_put(rows, key, &is_new);
    if (!is_new)
        return &gathering->result->rows[*place];
    *place = gathering->result->row_count;
    struct query_row *row = query_gathering_add_row(gathering, "[no thread known]");
    row->process = process;
    row->thread_id = thread_id;
    if (thread_id == UINT64_MAX)
        return row;
    const struct recording_thread *thread = profile_find_thread(gathering->profile, process,
                                                                thread_id);
    row->tid = thread ? thread->tid : 0;
    row->name = thread && thread->name[0]
                    ? thread->name
                    : arena_print(gathering->arena, "thread %" PRIu64, thread_id);
    return row;
}

/* A part of a site's figures is as uncertain as the site, as far as anybody knows. */
static void add_variances(struct query_figures *sum, const struct profile_site *site,
                          const struct query_figures *part)
{
    for (int i = 0; site->estimates && i < QUERY_METRIC_COUNT; i++) {
        uint64_t whole = query_site_value(site, (enum query_metric)i);
        if (whole)
            sum->variances[i] += (float)(query_site_variance(site, (enum query_metric)i) *
                                         ((double)part->values[i] / (double)whole));
    }
}

static void add_part(struct query_figures *sum, const struct profile_site_thread *part)
{
    sum->values[QUERY_ALLOCATIONS] += part->allocations;
    sum->values[QUERY_ALLOCATED_BYTES] += part->allocated_bytes;
    sum->values[QUERY_FREES] += part->frees;
    sum->values[QUERY_FREED_BYTES] += part->freed_bytes;
    sum->values[QUERY_LIVE_BLOCKS] += part->live_blocks;
    sum->values[QUERY_LIVE_BYTES] += part->live_bytes;
}

/* What a site has beyond its threads' parts: blocks inherited from a parent, above all. */
static void add_rest(struct query_gathering *gathering, struct hash_map *rows, uint32_t site,
                     const struct query_figures *parts)
{
    const struct profile_site *from = &gathering->profile->sites[site];
    struct query_figures rest = {0};
    query_figures_add_site(&rest, from);
    bool has_rest = false;
    for (int i = 0; i < QUERY_METRIC_COUNT; i++) {
        bool is_known = QUERY_THREAD_METRICS >> i & 1;
        rest.variances[i] = 0;
        rest.values[i] = is_known && rest.values[i] > parts->values[i]
                             ? rest.values[i] - parts->values[i]
                             : 0;
        has_rest |= rest.values[i] != 0;
    }
    if (!has_rest)
        return;
    add_variances(&rest, from, &rest);
    struct query_row *row = find_thread_row(gathering, rows, from->process, UINT64_MAX);
    query_figures_add(&row->self, &rest);
    query_gathering_join(gathering, (size_t)(row - gathering->result->rows), site);
    row->process = from->process;
}

/* Threads that only freed have no part in a site, and are shown all the same. */
static void add_thread_records(struct query_gathering *gathering, struct hash_map *rows)
{
    const struct profile *profile = gathering->profile;
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct profile_process *process = &profile->processes[i];
        uint32_t asked = gathering->query->process;
        if (asked != QUERY_ALL_PROCESSES && asked != i)
            continue;
        for (uint32_t j = 0; j < process->thread_count; j++)
            find_thread_row(gathering, rows, i, profile->threads[process->first_thread + j].id);
    }
}

void query_gather_threads(struct query_gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    struct hash_map rows;
    struct site_lists lists = {0};
    hash_map_init(&rows);
    size_t count = profile->site_count;
    for (size_t i = 0; i < count && query_gathering_goes_on(gathering, i, count); i++) {
        if (!query_gathering_wants(gathering, i))
            continue;
        const struct profile_site *site = &profile->sites[i];
        struct query_figures parts = {0};
        site_lists_read(&lists, site);
        for (size_t j = 0; j < profile_site_thread_count(&lists.threads); j++) {
            struct profile_site_thread part = profile_site_thread_at(&lists.threads, j);
            struct query_row *row = find_thread_row(gathering, &rows, site->process, part.thread);
            struct query_figures one = {0};
            add_part(&one, &part);
            add_part(&parts, &part);
            add_variances(&one, site, &one);
            query_figures_add(&row->self, &one);
            query_gathering_join(gathering, (size_t)(row - gathering->result->rows), (uint32_t)i);
        }
        add_rest(gathering, &rows, (uint32_t)i, &parts);
    }
    if (!gathering->is_filtered)
        add_thread_records(gathering, &rows);
    hash_map_clear(&rows);
    site_lists_clear(&lists);
    for (size_t i = 0; i < gathering->result->row_count; i++)
        gathering->result->rows[i].inclusive = gathering->result->rows[i].self;
}
