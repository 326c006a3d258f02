/* Growing sites as text: a part of the report, and lines of the summary. */
#ifndef SEEP_REPORT_GROWTH_TEXT_H
#define SEEP_REPORT_GROWTH_TEXT_H

#include "graph/growth_paths.h"
#include "report/page.h"
#include "report/report.h"

/* Of a process. NULL: it was not looked at, which is said. */
void growth_write_text(struct page *page, const struct report_options *options,
                       const struct process_growth *growth);

/* At most `limit` lines; none when nothing grows. */
void growth_write_summary(struct page *page, const struct process_growth *growth, unsigned limit);

#endif
