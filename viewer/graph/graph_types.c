#include "graph/graph_types.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "graph/graph_rank.h"
#include "graph/graph_tables.h"

/* By bytes; equal ones by name. */
static int compare_names(const struct graph_type_row *a, const struct graph_type_row *b)
{
    return a->group < b->group ? -1 : a->group > b->group;
}

static int compare_own(const void *left, const void *right)
{
    const struct graph_type_row *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return compare_names(a, b);
}

static int compare_retained(const void *left, const void *right)
{
    const struct graph_type_row *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return compare_own(left, right);
}

static uint32_t find_group(const struct type_names *types, uint32_t node)
{
    const struct graph_type *type = type_table_get(&types->table, node);

    for (uint32_t i = 0; type && i < types->group_count; i++)
        if (strcmp(types->groups[i].name, type->facts.name) == 0)
            return i;
    return TYPE_NO_GROUP;
}

/* A container's elements count at the memory that has them. */
static void add_elements(const struct process_graph *graph, struct graph_type_row *rows)
{
    const struct type_names *types = graph->types;
    struct hash_map groups = {0}; /* by number of the memory's type */

    for (size_t i = 0; i < types->container_count; i++) {
        const struct container *container = &types->containers[i];
        uint32_t node = type_table_get(&types->table, container->type)->node;
        bool is_new;
        uint64_t *group = hash_map_put(&groups, node, &is_new);

        if (is_new)
            *group = find_group(types, node);
        if (!container->are_known || *group == TYPE_NO_GROUP)
            continue;
        rows[*group].elements += container->elements;
        rows[*group].are_known = true;
    }
    hash_map_clear(&groups);
}

/* All that hold blocks, those with most bytes first. */
static struct graph_type_row *gather_rows(const struct process_graph *graph, size_t *count)
{
    const uint8_t *is_wanted = graph->is_wanted;
    size_t most = graph->types ? graph->types->group_count + 1 : 1;
    struct graph_type_row *rows = memory_allocate_zeroed(most, sizeof *rows);

    *count = 0;
    if (!graph->types)
        return rows;
    for (uint32_t i = 0; i < most; i++)
        rows[i].group = i + 1 < most ? i : TYPE_NO_GROUP;
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        uint32_t group = graph->types->group_of_block[i];
        struct graph_type_row *row = &rows[group == TYPE_NO_GROUP ? most - 1 : group];

        if (is_wanted && !is_wanted[i])
            continue;
        row->blocks++;
        row->bytes += graph->snapshot->blocks[i].bytes;
    }
    if (!is_wanted)
        add_elements(graph, rows);
    for (size_t i = 0; i < most; i++)
        if (rows[i].blocks > 0)
            rows[(*count)++] = rows[i];
    if (*count > 0)
        qsort(rows, *count, sizeof *rows, compare_own);
    return rows;
}

static void find_retained(const struct process_graph *graph, struct graph_type_row *rows,
                          size_t count)
{
    uint8_t *is_in_set = memory_allocate_zeroed(graph->snapshot->block_count, 1);

    for (size_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < graph->snapshot->block_count; j++)
            is_in_set[j] = graph->types->group_of_block[j] == rows[i].group &&
                           (!graph->is_wanted || graph->is_wanted[j]);
        object_graph_retained_set(&graph->graph, is_in_set, &rows[i].retained_bytes,
                                  &rows[i].retained_blocks);
        rows[i].is_retained_known = true;
    }
    free(is_in_set);
}

struct graph_type_row *process_graph_all_types(const struct process_graph *graph, size_t exact,
                                               size_t *count)
{
    struct graph_type_row *rows = gather_rows(graph, count);

    find_retained(graph, rows, *count < exact ? *count : exact);
    return rows;
}

struct graph_type_row *process_graph_types(const struct process_graph *graph, size_t exact,
                                           size_t *count)
{
    struct graph_type_row *rows = gather_rows(graph, count);

    if (*count > exact)
        *count = exact;
    find_retained(graph, rows, *count);
    if (*count > 0)
        qsort(rows, *count, sizeof *rows, compare_retained);
    return rows;
}

static bool is_of_group(const struct process_graph *graph, uint32_t block, const void *context)
{
    const uint32_t *group = context;

    return (graph->types ? graph->types->group_of_block[block] : TYPE_NO_GROUP) == *group;
}

uint32_t *process_graph_type_blocks(const struct process_graph *graph, uint32_t group,
                                    size_t *count)
{
    return graph_rank_blocks(graph, is_of_group, &group, count);
}

uint64_t process_graph_filter(struct process_graph *graph, const char *type, const char *module)
{
    uint64_t count = 0;

    free(graph->is_wanted);
    graph->is_wanted = memory_allocate_zeroed(graph->snapshot->block_count, 1);
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        const char *name = type ? process_graph_type_name(graph, i) : NULL;
        const char *path = module ? process_graph_module(graph, graph->site_of_block[i]) : NULL;

        graph->is_wanted[i] = (!type || (name && strstr(name, type))) &&
                              (!module || (path && strstr(path, module)));
        count += graph->is_wanted[i];
    }
    return count;
}

uint32_t process_graph_site_type(const struct process_graph *graph, uint32_t site)
{
    uint64_t *counts, most = 0;
    uint32_t best = TYPE_NO_GROUP;

    if (!graph->types || graph->types->group_count == 0)
        return TYPE_NO_GROUP;
    counts = memory_allocate_zeroed(graph->types->group_count, sizeof *counts);
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++)
        if (graph->site_of_block[i] == site && graph->types->group_of_block[i] != TYPE_NO_GROUP)
            counts[graph->types->group_of_block[i]]++;
    for (uint32_t i = 0; i < graph->types->group_count; i++)
        if (counts[i] > most) {
            most = counts[i];
            best = i;
        }
    free(counts);
    return best;
}
