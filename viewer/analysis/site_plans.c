#include "analysis/site_plans.h"

#include <stdlib.h>

#include "base/memory.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t rest_of(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Takes `blocks` as the number of those that stayed from the peak to the end, if the sums allow it:
 * each batch has bytes only where it has blocks. */
static bool try_kept(struct site_plan *plan, uint64_t blocks)
{
    const struct profile_figures *figures = &plan->site->figures;
    uint64_t all_blocks = figures->allocations + figures->inherited_blocks;
    uint64_t all_bytes = figures->allocated_bytes + figures->inherited_bytes;
    uint64_t held_blocks = figures->peak_blocks + figures->live_blocks - blocks;
    uint64_t held_bytes = figures->peak_bytes + figures->live_bytes;
    uint64_t lowest = rest_of(held_bytes, all_bytes);
    uint64_t highest = least(figures->peak_bytes, figures->live_bytes);

    if (blocks == 0)
        highest = 0;
    if (blocks == figures->peak_blocks && lowest < figures->peak_bytes)
        lowest = figures->peak_bytes;
    if (blocks == figures->live_blocks && lowest < figures->live_bytes)
        lowest = figures->live_bytes;
    if (held_blocks == all_blocks)
        highest = least(highest, rest_of(held_bytes, all_bytes));
    if (held_blocks > all_blocks || lowest > highest)
        return false;
    plan->kept.count = blocks;
    plan->kept.bytes = blocks ? figures->peak_bytes / figures->peak_blocks * blocks : 0;
    if (plan->kept.bytes < lowest)
        plan->kept.bytes = lowest;
    plan->kept.bytes = least(plan->kept.bytes, highest);
    return true;
}

/* As many as can be; where all is too many, any number between is as good. Estimates and forged
 * figures may fit nothing: then none, and peak and end at least are right. */
static void plan_site(struct site_plan *plan)
{
    const struct profile_figures *figures = &plan->site->figures;
    uint64_t most = least(figures->peak_blocks, figures->live_blocks);

    if (!try_kept(plan, most) && !(most && try_kept(plan, most - 1)))
        try_kept(plan, 0);
    plan->dropped.count = figures->peak_blocks - plan->kept.count;
    plan->dropped.bytes = figures->peak_bytes - plan->kept.bytes;
    plan->grown.count = figures->live_blocks - plan->kept.count;
    plan->grown.bytes = figures->live_bytes - plan->kept.bytes;
    plan->transient.count = rest_of(figures->allocations + figures->inherited_blocks,
                                    figures->peak_blocks + plan->grown.count);
    plan->transient.bytes = rest_of(figures->allocated_bytes + figures->inherited_bytes,
                                    figures->peak_bytes + plan->grown.bytes);
    plan->temporary_count = least(figures->temporary_allocations, plan->transient.count);
}

static void fit_batch(struct site_batch *batch, uint64_t divisor)
{
    batch->count = batch->count / divisor + (batch->count % divisor > 0);
    if (batch->count == 0 && batch->bytes > 0) /* forged */
        batch->count = 1;
    if (batch->count == 0)
        return;
    batch->small_bytes = batch->bytes / batch->count;
    batch->large_count = batch->bytes % batch->count;
}

/* Transient blocks keep their size, or they would rise above the peak. */
static void fit_transient(struct site_batch *batch, uint64_t divisor)
{
    if (batch->count > 0) {
        batch->small_bytes = batch->bytes / batch->count;
        batch->large_count = batch->bytes % batch->count / divisor;
        batch->count /= divisor;
    }
}

/* How many recorded blocks one of the plan stands for. */
static uint64_t find_divisor(const struct site_plans *plans, uint64_t most_blocks)
{
    uint64_t count = 0;

    for (size_t i = 0; i < plans->count; i++) {
        const struct site_plan *plan = &plans->items[i];
        const uint64_t parts[] = {plan->kept.count, plan->dropped.count, plan->grown.count,
                                  plan->transient.count};

        for (size_t j = 0; j < sizeof parts / sizeof *parts; j++)
            count = parts[j] > UINT64_MAX - count ? UINT64_MAX : count + parts[j];
    }
    return count > most_blocks ? count / most_blocks + 1 : 1;
}

static void fit(struct site_plans *plans)
{
    for (size_t i = 0; i < plans->count; i++) {
        struct site_plan *plan = &plans->items[i];

        if (plan->site->figures.temporary_allocations > plan->transient.count &&
            plan->dropped.count > 0)
            plans->last = plan;
        fit_batch(&plan->kept, plans->divisor);
        fit_batch(&plan->dropped, plans->divisor);
        fit_batch(&plan->grown, plans->divisor);
        fit_transient(&plan->transient, plans->divisor);
        plan->temporary_count /= plans->divisor;
    }
}

void site_plans_make(const struct profile *profile, const uint32_t *sites, size_t count,
                     uint64_t most_blocks, struct site_plans *plans)
{
    *plans = (struct site_plans){.items = memory_allocate_zeroed(count, sizeof *plans->items),
                                 .count = count};
    for (size_t i = 0; i < count; i++) {
        plans->items[i].site = &profile->sites[sites[i]];
        plan_site(&plans->items[i]);
        plans->peak_bytes += plans->items[i].site->figures.peak_bytes;
    }
    plans->divisor = find_divisor(plans, most_blocks);
    fit(plans);
}

void site_plans_clear(struct site_plans *plans)
{
    free(plans->items);
    *plans = (struct site_plans){0};
}
