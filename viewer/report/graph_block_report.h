/* One block of an object graph, for people and as JSON: what it is, what holds it, what it refers
 * to, its members and its words. */
#ifndef SEEP_REPORT_GRAPH_BLOCK_REPORT_H
#define SEEP_REPORT_GRAPH_BLOCK_REPORT_H

#include <stdint.h>

#include "graph/process_graph.h"
#include "report/json_stream.h"
#include "report/page.h"

/* `limit`: so many links of each kind, members and rows of words; 0 = all. */
void graph_block_write_text(struct page *page, const struct process_graph *graph, uint32_t block,
                            uint64_t limit);

/* Under "block"; SNAPSHOT_NONE: null. */
void graph_block_write_json(struct json_stream *stream, const struct process_graph *graph,
                            uint32_t block, uint64_t limit);

#endif
