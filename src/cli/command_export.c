/* export: a recording in another tool's format. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/filter_rows.h"
#include "cli/graph_argument.h"
#include "cli/instant.h"
#include "cli/output_file.h"
#include "cli/recording_argument.h"
#include "cli/source_root.h"
#include "cli/terminal.h"
#include "graph/graph_select.h"
#include "report/export.h"

enum {
    DEFAULT_NODES = 60
};

struct values {
    struct option_number format;
    const char *output;
    struct option_number metric;
    struct option_number process;
    bool are_arguments_shown;
    const char *at, *from, *to;
    const char *focus;
    struct option_number limit;
    struct option_texts debug_folders;
    struct query_filter filter;
};

static const char *format_at(size_t position)
{
    const struct export_format *format = export_format_at(position);

    return format ? format->name : NULL;
}

/* Those of sites, and what scans found. */
static const char *metric_at(size_t position)
{
    const char *name = query_metric_name_at(position);

    return position == QUERY_METRIC_COUNT ? "leaked" : name;
}

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     PLACE(format),
     .choice_at = format_at,
     .help = "what to write"},
    OPTION_OUTPUT(offsetof(struct values, output), OPTION_NOT_IN_FILES,
                  "write to FILE (default: -, which is stdout)"),
    {.name = "metric",
     .kind = OPTION_CHOICE,
     PLACE(metric),
     .choice_at = metric_at,
     .help = "the figure, where a format has one, or its first (default: live, at the peak peak, "
             "between instants allocated)"},
    ROW_PROCESS,
    FILTER_ROWS(struct values, filter),
    ROW_INSTANT("start, peak, end, snapshot:N, mark:NAME, +90s or -10m, as FILE@INSTANT"),
    ROWS_INTERVAL,
    {.name = "focus",
     .kind = OPTION_TEXT,
     PLACE(focus),
     .value_name = "WHAT",
     .help = "dot, graphml: these blocks and what is around them, as graph --why names them"},
    ROW_LIMIT("dot, and graphml with --focus: N nodes (default: 60; 0 = all)"),
    ROW_DEBUG_FOLDERS("for graphs and types, look for debug files there first (may be repeated)"),
    ROW_ARGUMENTS,
};
/* clang-format on */

/* Of an interval what came in it: what was live is that of its end. */
static enum query_metric first_metric(const struct recording_argument *argument)
{
    if (argument->whole && !argument->profile->interval.is_from_start)
        return QUERY_ALLOCATED_BYTES;
    return argument->instant == INSTANT_PEAK ? QUERY_PEAK_BYTES : QUERY_LIVE_BYTES;
}

static bool fill_options(const struct values *values, const struct recording_argument *argument,
                         struct export_options *options, struct error *error)
{
    *options = (struct export_options){
        .metric = first_metric(argument),
        .process = QUERY_ALL_PROCESSES,
        .filter = values->filter,
        .reader = argument->reader,
        .limit = values->limit.is_given ? values->limit.value : DEFAULT_NODES,
        .are_arguments_shown = values->are_arguments_shown || !terminal_is_ci()};
    options->is_leaked = values->metric.is_given && values->metric.value == QUERY_METRIC_COUNT;
    if (values->metric.is_given && !options->is_leaked) {
        options->metric = query_metric_at(values->metric.value)->metric;
        options->has_metric = true;
    }
    return !values->process.is_given ||
           recording_argument_find_process(argument, values->process.value, &options->process,
                                           error);
}

struct output {
    const struct export_format *format;
    const struct profile *profile;
    const struct export_options *options;
};

static bool write_output(const void *context, FILE *out, struct error *error)
{
    const struct output *output = context;

    return export_write(output->format, output->profile, output->options, out, error);
}

static bool write_export(const struct values *values, const struct export_format *format,
                         const struct recording_argument *argument,
                         const struct process_graph *graph, const uint8_t *is_focus,
                         struct error *error)
{
    const struct symbolizer_options symbols = {.debug_folders = values->debug_folders.items,
                                               .debug_folder_count = values->debug_folders.count};
    const char *path = values->output ? values->output : "-";
    struct export_options options;
    struct output output = {format, argument->profile, &options};

    if (!fill_options(values, argument, &options, error))
        return false;
    char *source_root = source_root_find(NULL);
    options.source_root = source_root;
    options.graph = graph;
    options.symbols = &symbols;
    options.is_focus = is_focus;
    bool is_refused = strcmp(path, "-") == 0 && format->is_binary && isatty(STDOUT_FILENO);
    bool is_written = is_refused ? error_set(error, "%s is not for a terminal: name a file with -o",
                                             format->name)
                                 : output_file_write(path, write_output, &output, error);
    free(source_root);
    return is_written;
}

/* Of a format that needs a graph: makes it, and finds what --focus means. */
static bool write_graph(const struct values *values, const struct export_format *format,
                        const struct recording_argument *argument, struct error *error)
{
    const struct symbolizer_options symbols = {.debug_folders = values->debug_folders.items,
                                               .debug_folder_count = values->debug_folders.count};
    struct graph_argument graph = {0};
    uint32_t process = QUERY_ALL_PROCESSES;
    uint8_t *is_focus = NULL;
    bool is_any = true, is_good;

    is_good = (!values->process.is_given ||
               recording_argument_find_process(argument, values->process.value, &process, error)) &&
              graph_argument_open(&graph, argument, process, &symbols, NULL, error);
    if (is_good)
        process_graph_find_types(&graph.graph, &symbols);
    if (is_good && values->focus) {
        is_focus = memory_allocate_zeroed(graph.snapshot.block_count, 1);
        is_good = process_graph_select(&graph.graph, values->focus, is_focus, &is_any, error);
    }
    if (is_good && !is_any)
        is_good = error_set(error, "--focus: no block is meant by \"%s\"", values->focus);
    is_good = is_good && write_export(values, format, argument, &graph.graph, is_focus, error);
    free(is_focus);
    graph_argument_close(&graph);
    return is_good;
}

static bool run_format(const struct invocation *invocation, const struct export_format *format,
                       struct recording_argument *argument, struct error *error)
{
    const struct values *values = invocation->values;

    if (format->needs_graph && (values->from || values->to))
        return error_set(error, "--from and --to: %s", format->no_interval);
    argument->takes_snapshots = format->needs_graph;
    argument->takes_times = !format->needs_graph;
    if (!recording_argument_load(argument, &invocation->operands, values->at,
                                 &(struct profile_options){0}, error))
        return false;
    return format->needs_graph ? write_graph(values, format, argument, error)
                               : write_export(values, format, argument, NULL, NULL, error);
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct recording_argument argument = {.from = values->from, .to = values->to};
    struct error error;
    bool is_good;

    is_good = values->format.is_given ||
              error_set(&error,
                        "which format? say --format=NAME (\"seep export --help\" lists them)");
    is_good = is_good &&
              run_format(invocation, export_format_at(values->format.value), &argument, &error);
    if (!is_good)
        log_error("%s", error.message);
    recording_argument_close(&argument);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_export = {
    .name = "export",
    .summary = "write a recording in another tool's format",
    .synopsis = "--format=FORMAT [-o FILE] [options] [FILE[@INSTANT]]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
