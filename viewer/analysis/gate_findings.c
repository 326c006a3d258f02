#include "analysis/gate_findings.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

enum {
    MAX_GROWN_SITES = 10
};

/* Figures of one fingerprint. */
struct sum {
    uint64_t fingerprint;
    uint64_t value; /* of the budget */
    uint64_t blocks;
    uint64_t largest; /* of the site below */
    uint32_t site;
    int leak_kind; /* the first met, which is the worst */
};

struct sums {
    struct sum *items;
    size_t count, capacity;
    struct hash_map positions;
};

static void sums_clear(struct sums *sums)
{
    hash_map_clear(&sums->positions);
    free(sums->items);
}

static void sums_add(struct sums *sums, const struct profile *profile, uint32_t site, int leak_kind,
                     uint64_t value, uint64_t blocks)
{
    uint64_t fingerprint = site == QUERY_NO_SITE ? 0 : profile->sites[site].fingerprint;
    bool is_new;
    uint64_t *position = hash_map_put(&sums->positions, fingerprint, &is_new);
    struct sum *sum;

    if (is_new) {
        *position = sums->count;
        sums->items = memory_grow(sums->items, &sums->capacity, sums->count + 1,
                                  sizeof *sums->items);
        sums->items[sums->count++] = (struct sum){
            .fingerprint = fingerprint, .site = QUERY_NO_SITE, .leak_kind = leak_kind};
    }
    sum = &sums->items[*position];
    sum->value += value;
    sum->blocks += blocks;
    if (sum->site == QUERY_NO_SITE || value > sum->largest) {
        sum->site = site;
        sum->largest = value;
    }
}

static bool is_member(const struct gate_subject *subject, uint32_t site)
{
    return !subject->is_member || (site != QUERY_NO_SITE && subject->is_member[site]);
}

static void add_leaks(struct sums *sums, const struct gate_subject *subject, uint32_t process,
                      unsigned kinds)
{
    const struct leaks *leaks = subject->scans[process].leaks;

    for (size_t i = 0; leaks && i < leaks->count; i++) {
        const struct leak *leak = &leaks->items[i];

        if (kinds >> leak->kind & 1 && is_member(subject, leak->site))
            sums_add(sums, subject->profile, leak->site, (int)leak->kind, leak->bytes,
                     leak->blocks);
    }
}

static void add_sites(struct sums *sums, const struct gate_subject *subject, uint32_t process,
                      enum query_metric metric)
{
    const struct profile *profile = subject->profile;
    const struct profile_process *owner = &profile->processes[process];

    for (uint32_t i = owner->first_site; i < owner->first_site + owner->site_count; i++)
        if (is_member(subject, i))
            sums_add(sums, profile, i, -1, query_site_value(&profile->sites[i], metric),
                     profile->sites[i].figures.live_blocks);
}

static void add_growth(struct sums *sums, const struct gate_subject *subject, uint32_t process)
{
    const struct growth *growth = subject->scans[process].growth;

    for (size_t i = 0; growth && i < growth->growing_count; i++) {
        const struct growth_site *site = &growth->sites[i];

        if (is_member(subject, site->site))
            sums_add(sums, subject->profile, site->site, -1, (uint64_t)site->bytes_per_minute,
                     subject->profile->sites[site->site].figures.live_blocks);
    }
}

/* Of the whole of one process. */
static uint64_t total_of(const struct recording_totals *totals, enum gate_budget budget)
{
    const uint64_t values[GATE_BUDGET_COUNT] = {
        [GATE_PEAK] = totals->common_peak_bytes,
        [GATE_HEAP] = totals->peak_bytes,
        [GATE_RESIDENT] = totals->peak_resident_bytes,
        [GATE_LIVE] = totals->live_bytes,
        [GATE_ALLOCATIONS] = totals->allocations,
        [GATE_TEMPORARY] = totals->temporary_allocations,
    };

    return values[budget];
}

/* The process that held most. What sites held at peaks of several processes is no sum: it is told
 * of this one. */
static uint32_t find_largest(const struct gate_subject *subject, enum gate_budget budget)
{
    const struct gate_group group = subject->group;
    uint32_t largest = group.members[0];

    for (size_t i = 1; i < group.count; i++)
        if (total_of(&subject->profile->processes[group.members[i]].totals, budget) >
            total_of(&subject->profile->processes[largest].totals, budget))
            largest = group.members[i];
    return largest;
}

