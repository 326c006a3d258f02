/* Single nodes of a graph in words, as screens and reports of one block show them. Names come out
 * of targets: whoever prints them makes them harmless. */
#ifndef SEEP_GRAPH_GRAPH_NAMES_H
#define SEEP_GRAPH_GRAPH_NAMES_H

#include "base/text.h"
#include "graph/graph_links.h"
#include "graph/graph_members.h"
#include "graph/process_graph.h"

/* All append. */

/* "client 0x7f0012", "sessions in demo". */
void graph_names_add_node(const struct process_graph *graph, uint32_t node, struct text *out);

/* "client (sure, dwarf)", "not known". */
void graph_names_add_type(const struct process_graph *graph, uint32_t block, struct text *out);

/* "open_session(int) demo.cpp:12": what a block was allocated by. */
void graph_names_add_site(const struct process_graph *graph, uint32_t block, struct text *out);

/* The other end of a link of node `self`, and what kind of link it is. */
void graph_names_add_link(const struct process_graph *graph, uint32_t self,
                          const struct graph_link *link, struct text *out);

/* What a member of block `self` is: "12 (long int)", "-> client 0x7f0012 +16 (client *)",
 * "0x7f0012 in libc.so.6 (function *)". */
void graph_names_add_value(const struct process_graph *graph, uint32_t self,
                           const struct graph_member *member, struct text *out);

#endif
