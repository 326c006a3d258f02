/* By site: one row a stack and function. Only several processes can have sites in common; without
 * them a site is a row, and where few rows are wanted of a million sites, only those are made. */
#include <stdlib.h>

#include "analysis/query_gathering.h"
#include "base/hash_map.h"
#include "base/memory.h"

/* ---- the first rows only ----
 *
 * A heap of the best sites so far, the worst of them at its root: most sites are turned down with
 * one comparison. */

struct ranked_site {
    uint64_t value; /* of the sort key */
    uint64_t fingerprint;
    uint32_t process;
    uint32_t site;
};

/* The order of rows (compare_rows in query.c), as far as sites differ. */
static bool is_behind(const struct ranked_site *a, const struct ranked_site *b)
{
    if (a->value != b->value)
        return a->value < b->value;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint > b->fingerprint;
    return a->process != b->process ? a->process > b->process : a->site > b->site;
}

static void swap_sites(struct ranked_site *a, struct ranked_site *b)
{
    struct ranked_site kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct ranked_site *heap, size_t at)
{
    for (; at > 0 && is_behind(&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap_sites(&heap[at], &heap[(at - 1) / 2]);
}

static void sift_down(struct ranked_site *heap, size_t count)
{
    for (size_t at = 0;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (is_behind(&heap[child], &heap[last]))
                last = child;
        if (last == at)
            return;
        swap_sites(&heap[at], &heap[last]);
        at = last;
    }
}

static void add_site_row(struct query_gathering *gathering, uint32_t position)
{
    const struct profile_site *site = &gathering->profile->sites[position];
    struct query_row *row = query_gathering_add_row(gathering, NULL);
    row->fingerprint = site->fingerprint;
    query_figures_add_site(&row->self, site);
    query_gathering_join(gathering, gathering->result->row_count - 1, position);
}

static void leave_out(struct query_gathering *gathering, uint64_t bytes)
{
    gathering->result->omitted_count++;
    gathering->result->omitted_bytes += bytes;
}

static void gather_first_sites(struct query_gathering *gathering)
{
    const struct query *query = gathering->query;
    const struct profile *profile = gathering->profile;
    enum query_metric bytes_metric = query_metric_at(query->sort)->bytes_metric;
    struct ranked_site *heap = NULL;
    size_t count = 0, capacity = 0;
    size_t end = query_gathering_end_site(gathering);
    for (uint32_t i = query_gathering_first_site(gathering); i < end; i++) {
        const struct profile_site *site = &profile->sites[i];
        if (!query_gathering_wants(gathering, i))
            continue;
        uint64_t value = query_metric_rank(query->sort, query_site_value(site, query->sort));
        struct ranked_site ranked = {value, site->fingerprint, site->process, i};
        uint64_t bytes = query_site_value(site, bytes_metric);
        if (bytes < query->min_bytes) {
            leave_out(gathering, bytes);
        } else if (count < query->limit) {
            heap = memory_grow(heap, &capacity, count + 1, sizeof *heap);
            heap[count++] = ranked;
            sift_up(heap, count - 1);
        } else if (is_behind(&ranked, &heap[0])) {
            leave_out(gathering, bytes);
        } else {
            leave_out(gathering, query_site_value(&profile->sites[heap[0].site], bytes_metric));
            heap[0] = ranked;
            sift_down(heap, count);
        }
    }
    for (size_t i = 0; i < count; i++)
        add_site_row(gathering, heap[i].site);
    free(heap);
}

/* ---- all rows ---- */

static void gather_merged_sites(struct query_gathering *gathering)
{
    const struct profile *profile = gathering->profile;
    struct hash_map rows;
    hash_map_init(&rows);
    for (uint32_t i = 0; i < profile->site_count; i++) {
        if (!query_gathering_wants(gathering, i))
            continue;
        const struct profile_site *site = &profile->sites[i];
        bool is_new;
        uint64_t key = (uint64_t)site->stack_node << 8 | (uint64_t)site->function;
        uint64_t *place = hash_map_put(&rows, key, &is_new);
        if (is_new) {
            *place = gathering->result->row_count;
            add_site_row(gathering, i);
            continue;
        }
        query_figures_add_site(&gathering->result->rows[*place].self, site);
        query_gathering_join(gathering, (size_t)*place, i);
    }
    hash_map_clear(&rows);
}

void query_gather_sites(struct query_gathering *gathering)
{
    const struct query *query = gathering->query;
    if (query->process == QUERY_ALL_PROCESSES && gathering->profile->process_count > 1) {
        gather_merged_sites(gathering);
    } else if (query->limit) {
        gather_first_sites(gathering);
    } else {
        size_t end = query_gathering_end_site(gathering);
        for (uint32_t i = query_gathering_first_site(gathering); i < end; i++)
            if (query_gathering_wants(gathering, i))
                add_site_row(gathering, i);
    }
    for (size_t i = 0; i < gathering->result->row_count; i++)
        gathering->result->rows[i].inclusive = gathering->result->rows[i].self;
}
