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

static inline ALWAYS_INLINE void note_thread_birth(struct heap_model *model,
                                                   const struct block *block, uint32_t index)
{
    struct heap_thread *thread = &model->threads.items[index];
    thread->allocations++;
    thread->allocated_bytes += block->size;
    thread->newest_address = block->address;
    thread->newest_birth_ns = block->birth_ns;
    thread->is_changed = true;
}

static inline ALWAYS_INLINE void note_site_birth(struct heap_model *model, struct site *site,
                                                 const struct block *block)
{
    site_threads_birth(site, block->thread, block->size, &model->sites.thread_entry_count);
    if (site->allocations++ == 0)
        site->first_ns = block->birth_ns;
    site->allocated_bytes += block->size;
    site->last_ns = block->birth_ns;
    histogram_add(&site->sizes, block->size);
}

static inline ALWAYS_INLINE void note_site_release(struct site *site, const struct block *block,
                                                   uint64_t time_ns, bool is_temporary)
{
    site_threads_release(site, block->thread, block->size);
    site->frees++;
    site->freed_bytes += block->size;
    histogram_add(&site->lifetimes, time_ns > block->birth_ns ? time_ns - block->birth_ns : 0);
    site->temporary_allocations += is_temporary;
}

void ledger_birth(struct heap_model *model, const struct block *block, uint32_t thread)
{
    struct site *site = touch(model, block->site);
    if (site_live_blocks(site) == 0)
        id_set_add(&model->sites.live, block->site);
    note_site_birth(model, site, block);
    note_thread_birth(model, block, thread);

    struct recording_totals *totals = &model->totals;
    totals->allocations++;
    totals->allocated_bytes += block->size;
    totals->live_blocks++;
    totals->live_bytes += block->size;
    note_peaks(model, totals->live_bytes, totals->live_blocks, block->birth_ns);
}

void ledger_release(struct heap_model *model, const struct block *block, uint64_t time_ns,
                    bool is_temporary)
{
    struct site *site = touch(model, block->site);
    note_site_release(site, block, time_ns, is_temporary);
    if (site_live_blocks(site) == 0)
        id_set_remove(&model->sites.live, block->site);

    struct recording_totals *totals = &model->totals;
    totals->frees++;
    totals->freed_bytes += block->size;
    totals->live_blocks--;
    totals->live_bytes -= block->size;
    totals->temporary_allocations += is_temporary;
}

void ledger_release_call(struct heap_model *model, uint32_t thread, uint64_t size)
{
    struct heap_thread *caller = &model->threads.items[thread];
    caller->frees++;
    caller->freed_bytes += size;
    caller->is_changed = true;
}

/* What is live is the same before and after, so only the peaks between look at it; and a site's
 * part in a peak of this very moment is kept before the release. */
void ledger_birth_and_release(struct heap_model *model, const struct block *block, uint32_t thread,
                              uint64_t release_ns, bool is_temporary)
{
    struct recording_totals *totals = &model->totals;
    struct site *site = touch(model, block->site);
    note_site_birth(model, site, block);
    note_peaks(model, totals->live_bytes + block->size, totals->live_blocks + 1, block->birth_ns);
    peak_keep_site(&model->peak, site);
    note_site_release(site, block, release_ns, is_temporary);
    note_thread_birth(model, block, thread);
    ledger_release_call(model, thread, block->size);
    totals->allocations++;
    totals->allocated_bytes += block->size;
    totals->frees++;
    totals->freed_bytes += block->size;
    totals->temporary_allocations += is_temporary;
}

void ledger_inherit(struct heap_model *model, const struct block *block)
{
    struct site *site = touch(model, block->site);
    site_threads_make_list(site, &model->sites.thread_entry_count);
    if (site_live_blocks(site) == 0)
        id_set_add(&model->sites.live, block->site);
    site->inherited_blocks++;
    site->inherited_bytes += block->size;
    model->totals.inherited_blocks++;
    model->totals.inherited_bytes += block->size;
    model->totals.live_blocks++;
    model->totals.live_bytes += block->size;
}

void ledger_disinherit(struct heap_model *model, const struct block *block)
{
    struct site *site = touch(model, block->site);
    site->inherited_blocks--;
    site->inherited_bytes -= block->size;
    if (site_live_blocks(site) == 0)
        id_set_remove(&model->sites.live, block->site);
    model->totals.inherited_blocks--;
    model->totals.inherited_bytes -= block->size;
    model->totals.live_blocks--;
    model->totals.live_bytes -= block->size;
}

bool ledger_is_newest(const struct heap_model *model, const struct block *block)
{
    if (block->thread >= model->threads.count || block->thread >= BLOCK_THREAD_SHARED)
        return false;
    const struct heap_thread *thread = &model->threads.items[block->thread];
    return thread->newest_address == block->address && thread->newest_birth_ns == block->birth_ns;
}
