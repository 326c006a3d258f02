/* The graph as trees that people read: what is alike is one node, however many blocks it stands
 * for.
 *
 * The tree of dominators has as many nodes as there are blocks. Folded, all blocks of one class
 * (graph_tables.h) under the same node are one, and those of that class right below them, such as
 * the rest of a list or of a tree, are the same one: "1,200 x Node". So a node is a way down from
 * the whole, with each class once where it repeats; what it retains is what the topmost of its
 * blocks retain.
 *
 * Bottom-up, the whole is what was asked for, and a node's children hold it: blocks, at last roots.
 *
 * Linear in blocks; a tree has no more nodes than the graph. */
#ifndef SEEP_GRAPH_GRAPH_TREE_H
#define SEEP_GRAPH_GRAPH_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "graph/graph_ways.h"
#include "base/text.h"
#include "graph/process_graph.h"

#define GRAPH_TREE_NONE UINT32_MAX

enum graph_tree_kind {
    GRAPH_TREE_WHOLE,   /* node 0 */
    GRAPH_TREE_ROOT,    /* a variable, a frame, ... */
    GRAPH_TREE_SHARED,  /* what several roots hold together */
    GRAPH_TREE_BLOCKS,  /* of one class */
    GRAPH_TREE_OMITTED, /* bottom-up: steps that were left out */
};

struct graph_tree_node {
    enum graph_tree_kind kind;
    uint32_t parent, first_child, next_sibling; /* GRAPH_TREE_NONE = none */
    uint32_t child_count;
    uint32_t depth;
    uint32_t root;     /* of a root: the graph's node */
    uint32_t class_id; /* of blocks */
    uint32_t block;    /* one of the blocks: the largest by what it retains */
    uint64_t blocks;   /* that it stands for; bottom-up: of those asked for, that are held so */
    uint64_t bytes;    /* of these alone */
    uint64_t chain;    /* bottom-up: how many of the class follow each other */
    uint64_t retained_blocks, retained_bytes; /* with all below; bottom-up: blocks and bytes */
};

/* Children stand side by side, the one that retains most first. */
struct graph_tree {
    struct graph_tree_node *nodes;
    size_t count;
    uint32_t *places; /* by node of the graph: of the tree; NULL: bottom-up */
};

void graph_tree_build(const struct process_graph *graph, struct graph_tree *tree);

/* Bottom-up, from the ways of process_graph_ways. */
void graph_tree_build_upwards(const struct graph_way *ways, size_t way_count,
                              struct graph_tree *tree);

/* " (server.db and others)": of what several roots hold together, the nearest of them. Appended;
 * nothing of other nodes. */
void graph_tree_add_holder(const struct process_graph *graph, const struct graph_tree *tree,
                           uint32_t node, struct text *out);

/* The blocks that a node stands for (bottom-up all of its class), those that retain most first.
 * Caller frees. */
uint32_t *graph_tree_list(const struct process_graph *graph, const struct graph_tree *tree,
                          uint32_t node, size_t *count);

void graph_tree_clear(struct graph_tree *tree);

#endif
