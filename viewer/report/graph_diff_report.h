/* Two snapshots side by side (graph_diff.h), for people and for programs. */
#ifndef SEEP_REPORT_GRAPH_DIFF_REPORT_H
#define SEEP_REPORT_GRAPH_DIFF_REPORT_H

#include "graph/graph_diff.h"
#include "report/diff_report.h"

/* Both write and flush. `limit` rows of each table; 0 = all. */
bool graph_diff_write_text(const struct graph_diff *diff, const struct diff_report_options *report,
                           uint64_t limit, FILE *out, struct error *error);

/* seep/diff, with what was added, freed and survives. */
bool graph_diff_write_json(const struct graph_diff *diff, const struct diff_report_options *report,
                           uint64_t limit, FILE *out, struct error *error);

#endif
