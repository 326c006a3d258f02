#include "analysis/gate_findings.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

enum {
    MAX_GROWN_SITES = 10
};

/* Figures of one fingerprint, in the recording and in the baseline. */
struct sum {
    uint64_t fingerprint;
    uint64_t bytes, base_bytes;
    uint64_t blocks;
    uint64_t largest; /* of the site below */
    uint32_t site;
    int leak_kind; /* the first met, which is the worst */
    bool is_here, is_in_base;
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
                     uint64_t bytes, uint64_t blocks, bool is_base)
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
    *(is_base ? &sum->base_bytes : &sum->bytes) += bytes;
    sum->blocks += is_base ? 0 : blocks;
    if (sum->site == QUERY_NO_SITE || sum->is_here == is_base || bytes > sum->largest) {
        sum->site = is_base && sum->is_here ? sum->site : site;
        sum->largest = bytes;
    }
    *(is_base ? &sum->is_in_base : &sum->is_here) = true;
}

static void add_leaks(struct sums *sums, const struct profile *profile, const struct leaks *leaks,
                      unsigned kinds, bool is_base)
{
    for (size_t i = 0; i < leaks->count; i++) {
        const struct leak *leak = &leaks->items[i];

        if (kinds >> leak->kind & 1)
            sums_add(sums, profile, leak->site, (int)leak->kind, leak->bytes, leak->blocks,
                     is_base);
    }
}

static void add_sites(struct sums *sums, const struct profile *profile, uint32_t process,
                      enum query_metric metric, bool is_base)
{
    const struct profile_process *owner = &profile->processes[process];

    for (uint32_t i = owner->first_site; i < owner->first_site + owner->site_count; i++)
        sums_add(sums, profile, i, -1, query_site_value(&profile->sites[i], metric),
                 profile->sites[i].figures.live_blocks, is_base);
}

uint64_t gate_leaked_bytes(const struct leaks *leaks, unsigned kinds)
{
    uint64_t bytes = 0;

    for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++)
        bytes += kinds >> kind & 1 ? leaks->kinds[kind].bytes : 0;
    return bytes;
}

static uint64_t largest_of(const struct sums *sums, bool is_new_only)
{
    uint64_t largest = 0;

    for (size_t i = 0; i < sums->count; i++)
        if (sums->items[i].bytes > largest && !(is_new_only && sums->items[i].is_in_base))
            largest = sums->items[i].bytes;
    return largest;
}

uint64_t gate_leaked_by_a_site(const struct profile *profile, const struct leaks *leaks,
                               unsigned kinds)
{
    struct sums sums = {0};
    uint64_t largest;

    add_leaks(&sums, profile, leaks, kinds, false);
    largest = largest_of(&sums, false);
    sums_clear(&sums);
    return largest;
}

/* ---- findings ---- */

static void add_finding(struct gate_result *result, size_t *capacity, const struct sum *sum)
{
    result->findings = memory_grow(result->findings, capacity, result->finding_count + 1,
                                   sizeof *result->findings);
    result->findings[result->finding_count++] = (struct gate_finding){
        .fingerprint = sum->fingerprint,
        .state = !sum->is_here     ? GATE_FINDING_FIXED
                 : sum->is_in_base ? GATE_FINDING_KNOWN
                                   : GATE_FINDING_NEW,
        .leak_kind = sum->leak_kind,
        .bytes = sum->is_here ? sum->bytes : sum->base_bytes,
        .base_bytes = sum->base_bytes,
        .blocks = sum->blocks,
        .is_in_baseline = !sum->is_here,
        .site = sum->site};
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

static void sort_findings(struct gate_result *result)
{
    if (result->finding_count > 0)
        qsort(result->findings, result->finding_count, sizeof *result->findings, compare_findings);
    if (result->culprit == QUERY_NO_SITE && result->finding_count > 0 &&
        !result->findings[0].is_in_baseline)
        result->culprit = result->findings[0].site;
}

static void find_leaks(const struct profile *profile, const struct gate_scan *scan,
                       const struct gate_options *options, const struct gate_scan *base_scan,
                       struct gate_result *result)
{
    bool has_base = base_scan && base_scan->leaks;
    struct sums sums = {0};
    size_t capacity = 0;
    uint64_t new_bytes = 0;

    if (!scan->leaks)
        return;
    add_leaks(&sums, profile, scan->leaks, options->leaked_kinds, false);
    if (has_base)
        add_leaks(&sums, options->baseline, base_scan->leaks, options->leaked_kinds, true);
    for (size_t i = 0; i < sums.count; i++) {
        add_finding(result, &capacity, &sums.items[i]);
        new_bytes += sums.items[i].is_in_base ? 0 : sums.items[i].bytes;
    }
    if (has_base && options->is_new_leaks_only) {
        result->value = result->budget == GATE_LEAKED ? new_bytes : largest_of(&sums, true);
        result->has_baseline = false;
    }
    sums_clear(&sums);
}

/* The largest growths that a tolerance does not cover. */
static void find_growth(const struct profile *profile, const struct gate_options *options,
                        uint32_t base, struct gate_result *result)
{
    enum query_metric metric = gate_budget_at(result->budget)->culprit;
    bool is_bytes = gate_budget_at(result->budget)->is_bytes;
    struct sums sums = {0};
    size_t capacity = 0;

    add_sites(&sums, profile, result->process, metric, false);
    add_sites(&sums, options->baseline, base, metric, true);
    for (size_t i = 0; i < sums.count; i++) {
        const struct sum *sum = &sums.items[i];
        uint64_t delta = sum->bytes > sum->base_bytes ? sum->bytes - sum->base_bytes : 0;

        if ((double)delta > options->tolerance * (double)sum->base_bytes && delta > 0 &&
            (!is_bytes || delta > options->min_delta))
            add_finding(result, &capacity, sum);
    }
    sort_findings(result);
    if (result->finding_count > MAX_GROWN_SITES)
        result->finding_count = MAX_GROWN_SITES;
    sums_clear(&sums);
}

static uint32_t largest_site(const struct profile *profile, uint32_t process,
                             enum query_metric metric)
{
    const struct profile_process *owner = &profile->processes[process];
    uint32_t best = QUERY_NO_SITE;

    for (uint32_t i = owner->first_site; i < owner->first_site + owner->site_count; i++)
        if (best == QUERY_NO_SITE || query_site_value(&profile->sites[i], metric) >
                                         query_site_value(&profile->sites[best], metric))
            best = i;
    return best != QUERY_NO_SITE && query_site_value(&profile->sites[best], metric) > 0
               ? best
               : QUERY_NO_SITE;
}

void gate_find_findings(const struct profile *profile, const struct gate_scan *scan,
                        const struct gate_options *options, const uint32_t *base,
                        const struct gate_scan *base_scan, struct gate_result *result)
{
    const struct gate_budget_info *budget = gate_budget_at(result->budget);

    if (budget->is_of_leaks)
        find_leaks(profile, scan, options, base_scan, result);
    else if (base)
        find_growth(profile, options, *base, result);
    sort_findings(result);
    if (!budget->is_of_leaks && result->culprit == QUERY_NO_SITE)
        result->culprit = largest_site(profile, result->process, budget->culprit);
}
