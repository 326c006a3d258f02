#include "analysis/python_heaps.h"

#include <stdlib.h>

#include "analysis/python_variables.h"
#include "base/memory.h"
#include "snapshot/snapshot.h"

static bool read_heap(struct recording_reader *reader, uint64_t snapshot_id,
                      struct python_heap *heap, struct error *error)
{
    python_heap_init(heap);
    return python_heap_read(reader, snapshot_id, heap, error);
}

/* Is this one better than what is there already? Snapshots come from the newest on; of those that
 * could not be read the oldest says why, since at the end there is no interpreter any more. */
static bool is_wanted(const struct process_python *found, const struct python_heap *heap)
{
    return heap->is_present && (found == NULL || !found->heap.is_read);
}

static bool find_of_process(struct python_heaps *heaps, uint32_t process,
                            const struct snapshot_list *list, uint64_t process_id,
                            struct recording_reader *reader, struct error *error)
{
    struct process_python *found = NULL;
    for (size_t i = list->count; i-- > 0 && (found == NULL || !found->heap.is_read);) {
        const struct recording_snapshot *head = &list->heads[i];
        struct python_heap heap;
        if (head->process_id != process_id)
            continue;
        if (!read_heap(reader, head->id, &heap, error))
            return false;
        if (!is_wanted(found, &heap)) {
            python_heap_clear(&heap);
            continue;
        }
        if (found == NULL) {
            heaps->items = memory_grow(heaps->items, &heaps->capacity, heaps->count + 1,
                                       sizeof *heaps->items);
            found = &heaps->items[heaps->count++];
        } else {
            python_heap_clear(&found->heap);
        }
        *found = (struct process_python){process, head->id, head->time_ns, heap, NULL};
    }
    return true;
}

static void find_sites(struct process_python *python, const struct profile *profile)
{
    struct site_numbers numbers;
    const struct python_heap *heap = &python->heap;
    python->sites = memory_allocate_zeroed(heap->site_count + 1, sizeof *python->sites);
    if (heap->site_count == 0)
        return;
    site_numbers_init(&numbers, profile, python->process);
    for (size_t i = 0; i < heap->site_count; i++)
        python->sites[i] = site_numbers_find(&numbers, heap->sites[i].site);
    site_numbers_clear(&numbers);
}

bool python_heaps_find(struct python_heaps *heaps, const struct profile *profile,
                       struct recording_reader *reader, struct error *error)
{
    struct snapshot_list list;
    *heaps = (struct python_heaps){0};
    if (!snapshot_list_read(&list, reader, error))
        return false;
    bool is_good = true;
    for (uint32_t i = 0; i < profile->process_count && is_good; i++)
        is_good = find_of_process(heaps, i, &list, profile->processes[i].about.id, reader, error);
    snapshot_list_clear(&list);
    for (size_t i = 0; i < heaps->count && is_good; i++) {
        find_sites(&heaps->items[i], profile);
        is_good = python_variables_name(&heaps->items[i].heap, reader, heaps->items[i].snapshot_id,
                                        error);
    }
    if (!is_good)
        python_heaps_clear(heaps);
    return is_good;
}

void python_heaps_clear(struct python_heaps *heaps)
{
    for (size_t i = 0; i < heaps->count; i++) {
        python_heap_clear(&heaps->items[i].heap);
        free(heaps->items[i].sites);
    }
    free(heaps->items);
    *heaps = (struct python_heaps){0};
}

const struct process_python *python_heaps_of(const struct python_heaps *heaps, uint32_t process)
{
    for (size_t i = 0; heaps != NULL && i < heaps->count; i++)
        if (heaps->items[i].process == process)
            return &heaps->items[i];
    return NULL;
}

uint64_t python_pinned_limit(const struct python_heap *heap)
{
    uint64_t limit = 10;
    while (limit <= heap->figures.pinned_most_blocks && limit < UINT64_C(1) << 40)
        limit *= 10;
    return limit;
}
