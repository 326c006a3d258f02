#include "cli/report_types.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Of a mark: its own snapshot, else the newest before it. */
static const struct recording_snapshot *choose_at_mark(const struct snapshot_list *list,
                                                       const struct recording_argument *argument,
                                                       uint64_t process_id)
{
    const struct profile *profile = argument->profile;
    const struct recording_snapshot *newest = NULL;
    const struct recording_mark *mark = NULL;

    for (size_t i = 0; i < profile->mark_count && !mark; i++)
        if (strcmp(profile->marks[i].name, argument->mark) == 0)
            mark = &profile->marks[i];
    for (size_t i = 0; i < list->count; i++) {
        const struct recording_snapshot *head = &list->heads[i];

        if (head->process_id != process_id || head->end != SNAPSHOT_DONE)
            continue;
        if (strcmp(head->mark, argument->mark) == 0)
            return head;
        if (mark && head->time_ns <= mark->time_ns && (!newest || head->time_ns >= newest->time_ns))
            newest = head;
    }
    return newest;
}

static const struct recording_snapshot *choose(const struct snapshot_list *list,
                                               const struct recording_argument *argument,
                                               uint64_t process_id)
{
    if (argument->instant == INSTANT_MARK)
        return choose_at_mark(list, argument, process_id);
    if (argument->instant == INSTANT_PEAK)
        return process_graph_choose_peak(list, process_id);
    return argument->has_instant ? process_graph_choose_end(list, process_id)
                                 : process_graph_choose(list, process_id);
}

static bool add_process(struct report_types *types, const struct recording_argument *argument,
                        uint32_t process, const struct symbolizer_options *options,
                        struct error *error)
{
    const struct profile *profile = argument->profile;
    const struct recording_snapshot *head = choose(&types->list, argument,
                                                   profile->processes[process].about.id);
    size_t at = types->count;

    if (!head)
        return true;
    snapshot_init(&types->snapshots[at]);
    if (!process_graph_read(argument->reader, head, &types->snapshots[at], error)) {
        snapshot_clear(&types->snapshots[at]);
        return false;
    }
    process_graph_build(profile, process, &types->snapshots[at], options, &types->graphs[at]);
    process_graph_find_types(&types->graphs[at], options);
    types->processes[at] = (struct graph_report_process){
        .process = process, .head = head, .graph = &types->graphs[at]};
    types->count++;
    return true;
}

static bool apply_filter(struct report_types *types, const struct profile *profile,
                         const struct query_filter *filter, struct error *error)
{
    uint8_t *is_kept;
    bool is_good;

    if (!query_filter_is_given(filter))
        return true;
    is_kept = memory_allocate_zeroed(profile->site_count, 1);
    is_good = query_filter_sites(profile, filter, is_kept, error);
    for (size_t i = 0; is_good && i < types->count; i++) {
        struct process_graph *graph = &types->graphs[i];

        graph->is_wanted = memory_allocate_zeroed(graph->snapshot->block_count, 1);
        for (uint32_t j = 0; j < graph->snapshot->block_count; j++)
            graph->is_wanted[j] = graph->site_of_block[j] != GRAPH_NO_SITE &&
                                  is_kept[graph->site_of_block[j]];
    }
    free(is_kept);
    return is_good;
}

bool report_types_find(struct report_types *types, const struct recording_argument *argument,
                       uint32_t process, const struct query_filter *filter,
                       const struct symbolizer_options *options, struct error *error)
{
    const struct profile *profile = argument->profile;

    *types = (struct report_types){0};
    if (profile_is_sampled(profile))
        return error_set(error, "the recording is sampled: most blocks are not known, and so are "
                                "their types");
    if (!snapshot_list_read(&types->list, argument->reader, error))
        return false;
    types->snapshots = memory_allocate_zeroed(profile->process_count, sizeof *types->snapshots);
    types->graphs = memory_allocate_zeroed(profile->process_count, sizeof *types->graphs);
    types->processes = memory_allocate_zeroed(profile->process_count, sizeof *types->processes);
    for (uint32_t i = 0; i < profile->process_count; i++)
        if ((process == QUERY_ALL_PROCESSES || process == i) &&
            !add_process(types, argument, i, options, error))
            return false;
    if (types->count == 0 && argument->instant == INSTANT_PEAK)
        return error_set(error,
                         "%s: types are known at snapshots only, and none was taken at the peak "
                         "(\"seep run --snapshot-at=peak\" takes one)",
                         argument->path);
    if (types->count == 0)
        return error_set(error,
                         "%s: no snapshot was taken by then, so types are not known: let the "
                         "program end by itself, or record with --snapshot-every=TIME, or call "
                         "\"seep snapshot PID\" while it runs (\"seep leaks\" says why there is "
                         "none at the end)",
                         argument->path);
    return apply_filter(types, profile, filter, error);
}

void report_types_clear(struct report_types *types)
{
    for (size_t i = 0; i < types->count; i++) {
        process_graph_clear(&types->graphs[i]);
        snapshot_clear(&types->snapshots[i]);
    }
    free(types->snapshots);
    free(types->graphs);
    free(types->processes);
    snapshot_list_clear(&types->list);
    *types = (struct report_types){0};
}
