#include "analysis/gate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/gate_findings.h"
#include "base/memory.h"
#include "base/text.h"

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

/* A forked process that never became a program of its own is not scanned by design: what it leaks
 * of its parent's is its parent's. */
static bool is_exempt(const struct gate_run *run, uint32_t process, enum gate_budget budget)
{
    return gate_budget_at(budget)->is_of_leaks && !run->scans[process].leaks &&
           !run->profile->processes[process].about.is_own_image;
}

static bool is_group_exempt(const struct gate_run *run, struct gate_group group,
                            enum gate_budget budget)
{
    for (size_t i = 0; i < group.count; i++)
        if (!is_exempt(run, group.members[i], budget))
            return false;
    return true;
}

/* ---- doubts ---- */

const char *gate_doubt(const struct profile *profile, uint32_t process,
                       const struct gate_options *options)
{
    const struct profile_process *owner = &profile->processes[process];

    if (!owner->about.observed)
        return "not observed";
    if (profile_is_sampled(profile) && !options->is_sampled_allowed)
        return "sampled";
    if (!profile->is_finished)
        return "the recording was not finished";
    if (profile->is_complete)
        return "";
    for (size_t i = 0; i < profile->process_count; i++)
        if (profile->processes[i].quality.lost_events)
            return "events were lost";
    return "the recording is incomplete";
}

/* ---- judging ---- */

struct judging {
    const struct gate_run *runs;
    size_t run_count;
    const struct gate_options *options;
    struct gate *gate;
    size_t capacity;
    uint32_t **ranks;    /* by run, by process */
    uint8_t **is_member; /* by run: sites of the scope that is judged; NULL without one */
};

/* The process of a run that is known by the name and rank; its process_count when there is none. */
static uint32_t find_process(const struct judging *judging, size_t run, const char *name,
                             uint32_t rank)
{
    const struct profile *profile = judging->runs[run].profile;
    uint32_t i = 0;

    while (i < profile->process_count &&
           (judging->ranks[run][i] != rank || strcmp(gate_process_name(profile, i), name) != 0))
        i++;
    return i;
}

static struct gate_subject make_subject(const struct judging *judging, size_t run, uint32_t process)
{
    const struct gate_baseline *baseline = judging->options->baseline;
    const struct profile *profile = judging->runs[run].profile;

    return (struct gate_subject){
        .profile = profile,
        .group = gate_groups_get(&judging->gate->groups[run], process),
        .scans = judging->runs[run].scans,
        .base = baseline ? gate_baseline_find(baseline, gate_process_name(profile, process),
                                              judging->ranks[run][process])
                         : NULL,
        .is_member = judging->is_member ? judging->is_member[run] : NULL};
}

static void take_doubt(struct gate_result *result, const struct gate_subject *subject,
                       uint32_t process, const struct gate_options *options)
{
    bool is_of_leaks = gate_budget_at(result->budget)->is_of_leaks;
    bool is_alone = subject->group.count == 1;
    const char *doubt = gate_doubt(subject->profile, process, options);

    if (!*doubt && !gate_is_measured(subject, process, result->budget))
        doubt = is_of_leaks && is_alone                   ? "not scanned"
                : is_of_leaks                             ? "not all are scanned"
                : gate_budget_at(result->budget)->is_rate ? "too short to tell what grows"
                : is_alone                                ? "not measured"
                                                          : "not all are measured";
    if (!*result->reason)
        result->reason = doubt;
    if (is_of_leaks && !subject->scans[process].leaks && !*result->scan_reason &&
        subject->profile->processes[process].about.observed)
        result->scan_reason = subject->scans[process].reason;
}

static void take_doubts(struct gate_result *result, const struct gate_run *run,
                        const struct gate_subject *subject, const struct gate_options *options)
{
    struct gate_group group = subject->group;

    for (size_t i = 0; i < group.count; i++)
        if (group.count == 1 || !is_exempt(run, group.members[i], result->budget))
            take_doubt(result, subject, group.members[i], options);
}

/* Is it counted with the tree of another? */
static bool is_part_of_other(const struct judging *judging, size_t run, uint32_t process)
{
    return judging->options->is_tree && judging->gate->groups[run].groups[process].count == 0;
}

/* All runs of the process; the largest value is the one that is told. */
static void measure_runs(const struct judging *judging, struct gate_result *result)
{
    const char *name = gate_process_name(judging->runs[result->run].profile, result->process);
    size_t first_run = result->run;
    uint32_t first = result->process;

    for (size_t run = 0; run < judging->run_count; run++) {
        uint32_t process = run == first_run ? first
                                            : find_process(judging, run, name, result->rank);
        struct gate_subject subject;
        struct gate_measured measured;

        if (process == judging->runs[run].profile->process_count ||
            is_part_of_other(judging, run, process))
            continue;
        subject = make_subject(judging, run, process);
        take_doubts(result, &judging->runs[run], &subject, judging->options);
        if (!gate_measure(&subject, judging->options, result->budget, &measured))
            continue;
        if (!result->has_value || measured.value > result->value) {
            result->value = measured.value;
            result->run = run;
            result->process = process;
            result->group = subject.group;
        }
        if (measured.least > result->least)
            result->least = measured.least;
        result->has_value = true;
        gate_figure_add(&result->figure, measured.value);
    }
}

