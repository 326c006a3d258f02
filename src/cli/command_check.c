/* check: the gate for continuous integration. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/gate.h"
#include "analysis/leak_report.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/installation.h"
#include "cli/recording_argument.h"
#include "cli/terminal.h"
#include "record/launcher.h"
#include "record/recorder.h"
#include "report/check_report.h"

enum {
    MOST_FORMATS = 8,
    EXIT_OVER = 1,
    EXIT_INCONCLUSIVE = 3,
    DEFAULT_MIN_DELTA = 64 << 10
};
static const double DEFAULT_TOLERANCE = 0.05;

struct values {
    struct option_number budgets[GATE_BUDGET_COUNT];
    const char *leak_kinds;
    const char *baseline;
    const char *tolerance;
    struct option_number min_delta;
    bool is_new_leaks_only;
    struct option_texts only;
    struct option_texts skip;
    struct option_texts suppressions;
    bool is_without_built_in;
    bool is_sampled_allowed;
    bool is_verdict_only;
    struct option_number error_status;
    struct option_number inconclusive_status;
    const char *output;
    bool is_json;
    bool is_github;
    const char *files[MOST_FORMATS]; /* by check_format_at */
};

#define PLACE(field) .offset = offsetof(struct values, field)
#define BUDGET_ROW(option, option_kind, budget, value, text)                                       \
    {                                                                                              \
        .name = option, .kind = option_kind, PLACE(budgets[budget]), .value_name = value,          \
        .help = text                                                                               \
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
    {.name = "leak-kinds", .kind = OPTION_TEXT, PLACE(leak_kinds), .value_name = "LIST",
     .help = "what counts as leaked (default: definite,indirect)"},
    {.name = "baseline", .kind = OPTION_TEXT, PLACE(baseline), .value_name = "FILE",
     .help = "a recording to compare with"},
    {.name = "tolerance", .kind = OPTION_TEXT, PLACE(tolerance), .value_name = "PERCENT",
     .help = "how far the baseline may be exceeded (default: 5%)"},
    {.name = "min-delta", .kind = OPTION_SIZE, PLACE(min_delta), .value_name = "SIZE",
     .help = "smaller excesses over the baseline pass (default: 64KiB)"},
    {.name = "new-leaks-only", .kind = OPTION_FLAG, PLACE(is_new_leaks_only),
     .help = "leaks at sites that leak in the baseline do not count"},
    {.name = "only", .kind = OPTION_TEXTS, PLACE(only), .value_name = "GLOB",
     .help = "judge only executables that match (may be repeated)"},
    {.name = "skip", .kind = OPTION_TEXTS, PLACE(skip), .value_name = "GLOB",
     .help = "do not judge executables that match (may be repeated)"},
    {.name = "suppressions", .kind = OPTION_TEXTS, PLACE(suppressions), .value_name = "FILE",
     .help = "leaks that do not count, as LeakSanitizer or Valgrind write them"},
    {.name = "no-built-in-suppressions", .kind = OPTION_FLAG, PLACE(is_without_built_in),
     .help = "do without the known leaks of libc and the loader"},
    {.name = "allow-sampled", .kind = OPTION_FLAG, PLACE(is_sampled_allowed),
     .help = "judge estimates of a sampled recording"},
    {.name = "verdict-only", .kind = OPTION_FLAG, PLACE(is_verdict_only),
     .help = "exit with the verdict also when the command failed"},
    {.name = "error-exitcode", .kind = OPTION_COUNT, PLACE(error_status), .value_name = "N",
     .help = "exit status for a budget that is exceeded (default: 1)"},
    {.name = "inconclusive-exitcode", .kind = OPTION_COUNT, PLACE(inconclusive_status),
     .value_name = "N", .help = "exit status for what could not be judged (default: 3)"},
    {.name = "output", .letter = 'o', .kind = OPTION_TEXT, PLACE(output), .value_name = "FILE",
     .help = "keep the recording of -- PROGRAM in FILE"},
    {.name = "json", .kind = OPTION_FLAG, PLACE(is_json), .help = "print JSON"},
    {.name = "github", .kind = OPTION_FLAG, PLACE(is_github),
     .help = "print annotations for GitHub Actions, and write the step's summary"},
    {.name = "junit", .kind = OPTION_TEXT, PLACE(files[0]), .value_name = "FILE",
     .help = "also write JUnit XML"},
    {.name = "sarif", .kind = OPTION_TEXT, PLACE(files[1]), .value_name = "FILE",
     .help = "also write SARIF"},
    {.name = "gitlab", .kind = OPTION_TEXT, PLACE(files[2]), .value_name = "FILE",
     .help = "also write GitLab's code quality report"},
    {.name = "markdown", .kind = OPTION_TEXT, PLACE(files[3]), .value_name = "FILE",
     .help = "also write a summary in Markdown"},
};
/* clang-format on */

