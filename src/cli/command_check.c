/* check: the gate for continuous integration. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/gate.h"
#include "analysis/gate_baseline_text.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/check_options.h"
#include "cli/check_subjects.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/config_file.h"
#include "cli/output_file.h"
#include "cli/source_root.h"
#include "cli/terminal.h"
#include "record/launcher.h"
#include "report/check_report.h"

enum {
    MOST_FORMATS = 8,
    EXIT_OVER = 1,
    EXIT_INCONCLUSIVE = 3
};

struct values {
    struct check_options judged;
    struct option_texts suppressions;
    bool is_without_built_in;
    bool is_verdict_only;
    struct option_number error_status;
    struct option_number inconclusive_status;
    const char *output;
    const char *source_root;
    bool is_json;
    bool is_github;
    const char *files[MOST_FORMATS]; /* by check_format_at */
};

#define PLACE(field) .offset = offsetof(struct values, field)
#define BUDGET_ROW(option, option_kind, budget, value, text)                                       \
    {                                                                                              \
        .name = option, .kind = option_kind, PLACE(judged.budgets[budget]), .value_name = value,   \
        .help = text                                                                               \
    }

/* `number` is the format's position (check_format_at). */
#define FILE_ROW(option, number, text)                                                             \
    {                                                                                              \
        .name = option, .kind = OPTION_TEXT, PLACE(files[number]), .value_name = "FILE",           \
        .scope = OPTION_NOT_IN_FILES, .help = text                                                 \
    }

static const char *per_at(size_t position)
{
    static const char *const names[] = {[CHECK_PER_PROCESS] = "process", [CHECK_PER_TREE] = "tree"};

    return position < sizeof names / sizeof names[0] ? names[position] : NULL;
}