/* Of leaks there is no mean: the baseline's are all that was ever seen. */
static struct gate_figure base_figure(const struct gate_baseline_process *base,
                                      const struct gate_options *options, enum gate_budget budget)
{
    struct gate_figure figure = base->figures[budget];

    if (gate_budget_at(budget)->is_of_leaks && base->is_scanned)
        gate_figure_add(&figure, budget == GATE_LEAKED
                                     ? gate_baseline_leaked(base, options->leaked_kinds)
                                     : gate_baseline_leaked_by_a_site(base, options->leaked_kinds));
    return figure;
}

/* All must be exceeded: the part, the bytes, and chance. */
static bool is_over_baseline(const struct gate_result *result, const struct gate_figure *base,
                             const struct gate_options *options)
{
    const struct gate_budget_info *budget = gate_budget_at(result->budget);
    double value = budget->is_of_leaks ? (double)result->value : result->figure.mean;
    double delta = value - base->mean;

    return result->has_value && delta > 0 && delta > options->tolerance * base->mean &&
           (!budget->is_bytes || delta > (double)options->min_delta) && delta > result->margin;
}

static void give_verdict(struct gate_result *result, const struct gate_subject *subject,
                         const struct gate_options *options)
{
    bool is_limited = result->has_value && result->has_limit;
    bool is_over = is_limited && result->least > result->limit;

    if (is_limited && !is_over && result->value > result->limit && !*result->reason)
        result->reason = "an upper bound: the processes need not have peaked at once";
    if (subject->base && !result->scope &&
        !(options->is_new_leaks_only && gate_budget_at(result->budget)->is_of_leaks)) {
        struct gate_figure base = base_figure(subject->base, options, result->budget);

        result->has_baseline = base.runs > 0;
        result->baseline = (uint64_t)(base.mean + 0.5);
        result->margin = gate_budget_at(result->budget)->is_of_leaks
                             ? 0
                             : gate_noise_margin(&result->figure, &base);
        is_over = is_over || (result->has_baseline && is_over_baseline(result, &base, options));
    }
    result->verdict = is_over ? GATE_FAIL : *result->reason ? GATE_INCONCLUSIVE : GATE_PASS;
    if (is_over)
        result->reason = "";
}

static void judge_budget(struct judging *judging, size_t run, uint32_t process,
                         enum gate_budget budget, const struct gate_scope *scope)
{
    const struct gate_limits *limits = scope ? &scope->limits : &judging->options->limits;
    struct gate *gate = judging->gate;
    struct gate_subject subject;
    struct gate_result *result;

    gate->results = memory_grow(gate->results, &judging->capacity, gate->count + 1, sizeof *result);
    result = &gate->results[gate->count++];
    *result = (struct gate_result){.run = run,
                                   .process = process,
                                   .group = gate_groups_get(&gate->groups[run], process),
                                   .rank = judging->ranks[run][process],
                                   .budget = budget,
                                   .scope = scope,
                                   .has_limit = limits->values[budget] != UINT64_MAX,
                                   .limit = limits->values[budget],
                                   .reason = "",
                                   .scan_reason = "",
                                   .culprit = QUERY_NO_SITE};
    measure_runs(judging, result);
    subject = make_subject(judging, result->run, result->process);
    gate_find_findings(&subject, judging->options, result);
    give_verdict(result, &subject, judging->options);
    if (result->verdict > gate->verdict)
        gate->verdict = result->verdict;
}

static void judge_limits(struct judging *judging, size_t run, uint32_t process,
                         const struct gate_scope *scope)
{
    const struct gate_limits *limits = scope ? &scope->limits : &judging->options->limits;

    for (int budget = 0; budget < GATE_BUDGET_COUNT; budget++)
        if (limits->is_set[budget] &&
            !is_group_exempt(&judging->runs[run],
                             gate_groups_get(&judging->gate->groups[run], process),
                             (enum gate_budget)budget))
            judge_budget(judging, run, process, (enum gate_budget)budget, scope);
}

/* Was it met in an earlier run? */
static bool is_repeated(const struct judging *judging, size_t run, uint32_t process)
{
    const char *name = gate_process_name(judging->runs[run].profile, process);

    for (size_t i = 0; i < run; i++) {
        uint32_t earlier = find_process(judging, i, name, judging->ranks[run][process]);

        if (earlier < judging->runs[i].profile->process_count &&
            !is_part_of_other(judging, i, earlier))
            return true;
    }
    return false;
}

static void judge_processes(struct judging *judging, const struct gate_scope *scope)
{
    for (size_t run = 0; run < judging->run_count; run++)
        for (uint32_t i = 0; i < judging->runs[run].profile->process_count; i++)
            if (judging->gate->groups[run].groups[i].count > 0 && !is_repeated(judging, run, i))
                judge_limits(judging, run, i, scope);
}

