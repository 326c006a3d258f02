#include "record/process_ranges.h"

#include <stdatomic.h>

#include "heap/heap_model.h"
#include "record/pools.h"

static void add_own(struct range_list *own, const struct session_range *range)
{
    uint64_t start = atomic_load(&range->start), bytes = atomic_load(&range->bytes);
    range_list_add(own, start, start + bytes); /* nothing where that overflows */
}

void process_ranges_add_told(struct process_ranges *ranges, const struct process_tree *tree,
                             const struct recorded_process *process)
{
    const struct session_process *shared = session_process_at(session_host_header(tree->host),
                                                              process->process_slot);
    for (int i = 0; i < SESSION_OWN_RANGES; i++)
        add_own(&ranges->own, &shared->own[i]);
    for (size_t i = 0; i < process->intake_count; i++)
        add_own(&ranges->own, &process->intakes[i]->ring.control->own);
    for (size_t i = 0; i < process->annotations.region_count; i++)
        range_list_add(&ranges->regions, process->annotations.regions[i].start,
                       process->annotations.regions[i].end);
    for (size_t i = 0; i < process->pools.count; i++) {
        struct address_range head = pools_head(&process->pools, i);
        range_list_add(&ranges->regions, head.start, head.end);
    }
}

static void add_mapping(void *context, const struct interval *interval)
{
    range_list_add(context, interval->start, interval->end);
}

void process_ranges_add_mapped(struct process_ranges *ranges,
                               const struct recorded_process *process)
{
    heap_model_visit_mappings(process->model, add_mapping, &ranges->program);
    heap_model_visit_heaps(process->model, add_mapping, &ranges->heaps);
}

void process_ranges_clear(struct process_ranges *ranges)
{
    range_list_clear(&ranges->own);
    range_list_clear(&ranges->regions);
    range_list_clear(&ranges->program);
    range_list_clear(&ranges->heaps);
}
