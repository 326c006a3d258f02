#include "graph/graph_part.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "base/ranked.h"
#include "graph/object_edges.h"

struct choosing {
    const struct process_graph *graph;
    uint8_t *is_chosen; /* by node */
    size_t count, most;
};

static bool choose(struct choosing *choosing, uint32_t node)
{
    if (choosing->is_chosen[node])
        return true;
    if (choosing->count >= choosing->most || node == OBJECT_GRAPH_WHOLE)
        return false;
    choosing->is_chosen[node] = 1;
    choosing->count++;
    return true;
}

/* A third of the room is for the blocks themselves, with the ways on which they hang. */
static void choose_targets(struct choosing *choosing, const uint8_t *is_target)
{
    const struct object_graph *objects = &choosing->graph->graph;
    size_t block_count = choosing->graph->snapshot->block_count, count = 0;
    struct ranked *ranked = memory_allocate_zeroed(block_count, sizeof *ranked);

    for (uint32_t i = 0; i < block_count; i++) {
        uint32_t node = object_graph_node(objects, i);

        if (is_target[i] && objects->parents[node] != OBJECT_GRAPH_NONE)
            ranked[count++] = (struct ranked){objects->retained_bytes[node], node};
    }
    ranked_sort(ranked, count);
    for (size_t i = 0; i < count && (i == 0 || choosing->count < choosing->most / 3); i++)
        for (uint32_t node = ranked[i].item;
             node != OBJECT_GRAPH_WHOLE && node != OBJECT_GRAPH_NONE && choose(choosing, node);
             node = objects->parents[node])
            continue;
    free(ranked);
}

/* Of the targets that were chosen: what refers to them, and what they refer to. */
static void choose_neighbours(struct choosing *choosing, const uint8_t *is_target)
{
    const struct object_graph *objects = &choosing->graph->graph;
    uint8_t *is_centre = memory_allocate_zeroed(objects->node_count, 1);

    for (uint32_t node = objects->root_count + 1; node < objects->node_count; node++)
        is_centre[node] = choosing->is_chosen[node] && is_target[object_graph_block(objects, node)];
    for (uint32_t node = 1; node < objects->node_count; node++) {
        uint64_t cursor = 0;

        for (uint32_t to; (to = object_edges_next(objects, node, &cursor)) != OBJECT_GRAPH_NONE;)
            if (is_centre[to])
                choose(choosing, node);
            else if (is_centre[node])
                choose(choosing, to);
    }
    free(is_centre);
}

static void add_edges(const struct object_graph *objects, const uint32_t *places,
                      struct graph_part *part)
{
    struct hash_map known = {0};
    size_t capacity = 0;

    for (uint32_t i = 0; i < part->count; i++) {
        uint64_t cursor = 0;

        for (uint32_t to;
             (to = object_edges_next(objects, part->nodes[i], &cursor)) != OBJECT_GRAPH_NONE;) {
            bool is_new = false;

            if (places[to] != OBJECT_GRAPH_NONE)
                hash_map_put(&known, (uint64_t)i << 32 | places[to], &is_new);
            if (!is_new)
                continue;
            part->edges = memory_grow(part->edges, &capacity, part->edge_count + 1,
                                      sizeof *part->edges);
            part->edges[part->edge_count++] = (struct graph_part_edge){i, places[to]};
        }
    }
    hash_map_clear(&known);
}

static int compare_edges(const void *left, const void *right)
{
    const struct graph_part_edge *a = left, *b = right;

    if (a->from != b->from)
        return a->from < b->from ? -1 : 1;
    return a->to < b->to ? -1 : a->to > b->to;
}

void graph_part_around(const struct process_graph *graph, const uint8_t *is_target, size_t most,
                       struct graph_part *part)
{
    const struct object_graph *objects = &graph->graph;
    struct choosing choosing = {.graph = graph, .most = most ? most : SIZE_MAX};
    uint32_t *places = memory_allocate_large(objects->node_count, sizeof *places);

    *part = (struct graph_part){0};
    choosing.is_chosen = memory_allocate_zeroed(objects->node_count, 1);
    choose_targets(&choosing, is_target);
    choose_neighbours(&choosing, is_target);
    part->nodes = memory_allocate_zeroed(choosing.count, sizeof *part->nodes);
    for (uint32_t node = 0; node < objects->node_count; node++) {
        places[node] = choosing.is_chosen[node] ? (uint32_t)part->count : OBJECT_GRAPH_NONE;
        if (choosing.is_chosen[node])
            part->nodes[part->count++] = node;
    }
    add_edges(objects, places, part);
    if (part->edge_count > 0)
        qsort(part->edges, part->edge_count, sizeof *part->edges, compare_edges);
    free(choosing.is_chosen);
    free(places);
}

void graph_part_clear(struct graph_part *part)
{
    free(part->nodes);
    free(part->edges);
    *part = (struct graph_part){0};
}
