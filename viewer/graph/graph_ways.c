#include "graph/graph_ways.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

/* A block's way is the same as its parent's when both are of one class, else one step longer. Ways
 * are numbered as they are met; since parents come first on a shortest way, from the root on. */
struct ways {
    const struct process_graph *graph;
    uint64_t *hashes; /* by node: of its way, 0 = not worked out yet */
    uint32_t *stack;
};

static uint64_t hash_of(struct ways *ways, uint32_t node)
{
    const struct process_graph *graph = ways->graph;
    size_t count = 0;

    while (object_graph_is_block(&graph->graph, node) && ways->hashes[node] == 0) {
        ways->stack[count++] = node;
        node = graph->graph.parents[node];
    }
    if (ways->hashes[node] == 0)
        ways->hashes[node] = hash_mix(node + 1) | 1;
    while (count > 0) {
        uint32_t next = ways->stack[--count];
        uint32_t class_id = process_graph_class(graph, object_graph_block(&graph->graph, next));
        bool is_same = object_graph_is_block(&graph->graph, node) &&
                       process_graph_class(graph, object_graph_block(&graph->graph, node)) ==
                           class_id;

        ways->hashes[next] = is_same ? ways->hashes[node]
                                     : hash_mix(ways->hashes[node] ^ (class_id + 1)) | 1;
        node = next;
    }
    return ways->hashes[node];
}

static void add_step(struct graph_way *way, uint32_t class_id, uint32_t block)
{
    struct graph_way_step *last = way->step_count ? &way->steps[way->step_count - 1] : NULL;

    if (last && last->class_id == class_id) {
        last->blocks++;
        last->block = block;
    } else if (way->step_count < GRAPH_WAY_STEPS) {
        way->steps[way->step_count++] = (struct graph_way_step){class_id, block, 1};
    } else {
        *last = (struct graph_way_step){class_id, block, 1};
        way->omitted_steps++;
    }
}

/* The steps of one block's way, from its root. */
static void describe_way(struct ways *ways, struct graph_way *way)
{
    const struct object_graph *objects = &ways->graph->graph;
    uint32_t node = object_graph_node(objects, way->block);
    size_t count = 0;

    while (object_graph_is_block(objects, node)) {
        ways->stack[count++] = node;
        node = objects->parents[node];
    }
    way->root = node;
    while (count > 0) {
        uint32_t block = object_graph_block(objects, ways->stack[--count]);

        add_step(way, process_graph_class(ways->graph, block), block);
    }
}

static int compare_ways(const void *left, const void *right)
{
    const struct graph_way *a = left, *b = right;

    if (a->blocks != b->blocks)
        return a->blocks < b->blocks ? 1 : -1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->block < b->block ? -1 : a->block > b->block;
}

struct graph_way *process_graph_ways(const struct process_graph *graph, const uint8_t *is_target,
                                     size_t *count)
{
    const struct object_graph *objects = &graph->graph;
    struct ways ways = {.graph = graph};
    struct hash_map positions = {0};
    struct graph_way *list = NULL;
    size_t capacity = 0;

    ways.hashes = memory_allocate_zeroed(objects->node_count, sizeof *ways.hashes);
    ways.stack = memory_allocate_zeroed(objects->node_count, sizeof *ways.stack);
    *count = 0;
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        bool is_new;
        uint64_t *position;

        if (!is_target[i] || objects->parents[object_graph_node(objects, i)] == OBJECT_GRAPH_NONE)
            continue;
        position = hash_map_put(&positions, hash_of(&ways, object_graph_node(objects, i)), &is_new);
        if (is_new) {
            *position = *count;
            list = memory_grow(list, &capacity, *count + 1, sizeof *list);
            list[(*count)++] = (struct graph_way){.block = i};
        }
        list[*position].blocks++;
        list[*position].bytes += graph->snapshot->blocks[i].bytes;
    }
    for (size_t i = 0; i < *count; i++)
        describe_way(&ways, &list[i]);
    if (*count > 0)
        qsort(list, *count, sizeof *list, compare_ways);
    hash_map_clear(&positions);
    free(ways.hashes);
    free(ways.stack);
    return list;
}
