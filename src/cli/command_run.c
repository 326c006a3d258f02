/* run: records a command, says at its end what it found, and ends as the command ended. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/leak_report.h"
#include "analysis/query.h"
#include "analysis/suppressions.h"
#include "base/file_cache.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/installation.h"
#include "cli/recording_argument.h"
#include "cli/root_list.h"
#include "cli/run_live.h"
#include "cli/signal_word.h"
#include "cli/terminal.h"
#include "record/recorder.h"
#include "record/unrecorded_run.h"
#include "report/summary.h"
#include "snapshot/block_contents.h"
#include "snapshot/snapshot.h"

enum {
    SUMMARY_GRAPH_BLOCKS = 1000000 /* above, the summary leaves out what holds a growing site */
};

#define CONTENTS_PLAIN "256"

struct values {
    bool is_live;
    bool is_force;
    bool is_best_effort;
    bool is_debuginfod_allowed;
    bool is_cache_off;
    bool is_comparing;
    bool are_release_stacks_wanted;
    bool is_scan_off;
    bool is_crash_scanned;
    bool are_forks_scanned;
    bool are_heuristics_off;
    struct option_number contents;
    const char *roots;
    bool are_off[SNAPSHOT_ROOT_KIND_COUNT]; /* kinds of roots */
    struct option_number scan_budget;
    struct option_number snapshot_every;
    struct option_texts snapshot_at;
    const char *snapshot_signal;
    struct option_number keep_snapshots;
    struct option_number follow;
    struct option_number wait;
    struct option_number on_full;
    struct option_number stop;
    struct option_number python;
    struct option_number stack_depth;
    struct option_number checkpoint;
    struct option_number sample;
    struct option_number sample_seed;
    const char *output;
    const char *summary;
    struct option_texts only;
    struct option_texts skip;
    struct option_texts allocators;
    struct option_texts debug_folders;
};

static const char *follow_at(size_t position)
{
    static const char *const names[] = {[RECORD_FOLLOW_NONE] = "none",
                                        [RECORD_FOLLOW_FORK] = "fork",
                                        [RECORD_FOLLOW_EXEC] = "exec",
                                        [RECORD_FOLLOW_ALL] = "all"};

    return position < sizeof names / sizeof names[0] ? names[position] : NULL;
}

static const char *wait_at(size_t position)
{
    static const char *const names[] = {
        [RECORD_WAIT_COMMAND] = "command", [RECORD_WAIT_TREE] = "tree"};

    return position < sizeof names / sizeof names[0] ? names[position] : NULL;
}

static const char *on_full_at(size_t position)
{
    static const char *const names[] = {
        [RECORD_ON_FULL_WAIT] = "wait", [RECORD_ON_FULL_DROP] = "drop"};

    return position < sizeof names / sizeof names[0] ? names[position] : NULL;
}

static const char *stop_at(size_t position)
{
    static const char *const names[] = {[RECORD_STOP_AUTO] = "auto",
                                        [RECORD_STOP_PTRACE] = "ptrace",
                                        [RECORD_STOP_SIGNAL] = "signal"};

    return position < sizeof names / sizeof names[0] ? names[position] : NULL;
}

