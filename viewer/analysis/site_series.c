#include "analysis/site_series.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/timeline_deltas.h"
#include "base/hash_map.h"
#include "base/memory.h"

struct reading {
    const struct profile *profile;
    const struct site_series_options *options;
    struct site_series *series;
    struct timeline_deltas deltas;
    struct hash_map sites; /* id to position among the process's sites */
    double *ends;          /* by position among the process's sites: what they held at the end */
    uint32_t *rows;        /* the same: their row + 1, 0 = not wanted */
};

/* ---- deltas ---- */

/* A delta is dated by the end of its bucket. One beyond the end that is wanted is left out. */
static bool place_delta(const struct reading *reading, const struct timeline_delta *delta,
                        uint32_t *site, uint64_t *time_ns, double *bytes)
{
    const uint64_t *found = hash_map_find(&reading->sites, delta->site);

    *time_ns = (delta->bucket + 1) * reading->deltas.bucket_ns;
    if (!found || (reading->options->end_ns && *time_ns > reading->options->end_ns))
        return false;
    *site = (uint32_t)*found;
    *bytes = (double)delta->allocated_bytes - (double)delta->freed_bytes;
    return true;
}

static void add_to_end(void *context, const struct timeline_delta *delta)
{
    struct reading *reading = context;
    struct site_series *series = reading->series;
    uint32_t site;
    uint64_t time_ns;
    double bytes;

    if (!place_delta(reading, delta, &site, &time_ns, &bytes))
        return;
    uint64_t start_ns = time_ns - reading->deltas.bucket_ns;
    reading->ends[site] += bytes;
    if (series->end_ns == 0 || start_ns < series->start_ns)
        series->start_ns = start_ns;
    if (time_ns > series->end_ns)
        series->end_ns = time_ns;
}

static void add_to_step(void *context, const struct timeline_delta *delta)
{
    struct reading *reading = context;
    struct site_series *series = reading->series;
    uint32_t site;
    uint64_t time_ns;
    double bytes;

    if (!place_delta(reading, delta, &site, &time_ns, &bytes) || reading->rows[site] == 0)
        return;
    uint64_t start_ns = time_ns - reading->deltas.bucket_ns;
    size_t step = (size_t)((double)(start_ns - series->start_ns) / series->step_ns);
    if (step >= series->step_count)
        step = series->step_count - 1;
    series->levels[(reading->rows[site] - 1) * series->step_count + step] += bytes;
}

/* ---- which sites ---- */

struct ranked {
    double bytes;
    uint32_t site;
};

static int compare(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->bytes < b->bytes || a->bytes > b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->site < b->site ? -1 : a->site > b->site;
}

static void choose_sites(struct reading *reading, uint32_t first_site, uint32_t site_count)
{
    const struct site_series_options *options = reading->options;
    struct site_series *series = reading->series;
    struct ranked *ranked = memory_allocate_zeroed(site_count, sizeof *ranked);
    size_t count = 0;

    for (uint32_t i = 0; i < site_count; i++)
        if (reading->ends[i] >= (double)options->least_bytes)
            ranked[count++] = (struct ranked){reading->ends[i], i};
    if (count > 0)
        qsort(ranked, count, sizeof *ranked, compare);
    series->site_count = count < options->most_sites ? count : options->most_sites;
    series->sites = memory_allocate_zeroed(series->site_count, sizeof *series->sites);
    for (size_t i = 0; i < series->site_count; i++) {
        series->sites[i] = first_site + ranked[i].site;
        reading->rows[ranked[i].site] = (uint32_t)i + 1;
    }
    free(ranked);
}

/* ---- the whole ---- */

static void begin(struct reading *reading, const struct profile_process *owner)
{
    for (uint32_t i = 0; i < owner->site_count; i++) {
        const struct profile_figures *site =
            &reading->profile->sites[owner->first_site + i].figures;

        *hash_map_put(&reading->sites, site->id, NULL) = i;
        reading->ends[i] = (double)site->inherited_bytes;
    }
}

static void sum_up(const struct reading *reading)
{
    struct site_series *series = reading->series;

    for (size_t i = 0; i < series->site_count; i++) {
        double *row = series->levels + i * series->step_count;

        row[0] += (double)reading->profile->sites[series->sites[i]].figures.inherited_bytes;
        for (size_t step = 1; step < series->step_count; step++)
            row[step] += row[step - 1];
    }
}

void site_series_read(const struct profile *profile, struct recording_reader *reader,
                      const struct site_series_options *options, struct site_series *series)
{
    const struct profile_process *owner = &profile->processes[options->process];
    struct reading reading = {.profile = profile, .options = options, .series = series};

    *series = (struct site_series){.step_count = options->step_count};
    reading.ends = memory_allocate_zeroed(owner->site_count, sizeof *reading.ends);
    reading.rows = memory_allocate_zeroed(owner->site_count, sizeof *reading.rows);
    begin(&reading, owner);
    timeline_deltas_find(&reading.deltas, reader, owner->about.id);
    timeline_deltas_visit(&reading.deltas, add_to_end, &reading);
    if (series->end_ns && options->last_ns > series->end_ns)
        series->end_ns = options->last_ns;
    if (series->end_ns > series->start_ns) {
        series->step_ns = (double)(series->end_ns - series->start_ns) / (double)series->step_count;
        choose_sites(&reading, owner->first_site, owner->site_count);
        series->levels = memory_allocate_zeroed(series->site_count * series->step_count,
                                                sizeof *series->levels);
        timeline_deltas_visit(&reading.deltas, add_to_step, &reading);
        sum_up(&reading);
    }
    hash_map_clear(&reading.sites);
    timeline_deltas_clear(&reading.deltas);
    free(reading.ends);
    free(reading.rows);
}

void site_series_clear(struct site_series *series)
{
    free(series->sites);
    free(series->levels);
    *series = (struct site_series){0};
}
