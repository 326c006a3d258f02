/* All that is known of one node: its links to others, and of a block its words and members. */
#ifndef SEEP_GRAPH_GRAPH_BLOCK_H
#define SEEP_GRAPH_GRAPH_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "graph/graph_links.h"
#include "graph/graph_members.h"
#include "graph/process_graph.h"

enum {
    GRAPH_BLOCK_ROW_BYTES = 16 /* of hexadecimal rows */
};

struct graph_block {
    uint32_t node;
    uint32_t block; /* SNAPSHOT_NONE: a root */
    struct graph_links links;
    struct graph_members members;
    uint8_t *bytes; /* its first ones; NULL: none were kept */
    size_t count;
    struct error trouble; /* its message: "" or why they could not be read */
};

/* Linear in the references of the graph. Clear after use. */
void graph_block_find(const struct process_graph *graph, uint32_t node, struct graph_block *found);
void graph_block_clear(struct graph_block *found);

/* "256 of 4,096 bytes", or why there are none; appended. */
void graph_block_describe_words(const struct process_graph *graph, const struct graph_block *found,
                                struct text *out);

/* "0010  66 6f 6f 00 ...  foo............": the row that begins at `offset`; appended. */
void graph_block_add_row(const struct graph_block *found, size_t offset, struct text *out);

/* Where the next row begins whose bytes are others than those of the row at `offset`; the last row
 * counts as such. */
size_t graph_block_next_row(const struct graph_block *found, size_t offset);

#endif
