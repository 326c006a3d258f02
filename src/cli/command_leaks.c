/* leaks: what is lost at an instant, by kind, with the stacks that allocated it. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/leak_report.h"
#include "analysis/query.h"
#include "analysis/suppressions.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/instant.h"
#include "cli/recording_argument.h"
#include "cli/root_list.h"
#include "cli/terminal.h"
#include "cli/word_list.h"
#include "graph/last_seen.h"
#include "report/leaks_report.h"
#include "snapshot/reachability.h"
#include "snapshot/snapshot.h"

struct values {
    bool is_json;
    bool are_arguments_shown;
    bool is_without_built_in;
    const char *kinds;
    struct option_number limit;
    struct option_number depth;
    struct option_number process;
    struct option_number error_exitcode;
    struct option_number grammar;
    struct option_texts suppressions;
    const char *new_since;
    const char *roots;
    const char *heuristics;
    bool is_root_off[SNAPSHOT_ROOT_KIND_COUNT];
    const char *at;
};

static const char *const grammars[] = {"lsan", "valgrind"};

static const char *grammar_at(size_t position)
{
    return position < sizeof grammars / sizeof *grammars ? grammars[position] : NULL;
}

#define PLACE(field) .offset = offsetof(struct values, field)
#define ROOT_ROW(word, root_kind, what)                                                            \
    {                                                                                              \
        .name = "no-root-" word, .kind = OPTION_FLAG,                                              \
        .offset = offsetof(struct values, is_root_off) + (root_kind) * sizeof(bool),               \
        .help = "what only " what " refer to is lost"                                              \
    }

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "kinds",
     .kind = OPTION_TEXT,
     PLACE(kinds),
     .value_name = "LIST",
     .help = "list these kinds: all, or definite,indirect,possible,reachable,suppressed"},
    ROW_LIMIT("list N leaks (default: 20 of a kind, in JSON 1000; 0 = all)"),
    {.name = "depth",
     .kind = OPTION_COUNT,
     PLACE(depth),
     .value_name = "N",
     .help = "show N callers below each leak (default: 8)"},
    ROW_PROCESS,
    {.name = "new-since",
     .kind = OPTION_TEXT,
     PLACE(new_since),
     .value_name = "SNAPSHOT",
     .help = "only what was not lost at this snapshot, \"snapshot:1\" or its number"},
    {.name = "suppressions",
     .kind = OPTION_TEXTS,
     PLACE(suppressions),
     .value_name = "FILE",
     .is_path = true,
     .help = "known leaks, as LSan or Valgrind read them; may be repeated"},
    {.name = "no-built-in-suppressions",
     .kind = OPTION_FLAG,
     PLACE(is_without_built_in),
     .help = "also what libc itself leaves behind"},
    {.name = "gen-suppressions",
     .kind = OPTION_CHOICE,
     PLACE(grammar),
     .choice_at = grammar_at,
     .help = "print suppressions of the leaks in that grammar instead"},
    {.name = "error-exitcode",
     .kind = OPTION_COUNT,
     PLACE(error_exitcode),
     .value_name = "N",
     .most = OPTION_MOST_STATUS,
     .help = "exit with N when there are leaks (definite or indirect, or of --kinds)"},
    ROW_ROOTS,
    ROOT_ROW("globals", SNAPSHOT_ROOT_GLOBAL, "global variables"),
    ROOT_ROW("stacks", SNAPSHOT_ROOT_STACK, "stacks"),
    ROOT_ROW("registers", SNAPSHOT_ROOT_REGISTER, "registers"),
    ROOT_ROW("tls", SNAPSHOT_ROOT_TLS, "thread-local variables"),
    ROOT_ROW("keys", SNAPSHOT_ROOT_KEY, "pthread keys"),
    ROOT_ROW("threads", SNAPSHOT_ROOT_THREAD, "arguments and results of threads"),
    ROOT_ROW("regions", SNAPSHOT_ROOT_REGION, "registered regions"),
    ROOT_ROW("mappings", SNAPSHOT_ROOT_MAPPING, "mappings that are not heap"),
    {.name = "heuristics",
     .kind = OPTION_TEXT,
     PLACE(heuristics),
     .value_name = "LIST",
     .help = "pointers into blocks that count as to their start: none, all (default), or"
             " stdstring,length64,newarray,multipleinheritance"},
    ROW_INSTANT("end, snapshot:N or mark:NAME, as FILE@INSTANT (default: what was asked for, else the exit)"),
    ROW_JSON,
    ROW_ARGUMENTS,
};
/* clang-format on */

