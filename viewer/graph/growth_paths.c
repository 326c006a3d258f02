#include "graph/growth_paths.h"

#include <stdlib.h>

#include "analysis/query.h"
#include "base/memory.h"
#include "graph/graph_ways.h"
#include "graph/process_graph.h"

static void find_path(const struct process_graph *graph, uint32_t site, struct growth_path *path)
{
    size_t block_count = graph->snapshot->block_count, count;
    uint8_t *is_target = memory_allocate_zeroed(block_count, 1);
    struct graph_way *ways;

    for (size_t i = 0; i < block_count; i++)
        is_target[i] = graph->site_of_block[i] == site;
    ways = process_graph_ways(graph, is_target, &count);
    for (size_t i = 0; i < count; i++)
        path->total += ways[i].blocks;
    if (count > 0) {
        path->blocks = ways[0].blocks;
        graph_path_find(graph, ways[0].block, &path->path);
    }
    free(ways);
    free(is_target);
}

static void find_paths(const struct profile *profile, struct recording_reader *reader,
                       const struct snapshot_list *list, const struct symbolizer_options *options,
                       uint64_t most_blocks, struct process_growth *growth)
{
    const struct recording_snapshot *head = process_graph_choose(
        list, profile->processes[growth->process].about.id);
    struct process_graph graph;
    struct snapshot snapshot;

    if (!head || (most_blocks && head->block_count + head->python_nodes > most_blocks))
        return;
    snapshot_init(&snapshot);
    if (!process_graph_read(reader, head, &snapshot, NULL))
        return;
    process_graph_build(profile, growth->process, &snapshot, options, &graph);
    if (growth->growth.growing_count > 0)
        process_graph_find_types(&graph, options);
    for (size_t i = 0; i < growth->growth.growing_count; i++)
        find_path(&graph, growth->growth.sites[i].site, &growth->paths[i]);
    process_graph_clear(&graph);
    snapshot_clear(&snapshot);
}

void process_growths_find(const struct profile *profile, struct recording_reader *reader,
                          uint32_t process, const struct symbolizer_options *options,
                          uint64_t most_blocks, struct process_growths *growths)
{
    struct snapshot_list list = {0};

    *growths = (struct process_growths){
        .items = memory_allocate_zeroed(profile->process_count, sizeof *growths->items)};
    snapshot_list_read(&list, reader, NULL);
    for (uint32_t i = 0; i < profile->process_count; i++) {
        struct process_growth *growth = &growths->items[growths->count];

        if (process != QUERY_ALL_PROCESSES && process != i)
            continue;
        *growth = (struct process_growth){.process = i};
        growth_find(profile, reader, &list, i, &growth->growth);
        if (!growth->growth.has_timeline) {
            growth_clear(&growth->growth);
            continue;
        }
        growths->count++;
        growth->paths = memory_allocate_zeroed(growth->growth.growing_count, sizeof *growth->paths);
        if (growth->growth.growing_count > 0)
            find_paths(profile, reader, &list, options, most_blocks, growth);
    }
    snapshot_list_clear(&list);
}

void process_growths_clear(struct process_growths *growths)
{
    for (size_t i = 0; i < growths->count; i++) {
        struct process_growth *growth = &growths->items[i];

        for (size_t j = 0; j < growth->growth.growing_count; j++) {
            graph_path_clear(&growth->paths[j].path);
        }
        free(growth->paths);
        growth_clear(&growth->growth);
    }
    free(growths->items);
    *growths = (struct process_growths){0};
}

const struct process_growth *process_growths_of(const struct process_growths *growths,
                                                uint32_t process)
{
    for (size_t i = 0; i < growths->count; i++)
        if (growths->items[i].process == process)
            return &growths->items[i];
    return NULL;
}
