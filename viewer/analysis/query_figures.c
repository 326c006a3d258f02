#include "analysis/query.h"

void query_figures_add(struct query_figures *sum, const struct query_figures *added)
{
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        sum->values[i] += added->values[i];
    sum->inherited_blocks += added->inherited_blocks;
    sum->inherited_bytes += added->inherited_bytes;
}

void query_figures_subtract(struct query_figures *sum, const struct query_figures *taken)
{
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        sum->values[i] -= taken->values[i];
    sum->inherited_blocks -= taken->inherited_blocks;
    sum->inherited_bytes -= taken->inherited_bytes;
}

uint64_t query_site_value(const struct profile_site *site, enum query_metric metric)
{
    static const size_t offsets[QUERY_METRIC_COUNT] = {
        [QUERY_LIVE_BYTES] = offsetof(struct recording_site, live_bytes),
        [QUERY_PEAK_BYTES] = offsetof(struct recording_site, peak_bytes),
        [QUERY_ALLOCATED_BYTES] = offsetof(struct recording_site, allocated_bytes),
        [QUERY_FREED_BYTES] = offsetof(struct recording_site, freed_bytes),
        [QUERY_LIVE_BLOCKS] = offsetof(struct recording_site, live_blocks),
        [QUERY_PEAK_BLOCKS] = offsetof(struct recording_site, peak_blocks),
        [QUERY_ALLOCATIONS] = offsetof(struct recording_site, allocations),
        [QUERY_FREES] = offsetof(struct recording_site, frees),
        [QUERY_TEMPORARY] = offsetof(struct recording_site, temporary_allocations)};
    return *(const uint64_t *)((const char *)&site->figures + offsets[metric]);
}

void query_figures_add_site(struct query_figures *sum, const struct profile_site *site)
{
    for (int i = 0; i < QUERY_METRIC_COUNT; i++)
        sum->values[i] += query_site_value(site, (enum query_metric)i);
    sum->inherited_blocks += site->figures.inherited_blocks;
    sum->inherited_bytes += site->figures.inherited_bytes;
}
