#include "heap/ledger.h"

#include "heap/booking.h"

void ledger_note_common_peak(struct heap_model *model, uint64_t time_ns)
{
    booking_note_common_peak(model, model->totals.live_bytes, time_ns);
}

/* What is booked for a block. */
BOOKING_INLINE struct weight weigh(const struct heap_model *model, const struct block *block)
{
    if (__builtin_expect(model->options.bytes_per_sample == 0, 1))
        return (struct weight){1, block->size};
    return estimates_weigh(model->options.bytes_per_sample, block);
}

/* ---- beside the figures of a sampled recording: how far they may be off ---- */

/* Before what is live changes. */
static void keep_estimate_at_peak(const struct heap_model *model, struct estimates *estimates)
{
    if (estimates->peak_epoch == model->peak.epoch)
        return;
    estimates->peak_epoch = model->peak.epoch;
    estimates->peak = estimates_live(estimates);
}

static void estimate_one(struct heap_model *model, struct estimates *estimates,
                         struct estimate *estimate, const struct block *block)
{
    keep_estimate_at_peak(model, estimates);
    estimate_add(estimate, model->options.bytes_per_sample, block);
}

/* Before the block is booked. `place` is of one of the sums in struct estimates. */
static void estimate_slowly(struct heap_model *model, const struct block *block, size_t place)
{
    struct estimates *both[2] = {&model->estimates.total,
                                 estimate_table_at(&model->estimates, block->site)};
    for (int i = 0; i < 2; i++)
        estimate_one(model, both[i], (struct estimate *)((char *)both[i] + place), block);
}

#define ESTIMATE(model, block, sum)                                                                \
    do {                                                                                           \
        if (__builtin_expect((model)->options.bytes_per_sample != 0, 0))                           \
            estimate_slowly((model), (block), offsetof(struct estimates, sum));                    \
    } while (0)

/* ---- bookings ---- */

void ledger_birth(struct heap_model *model, const struct block *block, uint32_t thread)
{
    struct weight weight = weigh(model, block);
    struct site *site = booking_touch(model, block->site);
    ESTIMATE(model, block, allocated);
    booking_birth(model, site, block, thread, weight);
}

void ledger_release(struct heap_model *model, const struct block *block, uint64_t time_ns,
                    bool is_temporary)
{
    struct weight weight = weigh(model, block);
    struct site *site = booking_touch(model, block->site);
    ESTIMATE(model, block, freed);
    if (is_temporary)
        ESTIMATE(model, block, temporary);
    booking_release(model, site, block, time_ns, is_temporary, weight);
}

void ledger_release_call(struct heap_model *model, uint32_t thread, const struct block *block)
{
    booking_release_call(model, thread, weigh(model, block));
}

/* What is live is the same before and after, so only the peaks between look at it; and a site's
 * part in a peak of this very moment is kept before the release. */
void ledger_birth_and_release(struct heap_model *model, const struct block *block, uint32_t thread,
                              uint64_t release_ns, bool is_temporary)
{
    struct recording_totals *totals = &model->totals;
    struct weight weight = weigh(model, block);
    struct site *site = booking_touch(model, block->site);
    ESTIMATE(model, block, allocated);
    booking_note_site_birth(model, site, block, weight);
    booking_note_peaks(model, totals->live_bytes + weight.bytes,
                       totals->live_blocks + weight.blocks, block->birth_ns);
    peak_keep_site(&model->peak, site);
    ESTIMATE(model, block, freed);
    if (is_temporary)
        ESTIMATE(model, block, temporary);
    booking_note_site_release(site, block, release_ns, is_temporary, weight);
    booking_note_thread_birth(model, block, thread, weight);
    booking_release_call(model, thread, weight);
    totals->allocations += weight.blocks;
    totals->allocated_bytes += weight.bytes;
    totals->frees += weight.blocks;
    totals->freed_bytes += weight.bytes;
    totals->temporary_allocations += is_temporary ? weight.blocks : 0;
}

void ledger_inherit(struct heap_model *model, const struct block *block)
{
    struct weight weight = weigh(model, block);
    struct site *site = booking_touch(model, block->site);
    ESTIMATE(model, block, inherited);
    site_threads_make_list(site, &model->sites.thread_entry_count);
    if (site_live_blocks(site) == 0)
        id_set_add(&model->sites.live, block->site);
    site->inherited_blocks += weight.blocks;
    site->inherited_bytes += weight.bytes;
    model->totals.inherited_blocks += weight.blocks;
    model->totals.inherited_bytes += weight.bytes;
    model->totals.live_blocks += weight.blocks;
    model->totals.live_bytes += weight.bytes;
}

static void forget_inherited(struct heap_model *model, const struct block *block)
{
    struct estimates *both[2] = {&model->estimates.total,
                                 estimate_table_at(&model->estimates, block->site)};
    struct estimate one = {0};
    estimate_add(&one, model->options.bytes_per_sample, block);
    for (int i = 0; i < 2; i++) {
        keep_estimate_at_peak(model, both[i]);
        estimate_subtract(&both[i]->inherited, &one);
    }
}

void ledger_disinherit(struct heap_model *model, const struct block *block)
{
    struct weight weight = weigh(model, block);
    struct site *site = booking_touch(model, block->site);
    site->inherited_blocks -= weight.blocks;
    site->inherited_bytes -= weight.bytes;
    if (site_live_blocks(site) == 0)
        id_set_remove(&model->sites.live, block->site);
    model->totals.inherited_blocks -= weight.blocks;
    model->totals.live_blocks -= weight.blocks;
    model->totals.inherited_bytes -= weight.bytes;
    model->totals.live_bytes -= weight.bytes;
    if (model->options.bytes_per_sample != 0)
        forget_inherited(model, block);
}

bool ledger_is_newest(const struct heap_model *model, const struct block *block)
{
    return booking_is_newest(model, block);
}
