/* The parts of the text report. Each writes whole lines; a part that has nothing to say writes
 * nothing. */
#ifndef SEEP_REPORT_TEXT_PARTS_H
#define SEEP_REPORT_TEXT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "report/page.h"
#include "report/report.h"

enum {
    TEXT_DEFAULT_LIMIT = 20
};

/* What was recorded and how far it can be trusted; the first line is "TITLE of PROGRAM, from FILE". */
void text_write_header(struct page *page, const char *title, const struct report_options *options);

/* "function via called", and the stack below. The rest of the line is there already. */
void text_write_function_and_stack(struct page *page, const struct report_options *options,
                                   enum function_kind function, uint32_t node);

/* `process` is a position in profile.processes. False: the query could not run. */
bool text_write_sites(struct page *page, const struct report_options *options, uint32_t process,
                      struct error *error);
bool text_write_mappings(struct page *page, const struct report_options *options, uint32_t process,
                         struct error *error);
void text_write_misuse(struct page *page, const struct report_options *options, uint32_t process);

/* The table that --by asks for, and the tree of --tree, over the query's process or all. */
bool text_write_groups(struct page *page, const struct report_options *options,
                       struct error *error);
bool text_write_tree(struct page *page, const struct report_options *options, struct error *error);

/* Is the report about what was live at the peak? */
bool text_is_at_peak(const struct report_options *options);

/* The limit as a query takes it: 0 = all. */
uint64_t text_limit(const struct report_options *options);

/* The cell of a metric: sizes for bytes, digits for counts. */
void text_add_metric(struct page *page, int columns, enum query_metric metric, uint64_t value);
void text_add_percent(struct page *page, int columns, uint64_t part, uint64_t whole);

/* What of all passes the filter, when there is one; why there are no rows. */
void text_write_matched(struct page *page, const struct query *query,
                        const struct query_result *result);
void text_write_nothing(struct page *page, const struct query *query);

/* "and 3 more: 1.2 MiB"; bytes may be a negative sum. */
void text_write_omitted(struct page *page, uint64_t count, uint64_t bytes);

/* The stack below a site: its own function, then up to options->stack_depth callers. */
void text_write_stack(struct page *page, const struct report_options *options, uint32_t node);

#endif