/* One recording and what belongs to it. */
struct subject {
    struct recording_argument argument;
    struct leak_report leaks;
    bool has_leaks;
    struct gate_scan *scans; /* by process */
};

struct checking {
    const struct invocation *invocation;
    const struct values *values;
    struct gate_options options;
    struct suppressions suppressions;
    struct subject baseline;
    struct subject *subjects;
    struct check_entry *entries;
    size_t count, subject_capacity, entry_capacity;
    struct command_outcome command;
    bool has_command;
    char *temporary; /* recording to be removed */
};

/* ---- options ---- */

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

static bool parse_kinds(const char *list, unsigned *kinds, struct error *error)
{
    char *copy = memory_duplicate_text(list), *rest = copy;
    bool is_good = true;

    *kinds = 0;
    for (char *word; is_good && (word = strsep(&rest, ",")) != NULL;) {
        unsigned kind = 0;

        while (leak_kind_name(kind) && strcmp(leak_kind_name(kind), word) != 0)
            kind++;
        is_good = leak_kind_name(kind) ||
                  error_set(error, "--leak-kinds: \"%s\" is no kind of leak", word);
        *kinds |= is_good ? 1u << kind : 0;
    }
    free(copy);
    return is_good;
}

static bool fill_options(struct checking *checking, struct error *error)
{
    const struct values *values = checking->values;
    struct gate_options *options = &checking->options;
    bool is_any = false;

    *options = (struct gate_options){
        .leaked_kinds = 1u << LEAK_DEFINITE | 1u << LEAK_INDIRECT,
        .is_sampled_allowed = values->is_sampled_allowed,
        .only = values->only.items,
        .only_count = values->only.count,
        .skip = values->skip.items,
        .skip_count = values->skip.count,
        .is_new_leaks_only = values->is_new_leaks_only,
        .tolerance = DEFAULT_TOLERANCE,
        .min_delta = values->min_delta.is_given ? values->min_delta.value : DEFAULT_MIN_DELTA};
    for (int i = 0; i < GATE_BUDGET_COUNT; i++) {
        options->is_set[i] = values->budgets[i].is_given;
        options->limits[i] = values->budgets[i].value;
        is_any = is_any || options->is_set[i];
    }
    if (!is_any && values->baseline) { /* what it compares when nothing was said */
        options->is_set[GATE_PEAK] = options->is_set[GATE_LEAKED] = true;
        options->limits[GATE_PEAK] = options->limits[GATE_LEAKED] = UINT64_MAX;
    } else if (!is_any) {
        options->is_set[GATE_LEAKED] = true;
    }
    if (values->is_new_leaks_only) {
        if (!values->baseline)
            return error_set(error, "--new-leaks-only needs a --baseline");
        if (!values->budgets[GATE_LEAKED].is_given)
            options->limits[GATE_LEAKED] = 0;
        options->is_set[GATE_LEAKED] = true;
    }
    return (!values->tolerance || parse_percent(values->tolerance, &options->tolerance, error)) &&
           (!values->leak_kinds || parse_kinds(values->leak_kinds, &options->leaked_kinds, error));
}

static bool read_suppressions(struct checking *checking, struct error *error)
{
    const struct values *values = checking->values;

    suppressions_init(&checking->suppressions);
    for (size_t i = 0; i < values->suppressions.count; i++)
        if (!suppressions_read_file(&checking->suppressions, values->suppressions.items[i], error))
            return false;
    if (!values->is_without_built_in)
        suppressions_add_built_in(&checking->suppressions);
    return true;
}

/* ---- recordings ---- */

static void find_scans(struct subject *subject, const struct suppressions *suppressions)
{
    const struct leak_report_options options = {.suppressions = suppressions,
                                                .process = QUERY_ALL_PROCESSES,
                                                .snapshot = LEAK_REPORT_DEFAULT,
                                                .since = LEAK_REPORT_NONE};
    const struct profile *profile = subject->argument.profile;
    struct error error;

    subject->scans = memory_allocate_zeroed(profile->process_count, sizeof *subject->scans);
    for (size_t i = 0; i < profile->process_count; i++)
        subject->scans[i].reason = profile_is_sampled(profile) ? "sampled" : "off";
    subject->has_leaks = leak_report_build(profile, subject->argument.reader, &options,
                                           &subject->leaks, &error);
    for (size_t i = 0; subject->has_leaks && i < subject->leaks.process_count; i++) {
        const struct leak_report_process *process = &subject->leaks.processes[i];

        subject->scans[process->process] = (struct gate_scan){
            .leaks = process->is_done ? &process->leaks : NULL, .reason = process->reason};
    }
}

