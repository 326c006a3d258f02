#include "analysis/gate.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/gate_findings.h"
#include "base/memory.h"
#include "base/text.h"

static const struct gate_budget_info budgets[] = {
    {GATE_PEAK, "peak", "heap and anonymous mappings at their common peak", true, false,
     QUERY_PEAK_BYTES},
    {GATE_HEAP, "heap", "the heap at its peak", true, false, QUERY_PEAK_BYTES},
    {GATE_RESIDENT, "resident", "resident memory at its peak, by the kernel", true, false,
     QUERY_PEAK_BYTES},
    {GATE_LIVE, "live", "what is not freed at the end", true, false, QUERY_LIVE_BYTES},
    {GATE_ALLOCATIONS, "allocations", "calls that return a block", false, false, QUERY_ALLOCATIONS},
    {GATE_TEMPORARY, "temporary", "blocks freed before their thread allocates again", false, false,
     QUERY_TEMPORARY},
    {GATE_LEAKED, "leaked", "what is leaked, of the kinds in --leak-kinds", true, true,
     QUERY_LIVE_BYTES},
    {GATE_LEAKED_PER_SITE, "leaked-per-site", "what one site leaks", true, true, QUERY_LIVE_BYTES},
};
_Static_assert(sizeof budgets / sizeof *budgets == GATE_BUDGET_COUNT, "a row for each budget");

const struct gate_budget_info *gate_budget_at(size_t position)
{
    return position < GATE_BUDGET_COUNT ? &budgets[position] : NULL;
}

const char *gate_verdict_name(enum gate_verdict verdict)
{
    static const char *const names[] = {"pass", "inconclusive", "fail"};

    return names[verdict];
}

/* ---- which processes ---- */

static bool is_of_the_system(const char *executable)
{
    static const char *const folders[] = {"/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/", "/opt/"};

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (text_starts_with(executable, folders[i]))
            return true;
    return false;
}

static bool matches_any(const char *executable, const char *const *globs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_matches_glob(executable, globs[i]) ||
            text_matches_glob(text_file_name(executable), globs[i]))
            return true;
    return false;
}

/* CMD itself, and what the same pid became by exec. */
static bool is_command(const struct profile *profile, uint32_t process)
{
    return profile->processes[process].about.pid == profile->processes[0].about.pid;
}

bool gate_is_judged(const struct profile *profile, uint32_t process,
                    const struct gate_options *options)
{
    const char *executable = profile->processes[process].about.executable;

    if (matches_any(executable, options->skip, options->skip_count))
        return false;
    if (options->only_count > 0)
        return matches_any(executable, options->only, options->only_count);
    return is_command(profile, process) || !is_of_the_system(executable);
}

static const char *name_of(const struct profile *profile, uint32_t process)
{
    return text_file_name(profile->processes[process].about.executable);
}

uint32_t gate_counterpart(const struct profile *profile, uint32_t process,
                          const struct profile *baseline)
{
    const char *name = name_of(profile, process);
    uint32_t rank = 0;

    for (uint32_t i = 0; i < process; i++)
        rank += strcmp(name_of(profile, i), name) == 0;
    for (uint32_t i = 0; i < baseline->process_count; i++)
        if (strcmp(name_of(baseline, i), name) == 0 && rank-- == 0)
            return i;
    return (uint32_t)baseline->process_count;
}

/* ---- figures ---- */

/* False: it was not measured. */
static bool measure(const struct profile *profile, uint32_t process, const struct gate_scan *scan,
                    const struct gate_options *options, enum gate_budget budget, uint64_t *value)
{
    const struct profile_process *owner = &profile->processes[process];
    const struct recording_totals *totals = &owner->totals;
    uint64_t values[GATE_BUDGET_COUNT] = {
        [GATE_PEAK] = totals->common_peak_bytes,
        [GATE_HEAP] = totals->peak_bytes,
        [GATE_RESIDENT] = totals->peak_resident_bytes,
        [GATE_LIVE] = totals->live_bytes,
        [GATE_ALLOCATIONS] = totals->allocations,
        [GATE_TEMPORARY] = totals->temporary_allocations,
    };

    *value = 0;
    if (budgets[budget].is_of_leaks) {
        if (!scan->leaks)
            return false;
        *value = budget == GATE_LEAKED
                     ? gate_leaked_bytes(scan->leaks, options->leaked_kinds)
                     : gate_leaked_by_a_site(profile, scan->leaks, options->leaked_kinds);
        return true;
    }
    *value = values[budget];
    return owner->has_totals && owner->about.observed && !(budget == GATE_RESIDENT && *value == 0);
}

/* ---- verdicts ---- */

