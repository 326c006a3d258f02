/* diff: what grew, shrank, appeared and went between two recordings, or two instants of one. */
#include "config.h"

#include <stdio.h>

#include "analysis/diff.h"
#include "analysis/memory_diff.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/filter_rows.h"
#include "cli/graph_argument.h"
#include "cli/instant.h"
#include "cli/recording_argument.h"
#include "cli/terminal.h"
#include "graph/graph_diff.h"
#include "report/diff_report.h"
#include "report/graph_diff_report.h"

enum {
    DEFAULT_TEXT_ROWS = 20,
    DEFAULT_JSON_ROWS = 1000,
    DEFAULT_DEPTH = 3
};

struct values {
    bool is_json;
    struct option_number metric;
    struct option_number limit;
    struct option_number min_bytes;
    struct option_number depth;
    struct option_texts debug_folders;
    bool are_arguments_shown;
    const char *from, *to;
    struct query_filter filter;
};

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "metric",
     .kind = OPTION_CHOICE,
     PLACE(metric),
     .choice_at = query_metric_name_at,
     .help = "what to compare (default: live, which at FILE@peak is what was held then; between "
             "instants allocated)"},
    ROW_LIMIT("show N sites (default: 20, in JSON 1000; 0 = all)"),
    {.name = "min-delta",
     .kind = OPTION_SIZE,
     PLACE(min_bytes),
     .value_name = "SIZE",
     .help = "leave out sites that changed by less"},
    {.name = "depth",
     .kind = OPTION_COUNT,
     PLACE(depth),
     .value_name = "N",
     .help = "show N callers below each site"},
    FILTER_ROWS(struct values, filter),
    ROWS_INTERVAL,
    ROW_DEBUG_FOLDERS("of snapshots, look for debug files there first (may be repeated)"),
    ROW_JSON,
    ROW_ARGUMENTS,
};
/* clang-format on */

/* How the report looks, whatever is compared. */
static void fill_report(const struct invocation *invocation,
                        const struct recording_argument *arguments,
                        struct diff_report_options *report)
{
    const struct values *values = invocation->values;

    *report = (struct diff_report_options){
        .are_arguments_shown = values->are_arguments_shown || !terminal_is_ci(),
        .is_colour = terminal_has_colour(stdout, invocation->common),
        .width = terminal_width(stdout),
        .stack_depth = values->depth.is_given ? (unsigned)values->depth.value : DEFAULT_DEPTH};
    for (int side = 0; side < DIFF_SIDES; side++) {
        report->paths[side] = arguments[side].path;
        report->instants[side] = arguments[side].instant_text;
        report->intervals[side] = arguments[side].whole ? &arguments[side].profile->interval : NULL;
    }
}

static uint64_t limit_of(const struct values *values)
{
    return values->limit.is_given ? values->limit.value
           : values->is_json      ? DEFAULT_JSON_ROWS
                                  : DEFAULT_TEXT_ROWS;
}

/* Is it one process, so that blocks can be told apart by address and birth? */
static bool is_same_process(const struct recording_argument *arguments,
                            const struct graph_argument *graphs)
{
    return arguments[DIFF_BASE].profile->info.session_id ==
               arguments[DIFF_OTHER].profile->info.session_id &&
           graphs[DIFF_BASE].head->process_id == graphs[DIFF_OTHER].head->process_id;
}

static bool compare_snapshots(const struct invocation *invocation,
                              const struct recording_argument *arguments, struct error *error)
{
    const struct values *values = invocation->values;
    const struct symbolizer_options symbols = {.debug_folders = values->debug_folders.items,
                                               .debug_folder_count = values->debug_folders.count};
    struct graph_argument graphs[DIFF_SIDES] = {0};
    struct diff_report_options report;
    struct graph_diff diff;
    bool is_good = true;

    for (int side = 0; is_good && side < DIFF_SIDES; side++)
        is_good = graph_argument_open(&graphs[side], &arguments[side], QUERY_ALL_PROCESSES,
                                      &symbols, NULL, error);
    if (is_good) {
        for (int side = 0; side < DIFF_SIDES; side++)
            process_graph_find_types(&graphs[side].graph, &symbols);
        fill_report(invocation, arguments, &report);
        graph_diff_run(&graphs[DIFF_BASE].graph, &graphs[DIFF_OTHER].graph,
                       is_same_process(arguments, graphs), &diff);
        is_good = values->is_json
                      ? graph_diff_write_json(&diff, &report, limit_of(values), stdout, error)
                      : graph_diff_write_text(&diff, &report, limit_of(values), stdout, error);
        graph_diff_clear(&diff);
    }
    for (int side = 0; side < DIFF_SIDES; side++)
        graph_argument_close(&graphs[side]);
    return is_good;
}