static void sums_init(struct sums *sums, const struct gate_subject *subject,
                      const struct gate_options *options, enum gate_budget budget)
{
    uint32_t largest = find_largest(subject, budget);

    *sums = (struct sums){0};
    for (size_t i = 0; i < subject->group.count; i++) {
        uint32_t process = subject->group.members[i];

        if (gate_budget_at(budget)->is_peak && process != largest)
            continue;
        if (gate_budget_at(budget)->is_rate)
            add_growth(sums, subject, process);
        else if (gate_budget_at(budget)->is_of_leaks)
            add_leaks(sums, subject, process, options->leaked_kinds);
        else
            add_sites(sums, subject, process, gate_budget_at(budget)->metric);
    }
}

/* ---- the value ---- */

static bool is_known_leak(const struct gate_subject *subject, const struct gate_options *options,
                          uint64_t fingerprint)
{
    const struct gate_baseline_site *site = subject->base ? gate_baseline_find_site(subject->base,
                                                                                    fingerprint)
                                                          : NULL;

    return site && gate_baseline_site_leaked(site, options->leaked_kinds) > 0;
}

static uint64_t measure_sites(const struct gate_subject *subject,
                              const struct gate_options *options, enum gate_budget budget)
{
    bool is_largest = budget == GATE_LEAKED_PER_SITE;
    bool is_new_only = options->is_new_leaks_only && gate_budget_at(budget)->is_of_leaks;
    uint64_t value = 0;
    struct sums sums;

    sums_init(&sums, subject, options, budget);
    for (size_t i = 0; i < sums.count; i++) {
        const struct sum *sum = &sums.items[i];

        if (is_new_only && is_known_leak(subject, options, sum->fingerprint))
            continue;
        if (!is_largest)
            value += sum->value;
        else if (sum->value > value)
            value = sum->value;
    }
    sums_clear(&sums);
    return value;
}

static bool is_growth_known(const struct growth *growth)
{
    return growth && growth->has_timeline && !growth->is_too_short;
}

bool gate_is_measured(const struct gate_subject *subject, uint32_t process, enum gate_budget budget)
{
    const struct profile_process *owner = &subject->profile->processes[process];
    const struct gate_scan *scan = &subject->scans[process];

    if (gate_budget_at(budget)->is_of_leaks)
        return scan->leaks;
    if (!owner->has_totals || !owner->about.observed)
        return false;
    if (gate_budget_at(budget)->is_rate)
        return is_growth_known(scan->growth);
    return budget != GATE_RESIDENT || owner->totals.peak_resident_bytes; /* 0: not known */
}

/* Totals of processes, each where it was measured. */
static void measure_totals(const struct gate_subject *subject, enum gate_budget budget,
                           struct gate_measured *measured)
{
    size_t count = subject->group.count;
    uint64_t *values = memory_allocate_zeroed(count, sizeof *values), largest = 0, sum = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t process = subject->group.members[i];

        if (gate_is_measured(subject, process, budget))
            values[i] = total_of(&subject->profile->processes[process].totals, budget);
        sum += values[i];
        largest = values[i] > largest ? values[i] : largest;
    }
    measured->value = measured->least = sum;
    if (gate_budget_at(budget)->is_peak) {
        measured->value = gate_group_most_at_once(subject->profile, subject->group, values);
        measured->least = largest;
    }
    free(values);
}

bool gate_measure(const struct gate_subject *subject, const struct gate_options *options,
                  enum gate_budget budget, struct gate_measured *measured)
{
    const struct gate_budget_info *info = gate_budget_at(budget);
    bool is_any = false;

    *measured = (struct gate_measured){0};
    for (size_t i = 0; i < subject->group.count && !is_any; i++)
        is_any = gate_is_measured(subject, subject->group.members[i], budget);
    if (!is_any)
        return false;
    if (info->is_of_leaks || info->is_rate || subject->is_member)
        measured->value = measured->least = measure_sites(subject, options, budget);
    else
        measure_totals(subject, budget, measured);
    return true;
}

/* ---- findings ---- */

static uint64_t base_value(const struct gate_baseline_site *site,
                           const struct gate_options *options, enum gate_budget budget)
{
    if (!site)
        return 0;
    return gate_budget_at(budget)->is_of_leaks
               ? gate_baseline_site_leaked(site, options->leaked_kinds)
               : site->values[budget];
}

static struct gate_finding *append(struct gate_result *result, size_t *capacity)
{
    result->findings = memory_grow(result->findings, capacity, result->finding_count + 1,
                                   sizeof *result->findings);
    result->findings[result->finding_count] = (struct gate_finding){.site = QUERY_NO_SITE};
    return &result->findings[result->finding_count++];
}

