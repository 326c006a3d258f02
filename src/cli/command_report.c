/* report: totals and tables of sites, functions, files, modules and threads, or call trees. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "analysis/memory_uses.h"
#include "analysis/python_heaps.h"
#include "analysis/query.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/filter_rows.h"
#include "cli/recording_argument.h"
#include "cli/report_types.h"
#include "cli/terminal.h"
#include "graph/python_retained.h"
#include "report/report.h"

struct values {
    bool is_json;
    struct option_number format;
    bool is_growth;
    struct option_texts debug_folders;
    bool is_tree;
    bool is_bottom_up;
    bool is_inclusive;
    bool are_arguments_shown;
    struct option_number by;
    struct option_number sort;
    struct option_number limit;
    struct option_number min_bytes;
    struct option_number process;
    struct option_number depth;
    const char *at, *from, *to;
    struct query_filter filter;
};

/* Types are not of sites but of blocks, in a snapshot, and categories of all memory: they stand
 * behind what queries group by. */
static const char *const other_groupings[] = {"type", "category", NULL};

/* The position among these; -1: it is what queries group by. */
static int other_grouping(size_t position)
{
    size_t count = position;

    while (count > 0 && !query_grouping_at(count - 1))
        count--;
    return query_grouping_at(position) ? -1 : (int)(position - count);
}

static const char *grouping_at(size_t position)
{
    int other = other_grouping(position);

    return other < 0   ? query_grouping_at(position)->name
           : other < 2 ? other_groupings[other]
                       : NULL;
}

static const char *format_at(size_t position)
{
    const struct report_format *format = report_format_at(position);

    return format ? format->name : NULL;
}

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "by",
     .kind = OPTION_CHOICE,
     PLACE(by),
     .choice_at = grouping_at,
     .help = "what a row stands for (default: site)"},
    {.name = "sort",
     .kind = OPTION_CHOICE,
     PLACE(sort),
     .choice_at = query_any_metric_name_at,
     .help = "the figure that orders rows (default: peak)"},
    {.name = "inclusive",
     .kind = OPTION_FLAG,
     PLACE(is_inclusive),
     .help = "order by what a row's callees hold too"},
    ROW_LIMIT("show N rows (default: 20, in JSON 1000; 0 = all)"),
    {.name = "min-bytes",
     .kind = OPTION_SIZE,
     PLACE(min_bytes),
     .value_name = "SIZE",
     .help = "leave out rows below SIZE"},
    ROW_PROCESS,
    {.name = "growth",
     .kind = OPTION_FLAG,
     PLACE(is_growth),
     .help = "what grows: bytes a minute with 95 % bounds, and what holds it"},
    {.name = "tree", .kind = OPTION_FLAG, PLACE(is_tree), .help = "call trees, from main down"},
    {.name = "bottom-up",
     .kind = OPTION_FLAG,
     PLACE(is_bottom_up),
     .help = "call trees, from the allocating functions to their callers"},
    {.name = "depth",
     .kind = OPTION_COUNT,
     PLACE(depth),
     .value_name = "N",
     .help = "show N callers below each site"},
    FILTER_ROWS(struct values, filter),
    ROW_INSTANT("start, peak, end, snapshot:N, mark:NAME, +90s or -10m, as FILE@INSTANT (default: end)"),
    ROWS_INTERVAL,
    ROW_DEBUG_FOLDERS("with --growth and --by=type, look for debug files there first (may be repeated)"),
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     PLACE(format),
     .choice_at = format_at,
     .help = "what to write: text, json or one html page (default: text)"},
    ROW_JSON,
    ROW_ARGUMENTS,
};
/* clang-format on */

static bool is_json(const struct values *values)
{
    return values->is_json || (values->format.is_given && report_format_at(values->format.value) ==
                                                              report_format_find("json"));
}

static bool is_by_type(const struct values *values)
{
    return values->by.is_given && other_grouping(values->by.value) == 0;
}

static bool is_by_category(const struct values *values)
{
    return values->by.is_given && other_grouping(values->by.value) == 1;
}

static bool is_at_peak(const struct recording_argument *argument)
{
    return argument->has_instant && argument->instant == INSTANT_PEAK;
}

/* When an instant was named, the rows that mattered then come first. */
static enum query_metric sort_metric(const struct values *values,
                                     const struct recording_argument *argument,
                                     const struct query *query)
{
    enum query_metric metric = query->sort;

    if (values->sort.is_given)
        return query_metric_at(values->sort.value)->metric;
    if (argument->has_instant)
        metric = argument->instant == INSTANT_PEAK ? QUERY_PEAK_BYTES : QUERY_LIVE_BYTES;
    if (argument->profile->whole && !argument->profile->interval.is_from_start)
        metric = QUERY_NET_BYTES;
    return query_nearest_metric(argument->profile, QUERY_ALL_PROCESSES, query->grouping, metric);
}

static bool fill_options(const struct invocation *invocation,
                         const struct recording_argument *argument, struct report_options *options,
                         struct error *error)
{
    const struct values *values = invocation->values;

