/* What can be typed after ':', in one table: name, argument, help and function. */
#include "tui/app.h"
#include "tui/app_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/style.h"
#include "tui/view_leaks.h"

static bool run_sort(struct app *app, const char *argument, struct error *error)
{
    struct view_question question = app->context.question;
    const struct query_metric_info *metric = query_metric_find(argument);
    const struct view_ops *ops = app_current_view(app)->ops;
    if (app_sort_by_title(app, argument))
        return true;
    if (ops->sort && !(ops->scopes & SCOPE_METRIC))
        return error_set(error, "there is no column \"%s\": s shows them", argument);
    if (!metric)
        return error_set(error, "there is no figure \"%s\": s shows them", argument);
    question.metric = metric->metric;
    return app_ask(app, &question, error);
}

static bool run_by(struct app *app, const char *argument, struct error *error)
{
    struct view_question question = app->context.question;
    const struct query_grouping_info *grouping = query_grouping_find(argument);
    if (!grouping)
        return error_set(error, "there is no grouping \"%s\": b shows them", argument);
    question.grouping = grouping->grouping;
    return app_show_screen(app, &view_sites, error) && app_ask(app, &question, error);
}

static bool run_filter(struct app *app, const char *argument, struct error *error)
{
    if (!(app_current_view(app)->ops->scopes & SCOPE_FILTERS))
        return error_set(error, "this view has no filter");
    return app_filter(app, argument, error);
}

static bool run_process(struct app *app, const char *argument, struct error *error)
{
    struct view_question question = app->context.question;
    char *end;
    unsigned long position = strtoul(argument, &end, 10);
    bool is_all = strcmp(argument, "all") == 0;
    if (!is_all && (*end || end == argument || position >= app->context.profile->process_count))
        return error_set(error, "there is no process \"%s\": p shows them", argument);
    question.process = is_all ? QUERY_ALL_PROCESSES : (uint32_t)position;
    return app_ask(app, &question, error);
}

static bool run_goto(struct app *app, const char *argument, struct error *error)
{
    struct table *table = &app_current_view(app)->table;
    char *end;
    unsigned long row = strtoul(argument, &end, 10);
    if (*end || row == 0)
        return error_set(error, "a row number is needed, from 1 to %zu", table->row_count);
    table_move_to(table, row - 1);
    return true;
}

static bool run_search(struct app *app, const char *argument, struct error *error)
{
    return app_search(app, argument, error);
}

static bool run_diff(struct app *app, const char *argument, struct error *error)
{
    return app_compare(app, argument, error);
}

static bool run_view(struct app *app, const char *argument, struct error *error)
{
    const struct view_ops *ops = view_ops_find(argument);
    if (!ops || !ops->digit)
        return error_set(error, "there is no screen \"%s\"", argument);
    return app_has_screen(app, ops, error) && app_show_screen(app, ops, error);
}

static bool run_save_display(struct app *app, const char *argument, struct error *error)
{
    app_draw(app);
    return screen_save(&app->screen, argument, error);
}

static bool run_write(struct app *app, const char *argument, struct error *error)
{
    return app_save_rows(app, argument, error);
}

static bool run_colors(struct app *app, const char *argument, struct error *error)
{
    const struct style_scheme *scheme = style_scheme_find(argument);
    if (!scheme)
        return error_set(error, "there is no colour scheme \"%s\"", argument);
    if (app->terminal)
        terminal_set_scheme(app->terminal, scheme);
    app->is_repainting = true;
    return true;
}

static bool run_suppress(struct app *app, const char *argument, struct error *error)
{
    struct view *view = app_current_view(app);
    struct reaction reaction = {.opened = NULL};
    if (view->ops != &view_leaks)
        return error_set(error, "choose a leak to suppress on the screen of leaks (5)");
    return view_leaks_suppress(view, argument, &reaction, error) &&
           app_react(app, &reaction, error);
}

