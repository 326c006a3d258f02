/* One way from a root to a block, with what it leads through: blocks by their functions and types,
 * and the members that lead from one to the next. */
#ifndef SEEP_GRAPH_GRAPH_PATH_H
#define SEEP_GRAPH_GRAPH_PATH_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "graph/process_graph.h"

struct graph_path_element {
    char *name;      /* of a root, or of the function that a block's site is named after */
    char *member;    /* that leads to the next; of the last, a container; "" = it is all of a
                           variable; NULL = not known, or none */
    char *type;      /* NULL = not known */
    uint64_t blocks; /* of one class that follow each other; 0 of a root */
};

struct graph_path {
    struct graph_path_element *elements; /* the root first */
    size_t count;
};

/* The shortest way to a block; or from what dominates it to the node, a root or block. Those of one
 * class that follow each other are one element; of many the ones in the middle are left out. Clear
 * after use. */
void graph_path_find(const struct process_graph *graph, uint32_t block, struct graph_path *path);
void graph_path_find_dominators(const struct process_graph *graph, uint32_t node,
                                struct graph_path *path);
void graph_path_clear(struct graph_path *path);

/* "server.db->dict->ht_table[0]", as far as members are known; appended. */
void graph_path_write(const struct graph_path *path, struct text *out);

#endif
