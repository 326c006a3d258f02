/* Blocks may be held from several sides at once: by a variable, and by a stack that is about to let
 * go of them. For each kind of root the shortest ways that begin at one of that kind, whatever else
 * there is. */
#ifndef SEEP_GRAPH_GRAPH_KINDS_H
#define SEEP_GRAPH_GRAPH_KINDS_H

#include <stddef.h>
#include <stdint.h>

#include "graph/graph_path.h"
#include "graph/graph_ways.h"

struct graph_kind {
    const char *name;       /* "global", "stack", ..., "lost" */
    uint64_t blocks, bytes; /* of the target, that such roots reach */
    uint64_t way_count;     /* different ones */
    struct graph_way way;   /* on which most of the blocks are */
    struct graph_path path; /* of one of these */
};

struct graph_kinds {
    struct graph_kind items[SNAPSHOT_ROOT_PYTHON + 2]; /* those that reach most blocks first */
    size_t count;
    uint64_t target_blocks;
};

/* `is_target` has a byte a block. Linear in the graph for each kind that there is. Clear after use.
 */
void graph_kinds_find(const struct process_graph *graph, const uint8_t *is_target,
                      struct graph_kinds *kinds);
void graph_kinds_clear(struct graph_kinds *kinds);

#endif
