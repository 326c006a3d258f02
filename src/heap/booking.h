/* The parts of bookings (ledger.h), also for those who book the usual events in one piece. Every
 * event of the program comes through here: no calls. */
#ifndef SEEP_HEAP_BOOKING_H
#define SEEP_HEAP_BOOKING_H

#include "heap/heap_state.h"

#define BOOKING_INLINE static inline __attribute__((always_inline))

/* The site, with what must be kept of it before it changes kept. */
BOOKING_INLINE struct site *booking_touch(struct heap_model *model, uint32_t id)
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

BOOKING_INLINE void booking_note_common_peak(struct heap_model *model, uint64_t live_bytes,
                                             uint64_t time_ns)
{
    uint64_t bytes = live_bytes + model->mappings.anonymous_bytes;
    if (bytes <= model->totals.common_peak_bytes)
        return;
    model->totals.common_peak_bytes = bytes;
    model->totals.common_peak_time_ns = time_ns;
}

/* The totals have grown. */
BOOKING_INLINE void booking_note_peaks(struct heap_model *model, uint64_t live_bytes,
                                       uint64_t live_blocks, uint64_t time_ns)
{
    peak_note(&model->peak, live_bytes, live_blocks, time_ns);
    if (live_bytes > model->sample_peak_bytes)
        model->sample_peak_bytes = live_bytes;
    booking_note_common_peak(model, live_bytes, time_ns);
}

BOOKING_INLINE void booking_note_thread_birth(struct heap_model *model, const struct block *block,
                                              uint32_t index, struct weight weight)
{
    struct heap_thread *thread = &model->threads.items[index];
    thread->allocations += weight.blocks;
    thread->allocated_bytes += weight.bytes;
    thread->newest_address = block->address;
    thread->newest_birth_ns = block->birth_ns;
    thread->is_changed = true;
}

BOOKING_INLINE void booking_note_site_birth(struct heap_model *model, struct site *site,
                                            const struct block *block, struct weight weight)
{
    site_threads_birth(site, block->thread, weight, &model->sites.thread_entry_count);
    if (site->allocations == 0)
        site->first_ns = block->birth_ns;
    site->allocations += weight.blocks;
    site->allocated_bytes += weight.bytes;
    site->last_ns = block->birth_ns;
    histogram_add_many(&site->sizes, block->size, weight.blocks);
    /* The usual allocators map their memory themselves, and say so. */
    if (__builtin_expect(site->function == FUNCTION_CUSTOM, false))
        mappings_hold_block(&model->mappings, block->address);
}

BOOKING_INLINE void booking_note_site_release(struct site *site, const struct block *block,
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

/* A whole birth, of a site that was touched. */
BOOKING_INLINE void booking_birth(struct heap_model *model, struct site *site,
                                  const struct block *block, uint32_t thread, struct weight weight)
{
    struct recording_totals *totals = &model->totals;
    if (site_live_blocks(site) == 0)
        id_set_add(&model->sites.live, block->site);
    booking_note_site_birth(model, site, block, weight);
    booking_note_thread_birth(model, block, thread, weight);
    totals->allocations += weight.blocks;
    totals->allocated_bytes += weight.bytes;
    totals->live_blocks += weight.blocks;
    totals->live_bytes += weight.bytes;
    booking_note_peaks(model, totals->live_bytes, totals->live_blocks, block->birth_ns);
}

/* A whole release, but for its call. */
BOOKING_INLINE void booking_release(struct heap_model *model, struct site *site,
                                    const struct block *block, uint64_t time_ns, bool is_temporary,
                                    struct weight weight)
{
    struct recording_totals *totals = &model->totals;
    booking_note_site_release(site, block, time_ns, is_temporary, weight);
    if (site_live_blocks(site) == 0)
        id_set_remove(&model->sites.live, block->site);
    totals->frees += weight.blocks;
    totals->freed_bytes += weight.bytes;
    totals->live_blocks -= weight.blocks;
    totals->live_bytes -= weight.bytes;
    totals->temporary_allocations += is_temporary ? weight.blocks : 0;
}

BOOKING_INLINE void booking_release_call(struct heap_model *model, uint32_t thread,
                                         struct weight weight)
{
    struct heap_thread *caller = &model->threads.items[thread];
    caller->frees += weight.blocks;
    caller->freed_bytes += weight.bytes;
    caller->is_changed = true;
}

/* Has the thread that allocated this block allocated nothing since? */
BOOKING_INLINE bool booking_is_newest(const struct heap_model *model, const struct block *block)
{
    if (block->thread >= model->threads.count || block->thread >= BLOCK_THREAD_SHARED)
        return false;
    const struct heap_thread *thread = &model->threads.items[block->thread];
    return thread->newest_address == block->address && thread->newest_birth_ns == block->birth_ns;
}

#endif
