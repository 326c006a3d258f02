#include "graph/graph_tables.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/ranked.h"

/* ---- roots ---- */

uint32_t *process_graph_roots(const struct process_graph *graph, size_t *count)
{
    const struct object_graph *objects = &graph->graph;
    struct ranked *ranked = memory_allocate_zeroed(objects->root_count, sizeof *ranked);
    uint32_t *nodes = memory_allocate_zeroed(objects->root_count, sizeof *nodes);

    *count = 0;
    for (uint32_t node = 1; node <= objects->root_count; node++)
        if (objects->retained_blocks[node] > 0)
            ranked[(*count)++] = (struct ranked){objects->retained_bytes[node], node};
    ranked_sort(ranked, *count);
    for (size_t i = 0; i < *count; i++)
        nodes[i] = ranked[i].item;
    free(ranked);
    return nodes;
}

/* ---- sites ---- */

/* By what they hold themselves; sites stand in the profile in an order of their own. */
static int compare_own(const void *left, const void *right)
{
    const struct graph_site *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static int compare_retained(const void *left, const void *right)
{
    const struct graph_site *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return compare_own(left, right);
}

static void work_out(const struct process_graph *graph, struct graph_site *site)
{
    uint8_t *is_in_set = memory_allocate_zeroed(graph->snapshot->block_count, 1);

    for (size_t i = 0; i < graph->snapshot->block_count; i++)
        is_in_set[i] = graph->site_of_block[i] == site->site &&
                       (!graph->is_wanted || graph->is_wanted[i]);
    object_graph_retained_set(&graph->graph, is_in_set, &site->retained_bytes,
                              &site->retained_blocks);
    free(is_in_set);
}

struct graph_site *process_graph_sites(const struct process_graph *graph, size_t exact,
                                       size_t *count)
{
    struct hash_map positions = {0};
    struct graph_site *sites = NULL;
    size_t capacity = 0;

    *count = 0;
    for (size_t i = 0; i < graph->snapshot->block_count; i++) {
        bool is_new;
        uint64_t *position;

        if ((graph->is_wanted && !graph->is_wanted[i]) ||
            process_graph_is_without_site(graph, (uint32_t)i))
            continue;
        position = hash_map_put(&positions, graph->site_of_block[i], &is_new);
        if (is_new) {
            *position = *count;
            sites = memory_grow(sites, &capacity, *count + 1, sizeof *sites);
            sites[(*count)++] = (struct graph_site){.site = graph->site_of_block[i]};
        }
        sites[*position].blocks++;
        sites[*position].bytes += graph->snapshot->blocks[i].bytes;
    }
    hash_map_clear(&positions);
    if (*count > 0)
        qsort(sites, *count, sizeof *sites, compare_own);
    if (*count > exact)
        *count = exact;
    for (size_t i = 0; i < *count; i++)
        work_out(graph, &sites[i]);
    if (*count > 0)
        qsort(sites, *count, sizeof *sites, compare_retained);
    return sites;
}

/* ---- modules ---- */

static int compare_own_modules(const void *left, const void *right)
{
    const struct graph_module *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->module_plus_1 < b->module_plus_1 ? -1 : a->module_plus_1 > b->module_plus_1;
}

static int compare_modules(const void *left, const void *right)
{
    const struct graph_module *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return compare_own_modules(left, right);
}

/* By site of the process: its module; what has no site counts as not known. */
static uint32_t *find_modules(const struct process_graph *graph)
{
    const struct profile_process *owner = &graph->profile->processes[graph->process];
    uint32_t *modules = memory_allocate_zeroed(owner->site_count, sizeof *modules);

    for (uint32_t i = 0; i < owner->site_count; i++)
        modules[i] = process_graph_module_plus_1(graph, owner->first_site + i);
    return modules;
}

static uint32_t module_at(const struct process_graph *graph, const uint32_t *modules, size_t block)
{
    uint32_t site = graph->site_of_block[block];

    return site == GRAPH_NO_SITE
               ? 0
               : modules[site - graph->profile->processes[graph->process].first_site];
}

struct graph_module *process_graph_modules(const struct process_graph *graph, size_t exact,
                                           size_t *count)
{
    size_t most = graph->profile->module_count + 1;
    struct graph_module *list = memory_allocate_zeroed(most, sizeof *list);
    uint8_t *is_in_set = memory_allocate_zeroed(graph->snapshot->block_count, 1);
    uint32_t *modules = find_modules(graph);

    for (uint32_t i = 0; i < most; i++)
        list[i].module_plus_1 = i;
    for (size_t i = 0; i < graph->snapshot->block_count; i++) {
        struct graph_module *module = &list[module_at(graph, modules, i)];

        if ((graph->is_wanted && !graph->is_wanted[i]) ||
            process_graph_is_without_site(graph, (uint32_t)i))
            continue;
        module->blocks++;
        module->bytes += graph->snapshot->blocks[i].bytes;
    }
    qsort(list, most, sizeof *list, compare_own_modules);
    for (*count = 0; *count < most && *count < exact && list[*count].blocks > 0; ++*count) {
        for (size_t i = 0; i < graph->snapshot->block_count; i++)
            is_in_set[i] = module_at(graph, modules, i) == list[*count].module_plus_1 &&
                           (!graph->is_wanted || graph->is_wanted[i]);
        object_graph_retained_set(&graph->graph, is_in_set, &list[*count].retained_bytes,
                                  &list[*count].retained_blocks);
    }
    qsort(list, *count, sizeof *list, compare_modules);
    free(is_in_set);
    free(modules);
    return list;
}
