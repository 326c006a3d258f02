/* A recording as it would be had it ended at a mark. Each mark tells the figures of the sites that
 * had changed since the process's mark before, so those up to this one, the newest first, tell of
 * all.
 *
 * Only the process that set the mark is known at that instant; of others nothing is left. Nor are
 * figures by thread, histograms, mappings and what grew. */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/profile_at_mark.h"

#include "analysis/instant.h"
#include "analysis/profile_loader.h"
#include "base/hash_map.h"
#include "base/memory.h"

/* Where the numbers of a mark go, in their order (recording_records.h). */
static const size_t SITE_PLACES[] = {
    offsetof(struct profile_figures, id),
    offsetof(struct profile_figures, allocations),
    offsetof(struct profile_figures, allocated_bytes),
    offsetof(struct profile_figures, frees),
    offsetof(struct profile_figures, freed_bytes),
    offsetof(struct profile_figures, temporary_allocations),
    offsetof(struct profile_figures, peak_blocks),
    offsetof(struct profile_figures, peak_bytes),
};
static const size_t TOTAL_PLACES[] = {
    offsetof(struct recording_totals, reallocations),
    offsetof(struct recording_totals, failed_allocations),
    offsetof(struct recording_totals, peak_blocks),
    offsetof(struct recording_totals, peak_bytes),
    offsetof(struct recording_totals, peak_time_ns),
    offsetof(struct recording_totals, mapped_bytes),
    offsetof(struct recording_totals, mapped_peak_bytes),
    offsetof(struct recording_totals, common_peak_bytes),
    offsetof(struct recording_totals, common_peak_time_ns),
};

_Static_assert(sizeof SITE_PLACES / sizeof *SITE_PLACES == MARK_SITE_NUMBERS, "a place for each");

enum {
    TOTAL_NUMBERS = sizeof TOTAL_PLACES / sizeof *TOTAL_PLACES
};

static void put_numbers(void *record, const size_t *places, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        *(uint64_t *)((char *)record + places[i]) = numbers[i];
}

/* Marks stand in the order in which they were written, those of a process in that of time. */
void mark_collect_sites(const struct profile *profile, const struct recording_mark *last,
                        struct hash_map *known)
{
    hash_map_init(known);
    for (const struct recording_mark *mark = profile->marks; mark <= last; mark++) {
        if (mark->process_id_plus_1 != last->process_id_plus_1)
            continue;
        for (size_t i = 0; i + MARK_SITE_NUMBERS <= mark->sites.count; i += MARK_SITE_NUMBERS)
            *hash_map_put(known, mark->sites.items[i],
                          NULL) = (uint64_t)(uintptr_t)&mark->sites.items[i];
    }
}

static void set_figures(struct profile_figures *site, const uint64_t *numbers, uint64_t time_ns)
{
    put_numbers(site, SITE_PLACES, numbers, MARK_SITE_NUMBERS);
    site->live_blocks = site->inherited_blocks + site->allocations - site->frees;
    site->live_bytes = site->inherited_bytes + site->allocated_bytes - site->freed_bytes;
    if (site->last_ns > time_ns)
        site->last_ns = time_ns;
}

static void set_totals(struct recording_totals *totals, const struct recording_mark *mark)
{
    uint64_t process_id = totals->process_id;
    *totals = (struct recording_totals){.process_id = process_id};
    if (mark->totals.count >= TOTAL_NUMBERS)
        put_numbers(totals, TOTAL_PLACES, mark->totals.items, TOTAL_NUMBERS);
}

static void keep_sites(struct profile *profile, uint32_t process, const struct recording_mark *mark)
{
    struct hash_map known;
    struct recording_totals *totals = &profile->processes[process].totals;
    size_t kept = 0;
    mark_collect_sites(profile, mark, &known);
    for (size_t i = 0; i < profile->site_count; i++) {
        struct profile_site *site = &profile->sites[i];
        const uint64_t *at = site->process == process ? hash_map_find(&known, site->figures.id)
                                                      : NULL;
        if (!at)
            continue;
        set_figures(&site->figures, (const uint64_t *)(uintptr_t)*at, mark->time_ns);
        site->packed_lists = NULL;
        profile_add_to_totals(totals, &site->figures);
        profile->sites[kept++] = *site;
    }
    profile->site_count = kept;
    hash_map_clear(&known);
}

/* Of what comes in order of time, what was there already; of one process. (Their process_id is
 * still a position.) */
static void keep_samples(struct profile *profile, uint32_t process, uint64_t time_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < profile->sample_count; i++)
        if (profile->samples[i].process_id == process && profile->samples[i].time_ns <= time_ns)
            profile->samples[kept++] = profile->samples[i];
    profile->sample_count = kept;
    kept = 0;
    for (size_t i = 0; i < profile->misuse_count; i++)
        if (profile->misuses[i].process_id == process && profile->misuses[i].time_ns <= time_ns)
            profile->misuses[kept++] = profile->misuses[i];
    profile->misuse_count = kept;
}

static uint64_t resident_peak(const struct profile *profile)
{
    uint64_t peak = 0;
    for (size_t i = 0; i < profile->sample_count; i++)
        if (profile->samples[i].resident_bytes > peak)
            peak = profile->samples[i].resident_bytes;
    return peak;
}

bool profile_load_mark(struct profile_loader *loader, struct error *error)
{
    struct profile *profile = loader->profile;
    if (!loader->mark)
        return true;
    const struct recording_mark *mark = instant_find_mark(profile, loader->mark);
    if (!mark)
        return error_set(error, "the recording has no mark:%s%s", loader->mark,
                         profile->mark_count ? "" : ", nor any other");
    uint32_t process = mark->process_id_plus_1
                           ? profile_find_process(profile, mark->process_id_plus_1 - 1)
                           : (uint32_t)profile->process_count;
    if (!mark->has_figures || process == profile->process_count)
        return error_set(error, "what there was at mark:%s is not known: there were too many",
                         loader->mark);
    if (profile_is_sampled(profile))
        return error_set(error, "the recording is sampled: what there was at marks is not known");
    for (uint32_t i = 0; i < profile->process_count; i++)
        profile->processes[i].has_totals = i == process;
    set_totals(&profile->processes[process].totals, mark);
    keep_sites(profile, process, mark);
    keep_samples(profile, process, mark->time_ns);
    profile->processes[process].totals.peak_resident_bytes = resident_peak(profile);
    profile->thread_count = profile->mapping_count = 0;
    profile->is_at_mark = true;
    return true;
}
