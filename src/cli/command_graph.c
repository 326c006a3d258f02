/* graph: who keeps blocks alive, and what would go with them. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/query.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/graph_argument.h"
#include "cli/instant.h"
#include "cli/recording_argument.h"
#include "cli/terminal.h"
#include "graph/graph_select.h"
#include "graph/graph_types.h"
#include "report/graph_report.h"

enum {
    DEFAULT_TEXT_ROWS = 10,
    DEFAULT_JSON_ROWS = 1000,
    DEFAULT_DEPTH = 2,
    DEFAULT_LEVELS = 12
};

struct values {
    const char *why;
    const char *block;
    struct option_number snapshot;
    struct option_number process;
    struct option_number limit;
    struct option_number depth;
    struct option_texts debug_folders;
    const char *at;
    const char *type;
    const char *module;
    bool is_tree;
    bool is_json;
    bool are_arguments_shown;
};

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "why", .kind = OPTION_TEXT, PLACE(why), .value_name = "WHAT",
     .help = "what keeps these alive: a function (a regular expression), fp1:..., or 0x..."},
    {.name = "block", .kind = OPTION_TEXT, PLACE(block), .value_name = "WHAT",
     .help = "the block at 0x..., or of those that --why would mean the one that retains most: "
             "what holds it, its members and words"},
    {.name = "tree", .kind = OPTION_FLAG, PLACE(is_tree),
     .help = "what retains what, as a tree from the roots down"},
    {.name = "type", .kind = OPTION_TEXT, PLACE(type), .value_name = "TEXT",
     .help = "only blocks whose type contains this"},
    {.name = "module", .kind = OPTION_TEXT, PLACE(module), .value_name = "TEXT",
     .help = "only blocks allocated by code of a module whose path contains this"},
    ROW_INSTANT("end, snapshot:N or mark:NAME, as FILE@INSTANT (default: what was asked for, else the exit)"),
    {.name = "snapshot", .kind = OPTION_COUNT, PLACE(snapshot), .value_name = "N",
     .help = "the snapshot with this number, as --at=snapshot:N"},
    ROW_PROCESS,
    ROW_LIMIT("show N rows of each table (default: 10, in JSON 1000; 0 = all)"),
    {.name = "depth", .kind = OPTION_COUNT, PLACE(depth), .value_name = "N",
     .help = "show N callers below each site; of trees N levels (default: 12)"},
    ROW_DEBUG_FOLDERS("look for debug files there first (may be repeated)"),
    ROW_JSON,
    ROW_ARGUMENTS,
};
/* clang-format on */

struct graphs {
    struct snapshot_list list;
    struct snapshot *snapshots;   /* by entry of processes */
    struct process_graph *graphs; /* the same */
    struct graph_report_process *processes;
    size_t count, done_count;
};

static bool add_process(struct graphs *graphs, const struct recording_argument *argument,
                        const struct values *values, uint32_t process, struct error *error)
{
    const struct symbolizer_options options = {.debug_folders = values->debug_folders.items,
                                               .debug_folder_count = values->debug_folders.count};
    struct graph_report_process *entry = &graphs->processes[graphs->count];
    struct snapshot *snapshot = &graphs->snapshots[graphs->count];

    *entry = (struct graph_report_process){.process = process};
    entry->head = graph_argument_choose(&graphs->list, argument,
                                        argument->profile->processes[process].about.id);
    snapshot_init(snapshot);
    graphs->count++;
    if (!entry->head)
        return true;
    if (!process_graph_read(argument->reader, entry->head, snapshot, error))
        return false;
    entry->graph = &graphs->graphs[graphs->count - 1];
    process_graph_build(argument->profile, process, snapshot, &options, entry->graph);
    entry->graph->reader = argument->reader;
    process_graph_find_types(entry->graph, &options);
    if (values->type || values->module)
        process_graph_filter(entry->graph, values->type, values->module);
    graphs->done_count++;
    return true;
}

