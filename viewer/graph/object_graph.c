#include "graph/object_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/dominators.h"
#include "snapshot/leak_leaders.h"
#include "snapshot/reachability.h"

/* ---- edges ---- */

/* A block that is lost keeps nothing alive that is not lost itself. */
static bool is_edge(const struct object_graph *graph, uint32_t from, uint32_t to)
{
    return !graph->is_lost[from] || graph->is_lost[to];
}

void object_graph_visit_successors(const struct object_graph *graph, uint32_t node,
                                   object_graph_visit visit, void *context)
{
    const struct snapshot *snapshot = graph->snapshot;

    if (node == OBJECT_GRAPH_WHOLE) {
        for (uint32_t root = 1; root <= graph->root_count; root++)
            visit(context, root);
    } else if (!object_graph_is_block(graph, node)) {
        for (uint64_t i = graph->root_starts[node - 1]; i < graph->root_starts[node]; i++)
            visit(context, object_graph_node(graph, graph->root_blocks[i]));
    } else {
        uint32_t block = object_graph_block(graph, node);

        for (uint64_t i = snapshot->first_reference[block];
             i < snapshot->first_reference[block + 1]; i++)
            if (is_edge(graph, block, snapshot->references[i].block))
                visit(context, object_graph_node(graph, snapshot->references[i].block));
    }
}

/* ---- roots ---- */

/* What is lost, and the leaders under which it hangs. */
static void find_lost(struct object_graph *graph, struct leak_leaders *leaders)
{
    const struct snapshot *snapshot = graph->snapshot;
    uint8_t *reach = memory_allocate_zeroed(snapshot->block_count, 1);

    graph->is_lost = memory_allocate_zeroed(snapshot->block_count, 1);
    reachability_mark(snapshot, 0, reach);
    for (size_t i = 0; i < snapshot->block_count; i++)
        graph->is_lost[i] = reach[i] == REACH_NONE;
    leak_leaders_find(snapshot, graph->is_lost, leaders);
    free(reach);
}

/* The blocks of each root stand together, those of "lost" last. */
static void sort_roots(struct object_graph *graph, const struct object_graph_roots *roots,
                       const struct leak_leaders *leaders)
{
    const struct snapshot *snapshot = graph->snapshot;
    uint64_t *next = memory_allocate_zeroed(graph->root_count + 1, sizeof *next);

    graph->root_starts = memory_allocate_zeroed(graph->root_count + 1, sizeof(uint64_t));
    graph->root_blocks = memory_allocate_zeroed(snapshot->root_count + leaders->count,
                                                sizeof(uint32_t));
    for (size_t i = 0; i < snapshot->root_count; i++)
        graph->root_starts[roots->root_of_slot[i] + 1]++;
    graph->root_starts[graph->root_count] += leaders->count;
    for (uint32_t i = 0; i < graph->root_count; i++)
        graph->root_starts[i + 1] += graph->root_starts[i];
    memcpy(next, graph->root_starts, graph->root_count * sizeof *next);
    for (size_t i = 0; i < snapshot->root_count; i++)
        graph->root_blocks[next[roots->root_of_slot[i]]++] = snapshot->roots[i].block;
    for (size_t i = 0; i < leaders->count; i++)
        graph->root_blocks[next[graph->root_count - 1]++] = leaders->items[i].block;
    free(next);
}

/* ---- ways ---- */

struct walk {
    struct object_graph *graph;
    uint32_t *queue;
    size_t count;
    uint32_t from;
};

static void step(void *context, uint32_t node)
{
    struct walk *walk = context;

    if (walk->graph->parents[node] != OBJECT_GRAPH_NONE)
        return;
    walk->graph->parents[node] = walk->from;
    walk->queue[walk->count++] = node;
}

enum {
    RANKS = 256
};

static unsigned rank_of(const struct object_graph_roots *roots, const struct object_graph *graph,
                        uint32_t root)
{
    if (root == object_graph_lost(graph))
        return RANKS - 1;
    return roots->ranks ? roots->ranks[root - 1] : 0;
}

/* Breadth first, so that each way is a shortest one; the roots of a smaller rank take all that they
 * reach before the next begin. A block that nothing reaches (one that was within a realloc) hangs
 * from nothing. */
