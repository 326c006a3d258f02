#include "heap/samples.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    DEFAULT_MAX_COUNT = 2048,
    LEAST_MAX_COUNT = 2
};

void samples_init(struct samples *samples, uint32_t max_count)
{
    if (max_count == 0)
        max_count = DEFAULT_MAX_COUNT;
    if (max_count < LEAST_MAX_COUNT)
        max_count = LEAST_MAX_COUNT;
    *samples = (struct samples){.max_count = max_count, .stride = 1};
}

void samples_clear(struct samples *samples)
{
    free(samples->points);
    *samples = (struct samples){0};
}

static struct sample merge(const struct sample *first, const struct sample *second)
{
    struct sample merged = *second;
    if (first->heap_peak_bytes > merged.heap_peak_bytes)
        merged.heap_peak_bytes = first->heap_peak_bytes;
    if (merged.resident_bytes == 0)
        merged.resident_bytes = first->resident_bytes;
    return merged;
}

/* An odd point at the end goes back to the pending one. */
static void merge_pairs(struct samples *samples)
{
    size_t pairs = samples->count / 2;
    if (samples->count % 2 == 1) {
        samples->pending = samples->points[samples->count - 1];
        samples->pending_count = samples->stride;
    }
    for (size_t i = 0; i < pairs; i++)
        samples->points[i] = merge(&samples->points[2 * i], &samples->points[2 * i + 1]);
    samples->count = pairs;
    samples->written_count /= 2;
    if (samples->stride < UINT32_MAX / 4)
        samples->stride *= 2;
}

void samples_add(struct samples *samples, const struct sample *sample)
{
    samples->pending = samples->pending_count > 0 ? merge(&samples->pending, sample) : *sample;
    if (++samples->pending_count < samples->stride)
        return;
    samples->pending_count = 0;
    samples->points = memory_grow(samples->points, &samples->capacity, samples->count + 1,
                                  sizeof *samples->points);
    samples->points[samples->count++] = samples->pending;
    if (samples->count >= samples->max_count)
        merge_pairs(samples);
}

void samples_write_points(struct samples *samples, bool is_everything, samples_write write,
                          void *context)
{
    for (size_t i = is_everything ? 0 : samples->written_count; i < samples->count; i++)
        write(context, &samples->points[i]);
    samples->written_count = samples->count;
    if (is_everything && samples->pending_count > 0)
        write(context, &samples->pending);
}
