/* Nodes are handled by their depth-first numbers: a smaller number is nearer to the whole. */
#include "graph/dominators.h"

#include <stdlib.h>

#include "base/memory.h"

struct search {
    struct object_graph *graph;
    uint32_t *order;   /* number to node */
    uint32_t *numbers; /* node to number; OBJECT_GRAPH_NONE = not reached */
    uint32_t *parents; /* by number: the parent's number in the tree */
    uint32_t count;

    /* Edges backwards, by number: predecessors[starts[n]] .. */
    uint64_t *starts;
    uint32_t *predecessors;

    /* The forest of path compression, by number. */
    uint32_t *ancestors;
    uint32_t *labels;
    uint32_t *semi;
};

/* ---- depth-first numbers ---- */

/* A stack of (node, parent): an edge is followed when it is taken from the stack, so a node may lie
 * there several times, once for each edge at most. */
struct pending {
    uint32_t node;
    uint32_t parent; /* number */
};

struct numbering {
    struct search *search;
    struct pending *stack;
    size_t count, capacity;
    uint32_t parent;
};

static void push(void *context, uint32_t node)
{
    struct numbering *numbering = context;

    if (numbering->search->numbers[node] != OBJECT_GRAPH_NONE)
        return;
    numbering->stack = memory_grow(numbering->stack, &numbering->capacity, numbering->count + 1,
                                   sizeof *numbering->stack);
    numbering->stack[numbering->count++] = (struct pending){node, numbering->parent};
}

static void number_nodes(struct search *search)
{
    struct numbering numbering = {.search = search, .parent = 0};

    for (uint32_t i = 0; i < search->graph->node_count; i++)
        search->numbers[i] = OBJECT_GRAPH_NONE;
    push(&numbering, OBJECT_GRAPH_WHOLE);
    while (numbering.count > 0) {
        struct pending next = numbering.stack[--numbering.count];

        if (search->numbers[next.node] != OBJECT_GRAPH_NONE)
            continue;
        search->numbers[next.node] = search->count;
        search->order[search->count] = next.node;
        search->parents[search->count] = next.parent;
        numbering.parent = search->count++;
        object_graph_visit_successors(search->graph, next.node, push, &numbering);
    }
    free(numbering.stack);
}

/* ---- edges backwards ---- */

struct reversing {
    struct search *search;
    uint32_t from;
    uint64_t *next; /* NULL: count only */
};

static void reverse(void *context, uint32_t node)
{
    struct reversing *reversing = context;
    struct search *search = reversing->search;
    uint32_t number = search->numbers[node];

    if (reversing->next)
        search->predecessors[reversing->next[number]++] = reversing->from;
    else
        search->starts[number + 1]++;
}

static void visit_all(struct search *search, struct reversing *reversing)
{
    for (uint32_t i = 0; i < search->count; i++) {
        reversing->from = i;
        object_graph_visit_successors(search->graph, search->order[i], reverse, reversing);
    }
}

static void reverse_edges(struct search *search)
{
    struct reversing reversing = {.search = search};

    search->starts = memory_allocate_zeroed((size_t)search->count + 1, sizeof *search->starts);
    visit_all(search, &reversing);
    for (uint32_t i = 0; i < search->count; i++)
        search->starts[i + 1] += search->starts[i];
    search->predecessors = memory_allocate_large(search->starts[search->count],
                                                 sizeof *search->predecessors);
    reversing.next = memory_allocate_large(search->count, sizeof *reversing.next);
    for (uint32_t i = 0; i < search->count; i++)
        reversing.next[i] = search->starts[i];
    visit_all(search, &reversing);
    free(reversing.next);
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
        for (uint64_t j = search->starts[i]; j < search->starts[i + 1]; j++) {
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
    number_nodes(&search);
    reverse_edges(&search);
    search.ancestors = memory_allocate_large(search.count, sizeof(uint32_t));
    search.labels = memory_allocate_large(search.count, sizeof(uint32_t));
    search.semi = memory_allocate_large(search.count, sizeof(uint32_t));
    find_semidominators(&search);
    find_nearest_ancestors(&search);
    for (uint32_t i = 0; i < graph->node_count; i++)
        graph->dominators[i] = OBJECT_GRAPH_NONE;
    for (uint32_t i = 1; i < search.count; i++)
        graph->dominators[order[i]] = order[search.parents[i]];
    free(search.numbers);
    free(search.parents);
    free(search.starts);
    free(search.predecessors);
    free(search.ancestors);
    free(search.labels);
    free(search.semi);
    return search.count;
}
