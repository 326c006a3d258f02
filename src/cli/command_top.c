/* top: what a program that is recorded does now. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "analysis/query.h"
#include "analysis/rates.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/live_source.h"
#include "cli/live_view.h"
#include "cli/session_list.h"
#include "cli/terminal.h"
#include "report/top_report.h"
#include "tui/chooser.h"
#include "tui/tui.h"

#define NOBODY                                                                                     \
    "no program is recorded now, or none that you may look at: start one with seep run -- CMD"
#define DEFAULT_INTERVAL_NS UINT64_C(2000000000)

enum {
    TEXT_LIMIT = 20,
    JSON_LIMIT = 1000
};

struct values {
    bool is_json;
    bool are_arguments_shown;
    struct option_number count;
    struct option_number interval;
    struct option_number sort;
    struct option_number limit;
    bool is_ascii;
    bool is_without_mouse;
};

static const char *order_at(size_t position)
{
    return rates_order_name(position);
}

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    ROW_JSON,
    {.name = "count",
     .letter = 'n',
     .kind = OPTION_COUNT,
     PLACE(count),
     .value_name = "N",
     .help = "print so many reports (default: 1)"},
    {.name = "interval",
     .kind = OPTION_DURATION,
     PLACE(interval),
     .value_name = "TIME",
     .help = "look so often (default: 2s)"},
    {.name = "sort",
     .kind = OPTION_CHOICE,
     PLACE(sort),
     .choice_at = order_at,
     .help = "sites by bytes or allocations a second, growth, slope of growth, or what is live "
             "(default: bytes)"},
    ROW_LIMIT("of sites, the first N (0: all; default: 20, JSON 1000)"),
    ROW_ARGUMENTS,
    ROWS_TERMINAL,
};
/* clang-format on */

static bool are_arguments_shown(const struct values *values)
{
    return values->are_arguments_shown || !terminal_is_ci();
}

static bool read_pid(const char *text, uint32_t *pid, struct error *error)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || number == 0 || number > INT32_MAX)
        return error_set(error, "top: \"%s\" is no process number", text);
    *pid = (uint32_t)number;
    return true;
}

/* ---- reports ---- */

