/* A part of a graph that can be drawn: some blocks, what refers to them and what they refer to, and
 * the ways on which they hang. */
#ifndef SEEP_GRAPH_GRAPH_PART_H
#define SEEP_GRAPH_GRAPH_PART_H

#include <stddef.h>
#include <stdint.h>

#include "graph/process_graph.h"

struct graph_part_edge {
    uint32_t from, to; /* positions in `nodes` */
};

struct graph_part {
    uint32_t *nodes; /* of the graph, ascending */
    size_t count;
    struct graph_part_edge *edges; /* each once, by `from`, then `to` */
    size_t edge_count;
};

/* Around blocks (a byte a block): those that retain most, `most` nodes in all. Linear in the graph.
 * Clear after use. */
void graph_part_around(const struct process_graph *graph, const uint8_t *is_target, size_t most,
                       struct graph_part *part);
void graph_part_clear(struct graph_part *part);

#endif
