/* What reports say of what memory is used for. */
#ifndef SEEP_REPORT_MEMORY_REPORT_H
#define SEEP_REPORT_MEMORY_REPORT_H

#include "analysis/memory_diff.h"
#include "analysis/memory_uses.h"
#include "report/json_stacks.h"
#include "report/json_stream.h"
#include "report/page.h"
#include "report/report.h"

/* A few lines; `memory` NULL or without figures: nothing. */
void memory_write_text(struct page *page, const struct process_memory *memory);

/* The report by category. */
void memory_write_report_text(struct page *page, const struct report_options *options);

/* "categories" and "trimmable_bytes" / "memory", of the process at this position. */
void memory_add_categories(struct json_stream *stream, const struct process_memory *memory);
void memory_add_json(struct json_stream *stream, struct json_stacks *stacks,
                     const struct process_memory *memory);

/* Of two recordings; NULL, or one that is not known: nothing / null. As text only where an
 * interpreter of Python is on both sides. */
void memory_write_diff_text(struct page *page, const struct profile *const profiles[DIFF_SIDES],
                            const struct memory_diff *diff);
void memory_add_diff_json(struct json_stream *stream,
                          const struct profile *const profiles[DIFF_SIDES],
                          const struct memory_diff *diff);

#endif
