/* view: a recording in the terminal; where there is none, the report. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/leak_report.h"
#include "analysis/memory_uses.h"
#include "analysis/python_heaps.h"
#include "analysis/query.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/graph_argument.h"
#include "cli/common_rows.h"
#include "cli/recording_argument.h"
#include "cli/terminal.h"
#include "cli/view_comparer.h"
#include "report/report.h"
#include "tui/loading.h"
#include "tui/style.h"
#include "tui/tui.h"
#include "tui/view.h"

struct values {
    bool is_ascii;
    bool is_without_mouse;
    const char *at, *from, *to;
    struct option_number screen;
    struct option_number scheme;
    struct option_texts path_maps;
    struct option_texts suppressions;
};

/* The screens: views that can be reached by a digit. */
static const struct view_ops *screen_ops_at(size_t position)
{
    const struct view_ops *ops;

    for (size_t i = 0; (ops = view_ops_at(i)); i++)
        if (ops->digit && position-- == 0)
            return ops;
    return NULL;
}

static const char *screen_at(size_t position)
{
    const struct view_ops *ops = screen_ops_at(position);

    return ops ? ops->name : NULL;
}

static const char *scheme_at(size_t position)
{
    const struct style_scheme *scheme = style_scheme_at(position);

    return scheme ? scheme->name : NULL;
}

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "screen",
     .kind = OPTION_CHOICE,
     PLACE(screen),
     .choice_at = screen_at,
     .help = "begin with this screen (default: overview)"},
    ROW_INSTANT("start, peak, end, snapshot:N, mark:NAME, +90s or -10m, as FILE@INSTANT (default: end)"),
    ROWS_INTERVAL,
    {.name = "path-map",
     .kind = OPTION_TEXTS,
     PLACE(path_maps),
     .value_name = "FROM=TO",
     .help = "sources built under FROM stand under TO here (may be repeated)"},
    {.name = "suppressions",
     .kind = OPTION_TEXTS,
     PLACE(suppressions),
     .value_name = "FILE",
     .is_path = true,
     .help = "known leaks, as LSan or Valgrind read them (may be repeated)"},
    {.name = "scheme",
     .kind = OPTION_CHOICE,
     PLACE(scheme),
     .choice_at = scheme_at,
     .help = "colour scheme"},
    ROWS_TERMINAL,
};
/* clang-format on */

/* Splits FROM=TO at the first '='. The texts are one allocation a map, owned by maps[i].from. */
static bool make_path_maps(const struct option_texts *texts, struct tui_path_map *maps,
                           struct error *error)
{
    for (size_t i = 0; i < texts->count; i++) {
        char *from = memory_duplicate_text(texts->items[i]);
        char *equals = strchr(from, '=');
        maps[i].from = from;
        if (!equals || equals == from)
            return error_set(error, "--path-map: \"%s\" is not FROM=TO", texts->items[i]);
        *equals = '\0';
        maps[i].to = equals + 1;
    }
    return true;
}

/* The object graph, made when its screen is first shown. */
struct lazy_graph {
    const struct recording_argument *argument;
    struct graph_argument graph;
    bool was_tried;
};

static const struct process_graph *get_graph(void *context, const struct progress *progress,
                                             struct error *error)
{
    struct lazy_graph *lazy = context;

    if (!lazy->was_tried) {
        lazy->was_tried = true;
        if (graph_argument_open(&lazy->graph, lazy->argument, QUERY_ALL_PROCESSES,
                                &(struct symbolizer_options){0}, progress, error))
            process_graph_find_types(&lazy->graph.graph, &(struct symbolizer_options){0});
    }
    if (lazy->graph.is_built)
        return &lazy->graph.graph;
    if (lazy->graph.was_stopped) {
        graph_argument_close(&lazy->graph);
        lazy->was_tried = false;
        return NULL;
    }
    error_set(error, "there is no graph of this recording");
    return NULL;
}

/* What all memory is used for, looked up when its screen is first shown. */
struct lazy_memories {
    const struct recording_argument *argument;
    struct memory_uses uses;
    bool is_found;
};

static const struct memory_uses *get_memories(void *context, struct error *error)
{
    struct lazy_memories *lazy = context;

    if (!lazy->is_found)
        lazy->is_found = memory_uses_find(&lazy->uses, lazy->argument->profile,
                                          lazy->argument->reader, error);
    return lazy->is_found ? &lazy->uses : NULL;
}

static bool has_graph(const struct recording_argument *argument)
{
    struct snapshot_list list = {0};
    bool is_any = false;

    if (!snapshot_list_read(&list, argument->reader, NULL))
        return false;
    for (size_t i = 0; i < list.count; i++)
        is_any |= list.heads[i].end == SNAPSHOT_DONE &&
                  (argument->instant != INSTANT_PEAK || list.heads[i].reason == SNAPSHOT_AT_PEAK);
    snapshot_list_clear(&list);
    return is_any;
}

static bool find_leaks(void *context, const struct leak_report_options *asked,
                       struct leak_report *report, struct error *error)
{
    const struct recording_argument *argument = context;
    struct leak_report_options options = *asked;

    options.process = QUERY_ALL_PROCESSES;
    options.are_blocks_kept = true;
    return leak_report_build(argument->profile, argument->reader, &options, report, error);
}

/* NULL: as the terminal can. */
static const char *chosen_colors(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    const struct common_values *common = invocation->common;

    if (common->color.is_given && common->color.value == COLOR_NEVER)
        return "mono";
    return values->scheme.is_given ? scheme_at(values->scheme.value) : NULL;
}

