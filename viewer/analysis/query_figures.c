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

void query_figures_add_site(struct query_figures *sum, const struct profile_site *site)
{
    const struct recording_site *figures = &site->figures;
    const struct query_figures added = {
        .values = {[QUERY_LIVE_BYTES] = figures->live_bytes,
                   [QUERY_PEAK_BYTES] = figures->peak_bytes,
                   [QUERY_ALLOCATED_BYTES] = figures->allocated_bytes,
                   [QUERY_FREED_BYTES] = figures->freed_bytes,
                   [QUERY_LIVE_BLOCKS] = figures->live_blocks,
                   [QUERY_PEAK_BLOCKS] = figures->peak_blocks,
                   [QUERY_ALLOCATIONS] = figures->allocations,
                   [QUERY_FREES] = figures->frees,
                   [QUERY_TEMPORARY] = figures->temporary_allocations},
        .inherited_blocks = figures->inherited_blocks,
        .inherited_bytes = figures->inherited_bytes};
    query_figures_add(sum, &added);
}