static bool run_refresh(struct app *app, const char *argument, struct error *error)
{
    (void)argument;
    return app_live_await(app, error);
}

static bool run_help(struct app *app, const char *argument, struct error *error)
{
    static const struct view_request nothing = {.site = QUERY_NO_SITE};
    (void)argument;
    return app_open_view(app, &view_help, &nothing, error);
}

static bool run_at(struct app *app, const char *argument, struct error *error)
{
    return app_look_at(app, argument, error);
}

static bool run_from(struct app *app, const char *argument, struct error *error)
{
    return app_look_from(app, argument, error);
}

static bool run_to(struct app *app, const char *argument, struct error *error)
{
    return app_look_to(app, argument, error);
}

static bool run_cursor(struct app *app, const char *argument, struct error *error)
{
    return app_move_cursor(app, argument, error);
}

static bool run_quit(struct app *app, const char *argument, struct error *error)
{
    (void)argument, (void)error;
    app->is_quitting = true;
    return true;
}

/* clang-format off */
static const struct command {
    struct command_info info;
    bool is_argument_optional;
    bool (*run)(struct app *app, const char *argument, struct error *error);
} commands[] = {
    {{"sort", "FIGURE", "sort by live, peak, allocated, ..."}, false, run_sort},
    {{"by", "GROUPING", "rows of site, function, file, ..."}, false, run_by},
    {{"filter", "WORDS", "as after \\; without words: no filter"}, true, run_filter},
    {{"process", "N|all", "look at the N-th process, from 0, or at all"}, false, run_process},
    {{"at", "INSTANT", "look at start, peak, end, mark:NAME, snapshot:N, +90s, ..."}, false, run_at},
    {{"from", "INSTANT", "look at what was from then on"}, false, run_from},
    {{"to", "INSTANT", "look at what was up to then"}, false, run_to},
    {{"cursor", "INSTANT", "put the timeline's cursor there"}, false, run_cursor},
    {{"goto", "ROW", "go to this row"}, false, run_goto},
    {{"search", "TEXT", "as after /"}, true, run_search},
    {{"diff", "FILE[@INSTANT]", "compare with this recording: what is new, gone, grown, shrunk"},
     false, run_diff},
    {{"view", "SCREEN", "overview, sites, tree, threads, ..."}, false, run_view},
    {{"suppress", "GRAMMAR FILE", "add the selected leak to a file, as lsan or valgrind"},
     false,
     run_suppress},
    {{"refresh", "", "of a program that runs: wait for the next picture"}, true, run_refresh},
    {{"colors", "SCHEME", "default, mono or orange"}, false, run_colors},
    {{"write", "FILE", "write all rows of this view to a new file: .json, .csv, or text"}, false, run_write},
    {{"save-display", "FILE", "write the screen as it is to a file"}, false, run_save_display},
    {{"help", "", "keys and commands"}, true, run_help},
    {{"quit", "", "quit"}, true, run_quit},
};
/* clang-format on */

enum {
    COMMAND_COUNT = sizeof commands / sizeof *commands
};

const struct command_info *command_info_at(size_t position)
{
    return position < COMMAND_COUNT ? &commands[position].info : NULL;
}

bool command_run(struct app *app, const char *line, struct error *error)
{
    line += strspn(line, " ");
    size_t name_bytes = strcspn(line, " ");
    const char *argument = line + name_bytes;
    argument += strspn(argument, " ");
    if (!name_bytes)
        return true;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command_info *info = &commands[i].info;
        if (strlen(info->name) != name_bytes || strncmp(info->name, line, name_bytes) != 0)
            continue;
        if (!*argument && !commands[i].is_argument_optional)
            return error_set(error, ":%s needs %s", info->name, info->argument);
        return commands[i].run(app, argument, error);
    }
    return error_set(error, "there is no command \"%.*s\": ? shows them", (int)name_bytes, line);
}
