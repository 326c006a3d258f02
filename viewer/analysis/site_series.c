#include "analysis/site_series.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "heap/timeline_codec.h"

struct reading {
    const struct profile *profile;
    const struct site_series_options *options;
    struct site_series *series;
    uint64_t process_id;
    struct hash_map sites;  /* id to position among the process's sites, + 1 */
    struct hash_map blocks; /* number to the last record of it, counted from 1 */
    uint64_t record;        /* the one that is being read */
    uint64_t bucket_ns;     /* of the blocks that stand */
    double *ends;           /* by position among the process's sites: what they held at the end */
    uint32_t *rows;         /* the same: their row + 1, 0 = not wanted */
};

/* ---- which blocks stand ---- */

static bool note_block(void *context, enum recording_kind kind, const void *record)
{
    struct reading *reading = context;
    const struct recording_timeline *timeline = record;

    (void)kind;
    reading->record++;
    if (timeline->process_id != reading->process_id || timeline->bucket_ns == 0)
        return true;
    if (timeline->bucket_ns != reading->bucket_ns) {
        hash_map_clear(&reading->blocks);
        reading->bucket_ns = timeline->bucket_ns;
    }
    *hash_map_put(&reading->blocks, timeline->block_index, NULL) = reading->record;
    return true;
}

static bool stands(const struct reading *reading, const struct recording_timeline *timeline)
{
    const uint64_t *last;

    if (timeline->process_id != reading->process_id || timeline->bucket_ns != reading->bucket_ns)
        return false;
    last = hash_map_find(&reading->blocks, timeline->block_index);
    return last && *last == reading->record;
}

static void visit_all(struct reading *reading, struct recording_reader *reader,
                      recording_visit visit)
{
    reading->record = 0;
    recording_reader_visit_owned(reader, RECORDING_timeline, reading->process_id, visit, reading,
                                 NULL);
}

/* ---- deltas ---- */

typedef void (*take_delta)(struct reading *reading, uint32_t site, uint64_t time_ns, double bytes);

/* A delta is dated by the end of its bucket. One beyond the end that is wanted is left out. */
static void read_deltas(struct reading *reading, const struct recording_timeline *timeline,
                        take_delta take)
{
    struct timeline_reader deltas = {.bytes = timeline->deltas.bytes,
                                     .byte_count = timeline->deltas.count};
    struct timeline_delta delta;
    uint64_t last_bucket = UINT64_MAX / timeline->bucket_ns - 1;

    while (timeline_reader_next(&deltas, &delta)) {
        const uint64_t *site = hash_map_find(&reading->sites, delta.site);
        uint64_t time_ns;

        if (!site || delta.bucket > last_bucket)
            continue;
        time_ns = (delta.bucket + 1) * timeline->bucket_ns;
        if (reading->options->end_ns && time_ns > reading->options->end_ns)
            continue;
        take(reading, (uint32_t)*site, time_ns,
             (double)delta.allocated_bytes - (double)delta.freed_bytes);
    }
}

static void add_to_end(struct reading *reading, uint32_t site, uint64_t time_ns, double bytes)
{
    struct site_series *series = reading->series;
    uint64_t start_ns = time_ns - reading->bucket_ns;

    reading->ends[site] += bytes;
    if (series->end_ns == 0 || start_ns < series->start_ns)
        series->start_ns = start_ns;
    if (time_ns > series->end_ns)
        series->end_ns = time_ns;
}

static bool sum_block(void *context, enum recording_kind kind, const void *record)
{
    struct reading *reading = context;

    (void)kind;
    reading->record++;
    if (stands(reading, record))
        read_deltas(reading, record, add_to_end);
    return true;
}

static void add_to_step(struct reading *reading, uint32_t site, uint64_t time_ns, double bytes)
{
    struct site_series *series = reading->series;
    uint64_t start_ns = time_ns - reading->bucket_ns;
    size_t step = (size_t)((double)(start_ns - series->start_ns) / series->step_ns);

    if (reading->rows[site] == 0)
        return;
    if (step >= series->step_count)
        step = series->step_count - 1;
    series->levels[(reading->rows[site] - 1) * series->step_count + step] += bytes;
}

static bool fill_block(void *context, enum recording_kind kind, const void *record)
{
    struct reading *reading = context;

    (void)kind;
    reading->record++;
    if (stands(reading, record))
        read_deltas(reading, record, add_to_step);
    return true;
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
        const struct recording_site *site = &reading->profile->sites[owner->first_site + i].figures;

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
    struct reading reading = {
        .profile = profile, .options = options, .series = series, .process_id = owner->about.id};

    *series = (struct site_series){.step_count = options->step_count};
    reading.ends = memory_allocate_zeroed(owner->site_count, sizeof *reading.ends);
    reading.rows = memory_allocate_zeroed(owner->site_count, sizeof *reading.rows);
    begin(&reading, owner);
    visit_all(&reading, reader, note_block);
    if (reading.bucket_ns)
        visit_all(&reading, reader, sum_block);
    if (series->end_ns && options->last_ns > series->end_ns)
        series->end_ns = options->last_ns;
    if (series->end_ns > series->start_ns) {
        series->step_ns = (double)(series->end_ns - series->start_ns) / (double)series->step_count;
        choose_sites(&reading, owner->first_site, owner->site_count);
        series->levels = memory_allocate_zeroed(series->site_count * series->step_count,
                                                sizeof *series->levels);
        visit_all(&reading, reader, fill_block);
        sum_up(&reading);
    }
    hash_map_clear(&reading.sites);
    hash_map_clear(&reading.blocks);
    free(reading.ends);
    free(reading.rows);
}

void site_series_clear(struct site_series *series)
{
    free(series->sites);
    free(series->levels);
    *series = (struct site_series){0};
}
