/* The curves of one process: points in time, a bounded number of them. When there are too many,
 * neighbours are merged in pairs (the later values, the greater peak), and from then on twice as
 * many samples make one point. */
#ifndef SEEP_HEAP_SAMPLES_H
#define SEEP_HEAP_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample {
    uint64_t time_ns;
    uint64_t heap_bytes;
    uint64_t heap_peak_bytes; /* since the point before */
    uint64_t mapped_bytes;
    uint64_t resident_bytes;
    uint64_t live_blocks;
};

struct samples {
    struct sample *points;
    size_t count;
    size_t capacity;
    size_t written_count;
    uint32_t max_count;
    uint32_t stride; /* samples a point stands for */
    uint32_t pending_count;
    struct sample pending; /* samples that make no whole point yet */
};

void samples_init(struct samples *samples, uint32_t max_count); /* 0 = 2048 */
void samples_clear(struct samples *samples);
void samples_add(struct samples *samples, const struct sample *sample);

/* Hands over the points that were not handed over before; with is_everything all, also one that is
 * not whole yet. */
typedef void (*samples_write)(void *context, const struct sample *sample);
void samples_write_points(struct samples *samples, bool is_everything, samples_write write,
                          void *context);

#endif