static void find_ways(struct object_graph *graph, const struct object_graph_roots *roots)
{
    struct walk walk = {.graph = graph};
    size_t done = 0;
    bool has_rank[RANKS] = {false};

    walk.queue = memory_allocate_large(graph->node_count, sizeof *walk.queue);
    graph->parents = memory_allocate_large(graph->node_count, sizeof *graph->parents);
    for (uint32_t i = 0; i < graph->node_count; i++)
        graph->parents[i] = OBJECT_GRAPH_NONE;
    for (uint32_t root = 1; root <= graph->root_count; root++) {
        graph->parents[root] = OBJECT_GRAPH_WHOLE;
        has_rank[rank_of(roots, graph, root)] = true;
    }
    for (unsigned rank = 0; rank < RANKS; rank++) {
        for (uint32_t root = 1; has_rank[rank] && root <= graph->root_count; root++)
            if (rank_of(roots, graph, root) == rank)
                walk.queue[walk.count++] = root;
        for (; done < walk.count; done++) {
            walk.from = walk.queue[done];
            object_graph_visit_successors(graph, walk.from, step, &walk);
        }
    }
    free(walk.queue);
}

/* ---- retained ---- */

static void sum_up(struct object_graph *graph, const uint32_t *order, uint32_t reached)
{
    graph->retained_bytes = memory_allocate_zeroed(graph->node_count, sizeof(uint64_t));
    graph->retained_blocks = memory_allocate_zeroed(graph->node_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        uint32_t node = object_graph_node(graph, i);

        graph->retained_bytes[node] = graph->snapshot->blocks[i].bytes;
        graph->retained_blocks[node] = 1;
    }
    for (uint32_t i = reached; i-- > 1;) { /* a dominator comes before what it dominates */
        uint32_t node = order[i], dominator = graph->dominators[node];

        graph->retained_bytes[dominator] += graph->retained_bytes[node];
        graph->retained_blocks[dominator] += graph->retained_blocks[node];
    }
}

void object_graph_build(const struct snapshot *snapshot, const struct object_graph_roots *roots,
                        struct object_graph *graph)
{
    struct leak_leaders leaders;
    uint32_t *order, reached;

    *graph = (struct object_graph){.snapshot = snapshot,
                                   .root_count = roots->count + 1,
                                   .node_count = roots->count + 2 +
                                                 (uint32_t)snapshot->block_count};
    find_lost(graph, &leaders);
    sort_roots(graph, roots, &leaders);
    leak_leaders_clear(&leaders);
    find_ways(graph, roots);
    order = memory_allocate_large(graph->node_count, sizeof *order);
    graph->dominators = memory_allocate_large(graph->node_count, sizeof *graph->dominators);
    reached = dominators_find(graph, order);
    sum_up(graph, order, reached);
    free(order);
}

void object_graph_clear(struct object_graph *graph)
{
    free(graph->dominators);
    free(graph->retained_bytes);
    free(graph->retained_blocks);
    free(graph->parents);
    free(graph->is_lost);
    free(graph->root_starts);
    free(graph->root_blocks);
    *graph = (struct object_graph){0};
}

/* ---- sets ---- */

struct marking {
    const struct object_graph *graph;
    const uint8_t *is_in_set;
    uint8_t *is_reached; /* by node */
    uint32_t *stack;
    size_t count;
};

static void mark(void *context, uint32_t node)
{
    struct marking *marking = context;
    const struct object_graph *graph = marking->graph;

    if (marking->is_reached[node] ||
        (object_graph_is_block(graph, node) && marking->is_in_set[object_graph_block(graph, node)]))
        return;
    marking->is_reached[node] = 1;
    marking->stack[marking->count++] = node;
}

void object_graph_retained_set(const struct object_graph *graph, const uint8_t *is_in_set,
                               uint64_t *bytes, uint64_t *blocks)
{
    struct marking marking = {.graph = graph, .is_in_set = is_in_set};

    marking.is_reached = memory_allocate_zeroed(graph->node_count, 1);
    marking.stack = memory_allocate_large(graph->node_count, sizeof *marking.stack);
    mark(&marking, OBJECT_GRAPH_WHOLE);
    while (marking.count > 0)
        object_graph_visit_successors(graph, marking.stack[--marking.count], mark, &marking);
    *bytes = *blocks = 0;
    for (uint32_t i = 0; i < graph->snapshot->block_count; i++)
        if (!marking.is_reached[object_graph_node(graph, i)] &&
            graph->parents[object_graph_node(graph, i)] != OBJECT_GRAPH_NONE) {
            *bytes += graph->snapshot->blocks[i].bytes;
            ++*blocks;
        }
    free(marking.is_reached);
    free(marking.stack);
}
