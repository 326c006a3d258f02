/* From the options of `seep check` to what the gate judges by. */
#include "config.h"

#include "cli/check_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/check_subjects.h"
#include "cli/word_list.h"

enum {
    MOST_RUNS = 1000,
    DEFAULT_MIN_DELTA = 64 << 10
};
static const double DEFAULT_TOLERANCE = 0.05;

static bool parse_percent(const char *text, double *part, struct error *error)
{
    char *end;

    *part = strtod(text, &end) / 100;
    while (*end == ' ')
        end++;
    if (end == text || (strcmp(end, "%") != 0 && *end) || !(*part >= 0 && *part <= 1e6))
        return error_set(error, "--tolerance: \"%s\" is no percentage, such as 5%%", text);
    return true;
}

static bool read_budget_file(const char *path, struct gate_limits *limits,
                             struct gate_scopes *scopes, struct error *error)
{
    char *text = check_subjects_read_file(path, error);
    bool is_good = text && gate_budgets_read(text, path, limits, scopes, error);

    free(text);
    return is_good;
}

/* Options are stronger than the file. */
static bool fill_budgets(const struct check_options *typed, struct gate_options *options,
                         struct gate_scopes *scopes, struct error *error)
{
    struct gate_limits *limits = &options->limits;

    if (typed->budget_file && !read_budget_file(typed->budget_file, limits, scopes, error))
        return false;
    for (int i = 0; i < GATE_BUDGET_COUNT; i++)
        if (typed->budgets[i].is_given) {
            limits->is_set[i] = true;
            limits->values[i] = typed->budgets[i].value;
        }
    if (typed->growth) {
        if (!gate_budget_parse_limit(gate_budget_at(GATE_GROWTH), typed->growth,
                                     &limits->values[GATE_GROWTH], error))
            return error_prefix(error, "--max-growth: ");
        limits->is_set[GATE_GROWTH] = true;
    }
    for (size_t i = 0; i < typed->scopes.count; i++)
        if (!gate_scopes_parse(scopes, typed->scopes.items[i], error))
            return error_prefix(error, "--budget: ");
    options->scopes = scopes->items;
    options->scope_count = scopes->count;
    return true;
}

static bool is_baseline_scanned(const struct gate_baseline *baseline)
{
    for (size_t i = 0; i < baseline->count; i++)
        if (baseline->processes[i].is_scanned)
            return true;
    return false;
}

void check_options_choose_budgets(const struct check_options *typed,
                                  const struct gate_baseline *baseline,
                                  struct gate_options *options)
{
    struct gate_limits *limits = &options->limits;
    bool is_any = false;

    for (int i = 0; i < GATE_BUDGET_COUNT; i++)
        is_any = is_any || limits->is_set[i];
    if (typed->is_new_leaks_only) {
        if (!limits->is_set[GATE_LEAKED])
            limits->values[GATE_LEAKED] = 0;
        limits->is_set[GATE_LEAKED] = true;
    } else if (!is_any && typed->baselines.count > 0) {
        limits->is_set[GATE_PEAK] = true;
        limits->is_set[GATE_LEAKED] = typed->is_update || is_baseline_scanned(baseline);
        limits->values[GATE_PEAK] = limits->values[GATE_LEAKED] = UINT64_MAX;
        if (!limits->is_set[GATE_LEAKED])
            log_note("the baseline does not say what leaked: leaks are not judged");
    } else if (!is_any && options->scope_count == 0) {
        limits->is_set[GATE_LEAKED] = true;
    }
}

bool check_options_fill(const struct check_options *typed, struct gate_options *options,
                        struct gate_scopes *scopes, struct error *error)
{
    *options = (struct gate_options){.is_tree = typed->per.value == CHECK_PER_TREE,
                                     .leaked_kinds = 1u << LEAK_DEFINITE | 1u << LEAK_INDIRECT,
                                     .is_sampled_allowed = typed->is_sampled_allowed,
                                     .only = typed->only.items,
                                     .only_count = typed->only.count,
                                     .skip = typed->skip.items,
                                     .skip_count = typed->skip.count,
                                     .is_new_leaks_only = typed->is_new_leaks_only,
                                     .tolerance = DEFAULT_TOLERANCE,
                                     .min_delta = typed->min_delta.is_given ? typed->min_delta.value
                                                                            : DEFAULT_MIN_DELTA};
    if (options->is_tree && typed->baselines.count > 0)
        return error_set(error, "--per=tree: trees of processes are not compared with a baseline");
    if (typed->is_new_leaks_only && typed->baselines.count == 0)
        return error_set(error, "--new-leaks-only needs a --baseline");
    if (typed->is_update && typed->baselines.count != 1)
        return error_set(error, "--update-baseline needs one --baseline");
    if (typed->repeat.is_given && (typed->repeat.value == 0 || typed->repeat.value > MOST_RUNS))
        return error_set(error, "--repeat takes 1 to %d", (int)MOST_RUNS);
    return (!typed->tolerance || parse_percent(typed->tolerance, &options->tolerance, error)) &&
           (!typed->leak_kinds || word_list_parse("leak-kinds", typed->leak_kinds, leak_kind_name,
                                                  &options->leaked_kinds, error)) &&
           fill_budgets(typed, options, scopes, error) &&
           (gate_options_check(options, error) || error_prefix(error, "--per=tree: "));
}
