/* The ways on which blocks are kept alive, from roots to them. */
#ifndef SEEP_GRAPH_GRAPH_WAYS_H
#define SEEP_GRAPH_GRAPH_WAYS_H

#include <stddef.h>
#include <stdint.h>

#include "graph/process_graph.h"

enum {
    GRAPH_WAY_STEPS = 12
};

/* How blocks are kept alive: shortest ways from roots, with steps of one class folded into one, and
 * equal ways as one. */
struct graph_way_step {
    uint32_t class_id;
    uint32_t block;  /* one of them: the one nearest to the target */
    uint64_t blocks; /* 1, or how many of the same class follow each other on the longest way */
};
struct graph_way {
    uint32_t root;                                /* node */
    uint64_t blocks, bytes;                       /* of the target, on such a way */
    uint32_t block;                               /* one of them */
    struct graph_way_step steps[GRAPH_WAY_STEPS]; /* from the root; the last is the target's */
    size_t step_count;
    size_t omitted_steps; /* in the middle, behind the first GRAPH_WAY_STEPS - 1 */
};

/* `is_target` has a byte a block. Ways with most blocks first. Caller frees. */
struct graph_way *process_graph_ways(const struct process_graph *graph, const uint8_t *is_target,
                                     size_t *count);

#endif