static const char *python_at(size_t position)
{
    static const char *const names[] = {[RECORD_PYTHON_AUTO] = "auto",
                                        [RECORD_PYTHON_OFF] = "off",
                                        [RECORD_PYTHON_OBJECTS] = "objects"};

    return position < sizeof names / sizeof names[0] ? names[position] : NULL;
}

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_OUTPUT(offsetof(struct values, output), OPTION_NOT_IN_FILES,
                  "the recording; %e program, %t time, %p pid, %h host"
                  " (default: seep.%e.%t.%p.seep)"),
    OPTION_FORCE(offsetof(struct values, is_force), OPTION_NOT_IN_FILES),
    {.name = "summary",
     .kind = OPTION_TEXT,
     PLACE(summary),
     .value_name = "FILE",
     .scope = OPTION_NOT_IN_FILES,
     .help = "write the summary to FILE (\"-\": standard output), not to stderr"},
    {.name = "live",
     .kind = OPTION_FLAG,
     PLACE(is_live),
     .scope = OPTION_NOT_IN_FILES,
     .help = "look at the program while it runs (seep top, in this terminal)"},
    {.name = "follow",
     .kind = OPTION_CHOICE,
     PLACE(follow),
     .choice_at = follow_at,
     .help = "which children are recorded too (default: all)"},
    {.name = "only",
     .kind = OPTION_TEXTS,
     PLACE(only),
     .value_name = "GLOB",
     .help = "of children, only executables that match (may be repeated)"},
    {.name = "skip",
     .kind = OPTION_TEXTS,
     PLACE(skip),
     .value_name = "GLOB",
     .help = "of children, no executables that match (may be repeated)"},
    {.name = "allocator",
     .kind = OPTION_TEXTS,
     PLACE(allocators),
     .value_name = "PREFIX",
     .help = "record PREFIX_malloc, PREFIX_free, ... of shared libraries too (may be repeated)"},
    {.name = "wait",
     .kind = OPTION_CHOICE,
     PLACE(wait),
     .choice_at = wait_at,
     .help = "end with the command, or with its last child (default: command)"},
    {.name = "on-full",
     .kind = OPTION_CHOICE,
     PLACE(on_full),
     .choice_at = on_full_at,
     .help = "when the recorder falls behind: the program waits, or events are dropped and counted"
             " (default: wait)"},
    {.name = "stack-depth",
     .kind = OPTION_COUNT,
     PLACE(stack_depth),
     .value_name = "N",
     .help = "frames kept of a stack (default: 256)"},
    {.name = "release-stacks",
     .kind = OPTION_FLAG,
     PLACE(are_release_stacks_wanted),
     .help = "record the stack of every release too, not only after the first misuse"},
    {.name = "python",
     .kind = OPTION_CHOICE,
     PLACE(python),
     .choice_at = python_at,
     .help = "whether stacks have functions and lines of Python, and each object is a block"
             " (default: auto: stacks)"},
    {.name = "sample",
     .kind = OPTION_SIZE,
     PLACE(sample),
     .value_name = "SIZE",
     .help = "record one block in so many bytes, and estimate the rest (512K costs next to nothing)"},
    {.name = "sample-seed",
     .kind = OPTION_COUNT,
     PLACE(sample_seed),
     .value_name = "N",
     .help = "choose the same blocks in each run of a program that does the same"},
    {.name = "checkpoint",
     .kind = OPTION_DURATION,
     PLACE(checkpoint),
     .value_name = "TIME",
     .help = "how often the recording is brought up to date (default: 5s)"},
    {.name = "no-scan",
     .kind = OPTION_FLAG,
     PLACE(is_scan_off),
     .help = "do not look for leaks when a process ends"},
    {.name = "scan-on-crash",
     .kind = OPTION_FLAG,
     PLACE(is_crash_scanned),
     .help = "look for leaks also when a signal ends a process"},
    {.name = "scan-forks",
     .kind = OPTION_FLAG,
     PLACE(are_forks_scanned),
     .help = "look for leaks also in forked children that run no program of their own"},
    {.name = "scan-budget",
     .kind = OPTION_DURATION,
     PLACE(scan_budget),
     .value_name = "TIME",
     .help = "a process is held for a scan no longer than this (default: 5s)"},
    {.name = "stop",
     .kind = OPTION_CHOICE,
     PLACE(stop),
     .choice_at = stop_at,
     .help = "how a process is held: by ptrace, by a signal, or as one can (default: auto)"},
    {.name = "snapshot-every",
     .kind = OPTION_DURATION,
     PLACE(snapshot_every),
     .value_name = "TIME",
     .help = "take a snapshot of every process so often"},
    {.name = "snapshot-at",
     .kind = OPTION_TEXTS,
     PLACE(snapshot_at),
     .value_name = "LEVEL",
     .help = "take a snapshot of a process at its peak, or when it reaches rss=SIZE in memory,"
             " limit=90% of its memory limit, or a heap of SIZE (may be repeated)"},
    {.name = "snapshot-signal",
     .kind = OPTION_TEXT,
     PLACE(snapshot_signal),
     .value_name = "SIGNAL",
     .help = "take a snapshot of every process when this signal, such as USR2, comes to seep"},
    {.name = "keep-snapshots",
     .kind = OPTION_COUNT,
     PLACE(keep_snapshots),
     .value_name = "N",
     .help = "of those at intervals, keep N: first, last, peak, and ever fewer with age (default: 8)"},
    ROW_ROOTS,
    {.name = "no-root-globals",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_GLOBAL]),
     .help = "what only global variables refer to counts as lost"},
    {.name = "no-root-stacks",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_STACK]),
     .help = "the same of stacks"},
    {.name = "no-root-registers",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_REGISTER]),
     .help = "the same of registers"},
    {.name = "no-root-tls",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_TLS]),
     .help = "the same of thread-local variables"},
    {.name = "no-root-keys",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_KEY]),
     .help = "the same of pthread_setspecific values"},
    {.name = "no-root-threads",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_THREAD]),
     .help = "the same of threads' arguments and results"},
    {.name = "no-root-regions",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_REGION]),
     .help = "the same of memory that the program registered"},
    {.name = "no-root-mappings",
     .kind = OPTION_FLAG,
     PLACE(are_off[SNAPSHOT_ROOT_MAPPING]),
     .help = "the same of mappings that the program made"},
    {.name = "no-heuristics",
     .kind = OPTION_FLAG,
     PLACE(are_heuristics_off),
     .help = "pointers into a block count as such even where C++ keeps blocks by them"},
    {.name = "contents",
     .kind = OPTION_SIZE,
     PLACE(contents),
     .value_name = "SIZE",
     .plain = CONTENTS_PLAIN,
     .help = "keep what each block begins with in snapshots, which may hold secrets "
             "(default: nothing; without a size: " CONTENTS_PLAIN " bytes)"},
    {.name = "best-effort",
     .kind = OPTION_FLAG,
     PLACE(is_best_effort),
     .help = "run the command unrecorded when it cannot be recorded"},
    ROW_DEBUG_FOLDERS("look for debug information here first (may be repeated)"),
    ROW_DEBUGINFOD,
    {.name = "no-cache",
     .kind = OPTION_FLAG,
     PLACE(is_cache_off),
     .help = "read debug information anew, and keep nothing of it in ~/.cache/seep"},
    {.name = "compare-unwinders",
     .kind = OPTION_FLAG,
     PLACE(is_comparing),
     .help = "unwind each stack by libunwind too, and count the equal ones (slow)"},
};
/* clang-format on */