/* clang-format off */
static const struct option_row rows[] = {
    BUDGET_ROW("max-peak", OPTION_SIZE, GATE_PEAK, "SIZE",
               "heap and anonymous mappings at their common peak"),
    BUDGET_ROW("max-heap", OPTION_SIZE, GATE_HEAP, "SIZE", "the heap at its peak"),
    BUDGET_ROW("max-resident", OPTION_SIZE, GATE_RESIDENT, "SIZE",
               "resident memory at its peak, by the kernel"),
    BUDGET_ROW("max-live", OPTION_SIZE, GATE_LIVE, "SIZE", "what is not freed at the end"),
    BUDGET_ROW("max-allocations", OPTION_COUNT, GATE_ALLOCATIONS, "N",
               "calls that return a block"),
    BUDGET_ROW("max-temporary", OPTION_COUNT, GATE_TEMPORARY, "N",
               "blocks freed before their thread allocates again"),
    BUDGET_ROW("max-leaked", OPTION_SIZE, GATE_LEAKED, "SIZE",
               "what is leaked (without any budget: 0)"),
    BUDGET_ROW("max-leaked-per-site", OPTION_SIZE, GATE_LEAKED_PER_SITE, "SIZE",
               "what one site leaks"),
    {.name = "max-growth", .kind = OPTION_TEXT, PLACE(judged.growth), .value_name = "SIZE/min",
     .help = "what grows without end, per minute"},
    {.name = "per", .kind = OPTION_CHOICE, PLACE(judged.per), .choice_at = per_at,
     .help = "judge each process, or it and its descendants as one (default: process)"},
    {.name = "leak-kinds", .kind = OPTION_TEXT, PLACE(judged.leak_kinds), .value_name = "LIST",
     .help = "what counts as leaked (default: definite,indirect)"},
    {.name = "budget", .kind = OPTION_TEXTS, PLACE(judged.scopes), .value_name = "TEXT",
     .help = "of a part of the program: \"GLOB: peak 8M, leaked 0\" (may be repeated)"},
    {.name = "budget-file", .kind = OPTION_TEXT, PLACE(judged.budget_file), .value_name = "FILE",
     .is_path = true, .help = "budgets from a file, \"peak 64M\" or \"GLOB: peak 8M\" a line"},
    {.name = "baseline", .kind = OPTION_TEXTS, PLACE(judged.baselines), .value_name = "FILE",
     .is_path = true,
     .help = "compare with a recording, JSON of it, or the text of an update"},
    {.name = "update-baseline", .kind = OPTION_FLAG, PLACE(judged.is_update),
     .scope = OPTION_NOT_IN_FILES, .help = "write what was measured into the file of --baseline"},
    {.name = "repeat", .kind = OPTION_COUNT, PLACE(judged.repeat), .value_name = "N",
     .help = "run the program N times, and tell its noise from growth"},
    {.name = "tolerance", .kind = OPTION_TEXT, PLACE(judged.tolerance), .value_name = "PERCENT",
     .help = "how far the baseline may be exceeded (default: 5%)"},
    {.name = "min-delta", .kind = OPTION_SIZE, PLACE(judged.min_delta), .value_name = "SIZE",
     .help = "smaller excesses over the baseline pass (default: 64KiB)"},
    {.name = "new-leaks-only", .kind = OPTION_FLAG, PLACE(judged.is_new_leaks_only),
     .help = "leaks at sites that leak in the baseline do not count"},
    {.name = "only", .kind = OPTION_TEXTS, PLACE(judged.only), .value_name = "GLOB",
     .help = "judge only executables that match (may be repeated)"},
    {.name = "skip", .kind = OPTION_TEXTS, PLACE(judged.skip), .value_name = "GLOB",
     .help = "do not judge executables that match (may be repeated)"},
    {.name = "suppressions", .kind = OPTION_TEXTS, PLACE(suppressions), .value_name = "FILE",
     .is_path = true, .help = "leaks that do not count, as LeakSanitizer or Valgrind write them"},
    {.name = "no-built-in-suppressions", .kind = OPTION_FLAG, PLACE(is_without_built_in),
     .help = "do without the known leaks of libc and the loader"},
    {.name = "allow-sampled", .kind = OPTION_FLAG, PLACE(judged.is_sampled_allowed),
     .help = "judge estimates of a sampled recording"},
    {.name = "verdict-only", .kind = OPTION_FLAG, PLACE(is_verdict_only),
     .help = "exit with the verdict also when the command failed"},
    {.name = "error-exitcode", .kind = OPTION_COUNT, PLACE(error_status), .value_name = "N",
     .most = OPTION_MOST_STATUS,
     .help = "exit status for a budget that is exceeded (default: 1)"},
    {.name = "inconclusive-exitcode", .kind = OPTION_COUNT, PLACE(inconclusive_status),
     .value_name = "N", .most = OPTION_MOST_STATUS,
     .help = "exit status for what could not be judged (default: 3)"},
    OPTION_OUTPUT(offsetof(struct values, output), OPTION_NOT_IN_FILES,
                  "keep the recording of -- PROGRAM in FILE"),
    {.name = "source-root", .kind = OPTION_TEXT, PLACE(source_root), .value_name = "FOLDER",
     .is_path = true,
     .help = "name source files from here (default: GitHub's or GitLab's workspace, the "
             "version-controlled tree, the folder of the run)"},
    ROW_JSON,
    {.name = "github", .kind = OPTION_FLAG, PLACE(is_github),
     .help = "print annotations for GitHub Actions, and write the step's summary"},
    FILE_ROW("junit", 0, "also write JUnit XML"),
    FILE_ROW("sarif", 1, "also write SARIF"),
    FILE_ROW("gitlab", 2, "also write GitLab's code quality report"),
    FILE_ROW("markdown", 3, "also write a summary in Markdown"),
    FILE_ROW("openmetrics", 4, "also write what was measured as OpenMetrics"),
    FILE_ROW("benchmark", 5, "also write it for github-action-benchmark (customSmallerIsBetter)"),
    FILE_ROW("bencher", 6, "also write it in the Bencher Metric Format"),
    FILE_ROW("valgrind-log", 7, "also write leaks as Valgrind's log has them, for CTest"),
};
/* clang-format on */

