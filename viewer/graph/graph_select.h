/* The blocks that people mean by a word. */
#ifndef SEEP_GRAPH_GRAPH_SELECT_H
#define SEEP_GRAPH_GRAPH_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "graph/process_graph.h"

/* The blocks that a word means: "0x..." the block there, a fingerprint or a regular expression the
 * blocks of sites that have it, or are named after a function that matches; or of types that match
 * it from their beginning to their end. Sets bytes in
 * `is_target` (a byte a block). False for a malformed expression. */
bool process_graph_select(const struct process_graph *graph, const char *word, uint8_t *is_target,
                          bool *is_any, struct error *error);

/* Of these blocks the one that retains most; SNAPSHOT_NONE = there is none. */
bool process_graph_pick(const struct process_graph *graph, const char *word, uint32_t *block,
                        struct error *error);

#endif
