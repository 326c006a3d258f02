/* What the lines of one source file hold of a figure: each by itself, and with all that it calls.
 */
#ifndef SEEP_ANALYSIS_LINE_FIGURES_H
#define SEEP_ANALYSIS_LINE_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/query.h"

struct line_figures {
    uint64_t *self;      /* by line: of sites whose first own location (own_code.h) it is */
    uint64_t *inclusive; /* of sites with the line anywhere on their stack, each once */
    size_t line_count;   /* lines from 0, which is none, to the last that anything is known of */
    uint64_t total;      /* of all sites that the query asks for */
};

/* `file` as the recording names it. Of the query its figure, process and filter count. Fails like
 * query_run. Clear after use. */
bool line_figures_find(const struct profile *profile, const struct query *query, const char *file,
                       struct line_figures *figures, struct error *error);
void line_figures_clear(struct line_figures *figures);

#endif