/* Why figures of this process may be too small; "" when they are not. */
static const char *doubt(const struct profile *profile, uint32_t process,
                         const struct gate_options *options)
{
    const struct profile_process *owner = &profile->processes[process];

    if (!owner->about.observed)
        return "not observed";
    if (profile_is_sampled(profile) && !options->is_sampled_allowed)
        return "sampled";
    if (!profile->is_finished)
        return "the recording was not finished";
    if (owner->quality.lost_events)
        return "events were lost";
    if (!profile->is_complete)
        return "the recording is incomplete";
    return "";
}

/* Both must be exceeded: the part and the bytes. */
static bool is_over_baseline(const struct gate_result *result, const struct gate_options *options)
{
    uint64_t delta;

    if (!result->has_baseline || !result->has_value || result->value <= result->baseline)
        return false;
    delta = result->value - result->baseline;
    return (double)delta > options->tolerance * (double)result->baseline &&
           (!budgets[result->budget].is_bytes || delta > options->min_delta);
}

static void give_verdict(struct gate_result *result, const struct gate_options *options,
                         const char *process_doubt)
{
    bool is_over = result->has_value && result->has_limit && result->value > result->limit;

    result->reason = "";
    if (is_over || is_over_baseline(result, options)) {
        result->verdict = GATE_FAIL;
        return;
    }
    result->verdict = GATE_PASS;
    if (*process_doubt)
        result->reason = process_doubt;
    else if (!result->has_value)
        result->reason = budgets[result->budget].is_of_leaks ? "not scanned" : "not measured";
    if (*result->reason)
        result->verdict = GATE_INCONCLUSIVE;
}

/* A forked process that never became a program of its own is not scanned by design: what it leaks
 * of its parent's is its parent's. */
static bool is_exempt(const struct profile *profile, uint32_t process, const struct gate_scan *scan,
                      enum gate_budget budget)
{
    return budgets[budget].is_of_leaks && !scan->leaks &&
           !profile->processes[process].about.is_own_image;
}

static void judge_budget(const struct profile *profile, const struct gate_scan *scans,
                         const struct gate_options *options, uint32_t process,
                         enum gate_budget budget, struct gate_result *result)
{
    const struct gate_scan *base_scan = NULL;
    uint32_t base = 0;

    *result = (struct gate_result){.process = process, .budget = budget, .culprit = QUERY_NO_SITE};
    result->has_limit = options->is_set[budget] && options->limits[budget] != UINT64_MAX;
    result->limit = options->limits[budget];
    result->has_value = measure(profile, process, &scans[process], options, budget, &result->value);
    if (options->baseline) {
        base = gate_counterpart(profile, process, options->baseline);
        if (base < options->baseline->process_count) {
            base_scan = &options->baseline_scans[base];
            result->has_baseline = measure(options->baseline, base, base_scan, options, budget,
                                           &result->baseline);
        }
    }
    gate_find_findings(profile, &scans[process], options, base_scan ? &base : NULL, base_scan,
                       result);
    result->scan_reason = budgets[budget].is_of_leaks && !scans[process].leaks
                              ? scans[process].reason
                              : "";
    give_verdict(result, options, doubt(profile, process, options));
}

static const char *reason_of(const struct gate *gate)
{
    for (size_t i = 0; i < gate->count; i++)
        if (gate->results[i].verdict == gate->verdict)
            return gate->verdict == GATE_FAIL ? budgets[gate->results[i].budget].name
                                              : gate->results[i].reason;
    return "";
}

void gate_judge(const struct profile *profile, const struct gate_scan *scans,
                const struct gate_options *options, struct gate *gate)
{
    size_t capacity = 0;

    *gate = (struct gate){.reason = ""};
    for (uint32_t i = 0; i < profile->process_count; i++)
        for (int budget = 0; budget < GATE_BUDGET_COUNT; budget++) {
            struct gate_result *result;

            if (!options->is_set[budget] || !gate_is_judged(profile, i, options) ||
                is_exempt(profile, i, &scans[i], (enum gate_budget)budget))
                continue;
            gate->results = memory_grow(gate->results, &capacity, gate->count + 1, sizeof *result);
            result = &gate->results[gate->count++];
            judge_budget(profile, scans, options, i, (enum gate_budget)budget, result);
            if (result->verdict > gate->verdict)
                gate->verdict = result->verdict;
        }
    if (gate->count == 0)
        gate->verdict = GATE_INCONCLUSIVE;
    gate->reason = gate->count == 0 ? "no process was judged" : reason_of(gate);
}

void gate_clear(struct gate *gate)
{
    for (size_t i = 0; i < gate->count; i++)
        free(gate->results[i].findings);
    free(gate->results);
    *gate = (struct gate){0};
}
