#include "config.h"

#include "analysis/profile_loader.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/site_order.h"
#include "base/progress.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_threads(const void *left, const void *right)
{
    const struct recording_thread *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    return order ? order : compare_numbers(a->id, b->id);
}

static int compare_samples(const void *left, const void *right)
{
    const struct recording_sample *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    return order ? order : compare_numbers(a->time_ns, b->time_ns);
}

static int compare_mappings(const void *left, const void *right)
{
    const struct recording_mapping_site *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    if (!order)
        order = compare_numbers(b->live_bytes, a->live_bytes);
    return order ? order : compare_numbers(a->id, b->id);
}

static int compare_misuses(const void *left, const void *right)
{
    const struct recording_misuse *a = left, *b = right;
    int order = compare_numbers(a->process_id, b->process_id);
    if (!order)
        order = compare_numbers(a->time_ns, b->time_ns);
    return order ? order : compare_numbers(a->kind, b->kind);
}

static int compare_marks(const void *left, const void *right)
{
    const struct recording_mark *a = left, *b = right;
    int order = compare_numbers(a->time_ns, b->time_ns);
    return order ? order : strcmp(a->name, b->name);
}

static void sort(void *items, size_t count, size_t item_bytes,
                 int (*compare)(const void *, const void *))
{
    if (count)
        qsort(items, count, item_bytes, compare);
}

static bool order_goes_on(void *context, double share)
{
    return profile_loader_reaches(context, share);
}

/* Fills first_x and x_count of the processes from a sorted table; record.process_id is a position
 * there, and an id again afterwards. */
#define LINK_TO_PROCESSES(profile, items, count, first)                                            \
    for (size_t i = (profile)->count; i-- > 0;) {                                                  \
        struct profile_process *process = &(profile)->processes[(profile)->items[i].process_id];   \
        process->first = (uint32_t)i;                                                              \
        process->count++;                                                                          \
        (profile)->items[i].process_id = process->about.id;                                        \
    }

void profile_load_order(struct profile_loader *loader)
{
    struct profile *profile = loader->profile;
    site_order_sort(profile, loader->progress ? &(struct progress){order_goes_on, loader} : NULL);
    sort(profile->threads, profile->thread_count, sizeof *profile->threads, compare_threads);
    sort(profile->samples, profile->sample_count, sizeof *profile->samples, compare_samples);
    sort(profile->mappings, profile->mapping_count, sizeof *profile->mappings, compare_mappings);
    sort(profile->misuses, profile->misuse_count, sizeof *profile->misuses, compare_misuses);
    sort(profile->marks, profile->mark_count, sizeof *profile->marks, compare_marks);
    LINK_TO_PROCESSES(profile, threads, thread_count, first_thread)
    LINK_TO_PROCESSES(profile, samples, sample_count, first_sample)
    LINK_TO_PROCESSES(profile, mappings, mapping_count, first_mapping)
    LINK_TO_PROCESSES(profile, misuses, misuse_count, first_misuse)
}