static uint64_t roots_off(const struct values *values)
{
    uint64_t set = 0;

    for (int kind = 0; kind < SNAPSHOT_ROOT_KIND_COUNT; kind++)
        set |= values->are_off[kind] ? UINT64_C(1) << kind : 0;
    return set;
}

static void fill_options(const struct invocation *invocation, struct record_options *options)
{
    const struct values *values = invocation->values;

    *options = (struct record_options){
        .command = invocation->operands.items,
        .output = values->output,
        .stack_depth = values->stack_depth.value,
        .checkpoint_ns = values->checkpoint.value,
        .bytes_per_sample = values->sample.value,
        .sampling_seed = values->sample_seed.value,
        .on_full = (enum record_on_full)values->on_full.value,
        .wait = (enum record_wait)values->wait.value,
        .follow = values->follow.is_given ? (enum record_follow)values->follow.value
                                          : RECORD_FOLLOW_ALL,
        .only = values->only.items,
        .only_count = values->only.count,
        .skip = values->skip.items,
        .skip_count = values->skip.count,
        .allocators = values->allocators.items,
        .allocator_count = values->allocators.count,
        .debug_folders = values->debug_folders.items,
        .debug_folder_count = values->debug_folders.count,
        .is_debuginfod_allowed = values->is_debuginfod_allowed,
        .is_force = values->is_force,
        .is_best_effort = values->is_best_effort,
        .are_release_stacks_wanted = values->are_release_stacks_wanted,
        /* What is not known to live cannot be told from what is lost. */
        .is_scan_off = values->is_scan_off || values->sample.value != 0,
        .is_crash_scanned = values->is_crash_scanned,
        .are_forks_scanned = values->are_forks_scanned,
        .stop = (enum record_stop)values->stop.value,
        .python = (enum record_python)values->python.value,
        .scan_budget_ns = values->scan_budget.value,
        .snapshot_interval_ns = values->snapshot_every.value,
        .kept_snapshots = values->keep_snapshots.value,
        .roots_off = roots_off(values),
        .content_limit = values->contents.value,
        .are_heuristics_off = values->are_heuristics_off,
        .is_oracle_wanted = values->is_comparing,
        .is_progress_shown = !values->is_live && isatty(STDERR_FILENO) && !terminal_is_ci() &&
                             !invocation->common->is_quiet};
}