struct checking {
    const struct invocation *invocation;
    const struct values *values;
    struct gate_options options;
    struct gate_scopes scopes;
    struct suppressions suppressions;
    struct gate_baseline baseline;
    struct check_subjects compared; /* recordings of the baseline */
    struct check_subjects subjects;
    struct gate_run *runs; /* by subject */
    const char **paths;
    struct check_entry *entries;
    size_t entry_count;
    struct command_outcome command;
    bool has_command, is_unrecorded;
    char *source_root;
};

static bool read_suppressions(struct checking *checking, struct error *error)
{
    const struct values *values = checking->values;

    for (size_t i = 0; i < values->suppressions.count; i++)
        if (!suppressions_read_file(&checking->suppressions, values->suppressions.items[i], error))
            return false;
    if (!values->is_without_built_in)
        suppressions_add_built_in(&checking->suppressions);
    return true;
}

/* ---- what is judged, and what it is compared with ---- */

static bool read_baselines(struct checking *checking, struct error *error)
{
    const struct option_texts *paths = &checking->values->judged.baselines;
    bool is_good = true;

    if (checking->values->judged.is_update)
        is_good = check_subjects_read_old_baseline(paths->items[0], &checking->baseline, error);
    else
        for (size_t i = 0; is_good && i < paths->count; i++)
            is_good = check_subjects_read_baseline(&checking->compared, (char *)paths->items[i],
                                                   &checking->suppressions, &checking->baseline,
                                                   error);
    if (paths->count > 0 && !checking->values->judged.is_update)
        checking->options.baseline = &checking->baseline;
    return is_good || error_prefix(error, "--baseline: ");
}

static bool has_failed(const struct command_outcome *command)
{
    return command->kind == COMMAND_SIGNALED || command->value != 0;
}

/* A run that fails is the last one. */
static bool run_command(struct checking *checking, struct error *error)
{
    const struct option_operands *operands = &checking->invocation->operands;
    const struct values *values = checking->values;
    unsigned count = values->judged.repeat.is_given ? (unsigned)values->judged.repeat.value : 1;
    bool is_recorded;

    for (unsigned i = 1; i <= count; i++) {
        if (!check_subjects_run(&checking->subjects,
                                operands->items + operands->count - operands->rest_count,
                                values->output, i, count, &checking->suppressions,
                                &checking->command, &is_recorded, error))
            return false;
        checking->has_command = true;
        checking->is_unrecorded = checking->is_unrecorded || !is_recorded;
        if (has_failed(&checking->command))
            break;
    }
    signal(SIGPIPE, SIG_IGN);
    return true;
}

/* Runs of a command are one entry, recordings that are named one each. */
static void make_entries(struct checking *checking)
{
    const struct check_subjects *subjects = &checking->subjects;
    size_t count = subjects->count;

    checking->runs = memory_allocate_zeroed(count, sizeof *checking->runs);
    checking->paths = memory_allocate_zeroed(count, sizeof *checking->paths);
    for (size_t i = 0; i < count; i++) {
        checking->runs[i] = (struct gate_run){subjects->items[i].argument.profile,
                                              subjects->items[i].scans};
        checking->paths[i] = subjects->items[i].argument.path;
    }
    checking->entry_count = checking->has_command ? count > 0 : count;
    checking->entries = memory_allocate_zeroed(checking->entry_count, sizeof *checking->entries);
    for (size_t i = 0; i < checking->entry_count; i++)
        checking->entries[i] = (struct check_entry){.runs = &checking->runs[i],
                                                    .paths = &checking->paths[i],
                                                    .run_count = checking->has_command ? count : 1};
}

/* ---- the verdict ---- */

static bool is_growth_judged(const struct gate_options *options)
{
    bool is_judged = options->limits.is_set[GATE_GROWTH];

    for (size_t i = 0; i < options->scope_count; i++)
        is_judged = is_judged || options->scopes[i].limits.is_set[GATE_GROWTH];
    return is_judged;
}

