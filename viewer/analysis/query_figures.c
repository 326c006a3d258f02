#include "analysis/query.h"

#include <math.h>

void query_figures_add(struct query_figures *sum, const struct query_figures *added)
{
    for (int i = 0; i < QUERY_ALL_METRIC_COUNT; i++)
        sum->values[i] += added->values[i];
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        sum->variances[i] += added->variances[i];
    sum->inherited_blocks += added->inherited_blocks;
    sum->inherited_bytes += added->inherited_bytes;
}

void query_figures_subtract(struct query_figures *sum, const struct query_figures *taken)
{
    for (int i = 0; i < QUERY_ALL_METRIC_COUNT; i++)
        sum->values[i] -= taken->values[i];
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        sum->variances[i] -= taken->variances[i];
    sum->inherited_blocks -= taken->inherited_blocks;
    sum->inherited_bytes -= taken->inherited_bytes;
}

static uint64_t interval_value(const struct profile_site *site, enum query_metric metric)
{
    const struct profile_figures *figures = &site->figures;
    return metric == QUERY_NET_BYTES        ? figures->live_bytes - figures->inherited_bytes
           : metric == QUERY_NET_BLOCKS     ? figures->live_blocks - figures->inherited_blocks
           : metric == QUERY_SURVIVED_BYTES ? site->survived_bytes
                                            : site->survived_blocks;
}

uint64_t query_site_value(const struct profile_site *site, enum query_metric metric)
{
    static const size_t offsets[QUERY_METRIC_COUNT] = {
        [QUERY_LIVE_BYTES] = offsetof(struct profile_figures, live_bytes),
        [QUERY_PEAK_BYTES] = offsetof(struct profile_figures, peak_bytes),
        [QUERY_ALLOCATED_BYTES] = offsetof(struct profile_figures, allocated_bytes),
        [QUERY_FREED_BYTES] = offsetof(struct profile_figures, freed_bytes),
        [QUERY_LIVE_BLOCKS] = offsetof(struct profile_figures, live_blocks),
        [QUERY_PEAK_BLOCKS] = offsetof(struct profile_figures, peak_blocks),
        [QUERY_ALLOCATIONS] = offsetof(struct profile_figures, allocations),
        [QUERY_FREES] = offsetof(struct profile_figures, frees),
        [QUERY_TEMPORARY] = offsetof(struct profile_figures, temporary_allocations)};
    if (metric >= QUERY_METRIC_COUNT)
        return interval_value(site, metric);
    return *(const uint64_t *)((const char *)&site->figures + offsets[metric]);
}

static const enum recording_estimate PLACES[QUERY_METRIC_COUNT] = {
    [QUERY_LIVE_BYTES] = RECORDING_ESTIMATE_LIVE,
    [QUERY_PEAK_BYTES] = RECORDING_ESTIMATE_PEAK,
    [QUERY_ALLOCATED_BYTES] = RECORDING_ESTIMATE_ALLOCATED,
    [QUERY_FREED_BYTES] = RECORDING_ESTIMATE_FREED,
    [QUERY_LIVE_BLOCKS] = RECORDING_ESTIMATE_LIVE,
    [QUERY_PEAK_BLOCKS] = RECORDING_ESTIMATE_PEAK,
    [QUERY_ALLOCATIONS] = RECORDING_ESTIMATE_ALLOCATED,
    [QUERY_FREES] = RECORDING_ESTIMATE_FREED,
    [QUERY_TEMPORARY] = RECORDING_ESTIMATE_TEMPORARY};

double query_site_variance(const struct profile_site *site, enum query_metric metric)
{
    return estimate_variance(site->estimates, PLACES[metric], query_metric_at(metric)->is_bytes);
}

uint64_t query_site_seen(const struct profile_site *site, enum query_metric metric)
{
    return estimate_seen(site->estimates, PLACES[metric], query_metric_at(metric)->is_bytes);
}

uint64_t query_site_seen_blocks(const struct profile_site *site, enum query_metric metric)
{
    return estimate_seen(site->estimates, PLACES[metric], false);
}

uint64_t query_total(const struct recording_totals *totals, enum query_metric metric)
{
    const uint64_t values[QUERY_METRIC_COUNT] = {[QUERY_LIVE_BYTES] = totals->live_bytes,
                                                 [QUERY_PEAK_BYTES] = totals->peak_bytes,
                                                 [QUERY_ALLOCATED_BYTES] = totals->allocated_bytes,
                                                 [QUERY_FREED_BYTES] = totals->freed_bytes,
                                                 [QUERY_LIVE_BLOCKS] = totals->live_blocks,
                                                 [QUERY_PEAK_BLOCKS] = totals->peak_blocks,
                                                 [QUERY_ALLOCATIONS] = totals->allocations,
                                                 [QUERY_FREES] = totals->frees,
                                                 [QUERY_TEMPORARY] = totals->temporary_allocations};

    return values[metric];
}

