/* export: a recording in another tool's format. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/filter_rows.h"
#include "cli/instant.h"
#include "cli/output_file.h"
#include "cli/recording_argument.h"
#include "cli/terminal.h"
#include "report/export.h"

struct values {
    struct option_number format;
    const char *output;
    struct option_number metric;
    struct option_number process;
    bool are_arguments_shown;
    const char *at;
    struct query_filter filter;
};

static const char *format_at(size_t position)
{
    const struct export_format *format = export_format_at(position);

    return format ? format->name : NULL;
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
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_TEXT,
     PLACE(output),
     .value_name = "FILE",
     .help = "write to FILE (default: -, which is stdout)"},
    {.name = "metric",
     .kind = OPTION_CHOICE,
     PLACE(metric),
     .choice_at = query_metric_name_at,
     .help = "the figure, where a format has one, or its first (default: live, at the peak peak)"},
    {.name = "process",
     .kind = OPTION_COUNT,
     PLACE(process),
     .value_name = "ID",
     .help = "only the process with this id (default: all)"},
    FILTER_ROWS(struct values, filter),
    {.name = "at",
     .kind = OPTION_TEXT,
     PLACE(at),
     .value_name = "INSTANT",
     .help = "end, peak or mark:NAME, as FILE@INSTANT (default: end)"},
    {.name = "arguments",
     .kind = OPTION_FLAG,
     PLACE(are_arguments_shown),
     .help = "show command-line arguments also under CI"},
};
/* clang-format on */

static bool fill_options(const struct values *values, const struct recording_argument *argument,
                         struct export_options *options, struct error *error)
{
    *options = (struct export_options){
        .metric = argument->instant == INSTANT_PEAK ? QUERY_PEAK_BYTES : QUERY_LIVE_BYTES,
        .process = QUERY_ALL_PROCESSES,
        .filter = values->filter,
        .reader = argument->reader,
        .are_arguments_shown = values->are_arguments_shown || !terminal_is_ci()};
    if (values->metric.is_given) {
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
                         const struct recording_argument *argument, struct error *error)
{
    const char *path = values->output ? values->output : "-";
    struct export_options options;
    struct output output = {format, argument->profile, &options};

    if (!fill_options(values, argument, &options, error))
        return false;
    if (strcmp(path, "-") == 0 && format->is_binary && isatty(STDOUT_FILENO))
        return error_set(error, "%s is not for a terminal: name a file with -o", format->name);
    return output_file_write(path, write_output, &output, error);
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct recording_argument argument = {0};
    struct error error;
    bool is_good;

    is_good = values->format.is_given ||
              error_set(&error,
                        "which format? say --format=NAME (\"seep export --help\" lists them)");
    is_good = is_good &&
              recording_argument_load(&argument, &invocation->operands, values->at,
                                      &(struct profile_options){0}, &error) &&
              write_export(values, export_format_at(values->format.value), &argument, &error);
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