static void judge(struct checking *checking, struct check_report *report)
{
    report->verdict = GATE_PASS;
    report->reason = "";
    if (checking->is_unrecorded) {
        report->verdict = GATE_INCONCLUSIVE;
        report->reason = "the command was not recorded";
    }
    for (size_t i = 0; i < checking->entry_count; i++) {
        struct check_entry *entry = &checking->entries[i];

        gate_judge(entry->runs, entry->run_count, &checking->options, &entry->gate);
        if (entry->gate.verdict > report->verdict) {
            report->verdict = entry->gate.verdict;
            report->reason = entry->gate.reason;
        }
    }
}

struct baseline_text {
    struct text text;
};

static bool write_baseline(const void *context, FILE *out, struct error *error)
{
    const struct baseline_text *baseline = context;

    return fwrite(text_get(&baseline->text), 1, baseline->text.count, out) ==
               baseline->text.count ||
           error_set(error, "cannot write the baseline");
}

/* What is doubtful is no baseline. */
static bool update_baseline(const struct checking *checking, const struct check_report *report,
                            struct error *error)
{
    const struct gate_baseline_writing writing = {
        .part = checking->options.tolerance,
        .bytes = checking->options.min_delta,
        .is_resident_told = checking->options.limits.is_set[GATE_RESIDENT],
        .leaked_kinds = checking->options.leaked_kinds};
    struct gate_baseline measured = {0};
    struct baseline_text baseline = {0};
    bool is_good;

    if (report->verdict == GATE_INCONCLUSIVE) {
        log_note("the baseline stays as it is");
        return true;
    }
    for (size_t i = 0; i < checking->subjects.count; i++) {
        const struct gate_run *run = &checking->runs[i];
        uint32_t *ranks = gate_process_ranks(run->profile);

        for (uint32_t j = 0; j < run->profile->process_count; j++)
            if (gate_is_judged(run->profile, j, &checking->options) &&
                !*gate_doubt(run->profile, j, &checking->options))
                gate_baseline_add_process(&measured, run->profile, j, ranks[j], &run->scans[j]);
        free(ranks);
    }
    gate_baseline_write_text(&measured, &checking->baseline, &writing, &baseline.text);
    is_good = output_file_write(checking->values->judged.baselines.items[0], write_baseline,
                                &baseline, error);
    text_clear(&baseline.text);
    gate_baseline_clear(&measured);
    return is_good;
}

/* ---- output ---- */

struct output {
    const struct check_format *format;
    const struct check_report *report;
};

static bool write_output(const void *context, FILE *out, struct error *error)
{
    const struct output *output = context;

    return check_write(output->format, output->report, out, error);
}

/* The summary of a step: the file that GitHub names, to which steps append. */
static bool write_github(const struct check_report *report, struct error *error)
{
    static const struct check_format annotations = {"annotations", "", check_write_github};
    static const struct check_format summary = {"the summary", "", check_write_markdown};
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    FILE *out;
    bool is_written;

    if (!check_write(&annotations, report, stdout, error) || !path || !*path)
        return path == NULL || !*path;
    out = fopen(path, "ae");
    if (!out)
        return error_set_errno(error, errno, "cannot write %s", path);
    is_written = check_write(&summary, report, out, error);
    return fclose(out) == 0 ? is_written : error_set_errno(error, errno, "cannot write %s", path);
}

static bool write_reports(const struct checking *checking, const struct check_report *report,
                          struct error *error)
{
    const struct values *values = checking->values;