static const char *shape_at(unsigned position)
{
    return snapshot_shape_name((enum snapshot_reference_kind)(position + SNAPSHOT_START + 1));
}

/* ---- what was asked for ---- */

static bool find_shapes_off(const struct values *values, uint64_t *off, struct error *error)
{
    unsigned on = 0;
    if (!values->heuristics)
        return true;
    if (strcmp(values->heuristics, "none") != 0 &&
        !word_list_parse("heuristics", values->heuristics, shape_at, &on, error))
        return false;
    for (unsigned i = 0; shape_at(i) != NULL; i++)
        if (!(on >> i & 1))
            *off |= REACHABILITY_SHAPE_OFF(i + SNAPSHOT_START + 1);
    return true;
}

static bool find_roots_off(const struct values *values, uint64_t *off, struct error *error)
{
    *off = 0;
    for (unsigned kind = 0; kind < SNAPSHOT_ROOT_KIND_COUNT; kind++)
        if (values->is_root_off[kind])
            *off |= UINT64_C(1) << kind;
    return root_list_parse_off(values->roots, off, error);
}

static bool read_suppressions(const struct values *values, struct suppressions *list,
                              struct error *error)
{
    suppressions_init(list);
    for (size_t i = 0; i < values->suppressions.count; i++)
        if (!suppressions_read_file(list, values->suppressions.items[i], error))
            return false;
    if (!values->is_without_built_in)
        suppressions_add_built_in(list);
    return true;
}

static bool parse_since(const char *word, uint64_t *id, struct error *error)
{
    struct instant instant;
    char *stop;
    *id = strtoull(word, &stop, 10);
    if (*word >= '0' && *word <= '9' && !*stop)
        return true;
    if (instant_parse(word, &instant, error) && instant.kind == INSTANT_SNAPSHOT) {
        *id = instant.snapshot;
        return true;
    }
    return error_set(error, "--new-since: \"%s\" is no snapshot, such as snapshot:1", word);
}

static bool load(const struct invocation *invocation, struct recording_argument *argument,
                 struct error *error)
{
    const struct values *values = invocation->values;
    argument->takes_snapshots = argument->takes_marks_as_snapshots = true;
    return recording_argument_load(argument, &invocation->operands, values->at,
                                   &(struct profile_options){0}, error);
}

/* The kinds that are listed, and those that make --error-exitcode's difference. */
static bool find_kinds(const struct values *values, unsigned *listed, unsigned *bad,
                       struct error *error)
{
    *listed = values->is_json ? LEAK_KINDS_LOST : 1u << LEAK_DEFINITE | 1u << LEAK_POSSIBLE;
    *bad = 1u << LEAK_DEFINITE | 1u << LEAK_INDIRECT;
    if (!values->kinds)
        return true;
    if (!word_list_parse("kinds", values->kinds, leak_kind_name, listed, error))
        return false;
    *bad = *listed;
    return true;
}

static bool fill_report_options(const struct values *values, const struct profile *profile,
                                struct leak_report_options *options, struct error *error)
{
    options->since = LEAK_REPORT_NONE;
    options->process = QUERY_ALL_PROCESSES;
    if (values->process.is_given) {
        options->process = profile_find_process(profile, values->process.value);
        if (options->process == profile->process_count)
            return error_set(error, "--process: the recording has no process %" PRIu64,
                             values->process.value);
    }
    return find_roots_off(values, &options->roots_off, error) &&
           find_shapes_off(values, &options->roots_off, error) &&
           (!values->new_since || parse_since(values->new_since, &options->since, error));
}

static void fill_format_options(const struct invocation *invocation,
                                const struct leak_report_options *report,
                                struct leaks_report_options *options)
{
    const struct values *values = invocation->values;
    options->limit = values->limit.value;
    options->has_limit = values->limit.is_given;
    options->process = report->process;
    options->stack_depth = values->depth.is_given && values->depth.value < UINT32_MAX
                               ? (unsigned)values->depth.value
                               : 8;
    options->width = terminal_width(stdout);
    options->is_colour = terminal_has_colour(stdout, invocation->common);
    options->are_arguments_shown = values->are_arguments_shown || !terminal_is_ci();
    options->suppressions = report->suppressions;
}

