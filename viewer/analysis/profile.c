#include "analysis/profile.h"

#include <stdlib.h>

#include "analysis/arena.h"
#include "base/text.h"

void profile_destroy(struct profile *profile)
{
    if (!profile)
        return;
    free(profile->processes);
    free(profile->sites);
    free(profile->interval.from);
    free(profile->interval.to);
    if (profile->whole) {
        free(profile);
        return;
    }
    free(profile->threads);
    free(profile->samples);
    free(profile->mappings);
    free(profile->misuses);
    free(profile->marks);
    free(profile->frames);
    free(profile->locations);
    free(profile->nodes);
    free(profile->modules);
    arena_destroy(profile->arena);
    free(profile);
}

void profile_visit_stack(const struct profile *profile, uint32_t node, profile_visit_location visit,
                         void *context)
{
    if (node >= profile->node_count)
        return;
    for (; node; node = profile->nodes[node].parent) {
        const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
        for (uint32_t i = 0; i < frame->location_count; i++)
            if (!visit(context, frame, &profile->locations[frame->first_location + i]))
                return;
    }
}

const char *profile_process_name(const struct profile_process *process)
{
    const struct recording_text_list *arguments = &process->about.arguments;
    const char *name = arguments->count ? text_file_name(arguments->items[0]) : "";
    return *name ? name : text_file_name(process->about.executable);
}

const char *profile_function_name(enum function_kind function)
{
    static const char *const names[] = {
#define FUNCTION_KIND_NAME(number, name, text) [number] = text,
        FUNCTION_KINDS(FUNCTION_KIND_NAME)
#undef FUNCTION_KIND_NAME
    };
    return function < FUNCTION_KIND_COUNT ? names[function] : names[FUNCTION_NONE];
}

const struct recording_thread *profile_find_thread(const struct profile *profile, uint32_t process,
                                                   uint64_t thread_id)
{
    if (process >= profile->process_count)
        return NULL;
    const struct profile_process *owner = &profile->processes[process];
    const struct recording_thread *threads = profile->threads + owner->first_thread;
    size_t low = 0, high = owner->thread_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (threads[middle].id < thread_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < owner->thread_count && threads[low].id == thread_id ? &threads[low] : NULL;
}

const struct recording_sample *profile_find_sample(const struct profile *profile, uint32_t process,
                                                   uint64_t time_ns)
{
    const struct profile_process *owner = &profile->processes[process];
    const struct recording_sample *samples = profile->samples + owner->first_sample;
    size_t low = 0, high = owner->sample_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (samples[middle].time_ns <= time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &samples[low - 1] : NULL;
}

uint32_t profile_find_process(const struct profile *profile, uint64_t process_id)
{
    if (process_id < profile->process_count &&
        profile->processes[process_id].about.id == process_id)
        return (uint32_t)process_id;
    size_t low = 0, high = profile->process_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (profile->processes[middle].about.id < process_id)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < profile->process_count && profile->processes[low].about.id == process_id;
    return (uint32_t)(is_found ? low : profile->process_count);
}

void profile_take_figures(struct profile_figures *figures, const struct recording_site *from)
{
    *figures = (struct profile_figures){.id = from->id,
                                        .allocations = from->allocations,
                                        .frees = from->frees,
                                        .allocated_bytes = from->allocated_bytes,
                                        .freed_bytes = from->freed_bytes,
                                        .inherited_blocks = from->inherited_blocks,
                                        .inherited_bytes = from->inherited_bytes,
                                        .live_blocks = from->live_blocks,
                                        .live_bytes = from->live_bytes,
                                        .peak_blocks = from->peak_blocks,
                                        .peak_bytes = from->peak_bytes,
                                        .temporary_allocations = from->temporary_allocations,
                                        .first_ns = from->first_ns,
                                        .last_ns = from->last_ns};
}

void profile_add_to_totals(struct recording_totals *totals, const struct profile_figures *site)
{
    totals->allocations += site->allocations;
    totals->frees += site->frees;
    totals->allocated_bytes += site->allocated_bytes;
    totals->freed_bytes += site->freed_bytes;
    totals->inherited_blocks += site->inherited_blocks;
    totals->inherited_bytes += site->inherited_bytes;
    totals->live_blocks += site->live_blocks;
    totals->live_bytes += site->live_bytes;
    totals->temporary_allocations += site->temporary_allocations;
}
