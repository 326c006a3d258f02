#include "graph/graph_kinds.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LOST = SNAPSHOT_ROOT_PYTHON + 1
};

/* Bytes by node: the roots of one kind. False: there are none. */
static bool mark_roots(const struct process_graph *graph, unsigned kind, uint8_t *is_wanted)
{
    bool is_any = false;

    memset(is_wanted, 0, graph->graph.root_count + 1);
    for (uint32_t i = 0; i < graph->names.count; i++)
        if (graph->names.items[i].kind == kind)
            is_wanted[i + 1] = is_any = true;
    if (kind == LOST)
        is_wanted[object_graph_lost(&graph->graph)] = is_any = true;
    return is_any;
}

/* A graph whose ways begin at these roots; everything else is borrowed. */
static bool find_kind(const struct process_graph *graph, const uint8_t *is_wanted,
                      const uint8_t *is_target, struct graph_kind *kind)
{
    struct process_graph narrowed = *graph;
    struct graph_way *ways;

    narrowed.graph.parents = object_graph_find_ways(&graph->graph, is_wanted);
    ways = process_graph_ways(&narrowed, is_target, &kind->way_count);
    for (size_t i = 0; i < kind->way_count; i++) {
        kind->blocks += ways[i].blocks;
        kind->bytes += ways[i].bytes;
    }
    if (kind->way_count > 0) {
        kind->way = ways[0];
        graph_path_find(&narrowed, kind->way.block, &kind->path);
    }
    free(ways);
    free(narrowed.graph.parents);
    return kind->way_count > 0;
}

static int compare_kinds(const void *left, const void *right)
{
    const struct graph_kind *a = left, *b = right;

    if (a->blocks != b->blocks)
        return a->blocks < b->blocks ? 1 : -1;
    return strcmp(a->name, b->name);
}

void graph_kinds_find(const struct process_graph *graph, const uint8_t *is_target,
                      struct graph_kinds *kinds)
{
    uint8_t *is_wanted = memory_allocate_zeroed(graph->graph.root_count + 1, 1);

    *kinds = (struct graph_kinds){.count = 0};
    for (unsigned kind = 0; kind <= LOST; kind++) {
        struct graph_kind *found = &kinds->items[kinds->count];

        *found = (struct graph_kind){
            .name = kind == LOST ? "lost" : snapshot_root_kind_name((enum snapshot_root_kind)kind)};
        if (mark_roots(graph, kind, is_wanted) && find_kind(graph, is_wanted, is_target, found))
            kinds->count++;
    }
    for (size_t i = 0; i < graph->snapshot->block_count; i++)
        kinds->target_blocks += is_target[i] != 0;
    if (kinds->count > 0)
        qsort(kinds->items, kinds->count, sizeof *kinds->items, compare_kinds);
    free(is_wanted);
}

void graph_kinds_clear(struct graph_kinds *kinds)
{
    for (size_t i = 0; i < kinds->count; i++)
        graph_path_clear(&kinds->items[i].path);
    kinds->count = 0;
}