/* What all memory was used for, on both sides. */
struct both_memories {
    struct memory_uses memories[DIFF_SIDES];
    struct python_heaps pythons[DIFF_SIDES];
    struct memory_diff diff;
};

/* At the end only: what it was at other instants nobody knows. */
static bool find_memory(const struct recording_argument *arguments, struct both_memories *both,
                        struct error *error)
{
    struct memory_diff_input input;

    for (int side = 0; side < DIFF_SIDES; side++) {
        const struct recording_argument *argument = &arguments[side];

        if (argument->instant == INSTANT_PEAK || argument->profile->is_at_mark)
            return true;
        if (!memory_uses_find(&both->memories[side], argument->profile, argument->reader, error) ||
            !python_heaps_find(&both->pythons[side], argument->profile, argument->reader, error))
            return false;
        input.profiles[side] = argument->profile;
        input.memories[side] = &both->memories[side];
        input.pythons[side] = &both->pythons[side];
    }
    memory_diff_run(&input, &both->diff);
    return true;
}

static void clear_memory(struct both_memories *both)
{
    memory_diff_clear(&both->diff);
    for (int side = 0; side < DIFF_SIDES; side++) {
        memory_uses_clear(&both->memories[side]);
        python_heaps_clear(&both->pythons[side]);
    }
}

/* Of an interval what came in it: what was live is that of its end. */
static enum query_metric metric_of(const struct values *values)
{
    if (values->metric.is_given)
        return query_metric_at(values->metric.value)->metric;
    return values->from ? QUERY_ALLOCATED_BYTES : QUERY_LIVE_BYTES;
}

static bool check_metric(const struct diff_options *options, struct error *error)
{
    for (int side = 0; side < DIFF_SIDES; side++)
        if (!diff_knows(options, (enum diff_side)side, options->metric))
            return error_set(error, "--metric=%s is not known at instants other than the end",
                             query_metric_at(options->metric)->name);
    return true;
}

static bool compare(const struct invocation *invocation, const struct recording_argument *arguments,
                    struct error *error)
{
    const struct values *values = invocation->values;
    struct diff_report_options report;
    struct diff_options options = {
        .filter = values->filter, .limit = limit_of(values), .min_delta = values->min_bytes.value};
    struct diff diff;
    struct both_memories memory = {0};
    bool is_written;

    if (!values->from && !values->to && arguments[DIFF_BASE].instant == INSTANT_SNAPSHOT &&
        arguments[DIFF_OTHER].instant == INSTANT_SNAPSHOT)
        return compare_snapshots(invocation, arguments, error);
    if (arguments[DIFF_BASE].instant == INSTANT_SNAPSHOT ||
        arguments[DIFF_OTHER].instant == INSTANT_SNAPSHOT)
        return error_set(error, "a snapshot is compared with a snapshot: name snapshot:N of both");
    fill_report(invocation, arguments, &report);
    options.metric = metric_of(values);
    for (int side = 0; side < DIFF_SIDES; side++) {
        options.profiles[side] = arguments[side].profile;
        options.is_peak[side] = arguments[side].instant == INSTANT_PEAK;
    }
    if (!check_metric(&options, error) || !diff_run(&options, &diff, error))
        return false;
    is_written = find_memory(arguments, &memory, error);
    report.memory = &memory.diff;
    if (is_written)
        is_written = values->is_json ? diff_write_json(&options, &diff, &report, stdout, error)
                                     : diff_write_text(&options, &diff, &report, stdout, error);
    diff_clear(&diff);
    clear_memory(&memory);
    return is_written;
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct recording_argument arguments[DIFF_SIDES] = {0};
    struct error error;
    bool is_good = invocation->operands.count == DIFF_SIDES ||
                   error_set(&error, "two recordings are needed: seep diff BASE NEW");

    for (int side = 0; is_good && side < DIFF_SIDES; side++) {
        const struct option_operands operand = {.items = invocation->operands.items + side,
                                                .count = 1};

        arguments[side].takes_snapshots = arguments[side].takes_times = true;
        arguments[side].from = values->from;
        arguments[side].to = values->to;
        is_good = recording_argument_load(&arguments[side], &operand, NULL,
                                          &(struct profile_options){0}, &error);
    }
    is_good = is_good && compare(invocation, arguments, &error);
    if (!is_good)
        log_error("%s", error.message);
    for (int side = 0; side < DIFF_SIDES; side++)
        recording_argument_close(&arguments[side]);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_diff = {
    .name = "diff",
    .summary = "compare two recordings: what is new, gone, grown, shrunk",
    .synopsis = "[options] BASE[@INSTANT] NEW[@INSTANT]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 2,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
