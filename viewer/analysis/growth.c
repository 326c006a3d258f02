#include "analysis/growth.h"

#include <stdlib.h>

#include "analysis/site_series.h"
#include "base/memory.h"

enum {
    STEPS = 240,
    MOST_SITES = 2000
};

static const double NS_PER_MINUTE = 60e9;

/* When main returned or exit() was entered; 0 = not known. */
static uint64_t end_of(const struct recording_process *about, const struct snapshot_list *snapshots)
{
    uint64_t end_ns = 0;

    for (size_t i = 0; i < snapshots->count; i++)
        if (snapshots->heads[i].process_id == about->id &&
            snapshots->heads[i].reason == SNAPSHOT_AT_BEFORE_EXIT)
            end_ns = snapshots->heads[i].time_ns;
    return end_ns;
}

/* Sessions of thousands of short processes are common: their timelines are not read for nothing. */
static bool is_short_lived(const struct recording_process *about)
{
    return about->end_ns > about->start_ns && about->end_ns - about->start_ns < GROWTH_LEAST_NS;
}

static struct growth_site judge(const struct site_series *series, size_t row, bool is_too_short)
{
    const double *levels = series->levels + row * series->step_count;
    double per_minute = NS_PER_MINUTE / series->step_ns;
    struct trend trend;

    trend_judge(levels, series->step_count, GROWTH_LEAST_BYTES, &trend);
    return (struct growth_site){.site = series->sites[row],
                                .verdict = is_too_short ? TREND_UNCLEAR : trend.verdict,
                                .bytes_per_minute = trend.slope * per_minute,
                                .low = trend.low * per_minute,
                                .high = trend.high * per_minute,
                                .level = levels[series->step_count - 1]};
}

/* ---- order ---- */

struct sortable {
    struct growth_site site;
    uint64_t fingerprint;
};

static int rank(enum trend_verdict verdict)
{
    return verdict == TREND_GROWING ? 0 : verdict == TREND_UNCLEAR ? 1 : 2;
}

static int compare(const void *left, const void *right)
{
    const struct sortable *a = left, *b = right;
    double x = a->site.bytes_per_minute, y = b->site.bytes_per_minute;

    if (a->site.verdict != b->site.verdict)
        return rank(a->site.verdict) - rank(b->site.verdict);
    if (x < y || x > y)
        return x < y ? 1 : -1;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    return a->site.site < b->site.site ? -1 : a->site.site > b->site.site;
}

static void sort(const struct profile *profile, struct growth *growth)
{
    struct sortable *list = memory_allocate_zeroed(growth->count, sizeof *list);

    for (size_t i = 0; i < growth->count; i++)
        list[i] = (struct sortable){growth->sites[i],
                                    profile->sites[growth->sites[i].site].fingerprint};
    if (growth->count > 0)
        qsort(list, growth->count, sizeof *list, compare);
    for (size_t i = 0; i < growth->count; i++)
        growth->sites[i] = list[i].site;
    free(list);
}

void growth_find(const struct profile *profile, struct recording_reader *reader,
                 const struct snapshot_list *snapshots, uint32_t process, struct growth *growth)
{
    const struct recording_process *about = &profile->processes[process].about;
    uint64_t end_ns = end_of(about, snapshots);
    const struct site_series_options options = {
        .process = process,
        .end_ns = end_ns,
        .last_ns = end_ns ? end_ns : about->end_ns,
        .least_bytes = GROWTH_LEAST_BYTES,
        .most_sites = MOST_SITES,
        .step_count = STEPS};
    struct site_series series;

    *growth = (struct growth){0};
    if (is_short_lived(about)) {
        growth->start_ns = about->start_ns;
        growth->end_ns = about->end_ns;
        growth->has_timeline = growth->is_too_short = true;
        return;
    }
    site_series_read(profile, reader, &options, &series);
    growth->start_ns = series.start_ns;
    growth->end_ns = series.end_ns;
    growth->has_timeline = series.end_ns > series.start_ns;
    growth->is_too_short = growth->has_timeline &&
                           series.end_ns - series.start_ns < GROWTH_LEAST_NS;
    growth->count = series.site_count;
    growth->sites = memory_allocate_zeroed(growth->count, sizeof *growth->sites);
    for (size_t i = 0; i < growth->count; i++) {
        growth->sites[i] = judge(&series, i, growth->is_too_short);
        growth->growing_count += growth->sites[i].verdict == TREND_GROWING;
    }
    sort(profile, growth);
    site_series_clear(&series);
}

void growth_clear(struct growth *growth)
{
    free(growth->sites);
    *growth = (struct growth){0};
}
