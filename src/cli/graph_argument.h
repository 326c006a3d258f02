/* The object graph that a command was asked for: of one process, at the snapshot that the recording
 * argument names, or at the one that graphs are made of (graph_tables.h). */
#ifndef SEEP_CLI_GRAPH_ARGUMENT_H
#define SEEP_CLI_GRAPH_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/recording_argument.h"
#include "graph/process_graph.h"
#include "snapshot/snapshot_store.h"
#include "symbols/symbolizer.h"

struct graph_argument {
    struct snapshot_list list;
    const struct recording_snapshot *head; /* the snapshot */
    struct snapshot snapshot;
    struct process_graph graph;
    bool is_built;
    bool was_stopped; /* by `progress` */
};

/* `process` is a position, or QUERY_ALL_PROCESSES: of those that were scanned, the one with most
 * blocks. `progress`: NULL = it is not stopped. Close after use, also after a failure; a zeroed one
 * may be closed. */
bool graph_argument_open(struct graph_argument *graph, const struct recording_argument *argument,
                         uint32_t process, const struct symbolizer_options *options,
                         const struct progress *progress, struct error *error);
void graph_argument_close(struct graph_argument *graph);

/* The snapshot of one process that the argument means; NULL = there is none. */
const struct recording_snapshot *graph_argument_choose(const struct snapshot_list *list,
                                                       const struct recording_argument *argument,
                                                       uint64_t process_id);

/* Why there is no such snapshot: sets the error, false. */
bool graph_argument_say_missing(const struct recording_argument *argument, struct error *error);

#endif
