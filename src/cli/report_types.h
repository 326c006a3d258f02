/* The object graphs whose types `seep report --by=type` shows: of each process, at the newest
 * snapshot at the instant. */
#ifndef SEEP_CLI_REPORT_TYPES_H
#define SEEP_CLI_REPORT_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/query.h"
#include "base/error.h"
#include "cli/recording_argument.h"
#include "report/graph_report.h"
#include "symbols/symbolizer.h"

struct report_types {
    struct snapshot_list list;
    struct snapshot *snapshots;             /* by position in processes */
    struct process_graph *graphs;           /* the same */
    struct graph_report_process *processes; /* those that have a graph */
    size_t count;
};

/* `process` is a position, or QUERY_ALL_PROCESSES; of blocks, those of sites that pass the filter
 * count. False, with what can be done about it, where no process has a snapshot. What the options
 * point to is borrowed until the clear; clear after a failure too. */
bool report_types_find(struct report_types *types, const struct recording_argument *argument,
                       uint32_t process, const struct query_filter *filter,
                       const struct symbolizer_options *options, struct error *error);
void report_types_clear(struct report_types *types);

#endif
