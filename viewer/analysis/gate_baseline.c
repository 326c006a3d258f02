#include "analysis/gate_baseline.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "base/memory.h"
#include "base/text.h"

void gate_baseline_clear(struct gate_baseline *baseline)
{
    for (size_t i = 0; i < baseline->count; i++) {
        struct gate_baseline_process *process = &baseline->processes[i];

        for (size_t j = 0; j < process->site_count; j++)
            free(process->sites[j].place);
        free(process->sites);
        free(process->name);
        hash_map_clear(&process->positions);
    }
    free(baseline->processes);
    *baseline = (struct gate_baseline){0};
}

const struct gate_baseline_process *gate_baseline_find(const struct gate_baseline *baseline,
                                                       const char *name, uint32_t rank)
{
    for (size_t i = 0; i < baseline->count; i++)
        if (baseline->processes[i].rank == rank && strcmp(baseline->processes[i].name, name) == 0)
            return &baseline->processes[i];
    return NULL;
}

struct gate_baseline_process *gate_baseline_get(struct gate_baseline *baseline, const char *name,
                                                uint32_t rank)
{
    const struct gate_baseline_process *found = gate_baseline_find(baseline, name, rank);

    if (found)
        return &baseline->processes[found - baseline->processes];
    baseline->processes = memory_grow(baseline->processes, &baseline->capacity, baseline->count + 1,
                                      sizeof *baseline->processes);
    baseline->processes[baseline->count] = (struct gate_baseline_process){
        .name = memory_duplicate_text(name), .rank = rank};
    return &baseline->processes[baseline->count++];
}

const struct gate_baseline_site *
gate_baseline_find_site(const struct gate_baseline_process *process, uint64_t fingerprint)
{
    const uint64_t *position = hash_map_find(&process->positions, fingerprint);

    return position ? &process->sites[*position] : NULL;
}

struct gate_baseline_site *gate_baseline_get_site(struct gate_baseline_process *process,
                                                  uint64_t fingerprint)
{
    bool is_new;
    uint64_t *position = hash_map_put(&process->positions, fingerprint, &is_new);

    if (is_new) {
        *position = process->site_count;
        process->sites = memory_grow(process->sites, &process->site_capacity,
                                     process->site_count + 1, sizeof *process->sites);
        process->sites[process->site_count++] = (struct gate_baseline_site){
            .fingerprint = fingerprint, .site = QUERY_NO_SITE};
    }
    return &process->sites[*position];
}

/* ---- leaks ---- */

uint64_t gate_baseline_site_leaked(const struct gate_baseline_site *site, unsigned kinds)
{
    uint64_t bytes = 0;

    for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++)
        bytes += kinds >> kind & 1 ? site->leaked[kind] : 0;
    return bytes;
}

uint64_t gate_baseline_leaked(const struct gate_baseline_process *process, unsigned kinds)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < process->site_count; i++)
        bytes += gate_baseline_site_leaked(&process->sites[i], kinds);
    return bytes;
}