static void judge_scopes(struct judging *judging)
{
    uint8_t **is_member = memory_allocate_zeroed(judging->run_count, sizeof *is_member);

    for (size_t i = 0; i < judging->options->scope_count; i++) {
        const struct gate_scope *scope = &judging->options->scopes[i];

        for (size_t run = 0; run < judging->run_count; run++) {
            const struct profile *profile = judging->runs[run].profile;

            is_member[run] = memory_allocate_zeroed(profile->site_count, 1);
            gate_scope_find(profile, scope->pattern, is_member[run]);
        }
        judging->is_member = is_member;
        judge_processes(judging, scope);
        judging->is_member = NULL;
        for (size_t run = 0; run < judging->run_count; run++)
            free(is_member[run]);
    }
    free(is_member);
}

/* ---- the whole ---- */

/* A baseline that has none of the processes compares nothing: a renamed program must not pass by
 * that. */
static bool is_anything_compared(const struct judging *judging)
{
    for (size_t i = 0; i < judging->gate->count; i++) {
        const struct gate_result *result = &judging->gate->results[i];

        if (result->has_limit ||
            gate_baseline_find(
                judging->options->baseline,
                gate_process_name(judging->runs[result->run].profile, result->process),
                result->rank))
            return true;
    }
    return false;
}

static const char *reason_of(const struct gate *gate)
{
    for (size_t i = 0; i < gate->count; i++)
        if (gate->results[i].verdict == gate->verdict)
            return gate->verdict == GATE_FAIL ? gate_budget_at(gate->results[i].budget)->name
                                              : gate->results[i].reason;
    return "";
}

bool gate_options_check(const struct gate_options *options, struct error *error)
{
    if (!options->is_tree)
        return true;
    for (size_t i = 0; i < GATE_BUDGET_COUNT; i++) {
        const struct gate_budget_info *budget = gate_budget_at(i);

        if (options->limits.is_set[i] && budget->is_rate)
            return error_set(error, "trees of processes have no budget \"%s\"", budget->name);
        for (size_t j = 0; j < options->scope_count; j++)
            if (options->scopes[j].limits.is_set[i] && (budget->is_rate || budget->is_peak))
                return error_set(error, "parts of trees of processes have no budget \"%s\"",
                                 budget->name);
    }
    return !options->baseline ||
           error_set(error, "trees of processes are not compared with a baseline");
}

static struct gate_groups make_groups(const struct profile *profile,
                                      const struct gate_options *options)
{
    uint8_t *is_judged = memory_allocate_zeroed(profile->process_count, 1);
    struct gate_groups groups;

    for (uint32_t i = 0; i < profile->process_count; i++)
        is_judged[i] = gate_is_judged(profile, i, options);
    gate_groups_make(profile, is_judged, options->is_tree, &groups);
    free(is_judged);
    return groups;
}

static bool is_any_judged(const struct profile *profile, const struct gate_options *options)
{
    for (uint32_t i = 0; i < profile->process_count; i++)
        if (gate_is_judged(profile, i, options))
            return true;
    return false;
}

/* A torn recording may have lost the very processes that were to be judged. */
static bool is_torn_before_all(const struct judging *judging)
{
    for (size_t i = 0; i < judging->run_count; i++)
        if (!judging->runs[i].profile->is_finished &&
            !is_any_judged(judging->runs[i].profile, judging->options))
            return true;
    return false;
}

void gate_judge(const struct gate_run *runs, size_t run_count, const struct gate_options *options,
                struct gate *gate)
{
    struct judging judging = {
        .runs = runs, .run_count = run_count, .options = options, .gate = gate};

    assert(!options->is_tree || !options->baseline);
    *gate = (struct gate){.reason = "", .run_count = run_count};
    gate->groups = memory_allocate_zeroed(run_count, sizeof *gate->groups);
    judging.ranks = memory_allocate_zeroed(run_count, sizeof *judging.ranks);
    for (size_t i = 0; i < run_count; i++) {
        judging.ranks[i] = gate_process_ranks(runs[i].profile);
        gate->groups[i] = make_groups(runs[i].profile, options);
    }
    judge_processes(&judging, NULL);
    judge_scopes(&judging);
    gate->reason = reason_of(gate);
    if (gate->verdict != GATE_FAIL && is_torn_before_all(&judging)) {
        gate->verdict = GATE_INCONCLUSIVE;
        gate->reason = "the recording was not finished";
    } else if (gate->count == 0) {
        gate->verdict = GATE_INCONCLUSIVE;
        gate->reason = "no process was judged";
    } else if (gate->verdict == GATE_PASS && options->baseline && !is_anything_compared(&judging)) {
        gate->verdict = GATE_INCONCLUSIVE;
        gate->reason = "the baseline has none of the processes";
    }
    for (size_t i = 0; i < run_count; i++)
        free(judging.ranks[i]);
    free(judging.ranks);
}

void gate_clear(struct gate *gate)
{
    for (size_t i = 0; i < gate->count; i++)
        free(gate->results[i].findings);
    for (size_t i = 0; i < gate->run_count; i++)
        gate_groups_clear(&gate->groups[i]);
    free(gate->groups);
    free(gate->results);
    *gate = (struct gate){0};
}
