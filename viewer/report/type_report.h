/* Tables of types (graph_types.h), as reports on graphs and by type show them. */
#ifndef SEEP_REPORT_TYPE_REPORT_H
#define SEEP_REPORT_TYPE_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "graph/graph_types.h"
#include "report/json_stream.h"
#include "report/page.h"
#include "report/report.h"

/* Titles and rows. */
void type_write_rows(struct page *page, const struct process_graph *graph,
                     const struct graph_type_row *rows, size_t count);

/* A row as JSON, of a known type. */
json_t *type_make_json(const struct process_graph *graph, const struct graph_type_row *row);

/* What `seep report --by type` shows: options->types must be there. */
void type_write_report_text(struct page *page, const struct report_options *options);
/* The value of "by", of a process at this position. */
void type_add_report_json(struct json_stream *stream, const struct report_options *options,
                          uint32_t process, uint64_t limit);

#endif
