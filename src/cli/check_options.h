/* The options of `seep check`, and the gate's options that they make. */
#ifndef SEEP_CLI_CHECK_OPTIONS_H
#define SEEP_CLI_CHECK_OPTIONS_H

#include <stdbool.h>

#include "analysis/gate.h"
#include "analysis/gate_baseline.h"
#include "base/error.h"
#include "cli/options.h"

/* Values of --per. */
enum {
    CHECK_PER_PROCESS,
    CHECK_PER_TREE
};

/* Those that say what is judged and by what, as a part of the command's values. */
struct check_options {
    struct option_number budgets[GATE_BUDGET_COUNT];
    const char *growth;
    struct option_number per; /* CHECK_PER_... */
    const char *leak_kinds;
    struct option_texts scopes;
    const char *budget_file;
    struct option_texts baselines;
    bool is_update;
    struct option_number repeat;
    const char *tolerance;
    struct option_number min_delta;
    bool is_new_leaks_only;
    struct option_texts only;
    struct option_texts skip;
    bool is_sampled_allowed;
};

/* Fills `options`, zeroed before, with all but the baseline; they borrow from `typed` and from
 * `scopes`, which takes the budgets of parts. Budgets that are typed are stronger than those of
 * --budget-file. */
bool check_options_fill(const struct check_options *typed, struct gate_options *options,
                        struct gate_scopes *scopes, struct error *error);

/* What is judged when no budget was named: without a baseline that nothing leaks, against one what
 * it knows of peak and leaks. */
void check_options_choose_budgets(const struct check_options *typed,
                                  const struct gate_baseline *baseline,
                                  struct gate_options *options);

#endif