static void rest(uint64_t interval_ns)
{
    struct timespec left = {(time_t)(interval_ns / 1000000000), (long)(interval_ns % 1000000000)};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static bool write_report(const struct invocation *invocation, const struct live_picture *picture,
                         const struct rates_question *question, struct error *error)
{
    const struct values *values = invocation->values;
    struct top_report_options options = {.question = *question,
                                         .limit = values->is_json ? JSON_LIMIT : TEXT_LIMIT,
                                         .are_arguments_shown = are_arguments_shown(values)};

    if (values->limit.is_given)
        options.limit = values->limit.value;
    if (values->is_json)
        return top_write_json(picture, &options, stdout, error);
    options.is_colour = terminal_has_colour(stdout, invocation->common);
    options.width = terminal_width(stdout);
    return top_write_text(picture, &options, stdout, error);
}

/* The process that was named, or all when it was the recorder. */
static bool find_process(const struct live_picture *picture, const struct live_source *source,
                         uint32_t pid, uint32_t *process, struct error *error)
{
    *process = QUERY_ALL_PROCESSES;
    if ((int)pid == source->session.recorder)
        return true;
    *process = live_picture_find_pid(picture, pid);
    return *process < picture->profile->process_count ||
           error_set(error, "process %u is not in the recording of process %d", pid,
                     source->session.recorder);
}

/* Each report tells what changed since the one before, and what has grown since the first. */
static bool write_reports(const struct invocation *invocation, struct live_source *source,
                          uint32_t pid, struct error *error)
{
    const struct values *values = invocation->values;
    uint64_t interval_ns = values->interval.is_given ? values->interval.value : DEFAULT_INTERVAL_NS;
    uint64_t count = values->count.is_given ? values->count.value : 1;
    struct rates_reading *before = NULL, *first = NULL;
    bool is_good = true;

    for (uint64_t i = 0; is_good && i < count; i++) {
        if (i > 0)
            rest(interval_ns);
        bool was_last = source->has_ended;
        struct live_picture *picture = was_last ? NULL : live_source_take(source, error);
        struct rates_question question = {
            .order = (enum rates_order)values->sort.value, .before = before, .mark = first};

        if (was_last)
            break;
        is_good = picture && find_process(picture, source, pid, &question.process, error) &&
                  write_report(invocation, picture, &question, error);
        if (before != first)
            rates_reading_destroy(before);
        before = is_good ? live_picture_take_reading(picture) : NULL;
        if (!first)
            first = before;
        live_picture_destroy(picture);
    }
    if (before != first)
        rates_reading_destroy(before);
    rates_reading_destroy(first);
    return is_good;
}

static void write_sessions(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct session_list list;

    session_list_find(&list);
    if (values->is_json)
        session_list_write_json(&list, are_arguments_shown(values), stdout);
    else
        session_list_write_text(&list, are_arguments_shown(values), stdout);
    if (list.count == 0 && !values->is_json)
        log_note(NOBODY);
    session_list_clear(&list);
}

/* ---- in the terminal ---- */

static bool view(const struct invocation *invocation, struct live_source *source, uint32_t pid,
                 struct script *script, struct error *error)
{
    const struct values *values = invocation->values;
    bool is_mono = invocation->common->color.is_given &&
                   invocation->common->color.value == COLOR_NEVER;
    struct live_view_options options = {
        .tui = {.screen = "live",
                .colors = is_mono ? "mono" : NULL,
                .is_ascii = values->is_ascii,
                .without_mouse = values->is_without_mouse,
                .script = script},
        .interval_ns = values->interval.is_given ? values->interval.value : DEFAULT_INTERVAL_NS};
    struct live_picture *first = live_source_take(source, error);

    if (!first || !find_process(first, source, pid, &options.process, error)) {
        live_picture_destroy(first);
        return false;
    }
    return live_view_run(source, first, &options, error);
}

/* Unless a report was asked for, people look at it, where that is possible. */
static bool is_viewed(const struct values *values)
{
    struct error ignored;

    return !values->is_json && !values->count.is_given && !terminal_is_ci() &&
           tui_is_possible(&ignored);
}

/* Its command stands for a session; of a command that is gone, the recorder. */
static uint32_t pid_of(const struct running_session *session)
{
    size_t count;
    uint32_t command = session->header->command_pid, pid = (uint32_t)session->recorder;
    uint32_t *pids = running_session_processes(session, &count);

    for (size_t i = 0; i < count; i++)
        if (pids[i] == command)
            pid = command;
    free(pids);
    return count > 1 ? (uint32_t)session->recorder : pid;
}

/* Where there is only one nothing needs to be chosen. False: nothing was, and *error may say why.
 */
static bool choose_session(const struct values *values, struct script *script, uint32_t *pid,
                           struct error *error)
{
    struct session_list list;
    size_t chosen = 0;
    bool is_chosen = true;

    error->message[0] = '\0';
    session_list_find(&list);
    if (list.count == 0)
        is_chosen = error_set(error, NOBODY);
    if (list.count > 1) {
        char **items = memory_allocate_zeroed(list.count, sizeof *items);

        for (size_t i = 0; i < list.count; i++) {
            struct text line = {0};
            session_list_describe(&list.sessions[i], are_arguments_shown(values), &line);
            items[i] = text_take(&line);
        }
        const struct chooser_options options = {.title = "Programs that are recorded now",
                                                .items = (const char *const *)items,
                                                .count = list.count,
                                                .script = script,
                                                .is_ascii = values->is_ascii,
                                                .without_mouse = values->is_without_mouse};
        is_chosen = chooser_run(&options, &chosen, error);
        for (size_t i = 0; i < list.count; i++)
            free(items[i]);
        free(items);
    }
    if (is_chosen)
        *pid = pid_of(&list.sessions[chosen]);
    session_list_clear(&list);
    return is_chosen;
}

/* One that the user chooses. A script goes on in the viewer where the list has left it. */
static int look_at_chosen(const struct invocation *invocation)
{
    struct live_source source = {.session = {.recorder_fd = -1}};
    struct error error;
    uint32_t pid = 0;
    struct script *script = script_open_named(&error);
    bool is_chosen = !error.message[0] && choose_session(invocation->values, script, &pid, &error);

    if (is_chosen && live_source_open(pid, &source, &error) &&
        view(invocation, &source, pid, script, &error))
        error.message[0] = '\0';
    if (error.message[0])
        log_error("%s", error.message);
    live_source_close(&source);
    script_close(script);
    return error.message[0] ? EXIT_TROUBLE : 0;
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct live_source source = {.session = {.recorder_fd = -1}};
    struct error error;
    uint32_t pid = 0;
    bool is_good;

    if (invocation->operands.count == 0 && is_viewed(values))
        return look_at_chosen(invocation);
    if (invocation->operands.count == 0) {
        write_sessions(invocation);
        return 0;
    }
    is_good = read_pid(invocation->operands.items[0], &pid, &error) &&
              live_source_open(pid, &source, &error) &&
              (is_viewed(values) ? view(invocation, &source, pid, NULL, &error)
                                 : write_reports(invocation, &source, pid, &error));
    if (!is_good)
        log_error("%s", error.message);
    live_source_close(&source);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_top = {
    .name = "top",
    .summary = "look at a program while it is recorded",
    .synopsis = "[options] [PID]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