static void add_finding(const struct gate_subject *subject, const struct gate_options *options,
                        const struct sum *sum, struct gate_result *result, size_t *capacity)
{
    const struct gate_baseline_site *before = subject->base ? gate_baseline_find_site(
                                                                  subject->base, sum->fingerprint)
                                                            : NULL;
    bool is_leak = gate_budget_at(result->budget)->is_of_leaks;
    bool is_known = is_leak ? is_known_leak(subject, options, sum->fingerprint) : before != NULL;

    *append(result, capacity) = (struct gate_finding){
        .fingerprint = sum->fingerprint,
        .state = is_known ? GATE_FINDING_KNOWN : GATE_FINDING_NEW,
        .leak_kind = sum->leak_kind,
        .bytes = sum->value,
        .base_bytes = base_value(before, options, result->budget),
        .blocks = sum->blocks,
        .profile = subject->profile,
        .site = sum->site};
}

/* Leaks of the baseline that are none any more. */
static void add_fixed(const struct gate_subject *subject, const struct gate_options *options,
                      const struct sums *sums, struct gate_result *result, size_t *capacity)
{
    for (size_t i = 0; i < subject->base->site_count; i++) {
        const struct gate_baseline_site *site = &subject->base->sites[i];
        uint64_t bytes = gate_baseline_site_leaked(site, options->leaked_kinds);
        int kind = 0;

        if (!bytes || hash_map_find(&sums->positions, site->fingerprint))
            continue;
        while (!(options->leaked_kinds >> kind & 1 && site->leaked[kind]))
            kind++;
        *append(result, capacity) = (struct gate_finding){.fingerprint = site->fingerprint,
                                                          .state = GATE_FINDING_FIXED,
                                                          .leak_kind = kind,
                                                          .bytes = bytes,
                                                          .base_bytes = bytes,
                                                          .profile = site->profile,
                                                          .site = site->site};
    }
}

static uint64_t growth_of(const struct gate_finding *finding)
{
    return finding->state == GATE_FINDING_FIXED || finding->bytes < finding->base_bytes
               ? 0
               : finding->bytes - finding->base_bytes;
}

/* What came to it first: the largest growth, then the largest. */
static int compare_findings(const void *left, const void *right)
{
    const struct gate_finding *a = left, *b = right;
    uint64_t x = growth_of(a), y = growth_of(b);

    if (x != y)
        return x < y ? 1 : -1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->fingerprint < b->fingerprint ? -1 : a->fingerprint > b->fingerprint;
}

/* The first finding, unless it was there before as it is now; else the largest site. */
static void choose_culprit(const struct sums *sums, struct gate_result *result)
{
    const struct gate_finding *first = result->findings;

    result->culprit = QUERY_NO_SITE;
    if (result->finding_count > 0 && first->state != GATE_FINDING_FIXED) {
        result->culprit = first->site;
        result->culprit_value = growth_of(first) ? growth_of(first) : first->bytes;
        return;
    }
    for (size_t i = 0; i < sums->count; i++)
        if (sums->items[i].value > result->culprit_value) {
            result->culprit = sums->items[i].site;
            result->culprit_value = sums->items[i].value;
        }
}

/* Of leaks all, of other budgets the largest growths that a tolerance does not cover. */
void gate_find_findings(const struct gate_subject *subject, const struct gate_options *options,
                        struct gate_result *result)
{
    const struct gate_budget_info *budget = gate_budget_at(result->budget);
    size_t capacity = 0;
    struct sums sums;

    sums_init(&sums, subject, options, result->budget);
    for (size_t i = 0; i < sums.count; i++) {
        const struct sum *sum = &sums.items[i];
        uint64_t before = 0;

        if (budget->is_rate) {
            add_finding(subject, options, sum, result, &capacity);
            continue;
        }
        if (!budget->is_of_leaks) {
            if (!subject->base)
                break;
            before = base_value(gate_baseline_find_site(subject->base, sum->fingerprint), options,
                                budget->budget == GATE_HEAP || budget->budget == GATE_RESIDENT
                                    ? GATE_PEAK
                                    : budget->budget);
            if (sum->value <= before ||
                (double)(sum->value - before) <= options->tolerance * (double)before ||
                (budget->is_bytes && sum->value - before <= options->min_delta))
                continue;
        }
        add_finding(subject, options, sum, result, &capacity);
        if (!budget->is_of_leaks)
            result->findings[result->finding_count - 1].base_bytes = before;
    }
    if (budget->is_of_leaks && subject->base && !subject->is_member &&
        gate_is_measured(subject, subject->group.members[0], result->budget))
        add_fixed(subject, options, &sums, result, &capacity);
    if (result->finding_count > 0)
        qsort(result->findings, result->finding_count, sizeof *result->findings, compare_findings);
    if (!budget->is_of_leaks && result->finding_count > MAX_GROWN_SITES)
        result->finding_count = MAX_GROWN_SITES;
    choose_culprit(&sums, result);
    sums_clear(&sums);
}
