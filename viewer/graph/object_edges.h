/* The edges of an object graph, for loops over millions of them; object_graph.h says which count.
 */
#ifndef SEEP_GRAPH_OBJECT_EDGES_H
#define SEEP_GRAPH_OBJECT_EDGES_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/object_graph.h"
#include "snapshot/reachability.h"

static inline bool object_edges_counts(const struct object_graph *graph, uint32_t from,
                                       const struct snapshot_reference *reference)
{
    uint8_t reach = graph->reach[reference->block];

    if (graph->reach[from] == REACH_NONE)
        return reach == REACH_NONE;
    return reach != REACH_SURE ||
           snapshot_counts_as_start((enum snapshot_reference_kind)reference->kind);
}

/* The successor of `node` from the edge at *cursor on, which then stands behind it; begin with 0.
 * OBJECT_GRAPH_NONE = there is no other. */
static inline uint32_t object_edges_next(const struct object_graph *graph, uint32_t node,
                                         uint64_t *cursor)
{
    if (object_graph_is_block(graph, node)) {
        const struct snapshot *snapshot = graph->snapshot;
        uint32_t block = object_graph_block(graph, node);
        uint64_t first = snapshot->first_reference[block];
        uint64_t count = snapshot->first_reference[block + 1] - first;

        while (*cursor < count) {
            const struct snapshot_reference *reference = &snapshot->references[first + *cursor];

            ++*cursor;
            if (object_edges_counts(graph, block, reference))
                return object_graph_node(graph, reference->block);
        }
    } else if (node == OBJECT_GRAPH_WHOLE) {
        if (*cursor < graph->root_count)
            return (uint32_t)++ * cursor;
    } else if (*cursor < graph->root_starts[node] - graph->root_starts[node - 1]) {
        return object_graph_node(graph,
                                 graph->root_blocks[graph->root_starts[node - 1] + (*cursor)++]);
    }
    return OBJECT_GRAPH_NONE;
}

#endif
