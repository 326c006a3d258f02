/* Blocks in the order that people look at them: those that retain most first. */
#ifndef SEEP_GRAPH_GRAPH_RANK_H
#define SEEP_GRAPH_GRAPH_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "graph/process_graph.h"

typedef bool (*graph_rank_is_wanted)(const struct process_graph *graph, uint32_t block,
                                     const void *context);

/* Those that are wanted. Caller frees. */
uint32_t *graph_rank_blocks(const struct process_graph *graph, graph_rank_is_wanted is_wanted,
                            const void *context, size_t *count);

#endif
