/* Nodes are handled by their depth-first numbers: a smaller number is nearer to the whole. */
#include "graph/dominators.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/object_edges.h"

struct search {
    struct object_graph *graph;
    uint32_t *order;   /* number to node */
    uint32_t *numbers; /* node to number; OBJECT_GRAPH_NONE = not reached */
    uint32_t *parents; /* by number: the parent's number in the tree */
    uint32_t count;

    /* Edges backwards: numbers of a node's predecessors are predecessors[starts[node]] .. */
    uint64_t *starts;
    uint32_t *predecessors;

    /* The forest of path compression, by number. */
    uint32_t *ancestors;
    uint32_t *labels;
    uint32_t *semi;
};

/* ---- depth-first numbers ---- */

/* Without a stack: the way back is in `parents`, and how far a node's edges were followed is in
 * `cursors`, by number. */
static void number_nodes(struct search *search, uint32_t *cursors)
{
    const struct object_graph *graph = search->graph;
    uint32_t at = 0;

    for (uint32_t i = 0; i < graph->node_count; i++)
        search->numbers[i] = OBJECT_GRAPH_NONE;
    search->numbers[OBJECT_GRAPH_WHOLE] = 0;
    search->order[0] = OBJECT_GRAPH_WHOLE;
    search->parents[0] = 0;
    cursors[0] = 0;
    search->count = 1;
    for (;;) {
        uint64_t cursor = cursors[at];
        uint32_t next = object_edges_next(graph, search->order[at], &cursor);

        cursors[at] = (uint32_t)cursor;
        if (next == OBJECT_GRAPH_NONE) {
            if (at == 0)
                return;
            at = search->parents[at];
        } else if (search->numbers[next] == OBJECT_GRAPH_NONE) {
            search->numbers[next] = search->count;
            search->order[search->count] = next;
            search->parents[search->count] = at;
            at = search->count++;
            cursors[at] = 0;
        }
    }
}

/* ---- edges backwards ---- */

/* By node: first each count of predecessors becomes the end of their row, then filling the row from
 * its end makes it the start. */
static void reverse_edges(struct search *search)
{
    const struct object_graph *graph = search->graph;
    uint64_t *starts = memory_allocate_zeroed((size_t)graph->node_count + 1, sizeof *starts);

    for (uint32_t node = 0; node < graph->node_count; node++) {
        uint64_t cursor = 0;

        if (search->numbers[node] == OBJECT_GRAPH_NONE)
            continue;
        for (uint32_t to; (to = object_edges_next(graph, node, &cursor)) != OBJECT_GRAPH_NONE;)
            starts[to]++;
    }
    for (uint32_t node = 0; node < graph->node_count; node++)
        starts[node + 1] += starts[node];
    search->predecessors = memory_allocate_large(starts[graph->node_count],
                                                 sizeof *search->predecessors);
    for (uint32_t node = 0; node < graph->node_count; node++) {
        uint64_t cursor = 0;

        if (search->numbers[node] == OBJECT_GRAPH_NONE)
            continue;
        for (uint32_t to; (to = object_edges_next(graph, node, &cursor)) != OBJECT_GRAPH_NONE;)
            search->predecessors[--starts[to]] = search->numbers[node];
    }
    search->starts = starts;
}

/* ---- semidominators ---- */

/* The node with the smallest semidominator on the way up to the root of its tree in the forest.
 * Compresses that way; `stack` has room for it. */
static uint32_t evaluate(struct search *search, uint32_t number, uint32_t *stack)
{
    uint32_t count = 0, at = number;

    if (search->ancestors[number] == OBJECT_GRAPH_NONE)
        return number;
    while (search->ancestors[search->ancestors[at]] != OBJECT_GRAPH_NONE) {
        stack[count++] = at;
        at = search->ancestors[at];
    }
    while (count > 0) {
        uint32_t below = stack[--count], above = search->ancestors[below];

        if (search->semi[search->labels[above]] < search->semi[search->labels[below]])
            search->labels[below] = search->labels[above];
        search->ancestors[below] = search->ancestors[above];
    }
    return search->labels[number];
}

static void find_semidominators(struct search *search)
{
    uint32_t *stack = memory_allocate_large(search->count, sizeof *stack);

    for (uint32_t i = 0; i < search->count; i++) {
        search->ancestors[i] = OBJECT_GRAPH_NONE;
        search->labels[i] = search->semi[i] = i;
    }
    for (uint32_t i = search->count; i-- > 1;) {
        uint32_t node = search->order[i];

        for (uint64_t j = search->starts[node]; j < search->starts[node + 1]; j++) {
            uint32_t best = evaluate(search, search->predecessors[j], stack);

            if (search->semi[best] < search->semi[i])
                search->semi[i] = search->semi[best];
        }
        search->ancestors[i] = search->parents[i];
    }
    free(stack);
}

/* The nearest ancestor in the tree that is not below the semidominator. Into `parents`, which then
 * hold dominators: those of smaller numbers are final when they are needed. */
static void find_nearest_ancestors(struct search *search)
{
    for (uint32_t i = 1; i < search->count; i++) {
        uint32_t dominator = search->parents[i];

        while (dominator > search->semi[i])
            dominator = search->parents[dominator];
        search->parents[i] = dominator;
    }
}

uint32_t dominators_find(struct object_graph *graph, uint32_t *order)
{
    struct search search = {.graph = graph, .order = order};

    search.numbers = memory_allocate_large(graph->node_count, sizeof(uint32_t));
    search.parents = memory_allocate_large(graph->node_count, sizeof(uint32_t));
    search.semi = memory_allocate_large(graph->node_count, sizeof(uint32_t));
    number_nodes(&search, search.semi);
    reverse_edges(&search);
    free(search.numbers);
    search.ancestors = memory_allocate_large(search.count, sizeof(uint32_t));
    search.labels = memory_allocate_large(search.count, sizeof(uint32_t));
    find_semidominators(&search);
    find_nearest_ancestors(&search);
    for (uint32_t i = 0; i < graph->node_count; i++)
        graph->dominators[i] = OBJECT_GRAPH_NONE;
    for (uint32_t i = 1; i < search.count; i++)
        graph->dominators[order[i]] = order[search.parents[i]];
    free(search.parents);
    free(search.starts);
    free(search.predecessors);
    free(search.ancestors);
    free(search.labels);
    free(search.semi);
    return search.count;
}
