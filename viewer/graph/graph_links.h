/* What one node of the graph has to do with others, slot by slot: the way to it from a root, who
 * refers to it, and what it refers to.
 *
 * All references are told, also those that keep nothing alive (object_graph.h): such as pointers
 * into the middle of a block whose start is referred to elsewhere. */
#ifndef SEEP_GRAPH_GRAPH_LINKS_H
#define SEEP_GRAPH_GRAPH_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "graph/process_graph.h"

#define GRAPH_LINK_NO_OFFSET UINT64_MAX

enum {
    GRAPH_LINKS_WAY = 16 /* steps of the way; of more the middle is left out */
};

struct graph_link {
    uint32_t node;    /* the other end */
    uint32_t from;    /* the node that has the slot */
    uint32_t root;    /* of a root's slot: its position in snapshot.roots, else SNAPSHOT_NONE */
    uint64_t offset;  /* of the slot in the block; GRAPH_LINK_NO_OFFSET: a root's, or not known */
    uint64_t omitted; /* of the way: how many steps before this one are left out */
    bool is_interior; /* points behind the start */
    bool is_keeping;  /* keeps what it refers to alive */
};

struct graph_links {
    struct graph_link *way;       /* from a root to the node, which is the last; of a root: nothing.
                                     Each but the first with the slot in the step before it */
    struct graph_link *retainers; /* those that keep it alive first; then roots before blocks, and
                                     blocks by what they retain */
    struct graph_link *referents; /* by their slots */
    size_t way_count, retainer_count, referent_count;
};

/* Linear in the references. Clear after use. */
void graph_links_find(const struct process_graph *graph, uint32_t node, struct graph_links *links);
void graph_links_clear(struct graph_links *links);

/* Which slot it is: "+24 ht_table[0]" in a block; in a root the member or variable, or where that
 * is not known the register or the address. Appended; nothing where there is no slot. */
void graph_link_add_slot(const struct process_graph *graph, const struct graph_link *link,
                         struct text *out);

#endif