void query_figures_add_totals(struct query_figures *sum, const struct recording_totals *totals)
{
    for (int i = 0; i < QUERY_METRIC_COUNT; i++) {
        sum->values[i] += query_total(totals, (enum query_metric)i);
        sum->variances[i] += (float)estimate_variance(&totals->estimates, PLACES[i],
                                                      query_metric_at((size_t)i)->is_bytes);
    }
    sum->values[QUERY_NET_BYTES] += totals->live_bytes - totals->inherited_bytes;
    sum->values[QUERY_NET_BLOCKS] += totals->live_blocks - totals->inherited_blocks;
    sum->inherited_blocks += totals->inherited_blocks;
    sum->inherited_bytes += totals->inherited_bytes;
}

void query_figures_add_survivors(struct query_figures *sum, const struct profile *profile,
                                 uint32_t process)
{
    const struct profile_process *from = &profile->processes[process];
    for (uint32_t i = from->first_site; i < from->first_site + from->site_count; i++) {
        sum->values[QUERY_SURVIVED_BYTES] += profile->sites[i].survived_bytes;
        sum->values[QUERY_SURVIVED_BLOCKS] += profile->sites[i].survived_blocks;
    }
}

/* What one block that was not seen may count for: judged by all figures of the same unit, since of
 * what is live there may be only blocks so large that they are always seen. */
static double weight_of(const struct profile *profile, const struct query_figures *figures,
                        bool is_bytes)
{
    double weight = 0;
    uint64_t bytes_per_sample = is_bytes ? profile->session.sample_bytes : 0;
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        if (query_metric_at((size_t)i)->is_bytes == is_bytes)
            weight = fmax(weight, estimate_weight(figures->values[i], figures->variances[i],
                                                  bytes_per_sample));
    return weight;
}

struct estimate_interval query_figures_interval(const struct profile *profile,
                                                const struct query_figures *figures,
                                                enum query_metric metric, uint64_t seen)
{
    double weight = weight_of(profile, figures, query_metric_at(metric)->is_bytes);
    return estimate_interval(figures->values[metric], fmax(figures->variances[metric], 0), weight,
                             seen);
}

struct estimate_interval query_figures_inherited(const struct profile *profile,
                                                 const struct query_figures *figures,
                                                 const struct recording_list *estimates,
                                                 bool is_bytes)
{
    const enum recording_estimate place = RECORDING_ESTIMATE_INHERITED;
    uint64_t value = is_bytes ? figures->inherited_bytes : figures->inherited_blocks;
    if (!value)
        return (struct estimate_interval){0, 0};
    return estimate_interval(value, estimate_variance(estimates, place, is_bytes),
                             weight_of(profile, figures, is_bytes),
                             estimate_seen(estimates, place, is_bytes));
}

void query_figures_add_site(struct query_figures *sum, const struct profile_site *site)
{
    /* As query_site_value has them: one by one, since all sites are summed up again and again. */
    const struct profile_figures *figures = &site->figures;
    uint64_t *values = sum->values;
    values[QUERY_LIVE_BYTES] += figures->live_bytes;
    values[QUERY_PEAK_BYTES] += figures->peak_bytes;
    values[QUERY_ALLOCATED_BYTES] += figures->allocated_bytes;
    values[QUERY_FREED_BYTES] += figures->freed_bytes;
    values[QUERY_LIVE_BLOCKS] += figures->live_blocks;
    values[QUERY_PEAK_BLOCKS] += figures->peak_blocks;
    values[QUERY_ALLOCATIONS] += figures->allocations;
    values[QUERY_FREES] += figures->frees;
    values[QUERY_TEMPORARY] += figures->temporary_allocations;
    values[QUERY_NET_BYTES] += figures->live_bytes - figures->inherited_bytes;
    values[QUERY_NET_BLOCKS] += figures->live_blocks - figures->inherited_blocks;
    values[QUERY_SURVIVED_BYTES] += site->survived_bytes;
    values[QUERY_SURVIVED_BLOCKS] += site->survived_blocks;
    for (int i = 0; site->estimates && i < QUERY_METRIC_COUNT; i++)
        sum->variances[i] += (float)query_site_variance(site, (enum query_metric)i);
    sum->inherited_blocks += site->figures.inherited_blocks;
    sum->inherited_bytes += site->figures.inherited_bytes;
}
