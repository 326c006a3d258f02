/* Folded trees of a graph (graph_tree.h) for people and as JSON. */
#ifndef SEEP_REPORT_GRAPH_TREE_REPORT_H
#define SEEP_REPORT_GRAPH_TREE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "graph/graph_tree.h"
#include "report/json_stream.h"
#include "report/page.h"

struct graph_tree_options {
    bool is_upwards;
    uint64_t limit;      /* children of a node, and those with a share worth telling; 0 = all */
    uint32_t most_depth; /* 0 = all */
};

void graph_tree_write_text(struct page *page, const struct process_graph *graph,
                           const struct graph_tree *tree, const struct graph_tree_options *options);
void graph_tree_write_json(struct json_stream *stream, const char *key,
                           const struct process_graph *graph, const struct graph_tree *tree,
                           const struct graph_tree_options *options);

/* "1,200 x Node", "sessions in demo"; appended. */
void graph_tree_add_name(const struct process_graph *graph, const struct graph_tree_node *node,
                         bool is_upwards, struct text *out);

#endif