static bool write_summary(const struct invocation *invocation, const char *recording, FILE *out,
                          struct error *error)
{
    struct option_operands operands = {.items = (char *[]){(char *)recording}, .count = 1};
    struct summary_options options = {.path = recording,
                                      .width = terminal_width(out),
                                      .is_colour = terminal_has_colour(out, invocation->common)};
    struct leak_report_options leak_options = {
        .process = QUERY_ALL_PROCESSES, .snapshot = LEAK_REPORT_DEFAULT, .since = LEAK_REPORT_NONE};
    struct recording_argument argument = {0};
    struct suppressions suppressions;
    struct process_growths growths = {0};
    struct leak_report leaks = {0};
    bool is_good;

    suppressions_init(&suppressions);
    suppressions_add_built_in(&suppressions);
    leak_options.suppressions = &suppressions;
    is_good = recording_argument_load(&argument, &operands, NULL,
                                      &(struct profile_options){.is_brief = true}, error);
    if (is_good &&
        leak_report_build(argument.profile, argument.reader, &leak_options, &leaks, NULL))
        options.leaks = &leaks;
    if (is_good) {
        process_growths_find(argument.profile, argument.reader, QUERY_ALL_PROCESSES,
                             &(struct symbolizer_options){0}, SUMMARY_GRAPH_BLOCKS, &growths);
        options.growths = &growths;
    }
    is_good = is_good && summary_write(argument.profile, &options, out, error);
    process_growths_clear(&growths);
    leak_report_clear(&leaks);
    suppressions_clear(&suppressions);
    recording_argument_close(&argument);
    return is_good;
}

/* Trouble here is told and changes nothing: the command ran, and its status wins. */
static void summarize(const struct invocation *invocation, const char *recording)
{
    const char *file = ((const struct values *)invocation->values)->summary;
    struct error error;
    FILE *out = stderr;
    bool is_good;

    if (!file && invocation->common->is_quiet)
        return;
    if (file)
        out = strcmp(file, "-") == 0 ? stdout : fopen(file, "we");
    if (!out) {
        log_error("cannot write %s: %s", file, strerror(errno));
        return;
    }
    is_good = write_summary(invocation, recording, out, &error);
    if (out != stderr && out != stdout && fclose(out) != 0 && is_good)
        is_good = error_set_errno(&error, errno, "cannot write %s", file);
    if (!is_good)
        log_error("%s", error.message);
}

static bool parse_signal(const char *word, int *number, struct error *error)
{
    return word == NULL || signal_word_parse(word, number, error) ||
           error_prefix(error, "--snapshot-signal: ");
}