static const struct leaks_format *find_format(const struct values *values)
{
    if (values->grammar.is_given)
        return leaks_format_find(grammars[values->grammar.value]);
    return leaks_format_find(values->is_json ? "json" : "text");
}

/* ---- the exit status ---- */

/* A process that cannot be judged is no success: the first one that is its own program and was
 * neither replaced by another nor left out on purpose. */
static const struct leak_report_process *find_unjudged(const struct profile *profile,
                                                       const struct leak_report *report)
{
    for (size_t i = 0; i < report->process_count; i++) {
        const struct leak_report_process *process = &report->processes[i];
        if (!process->is_done && profile->processes[process->process].about.is_own_image &&
            strcmp(process->reason, "exec") != 0)
            return process;
    }
    return NULL;
}

static int status_of(const struct values *values, const struct profile *profile,
                     const struct leak_report *report, unsigned bad)
{
    const struct leak_report_process *unjudged;
    if (!values->error_exitcode.is_given)
        return 0;
    for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++)
        if (bad >> kind & 1 && leak_report_sum(report, (enum leak_kind)kind).blocks)
            return (int)values->error_exitcode.value;
    unjudged = find_unjudged(profile, report);
    if (!unjudged)
        return 0;
    log_error("process %" PRIu64 " was not scanned (%s): whether it leaks is not known",
              profile->processes[unjudged->process].about.id, unjudged->reason);
    return EXIT_TROUBLE;
}

static bool report_leaks(const struct invocation *invocation, struct recording_argument *argument,
                         const struct suppressions *list, int *status, struct error *error)
{
    const struct values *values = invocation->values;
    uint64_t snapshot = argument->instant == INSTANT_SNAPSHOT ? argument->snapshot
                                                              : LEAK_REPORT_DEFAULT;
    struct leak_report_options report_options = {.suppressions = list, .snapshot = snapshot};
    struct leaks_report_options options = {.instant = "end"};
    struct leak_report report;
    struct last_seens seens = {0};
    char since[INSTANT_TEXT_BYTES], instant[INSTANT_TEXT_BYTES];
    unsigned bad;
    if (!find_kinds(values, &options.kinds, &bad, error) ||
        !fill_report_options(values, argument->profile, &report_options, error))
        return false;
    fill_format_options(invocation, &report_options, &options);
    if (snapshot != LEAK_REPORT_DEFAULT)
        options.instant = instant_format(INSTANT_SNAPSHOT, snapshot, instant);
    if (report_options.since != LEAK_REPORT_NONE)
        options.since = instant_format(INSTANT_SNAPSHOT, report_options.since, since);
    report_options.are_blocks_kept = !values->grammar.is_given;
    bool is_good = leak_report_build(argument->profile, argument->reader, &report_options, &report,
                                     error);
    if (is_good && report_options.are_blocks_kept) {
        last_seens_find(argument->profile, argument->reader, &report,
                        &(struct last_seen_options){report_options.roots_off,
                                                    &(struct symbolizer_options){0}},
                        &seens);
        options.seens = &seens;
    }
    is_good = is_good && leaks_report_write(find_format(values), argument->profile, &report,
                                            &options, stdout, error);
    if (is_good)
        *status = status_of(values, argument->profile, &report, bad);
    last_seens_clear(&seens);
    leak_report_clear(&report);
    return is_good;
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct recording_argument argument = {0};
    struct suppressions list;
    struct error error;
    int status = EXIT_TROUBLE;
    bool is_good = read_suppressions(values, &list, &error);
    is_good = is_good && load(invocation, &argument, &error) &&
              report_leaks(invocation, &argument, &list, &status, &error);
    if (!is_good)
        log_error("%s", error.message);
    recording_argument_close(&argument);
    suppressions_clear(&list);
    return is_good ? status : EXIT_TROUBLE;
}

const struct command cli_command_leaks = {
    .name = "leaks",
    .summary = "what is lost, by kind, with the stacks that allocated it",
    .synopsis = "[options] [FILE[@INSTANT]]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
