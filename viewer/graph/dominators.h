/* Immediate dominators of an object graph, by semi-NCA (object_graph.h). */
#ifndef SEEP_GRAPH_DOMINATORS_H
#define SEEP_GRAPH_DOMINATORS_H

#include <stdint.h>

#include "graph/object_graph.h"

/* Fills graph->dominators, and `order` (room for all nodes) with the reached nodes in depth-first
 * order, the whole first; returns how many there are. What is not reached has no dominator. */
uint32_t dominators_find(struct object_graph *graph, uint32_t *order);

#endif
