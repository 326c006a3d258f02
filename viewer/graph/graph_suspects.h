/* What a person would look at first: nodes that retain much, and where it gathers. */
#ifndef SEEP_GRAPH_GRAPH_SUSPECTS_H
#define SEEP_GRAPH_GRAPH_SUSPECTS_H

#include <stddef.h>
#include <stdint.h>

#include "graph/process_graph.h"

/* A node that retains much, and where it gathers: from it downwards to the largest child, as long
 * as that retains most of what its parent does (MAT's rule: 0.7). Or blocks of one class that
 * retain much together, though no root alone holds any of them: the pages of a cache, which refer
 * to each other, and stacks to some of them. */
struct graph_suspect {
    uint32_t node;  /* that retains more than the share: a root, or a block under the whole */
    uint64_t group; /* 0, or how many blocks of its class under the whole it stands for: most of
                       them have their shortest ways from the same root as it */
    uint64_t retained_blocks;
    uint32_t gathering; /* where it gathers: a node at or below it */
    uint64_t retained_bytes;
    double share;        /* of all bytes in the graph */
    uint32_t site;       /* that has most bytes among what it retains, or GRAPH_NO_SITE */
    uint64_t site_bytes; /* that it has there */
    uint64_t site_blocks;
};

/* The largest first; those above `share`. Caller frees. */
struct graph_suspect *process_graph_suspects(const struct process_graph *graph, double share,
                                             size_t *count);

#endif
