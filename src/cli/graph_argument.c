#include "cli/graph_argument.h"

#include <inttypes.h>

#include "analysis/query.h"

const struct recording_snapshot *graph_argument_choose(const struct snapshot_list *list,
                                                       const struct recording_argument *argument,
                                                       uint64_t process_id)
{
    if (argument->instant == INSTANT_PEAK)
        return process_graph_choose_peak(list, process_id);
    if (argument->instant != INSTANT_SNAPSHOT)
        return argument->has_instant ? process_graph_choose_end(list, process_id)
                                     : process_graph_choose(list, process_id);
    for (size_t i = 0; i < list->count; i++)
        if (list->heads[i].id == argument->snapshot && list->heads[i].process_id == process_id &&
            process_graph_has(&list->heads[i]))
            return &list->heads[i];
    return NULL;
}

bool graph_argument_say_missing(const struct recording_argument *argument, struct error *error)
{
    if (argument->instant == INSTANT_PEAK)
        return error_set(error,
                         "%s: graphs are known at snapshots only, and none was taken at the peak "
                         "(\"seep run --snapshot-at=peak\" takes one)",
                         argument->path);
    return argument->instant == INSTANT_SNAPSHOT
               ? error_set(error, "%s: there is no snapshot %" PRIu64, argument->path,
                           argument->snapshot)
               : error_set(error,
                           "%s: no process was scanned, so there is no graph (\"seep leaks\" "
                           "says why)",
                           argument->path);
}

bool graph_argument_open(struct graph_argument *graph, const struct recording_argument *argument,
                         uint32_t process, const struct symbolizer_options *options,
                         const struct progress *progress, struct error *error)
{
    const struct profile *profile = argument->profile;
    uint32_t chosen = 0;

    *graph = (struct graph_argument){0};
    snapshot_init(&graph->snapshot);
    if (profile_is_sampled(profile))
        return error_set(error, "the recording is sampled: most blocks are not known, and so is "
                                "what refers to what");
    if (!snapshot_list_read(&graph->list, argument->reader, error))
        return false;
    for (uint32_t i = 0; i < profile->process_count; i++) {
        const struct recording_snapshot *head;

        if (process != QUERY_ALL_PROCESSES && process != i)
            continue;
        head = graph_argument_choose(&graph->list, argument, profile->processes[i].about.id);
        if (head && (!graph->head || head->block_count + head->python_nodes >
                                         graph->head->block_count + graph->head->python_nodes)) {
            graph->head = head;
            chosen = i;
        }
    }
    if (!graph->head)
        return graph_argument_say_missing(argument, error);
    if (!process_graph_read(argument->reader, graph->head, &graph->snapshot, error))
        return false;
    graph->was_stopped = !progress_reaches(progress, 0.1) ||
                         !process_graph_try_build(profile, chosen, &graph->snapshot, options,
                                                  progress, &graph->graph);
    if (graph->was_stopped)
        return error_set(error, "stopped");
    graph->graph.reader = argument->reader;
    graph->is_built = true;
    return true;
}

void graph_argument_close(struct graph_argument *graph)
{
    if (graph->is_built)
        process_graph_clear(&graph->graph);
    snapshot_clear(&graph->snapshot);
    snapshot_list_clear(&graph->list);
    *graph = (struct graph_argument){0};
}