static bool open_subject(struct subject *subject, char *path,
                         const struct suppressions *suppressions, struct error *error)
{
    const struct option_operands operand = {.items = &path, .count = 1};

    *subject = (struct subject){0};
    if (!recording_argument_load(&subject->argument, &operand, NULL, &(struct profile_options){0},
                                 error))
        return false;
    find_scans(subject, suppressions);
    return true;
}

static void close_subject(struct subject *subject)
{
    if (subject->has_leaks)
        leak_report_clear(&subject->leaks);
    free(subject->scans);
    recording_argument_close(&subject->argument);
}

static bool add_recording(struct checking *checking, char *path, struct error *error)
{
    struct subject subject;

    if (!open_subject(&subject, path, &checking->suppressions, error)) {
        recording_argument_close(&subject.argument);
        return false;
    }
    checking->subjects = memory_grow(checking->subjects, &checking->subject_capacity,
                                     checking->count + 1, sizeof *checking->subjects);
    checking->entries = memory_grow(checking->entries, &checking->entry_capacity,
                                    checking->count + 1, sizeof *checking->entries);
    checking->subjects[checking->count] = subject;
    checking->entries[checking->count++] = (struct check_entry){
        .path = subject.argument.path, .profile = subject.argument.profile};
    return true;
}

static int is_recording_name(const struct dirent *entry)
{
    return text_ends_with(entry->d_name, ".seep");
}

