/* The graph of one snapshot: who is kept alive by whom, and what would go with it.
 *
 * Nodes are numbered: 0 is the whole process, 1 .. root_count the roots (variables, threads, ...,
 * and "lost"), behind them the blocks, in the snapshot's order. What no root reaches hangs from
 * "lost", by its leaders (leak_leaders.h); what is lost keeps nothing alive that is not.
 *
 * A pointer into the middle of a block may be an old one: what the allocator left in memory that
 * was never written looks like it. So a block that a chain of pointers to starts reaches is not
 * also kept by pointers into its middle; those of blocks that have no other count (reachability.h).
 *
 * A node dominates another when every way from the whole to that one leads through it: without it
 * the other would be lost. What a node retains is itself and all that it dominates. Dominators are
 * found by semi-NCA (Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems",
 * 2005): depth-first numbers, semidominators with path compression, then nearest common ancestors;
 * everything iterative. */
#ifndef SEEP_GRAPH_OBJECT_GRAPH_H
#define SEEP_GRAPH_OBJECT_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/progress.h"
#include "snapshot/snapshot.h"

#define OBJECT_GRAPH_WHOLE 0u
#define OBJECT_GRAPH_NONE  UINT32_MAX

/* Which root each of the snapshot's slots belongs to: several slots are one root, such as the
 * words of one variable. */
struct object_graph_roots {
    const uint32_t *root_of_slot; /* by position in snapshot.roots, 0 .. count - 1 */
    uint32_t count;               /* "lost" is not among them */
    const uint8_t *ranks;         /* by root: ways begin at those of a smaller rank where they can.
                                     NULL = all are equal */
};

struct object_graph {
    const struct snapshot *snapshot; /* borrowed */
    uint32_t root_count;             /* with "lost", which is the last */
    uint32_t node_count;
    uint32_t *dominators;      /* by node: the immediate one; of the whole OBJECT_GRAPH_NONE */
    uint64_t *retained_bytes;  /* by node */
    uint32_t *retained_blocks; /* by node */
    uint32_t *parents;         /* by node: the step before it on a shortest way from a root of the
                                  smallest rank that reaches it; of roots the whole */
    uint8_t *reach;            /* by block: enum reach (reachability.h); REACH_NONE = lost */
    uint64_t *root_starts;     /* root_count + 1: where a root's blocks stand in the next */
    uint32_t *root_blocks;
};

/* The snapshot (SNAPSHOT_DONE) must outlive the graph. 21 bytes a block; while it is built, 41 and
 * 4 a reference. */
void object_graph_build(const struct snapshot *snapshot, const struct object_graph_roots *roots,
                        struct object_graph *graph);
/* The same, which can be stopped: false, and there is nothing to clear. */
bool object_graph_try_build(const struct snapshot *snapshot, const struct object_graph_roots *roots,
                            const struct progress *progress, struct object_graph *graph);
void object_graph_clear(struct object_graph *graph);

static inline uint32_t object_graph_node(const struct object_graph *graph, uint32_t block)
{
    return graph->root_count + 1 + block;
}

static inline bool object_graph_is_block(const struct object_graph *graph, uint32_t node)
{
    return node > graph->root_count;
}

static inline uint32_t object_graph_block(const struct object_graph *graph, uint32_t node)
{
    return node - graph->root_count - 1;
}

/* The node of "lost". */
static inline uint32_t object_graph_lost(const struct object_graph *graph)
{
    return graph->root_count;
}

/* Shortest ways that begin at some roots (a byte a node up to `root_count`, 1 = wanted): like
 * `parents`, and OBJECT_GRAPH_NONE of what these do not reach. Caller frees. */
uint32_t *object_graph_find_ways(const struct object_graph *graph, const uint8_t *is_wanted);

/* Calls for each node that `node` refers to; an edge may come several times. */
typedef void (*object_graph_visit)(void *context, uint32_t node);
void object_graph_visit_successors(const struct object_graph *graph, uint32_t node,
                                   object_graph_visit visit, void *context);

/* What a set of blocks retains together: what no way from a root reaches without one of them. A
 * byte a block, 1 = in the set. Linear in blocks and references. */
void object_graph_retained_set(const struct object_graph *graph, const uint8_t *is_in_set,
                               uint64_t *bytes, uint64_t *blocks);

#endif
