#include "heap/ledger.h"

/* Every event of the program comes through here: one function each, without calls. */
#define ALWAYS_INLINE __attribute__((always_inline))

/* What must be kept of a site before it changes. */
static inline ALWAYS_INLINE struct site *touch(struct heap_model *model, uint32_t id)
{
    struct site *site = site_table_at(&model->sites, id);
    peak_keep_site(&model->peak, site);
    timeline_keep_site(&model->timeline, id, site);
    if (!site->is_changed) {
        site->is_changed = true;
        id_set_add(&model->sites.changed, id);
    }
    return site;
}

static inline ALWAYS_INLINE void note_common_peak(struct heap_model *model, uint64_t live_bytes,
                                                  uint64_t time_ns)
{
    uint64_t bytes = live_bytes + model->mappings.anonymous_bytes;
    if (bytes <= model->totals.common_peak_bytes)
        return;
    model->totals.common_peak_bytes = bytes;
    model->totals.common_peak_time_ns = time_ns;
}

void ledger_note_common_peak(struct heap_model *model, uint64_t time_ns)
{
    note_common_peak(model, model->totals.live_bytes, time_ns);
}

/* The totals have grown. */
static inline ALWAYS_INLINE void note_peaks(struct heap_model *model, uint64_t live_bytes,
                                            uint64_t live_blocks, uint64_t time_ns)
{
    peak_note(&model->peak, live_bytes, live_blocks, time_ns);
    if (live_bytes > model->sample_peak_bytes)
        model->sample_peak_bytes = live_bytes;
    note_common_peak(model, live_bytes, time_ns);
}

/* What is booked for a block. */
static inline ALWAYS_INLINE struct weight weigh(const struct heap_model *model,
                                                const struct block *block)
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

/* ---- parts of a booking ---- */

static inline ALWAYS_INLINE void note_thread_birth(struct heap_model *model,
                                                   const struct block *block, uint32_t index,
                                                   struct weight weight)
{
    struct heap_thread *thread = &model->threads.items[index];
    thread->allocations += weight.blocks;
    thread->allocated_bytes += weight.bytes;
    thread->newest_address = block->address;
    thread->newest_birth_ns = block->birth_ns;
    thread->is_changed = true;
}

static inline ALWAYS_INLINE void note_site_birth(struct heap_model *model, struct site *site,
                                                 const struct block *block, struct weight weight)
{
    site_threads_birth(site, block->thread, weight, &model->sites.thread_entry_count);
    if (site->allocations == 0)
        site->first_ns = block->birth_ns;
    site->allocations += weight.blocks;
    site->allocated_bytes += weight.bytes;
    site->last_ns = block->birth_ns;
    histogram_add_many(&site->sizes, block->size, weight.blocks);
}

static inline ALWAYS_INLINE void note_site_release(struct site *site, const struct block *block,
                                                   uint64_t time_ns, bool is_temporary,
                                                   struct weight weight)
{
    site_threads_release(site, block->thread, weight);
    site->frees += weight.blocks;
    site->freed_bytes += weight.bytes;
    histogram_add_many(&site->lifetimes, time_ns > block->birth_ns ? time_ns - block->birth_ns : 0,
                       weight.blocks);
    site->temporary_allocations += is_temporary ? weight.blocks : 0;
}

/* ---- bookings ---- */

void ledger_birth(struct heap_model *model, const struct block *block, uint32_t thread)
{
    struct weight weight = weigh(model, block);
    struct site *site = touch(model, block->site);
    ESTIMATE(model, block, allocated);
    if (site_live_blocks(site) == 0)
        id_set_add(&model->sites.live, block->site);
    note_site_birth(model, site, block, weight);
    note_thread_birth(model, block, thread, weight);

    struct recording_totals *totals = &model->totals;
    totals->allocations += weight.blocks;
    totals->allocated_bytes += weight.bytes;
    totals->live_blocks += weight.blocks;
    totals->live_bytes += weight.bytes;
    note_peaks(model, totals->live_bytes, totals->live_blocks, block->birth_ns);
}

void ledger_release(struct heap_model *model, const struct block *block, uint64_t time_ns,
                    bool is_temporary)
{
    struct weight weight = weigh(model, block);
    struct site *site = touch(model, block->site);
    ESTIMATE(model, block, freed);
    if (is_temporary)
        ESTIMATE(model, block, temporary);
    note_site_release(site, block, time_ns, is_temporary, weight);
    if (site_live_blocks(site) == 0)
        id_set_remove(&model->sites.live, block->site);

    struct recording_totals *totals = &model->totals;
    totals->frees += weight.blocks;
    totals->freed_bytes += weight.bytes;
    totals->live_blocks -= weight.blocks;
    totals->live_bytes -= weight.bytes;
    totals->temporary_allocations += is_temporary ? weight.blocks : 0;
}

static inline ALWAYS_INLINE void note_release_call(struct heap_model *model, uint32_t thread,
                                                   struct weight weight)
{
    struct heap_thread *caller = &model->threads.items[thread];
    caller->frees += weight.blocks;
    caller->freed_bytes += weight.bytes;
    caller->is_changed = true;
}

void ledger_release_call(struct heap_model *model, uint32_t thread, const struct block *block)
{
    note_release_call(model, thread, weigh(model, block));
}

/* What is live is the same before and after, so only the peaks between look at it; and a site's
 * part in a peak of this very moment is kept before the release. */
void ledger_birth_and_release(struct heap_model *model, const struct block *block, uint32_t thread,
                              uint64_t release_ns, bool is_temporary)
{
    struct recording_totals *totals = &model->totals;
    struct weight weight = weigh(model, block);
    struct site *site = touch(model, block->site);
    ESTIMATE(model, block, allocated);
    note_site_birth(model, site, block, weight);
    note_peaks(model, totals->live_bytes + weight.bytes, totals->live_blocks + weight.blocks,
               block->birth_ns);
    peak_keep_site(&model->peak, site);
    ESTIMATE(model, block, freed);
    if (is_temporary)
        ESTIMATE(model, block, temporary);
    note_site_release(site, block, release_ns, is_temporary, weight);
    note_thread_birth(model, block, thread, weight);
    note_release_call(model, thread, weight);
    totals->allocations += weight.blocks;
    totals->allocated_bytes += weight.bytes;
    totals->frees += weight.blocks;
    totals->freed_bytes += weight.bytes;
    totals->temporary_allocations += is_temporary ? weight.blocks : 0;
}

void ledger_inherit(struct heap_model *model, const struct block *block)
{
    struct weight weight = weigh(model, block);
    struct site *site = touch(model, block->site);
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
    struct site *site = touch(model, block->site);
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
    if (block->thread >= model->threads.count || block->thread >= BLOCK_THREAD_SHARED)
        return false;
    const struct heap_thread *thread = &model->threads.items[block->thread];
    return thread->newest_address == block->address && thread->newest_birth_ns == block->birth_ns;
}