/* A test runner leaves hundreds of them: all of a folder, by name. */
static bool add_folder(struct checking *checking, const char *folder, struct error *error)
{
    struct dirent **names;
    int count = scandir(folder, &names, is_recording_name, alphasort);
    bool is_good = count > 0 || (count == 0 ? error_set(error, "%s: no recordings in it", folder)
                                            : error_set_errno(error, errno, "%s", folder));

    for (int i = 0; i < count; i++) {
        char *path = memory_print_text("%s/%s", folder, names[i]->d_name);

        is_good = is_good && add_recording(checking, path, error);
        free(path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return is_good;
}

static bool add_operand(struct checking *checking, char *path, struct error *error)
{
    struct stat about;

    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return add_folder(checking, path, error);
    return add_recording(checking, path, error);
}

/* ---- a command ---- */

/* Where its recording goes: what was asked for, or a file that is removed at the end. */
static bool choose_output(struct checking *checking, struct error *error)
{
    const char *folder = getenv("TMPDIR");
    int fd;

    if (checking->values->output)
        return true;
    checking->temporary = memory_print_text("%s/seep-check.XXXXXX.seep",
                                            folder && *folder ? folder : "/tmp");
    fd = mkostemps(checking->temporary, strlen(".seep"), O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot create %s", checking->temporary);
        free(checking->temporary);
        checking->temporary = NULL;
        return false;
    }
    close(fd);
    unlink(checking->temporary); /* the recorder makes it anew, never over a file */
    return true;
}

static bool run_command(struct checking *checking, struct error *error)
{
    const struct option_operands *operands = &checking->invocation->operands;
    struct record_outcome outcome = {0};
    char *preload = installation_find_preload(error);
    bool is_good = preload && choose_output(checking, error);

    if (is_good) {
        struct record_options options = {
            .command = operands->items + operands->count - operands->rest_count,
            .output = checking->temporary ? checking->temporary : checking->values->output,
            .follow = RECORD_FOLLOW_ALL,
            .preload_path = preload};

        is_good = recorder_run(&options, &outcome, error);
    }
    free(preload);
    if (!is_good)
        return false;
    signal(SIGPIPE, SIG_IGN);
    checking->command = outcome.command;
    checking->has_command = true;
    if (outcome.late_error.message[0])
        log_error("%s", outcome.late_error.message);
    is_good = outcome.path ? add_recording(checking, outcome.path, error)
                           : error_set(error, "the command was not recorded");
    free(outcome.path);
    return is_good;
}

/* ---- the verdict ---- */

static void judge(struct checking *checking, struct check_report *report)
{
    report->verdict = GATE_PASS;
    report->reason = "";
    for (size_t i = 0; i < checking->count; i++) {
        struct gate *gate = &checking->entries[i].gate;

        gate_judge(checking->entries[i].profile, checking->subjects[i].scans, &checking->options,
                   gate);
        if (gate->verdict > report->verdict) {
            report->verdict = gate->verdict;
            report->reason = gate->reason;
        }
    }
}

static bool write_to(const struct check_format *format, const struct check_report *report,
                     const char *path, const char *mode, struct error *error)
{
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, mode);
    bool is_written;

    if (!out)
        return error_set_errno(error, errno, "cannot write %s", path);
    is_written = check_write(format, report, out, error);
    if (out != stdout && fclose(out) != 0 && is_written)
        is_written = error_set_errno(error, errno, "cannot write %s", path);
    return is_written;
}

/* The summary of a step: the file that GitHub names, to which steps append. */
static bool write_github(const struct check_report *report, struct error *error)
{
    static const struct check_format annotations = {"annotations", "", check_write_github};
    static const struct check_format summary = {"the summary", "", check_write_markdown};
    const char *path = getenv("GITHUB_STEP_SUMMARY");

    return check_write(&annotations, report, stdout, error) &&
           (!path || !*path || write_to(&summary, report, path, "ae", error));
}

static bool write_reports(const struct checking *checking, const struct check_report *report,
                          struct error *error)
{
    const struct values *values = checking->values;

    if (!check_write(values->is_json ? &check_json : &check_text, report, stdout, error) ||
        (values->is_github && !write_github(report, error)))
        return false;
    for (size_t i = 0; check_format_at(i); i++)
        if (values->files[i] &&
            !write_to(check_format_at(i), report, values->files[i], "we", error))
            return false;
    return true;
}

static bool check(struct checking *checking, struct check_report *report, struct error *error)
{
    const struct option_operands *operands = &checking->invocation->operands;
    size_t file_count = operands->count - operands->rest_count;

    if (operands->has_rest ? operands->rest_count == 0 || file_count > 0 : file_count == 0)
        return error_set(error, operands->has_rest && file_count > 0
                                    ? "either recordings or -- PROGRAM, not both"
                                    : "what is to be checked? name a recording, or -- PROGRAM");
    if (!fill_options(checking, error) || !read_suppressions(checking, error))
        return false;
    if (checking->values->baseline) {
        if (!open_subject(&checking->baseline, (char *)checking->values->baseline,
                          &checking->suppressions, error))
            return error_prefix(error, "--baseline: ");
        checking->options.baseline = checking->baseline.argument.profile;
        checking->options.baseline_scans = checking->baseline.scans;
    }
    if (operands->has_rest && !run_command(checking, error))
        return false;
    for (size_t i = 0; i < file_count; i++)
        if (!add_operand(checking, operands->items[i], error))
            return false;
    judge(checking, report);
    report->entries = checking->entries;
    report->count = checking->count;
    if (checking->has_command) {
        report->command = checking->command.kind == COMMAND_SIGNALED ? CHECK_COMMAND_SIGNAL
                                                                     : CHECK_COMMAND_STATUS;
        report->command_value = checking->command.value;
    }
    return write_reports(checking, report, error);
}

static int status_of(const struct checking *checking, enum gate_verdict verdict)
{
    const struct values *values = checking->values;

    if (verdict == GATE_FAIL)
        return values->error_status.is_given ? (int)(values->error_status.value & 0xff) : EXIT_OVER;
    if (verdict == GATE_INCONCLUSIVE)
        return values->inconclusive_status.is_given
                   ? (int)(values->inconclusive_status.value & 0xff)
                   : EXIT_INCONCLUSIVE;
    return 0;
}

static void clear(struct checking *checking)
{
    for (size_t i = 0; i < checking->count; i++) {
        gate_clear(&checking->entries[i].gate);
        close_subject(&checking->subjects[i]);
    }
    close_subject(&checking->baseline);
    suppressions_clear(&checking->suppressions);
    if (checking->temporary)
        unlink(checking->temporary);
    free(checking->temporary);
    free(checking->entries);
    free(checking->subjects);
}

static int run(const struct invocation *invocation)
{
    struct checking checking = {.invocation = invocation, .values = invocation->values};
    struct check_report report = {.options = &checking.options,
                                  .reason = "",
                                  .width = terminal_width(stdout),
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
                (command.kind == COMMAND_SIGNALED || command.value != 0);
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
    .run = run,
};