static bool parse_levels(const struct option_texts *texts, struct snapshot_level *levels,
                         struct error *error)
{
    if (texts->count > SNAPSHOT_LEVELS_MOST)
        return error_set(error, "--snapshot-at: at most %d levels", SNAPSHOT_LEVELS_MOST);
    for (size_t i = 0; i < texts->count; i++)
        if (!snapshot_level_parse(texts->items[i], &levels[i], error))
            return error_prefix(error, "--snapshot-at: ");
    return true;
}

/* From here on it is a child that records; without a terminal it is this process, as ever. */
static void show_live(const struct invocation *invocation)
{
    const struct common_values *common = invocation->common;
    bool is_mono = common->color.is_given && common->color.value == COLOR_NEVER;
    const struct run_live_options options = {.program = invocation->operands.items[0],
                                             .colors = is_mono ? "mono" : NULL};
    struct error reason;

    run_live_split(&options, &reason);
    if (reason.message[0])
        log_note("%s: recorded without --live", reason.message);
}

/* False: the command did not run at all. */
static bool record(const struct record_options *options, struct record_outcome *outcome,
                   struct error *error)
{
    if (options->preload_path)
        return recorder_run(options, outcome, error);
    outcome->inherited = launcher_inherit();
    return false;
}

/* The same, where that is asked for although it cannot be recorded. */
static bool record_or_run(const struct record_options *options, struct record_outcome *outcome,
                          struct error *error)
{
    if (record(options, outcome, error))
        return true;
    if (!options->is_best_effort || outcome->command.kind != COMMAND_NOT_STARTED)
        return false;
    log_note("%s: the command runs unrecorded", error->message);
    return unrecorded_run(options->command, &outcome->inherited, &outcome->command, error);
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct record_options options;
    struct record_outcome outcome = {0};
    struct snapshot_level levels[SNAPSHOT_LEVELS_MOST];
    char *preload, *cache = NULL;
    struct error error;

    if (invocation->operands.count == 0) {
        log_error("run: name the program to record: seep run -- PROGRAM ...");
        return EXIT_NOT_STARTED;
    }
    fill_options(invocation, &options);
    if (!parse_levels(&values->snapshot_at, levels, &error) ||
        !parse_signal(values->snapshot_signal, &options.snapshot_signal, &error) ||
        !root_list_parse_off(values->roots, &options.roots_off, &error)) {
        log_error("run: %s", error.message);
        return EXIT_NOT_STARTED;
    }
    if (options.content_limit > BLOCK_CONTENTS_MOST_LIMIT) {
        log_error("run: --contents takes at most 1 MiB of each block");
        return EXIT_NOT_STARTED;
    }
    options.snapshot_levels = levels;
    options.snapshot_level_count = values->snapshot_at.count;
    if (options.bytes_per_sample > RECORD_MAX_SAMPLING) {
        log_error("run: --sample takes at most 1 TiB");
        return EXIT_NOT_STARTED;
    }
    if (values->is_live)
        show_live(invocation);
    preload = installation_find_preload(&error);
    options.preload_path = preload;
    if (!values->is_cache_off)
        options.cache_folder = cache = file_cache_default_folder();
    if (!record_or_run(&options, &outcome, &error)) {
        log_error("%s", error.message);
        launcher_die_like(&outcome.command);
    }
    signal(SIGPIPE, SIG_IGN); /* nobody may listen any more; the command's status still counts */
    if (outcome.late_error.message[0])
        log_error("%s", outcome.late_error.message);
    if (values->is_comparing)
        log_note("libunwind agrees on %llu of %llu stacks",
                 (unsigned long long)outcome.oracle_equal_stacks,
                 (unsigned long long)outcome.oracle_stacks);
    if (outcome.path)
        summarize(invocation, outcome.path);
    free(outcome.path);
    free(preload);
    free(cache);
    launcher_die_like(&outcome.command);
}

const struct command cli_command_run = {
    .name = "run",
    .summary = "record the memory of a program and its children",
    .synopsis = "[options] [--] PROGRAM [ARGUMENT...]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_PROGRAM,
    .usage_status = EXIT_NOT_STARTED,
    .is_launching = true,
    .run = run,
};