static bool compare_base(struct view_comparer *comparer, const char *base, struct loading *loading,
                         struct tui_comparison *comparison, struct error *error)
{
    loading_name(loading, base, 0);
    return view_comparer_compare(comparer, base, loading_progress(loading, LOADING_READING),
                                 comparison, error);
}

static bool show(const struct invocation *invocation, struct recording_argument *argument,
                 const char *base, const struct tui_path_map *maps, struct loading *loading,
                 struct error *error)
{
    const struct values *values = invocation->values;
    struct tui_options options = {.recording = argument->path,
                                  .reader = argument->reader,
                                  .from = values->from,
                                  .to = argument->has_instant ? argument->instant_text : values->to,
                                  .loading = loading,
                                  .screen = screen_at(values->screen.value),
                                  .colors = chosen_colors(invocation),
                                  .is_ascii = values->is_ascii,
                                  .without_mouse = values->is_without_mouse,
                                  .path_maps = maps,
                                  .path_map_count = values->path_maps.count,
                                  .find_leaks = find_leaks,
                                  .leaks_context = argument,
                                  .suppression_files = values->suppressions.items,
                                  .suppression_file_count = values->suppressions.count};
    struct lazy_graph lazy = {.argument = argument};
    struct lazy_memories memories = {.argument = argument};
    struct view_comparer comparer = {.shown = argument};
    struct tui_comparison comparison;
    struct python_heaps pythons = {0};
    struct report_options report;
    struct error reason;

    recording_reader_watch(argument->reader, loading_progress(loading, LOADING_REST));
    if (has_graph(argument)) {
        options.get_graph = get_graph;
        options.graph_context = &lazy;
        options.get_memories = get_memories;
        options.memories_context = &memories;
    }
    options.pythons = &pythons;
    if (!python_heaps_find(&pythons, argument->profile, argument->reader, &reason))
        log_note("%s", reason.message); /* the rest can be looked at */
    recording_reader_watch(argument->reader, NULL);
    options.compare = view_comparer_compare;
    options.compare_context = &comparer;
    if (loading) {
        bool is_done = true;

        if (base) {
            is_done = compare_base(&comparer, base, loading, &comparison, error);
            options.comparison = &comparison;
            if (!values->screen.is_given)
                options.screen = "diff";
        }
        is_done = is_done && !loading_was_left(loading) &&
                  tui_run(argument->profile, &options, error);
        view_comparer_close(&comparer);
        python_heaps_clear(&pythons);
        memory_uses_clear(&memories.uses);
        graph_argument_close(&lazy.graph);
        return is_done;
    }
    python_heaps_clear(&pythons);
    tui_is_possible(&reason);
    if (base)
        return error_set(error, "%s: seep diff compares without", reason.message);
    log_note("%s; this is the report instead", reason.message);
    report_options_init(&report);
    report.instant = argument->instant_text;
    report.are_arguments_shown = !terminal_is_ci();
    return report_write(report_format_find("text"), argument->profile, &report, stdout, error);
}

/* Nothing is loaded with a word where the report is printed instead: NULL. */
static struct loading *begin_loading(const struct invocation *invocation, const char *word)
{
    const struct values *values = invocation->values;
    struct loading_options options = {.is_ascii = values->is_ascii,
                                      .without_mouse = values->is_without_mouse,
                                      .colors = chosen_colors(invocation),
                                      .clock = clock_monotonic()};
    struct instant instant = {0};
    struct error ignored;
    struct stat about;
    char *path = NULL;
    bool has_instant;

    if (!tui_is_possible(&ignored))
        return NULL;
    struct loading *loading = loading_begin(&options);
    if (word)
        instant_split(word, &path, &instant, &has_instant, &ignored);
    loading_name(loading, path ? path : "the newest recording",
                 path && stat(path, &about) == 0 ? (uint64_t)about.st_size : 0);
    free(path);
    return loading;
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct recording_argument argument = {
        .takes_times = true, .from = values->from, .to = values->to};
    struct option_operands operands = invocation->operands;
    const char *base = NULL;
    struct tui_path_map *maps = memory_allocate_zeroed(values->path_maps.count + 1, sizeof *maps);
    struct profile_options options = {.with_timeline = true};
    struct error error;
    bool is_good;

    /* BASE NEW: what is shown is the new one. */
    if (operands.count > 1) {
        base = operands.items[0];
        operands.items++;
        operands.count--;
    }
    struct loading *loading = begin_loading(invocation, operands.count ? operands.items[0] : NULL);
    argument.is_left_whole = loading != NULL;
    argument.opening = loading_progress(loading, LOADING_CHECKING);
    argument.loading = loading_progress(loading, LOADING_READING);
    argument.naming = loading_progress(loading, LOADING_NAMING);
    is_good = make_path_maps(&values->path_maps, maps, &error) &&
              recording_argument_load(&argument, &operands, values->at, &options, &error) &&
              show(invocation, &argument, base, maps, loading, &error);
    is_good |= loading_was_left(loading);
    loading_end(loading);
    if (!is_good)
        log_error("%s", error.message);
    recording_argument_close(&argument);
    for (size_t i = 0; i < values->path_maps.count; i++)
        free((char *)maps[i].from);
    free(maps);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_view = {
    .name = "view",
    .summary = "look at a recording in the terminal",
    .synopsis = "[options] [[BASE[@INSTANT]] FILE[@INSTANT]]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 2,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