uint64_t gate_baseline_leaked_by_a_site(const struct gate_baseline_process *process, unsigned kinds)
{
    uint64_t largest = 0;

    for (size_t i = 0; i < process->site_count; i++) {
        uint64_t bytes = gate_baseline_site_leaked(&process->sites[i], kinds);

        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

/* ---- from a recording ---- */

const char *gate_process_name(const struct profile *profile, uint32_t process)
{
    return text_file_name(profile->processes[process].about.executable);
}

/* Names are few: the count of each so far, by the hash of the name. */
uint32_t *gate_process_ranks(const struct profile *profile)
{
    uint32_t *ranks = memory_allocate_zeroed(profile->process_count, sizeof *ranks);
    struct hash_map counts = {0};

    for (uint32_t i = 0; i < profile->process_count; i++) {
        const char *name = gate_process_name(profile, i);
        uint64_t *count = hash_map_put(&counts, hash_bytes(name, strlen(name), 0), NULL);

        ranks[i] = (uint32_t)(*count)++;
    }
    hash_map_clear(&counts);
    return ranks;
}

/* "keep() at a.c": without the line, which moves. */
static char *describe_place(const struct profile *profile, uint32_t site)
{
    const struct profile_location *location;
    struct text text = {0};
    struct place place;
    char *safe;

    place_find(profile, profile->sites[site].stack_node, PLACE_NAMED_CALLER, &place);
    location = place_named_location(&place);
    if (!location)
        return NULL;
    text_add(&text, location->function);
    if (location->file)
        text_print(&text, " at %s", text_file_name(location->file));
    safe = memory_allocate(text.count + 1);
    text_make_safe(text_get(&text), safe, text.count + 1);
    text_clear(&text);
    return safe;
}

/* One run of a process, before it is joined with others. */
struct run {
    const struct profile *profile;
    struct gate_baseline_process sums;
};

static struct gate_baseline_site *sum_of(struct run *run, uint32_t site)
{
    struct gate_baseline_site *sum;
    uint64_t fingerprint = site == QUERY_NO_SITE ? 0 : run->profile->sites[site].fingerprint;

    sum = gate_baseline_get_site(&run->sums, fingerprint);
    if (!sum->profile && site != QUERY_NO_SITE) {
        sum->profile = run->profile;
        sum->site = site;
    }
    return sum;
}

static void add_sites(struct run *run, uint32_t process)
{
    const struct profile_process *owner = &run->profile->processes[process];

    for (uint32_t i = owner->first_site; i < owner->first_site + owner->site_count; i++) {
        struct gate_baseline_site *sum = sum_of(run, i);

        for (size_t budget = 0; budget < GATE_BUDGET_COUNT; budget++) {
            const struct gate_budget_info *info = gate_budget_at(budget);

            if (gate_budget_has_metric(info))
                sum->values[budget] += query_site_value(&run->profile->sites[i], info->metric);
        }
    }
}

static void add_leaks(struct run *run, const struct leaks *leaks)
{
    for (size_t i = 0; i < leaks->count; i++) {
        struct gate_baseline_site *sum = sum_of(run, leaks->items[i].site);

        sum->leaked[leaks->items[i].kind] += leaks->items[i].bytes;
        sum->is_leaked = true;
    }
}

static void keep_larger(uint64_t *kept, uint64_t other)
{
    *kept = other > *kept ? other : *kept;
}

static void join_sites(struct gate_baseline_process *process, const struct run *run)
{
    for (size_t i = 0; i < run->sums.site_count; i++) {
        const struct gate_baseline_site *from = &run->sums.sites[i];
        struct gate_baseline_site *to = gate_baseline_get_site(process, from->fingerprint);

        for (size_t budget = 0; budget < GATE_BUDGET_COUNT; budget++)
            keep_larger(&to->values[budget], from->values[budget]);
        for (size_t kind = 0; kind < LEAK_KIND_COUNT; kind++)
            keep_larger(&to->leaked[kind], from->leaked[kind]);
        to->is_leaked |= from->is_leaked;
        if (!to->profile && from->profile) {
            to->profile = from->profile;
            to->site = from->site;
        }
        if (!to->place && from->profile)
            to->place = describe_place(from->profile, from->site);
    }
}

void gate_baseline_add_process(struct gate_baseline *baseline, const struct profile *profile,
                               uint32_t position, uint32_t rank, const struct gate_scan *scan)
{
    const struct profile_process *owner = &profile->processes[position];
    const struct recording_totals *totals = &owner->totals;
    struct gate_baseline_process *process;
    struct run run = {.profile = profile};
    const struct {
        enum gate_budget budget;
        uint64_t value;
    } figures[] = {{GATE_PEAK, totals->common_peak_bytes},
                   {GATE_HEAP, totals->peak_bytes},
                   {GATE_RESIDENT, totals->peak_resident_bytes},
                   {GATE_LIVE, totals->live_bytes},
                   {GATE_ALLOCATIONS, totals->allocations},
                   {GATE_TEMPORARY, totals->temporary_allocations}};

    if (!owner->has_totals || !owner->about.observed)
        return;
    process = gate_baseline_get(baseline, gate_process_name(profile, position), rank);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (figures[i].budget != GATE_RESIDENT || figures[i].value) /* 0: the kernel did not say */
            gate_figure_add(&process->figures[figures[i].budget], figures[i].value);
    add_sites(&run, position);
    if (scan->leaks) {
        add_leaks(&run, scan->leaks);
        process->is_scanned = true;
    }
    join_sites(process, &run);
    free(run.sums.sites);
    hash_map_clear(&run.sums.positions);
}

void gate_baseline_add_profile(struct gate_baseline *baseline, const struct profile *profile,
                               const struct gate_scan *scans)
{
    uint32_t *ranks = gate_process_ranks(profile);

    for (uint32_t i = 0; i < profile->process_count; i++)
        gate_baseline_add_process(baseline, profile, i, ranks[i], &scans[i]);
    free(ranks);
}