    report_options_init(options);
    options->is_by_type = is_by_type(values);
    options->is_by_category = is_by_category(values);
    options->is_type_sort_given = options->is_by_type && values->sort.is_given;
    if (values->by.is_given && !options->is_by_type && !options->is_by_category) {
        options->query.grouping = query_grouping_at(values->by.value)->grouping;
        options->has_grouping = true;
    }
    options->query.sort = sort_metric(values, argument, &options->query);
    options->query.is_sorted_inclusive = values->is_inclusive;
    options->query.limit = values->limit.value;
    options->has_limit = values->limit.is_given;
    options->query.min_bytes = values->min_bytes.value;
    if (is_at_peak(argument) && options->query.sort == QUERY_PEAK_BYTES &&
        !options->query.min_bytes)
        options->query.min_bytes = 1; /* what held nothing then does not belong there */
    options->query.filter = values->filter;
    options->is_tree = values->is_tree || values->is_bottom_up;
    if (values->is_bottom_up)
        options->direction = CALL_TREE_BOTTOM_UP;
    if (values->depth.is_given)
        options->stack_depth = values->depth.value > UINT32_MAX ? 0 : (unsigned)values->depth.value;
    options->are_arguments_shown = values->are_arguments_shown || !terminal_is_ci();
    options->is_colour = terminal_has_colour(stdout, invocation->common);
    options->width = terminal_width(stdout);
    options->instant = argument->instant_text;
    return !values->process.is_given ||
           recording_argument_find_process(argument, values->process.value, &options->query.process,
                                           error);
}

/* What grows stands in JSON always; in a sampled recording, what holds it is not known. */
static void find_growths(const struct values *values, const struct recording_argument *argument,
                         struct report_options *options, struct process_growths *growths)
{
    const struct symbolizer_options symbols = {.debug_folders = values->debug_folders.items,
                                               .debug_folder_count = values->debug_folders.count};

    if ((!values->is_growth && !is_json(values)) || argument->profile->is_at_mark)
        return;
    options->is_growth = values->is_growth;
    process_growths_find(argument->profile, argument->reader, options->query.process, &symbols, 0,
                         growths);
    options->growths = growths;
}

static bool find_types(const struct values *values, const struct recording_argument *argument,
                       struct report_options *options, struct report_types *types,
                       struct error *error)
{
    const struct symbolizer_options symbols = {.debug_folders = values->debug_folders.items,
                                               .debug_folder_count = values->debug_folders.count};

    if (!options->is_by_type)
        return true;
    if (values->is_tree || values->is_bottom_up || values->is_growth)
        return error_set(error, "--by=type is a table of its own: not with --tree, --bottom-up or "
                                "--growth");
    if (values->sort.is_given && options->query.sort != QUERY_LIVE_BYTES &&
        options->query.sort != QUERY_LIVE_BLOCKS)
        return error_set(error,
                         "types cannot be sorted by \"%s\": it is not known for them (live and "
                         "live-blocks are)",
                         query_metric_at(options->query.sort)->name);
    if (!report_types_find(types, argument, options->query.process, &values->filter, &symbols,
                           error))
        return false;
    options->types = types->processes;
    options->type_count = types->count;
    return true;
}

/* What a Python interpreter held says nothing of other instants, or of some sites. */
static bool find_pythons(const struct values *values, const struct recording_argument *argument,
                         struct report_options *options, struct python_heaps *pythons,
                         struct error *error)
{
    if (argument->profile->is_at_mark || (is_at_peak(argument) && !is_json(values)))
        return true;
    options->pythons = pythons;
    return python_heaps_find(pythons, argument->profile, argument->reader, error);
}

/* The same holds of what all memory was used for. */
static bool find_memories(const struct values *values, const struct recording_argument *argument,
                          struct report_options *options, struct memory_uses *memories,
                          struct error *error)
{
    if (options->is_by_category &&
        (values->is_tree || values->is_bottom_up || values->is_growth || values->sort.is_given))
        return error_set(error, "--by=category is a table of its own: not with --tree, "
                                "--bottom-up, --growth or --sort");
    if (!options->is_by_category &&
        (argument->profile->is_at_mark || (is_at_peak(argument) && !is_json(values))))
        return true;
    options->memories = memories;
    return memory_uses_find(memories, argument->profile, argument->reader, error);
}

static const struct report_format *format_of(const struct values *values)
{
    if (is_json(values))
        return report_format_find("json");
    return values->format.is_given ? report_format_at(values->format.value)
                                   : report_format_find("text");
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    const struct report_format *format = format_of(values);
    const struct symbolizer_options symbols = {.debug_folders = values->debug_folders.items,
                                               .debug_folder_count = values->debug_folders.count};
    struct recording_argument argument = {
        .takes_times = true, .from = values->from, .to = values->to};
    struct process_growths growths = {0};
    struct report_types types = {0};
    struct python_heaps pythons = {0};
    struct memory_uses memories = {0};
    struct report_options options;
    struct error error;
    bool is_good;

    is_good = recording_argument_load(&argument, &invocation->operands, values->at,
                                      &(struct profile_options){0}, &error) &&
              fill_options(invocation, &argument, &options, &error) &&
              find_types(values, &argument, &options, &types, &error) &&
              find_pythons(values, &argument, &options, &pythons, &error) &&
              find_memories(values, &argument, &options, &memories, &error);
    options.reader = argument.reader;
    options.symbols = &symbols;
    if (is_good && options.pythons && is_json(values) && !profile_is_sampled(argument.profile))
        python_retained_find(argument.profile, argument.reader, &symbols, &pythons);
    if (is_good)
        find_growths(values, &argument, &options, &growths);
    is_good = is_good && report_write(format, argument.profile, &options, stdout, &error);
    if (!is_good)
        log_error("%s", error.message);
    process_growths_clear(&growths);
    report_types_clear(&types);
    python_heaps_clear(&pythons);
    memory_uses_clear(&memories);
    recording_argument_close(&argument);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_report = {
    .name = "report",
    .summary = "totals and tables: what holds memory, what allocates",
    .synopsis = "[options] [FILE[@INSTANT]]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