    if (!check_write(values->is_json ? &check_json : &check_text, report, stdout, error) ||
        (values->is_github && !write_github(report, error)))
        return false;
    for (size_t i = 0; check_format_at(i); i++) {
        const struct output output = {check_format_at(i), report};

        if (values->files[i] && !output_file_write(values->files[i], write_output, &output, error))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

static bool check_operands(const struct checking *checking, struct error *error)
{
    const struct option_operands *operands = &checking->invocation->operands;
    size_t file_count = operands->count - operands->rest_count;

    if (operands->has_rest && file_count > 0)
        return error_set(error, "either recordings or -- PROGRAM, not both");
    if (operands->has_rest ? operands->rest_count == 0 : file_count == 0)
        return error_set(error, "what is to be checked? name a recording, or -- PROGRAM");
    if (!operands->has_rest && checking->values->judged.repeat.is_given)
        return error_set(error, "--repeat needs -- PROGRAM");
    return true;
}

static bool check(struct checking *checking, struct check_report *report, struct error *error)
{
    const struct option_operands *operands = &checking->invocation->operands;
    bool is_good;

    suppressions_init(&checking->suppressions);
    if (!check_operands(checking, error) ||
        !check_options_fill(&checking->values->judged, &checking->options, &checking->scopes,
                            error) ||
        !read_suppressions(checking, error) || !read_baselines(checking, error))
        return false;
    check_options_choose_budgets(&checking->values->judged, &checking->baseline,
                                 &checking->options);
    if (operands->has_rest && !run_command(checking, error))
        return false;
    for (size_t i = 0; i < operands->count - operands->rest_count; i++)
        if (!check_subjects_add(&checking->subjects, operands->items[i], &checking->suppressions,
                                error))
            return false;
    if (is_growth_judged(&checking->options))
        check_subjects_find_growth(&checking->subjects);
    make_entries(checking);
    judge(checking, report);
    checking->source_root = source_root_find(checking->values->source_root);
    report->source_root = checking->source_root;
    report->entries = checking->entries;
    report->count = checking->entry_count;
    if (checking->has_command) {
        report->command = checking->command.kind == COMMAND_SIGNALED ? CHECK_COMMAND_SIGNAL
                                                                     : CHECK_COMMAND_STATUS;
        report->command_value = checking->command.value;
    }
    is_good = write_reports(checking, report, error);
    if (is_good && checking->values->judged.is_update &&
        !(checking->has_command && has_failed(&checking->command)))
        is_good = update_baseline(checking, report, error);
    return is_good;
}

static int status_of(const struct checking *checking, enum gate_verdict verdict)
{
    const struct values *values = checking->values;

    if (verdict == GATE_FAIL)
        return values->error_status.is_given ? (int)values->error_status.value : EXIT_OVER;
    if (verdict == GATE_INCONCLUSIVE)
        return values->inconclusive_status.is_given
                   ? (int)values->inconclusive_status.value
                   : EXIT_INCONCLUSIVE;
    return 0;
}

static void clear(struct checking *checking)
{
    for (size_t i = 0; i < checking->entry_count; i++)
        gate_clear(&checking->entries[i].gate);
    free(checking->entries);
    free(checking->source_root);
    free(checking->runs);
    free(checking->paths);
    gate_baseline_clear(&checking->baseline);
    check_subjects_clear(&checking->subjects);
    check_subjects_clear(&checking->compared);
    gate_scopes_clear(&checking->scopes);
    suppressions_clear(&checking->suppressions);
}

static int run(const struct invocation *invocation)
{
    struct checking checking = {.invocation = invocation, .values = invocation->values};
    struct check_report report = {.options = &checking.options,
                                  .reason = "",
                                  .is_colour = terminal_has_colour(stdout, invocation->common)};
    struct command_outcome command;
    struct error error;
    bool is_good = check(&checking, &report, &error), is_failed;
    int status = is_good ? status_of(&checking, report.verdict) : EXIT_TROUBLE;

    fflush(stdout);
    if (!is_good) {
        log_error("%s", error.message);
        report.verdict = GATE_INCONCLUSIVE;
        report.reason = "trouble";
    }
    fprintf(stderr, "seep check: %s%s%s%s\n", gate_verdict_name(report.verdict),
            *report.reason ? " (" : "", report.reason, *report.reason ? ")" : "");
    command = checking.command;
    is_failed = is_good && checking.has_command && !checking.values->is_verdict_only &&
                has_failed(&command);
    clear(&checking);
    if (is_failed)
        launcher_die_like(&command);
    return status;
}

const struct command cli_command_check = {
    .name = "check",
    .summary = "judge recordings by budgets and baselines: the gate for CI",
    .synopsis = "[options] FILE...|FOLDER...|-- PROGRAM [ARGUMENT...]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = SIZE_MAX,
    .usage_status = EXIT_TROUBLE,
    .last_line = "seep check: inconclusive (trouble)",
    .is_launching = true,
    .run = run,
};