static bool build(struct graphs *graphs, const struct recording_argument *argument,
                  const struct values *values, struct error *error)
{
    const struct profile *profile = argument->profile;
    uint32_t asked = QUERY_ALL_PROCESSES;

    if (profile_is_sampled(profile))
        return error_set(error, "the recording is sampled: most blocks are not known, and so is "
                                "what refers to what");
    if (values->process.is_given &&
        !recording_argument_find_process(argument, values->process.value, &asked, error))
        return false;
    if (!snapshot_list_read(&graphs->list, argument->reader, error))
        return false;
    graphs->snapshots = memory_allocate_zeroed(profile->process_count, sizeof *graphs->snapshots);
    graphs->graphs = memory_allocate_zeroed(profile->process_count, sizeof *graphs->graphs);
    graphs->processes = memory_allocate_zeroed(profile->process_count, sizeof *graphs->processes);
    for (uint32_t i = 0; i < profile->process_count; i++)
        if ((asked == QUERY_ALL_PROCESSES || asked == i) &&
            !add_process(graphs, argument, values, i, error))
            return false;
    return graphs->done_count > 0 || graph_argument_say_missing(argument, error);
}

static void clear(struct graphs *graphs)
{
    for (size_t i = 0; i < graphs->count; i++) {
        if (graphs->processes[i].graph)
            process_graph_clear(graphs->processes[i].graph);
        snapshot_clear(&graphs->snapshots[i]);
    }
    free(graphs->snapshots);
    free(graphs->graphs);
    free(graphs->processes);
    snapshot_list_clear(&graphs->list);
}

/* A snapshot is one of one process; of several, their heads say which. */
static const char *name_instant(const struct graphs *graphs, char *out)
{
    for (size_t i = 0; i < graphs->count; i++)
        if (graphs->done_count == 1 && graphs->processes[i].head)
            return instant_format(INSTANT_SNAPSHOT, graphs->processes[i].head->id, out);
    return instant_name(INSTANT_SNAPSHOT);
}

static bool find_blocks(struct graphs *graphs, const char *word, struct error *error)
{
    bool is_any = false;

    for (size_t i = 0; word && i < graphs->count; i++) {
        struct graph_report_process *process = &graphs->processes[i];

        if (!process->graph)
            continue;
        if (!process_graph_pick(process->graph, word, &process->block, error))
            return false;
        is_any = is_any || process->block != SNAPSHOT_NONE;
    }
    return is_any || !word ||
           error_set(error, "no block that was live then is meant by \"%s\"", word);
}

static bool write(const struct invocation *invocation, const struct recording_argument *argument,
                  const struct graphs *graphs, struct error *error)
{
    const struct values *values = invocation->values;
    char instant[INSTANT_TEXT_BYTES];
    const struct graph_report_options options = {
        .is_block = values->block != NULL,
        .limit = values->limit.is_given ? values->limit.value
                 : values->is_json      ? DEFAULT_JSON_ROWS
                                        : DEFAULT_TEXT_ROWS,
        .why = values->why,
        .is_tree = values->is_tree,
        .tree_depth = values->depth.is_given ? (uint32_t)values->depth.value : DEFAULT_LEVELS,
        .instant = name_instant(graphs, instant),
        .stack_depth = values->depth.is_given ? (unsigned)values->depth.value : DEFAULT_DEPTH,
        .width = terminal_width(stdout),
        .is_colour = terminal_has_colour(stdout, invocation->common),
        .are_arguments_shown = values->are_arguments_shown || !terminal_is_ci()};

    return values->is_json ? graph_write_json(argument->profile, graphs->processes, graphs->count,
                                              &options, stdout, error)
                           : graph_write_text(argument->profile, graphs->processes, graphs->count,
                                              &options, stdout, error);
}

static bool load(const struct invocation *invocation, struct recording_argument *argument,
                 struct error *error)
{
    const struct values *values = invocation->values;
    char name[INSTANT_TEXT_BYTES];
    const char *at = values->at;

    if (at && values->snapshot.is_given)
        return error_set(error, "--at and --snapshot name the same: give one of them");
    if (values->snapshot.is_given)
        at = instant_format(INSTANT_SNAPSHOT, values->snapshot.value, name);
    argument->takes_snapshots = argument->takes_marks_as_snapshots = true;
    return recording_argument_load(argument, &invocation->operands, at,
                                   &(struct profile_options){0}, error);
}

static int run(const struct invocation *invocation)
{
    struct recording_argument argument = {0};
    struct graphs graphs = {0};
    struct error error;
    bool is_good = load(invocation, &argument, &error) &&
                   build(&graphs, &argument, invocation->values, &error) &&
                   find_blocks(&graphs, ((const struct values *)invocation->values)->block,
                               &error) &&
                   write(invocation, &argument, &graphs, &error);

    if (!is_good)
        log_error("%s", error.message);
    clear(&graphs);
    recording_argument_close(&argument);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_graph = {
    .name = "graph",
    .summary = "who keeps memory alive, and what would go with it",
    .synopsis = "[options] [FILE[@INSTANT]]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
