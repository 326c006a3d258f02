#include "graph/last_seen.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/process_graph.h"
#include "snapshot/reachability.h"
#include "snapshot/snapshot_store.h"

enum {
    MOST_SNAPSHOTS = 16 /* that are read for a process, the newest first */
};

struct search {
    const struct profile *profile;
    struct recording_reader *reader;
    const struct last_seen_options *options;
    const struct leak_report_process *process;
    struct last_seen *found; /* by leak */
    uint32_t *seen_block;    /* by leak: the oldest of those that were seen in this snapshot */
};

static bool is_open(const struct search *search, const struct leak_report_block *block)
{
    return !search->found[block->leak].is_seen;
}

/* Is there a block that lived then, and whose leak has not been seen since? */
static bool is_any_open(const struct search *search, uint64_t time_ns)
{
    for (size_t i = 0; i < search->process->lost_count; i++)
        if (search->process->lost[i].birth_ns <= time_ns &&
            is_open(search, &search->process->lost[i]))
            return true;
    return false;
}

/* What is possibly lost has pointers into its middle still: those of then tell nothing. */
static bool is_held(const struct search *search, uint32_t leak, enum reach reach)
{
    enum leak_kind kind = search->process->leaks.items[leak].kind;

    return reach == REACH_SURE || (reach == REACH_POSSIBLE && kind != LEAK_POSSIBLE);
}

static void see(struct search *search, const struct snapshot *snapshot, uint32_t leak,
                uint32_t block)
{
    struct last_seen *found = &search->found[leak];

    if (!found->blocks++ ||
        snapshot->blocks[block].birth_ns < snapshot->blocks[search->seen_block[leak]].birth_ns)
        search->seen_block[leak] = block;
}

/* Both lists are sorted by address. True: something was held then. */
static bool see_blocks(struct search *search, const struct snapshot *snapshot)
{
    uint8_t *reach = memory_allocate_zeroed(snapshot->block_count, 1);
    const struct leak_report_process *process = search->process;
    bool is_any = false;

    reachability_mark(snapshot, search->options->roots_off, reach);
    for (size_t i = 0, j = 0; i < process->lost_count; i++) {
        const struct leak_report_block *lost = &process->lost[i];

        while (j < snapshot->block_count && snapshot->blocks[j].address < lost->address)
            j++;
        if (j == snapshot->block_count)
            break;
        if (snapshot->blocks[j].address != lost->address ||
            snapshot->blocks[j].birth_ns != lost->birth_ns || !is_open(search, lost) ||
            !is_held(search, lost->leak, (enum reach)reach[j]))
            continue;
        see(search, snapshot, lost->leak, (uint32_t)j);
        is_any = true;
    }
    free(reach);
    return is_any;
}

static void describe(struct search *search, const struct snapshot *snapshot,
                     const struct recording_snapshot *head)
{
    struct process_graph graph;

    process_graph_build(search->profile, search->process->process, snapshot,
                        search->options->symbols, &graph);
    process_graph_find_types(&graph, search->options->symbols);
    for (size_t i = 0; i < search->process->leaks.count; i++) {
        struct last_seen *found = &search->found[i];

        if (found->is_seen || !found->blocks)
            continue;
        found->is_seen = true;
        found->snapshot = head->id;
        found->time_ns = head->time_ns;
        found->reason = head->reason;
        graph_path_find(&graph, search->seen_block[i], &found->path);
    }
    process_graph_clear(&graph);
}

static void look_at(struct search *search, const struct recording_snapshot *head)
{
    struct snapshot snapshot;

    snapshot_init(&snapshot);
    if (snapshot_read(search->reader, head->id, &snapshot, NULL) && see_blocks(search, &snapshot))
        describe(search, &snapshot, head);
    snapshot_clear(&snapshot);
}

static void find_in(struct search *search, const struct snapshot_list *list)
{
    const struct recording_snapshot *lost_at = &search->process->head;
    size_t looks = 0;

    for (size_t i = list->count; i-- > 0 && looks < MOST_SNAPSHOTS;) {
        const struct recording_snapshot *head = &list->heads[i];

        if (head->process_id != lost_at->process_id || head->end != SNAPSHOT_DONE ||
            head->id >= lost_at->id || head->time_ns > lost_at->time_ns ||
            !is_any_open(search, head->time_ns))
            continue;
        look_at(search, head);
        looks++;
    }
}

void last_seens_find(const struct profile *profile, struct recording_reader *reader,
                     const struct leak_report *report, const struct last_seen_options *options,
                     struct last_seens *seens)
{
    struct snapshot_list list = {0};

    *seens = (struct last_seens){
        .processes = memory_allocate_zeroed(report->process_count, sizeof *seens->processes),
        .count = report->process_count};
    if (!snapshot_list_read(&list, reader, NULL))
        return;
    for (size_t i = 0; i < report->process_count; i++) {
        const struct leak_report_process *process = &report->processes[i];
        struct search search = {profile, reader, options, process, NULL, NULL};

        if (process->lost_count == 0)
            continue;
        search.found = memory_allocate_zeroed(process->leaks.count, sizeof *search.found);
        search.seen_block = memory_allocate_zeroed(process->leaks.count, sizeof *search.seen_block);
        find_in(&search, &list);
        free(search.seen_block);
        seens->processes[i] = (struct last_seen_process){search.found, process->leaks.count};
    }
    snapshot_list_clear(&list);
}

void last_seens_clear(struct last_seens *seens)
{
    for (size_t i = 0; i < seens->count; i++) {
        for (size_t j = 0; j < seens->processes[i].count; j++)
            graph_path_clear(&seens->processes[i].leaks[j].path);
        free(seens->processes[i].leaks);
    }
    free(seens->processes);
    *seens = (struct last_seens){0};
}

const struct last_seen *last_seens_of(const struct last_seens *seens, size_t process, size_t leak)
{
    if (!seens || process >= seens->count || leak >= seens->processes[process].count ||
        !seens->processes[process].leaks[leak].is_seen)
        return NULL;
    return &seens->processes[process].leaks[leak];
}
