#include "tui/app.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "tui/app_live.h"
#include "tui/loading.h"

void app_say(struct app *app, const char *message)
{
    snprintf(app->message, sizeof app->message, "%s", message);
}

static void say_error(struct app *app, const struct error *error)
{
    snprintf(app->message, sizeof app->message, "! %.500s", error->message);
}

struct view *app_current_view(const struct app *app)
{
    return app->depth ? app->opened[app->depth - 1] : app->screens[app->current_screen];
}

unsigned app_scopes(const struct app *app)
{
    return app_current_view(app)->ops->scopes | SCOPE_ANY | (app->live ? SCOPE_LIVE : 0);
}

static void destroy_view(struct view *view)
{
    if (!view)
        return;
    if (view->ops->close)
        view->ops->close(view);
    free(view->own_filter);
    free(view->state);
    free(view);
}

static bool load_view(struct view *view, struct error *error)
{
    if (view->is_loaded)
        return true;
    view->table.context = view;
    view->is_loaded = view->ops->load(view, error);
    if (view->is_loaded)
        kept_row_find(view);
    return view->is_loaded;
}

static struct view *create_view(struct app *app, const struct view_ops *ops,
                                const struct view_request *request, struct error *error)
{
    struct view *view = memory_allocate_zeroed(1, sizeof *view);
    view->ops = ops;
    view->context = &app->context;
    view->state = memory_allocate_zeroed(1, ops->state_bytes ? ops->state_bytes : 1);
    view->table.sort_key = TABLE_NO_SORT;
    if ((!ops->open || ops->open(view, request, error)) && load_view(view, error))
        return view;
    destroy_view(view);
    return NULL;
}

bool app_open_view(struct app *app, const struct view_ops *ops, const struct view_request *request,
                   struct error *error)
{
    if (app->depth == APP_MAX_DEPTH)
        return error_set(error, "too many views are open: Esc closes one");
    struct view_request asked = *request;
    asked.asker = app_current_view(app);
    struct view *view = create_view(app, ops, &asked, error);
    if (view)
        app->opened[app->depth++] = view;
    return view != NULL;
}

/* Whether there was one to close. */
bool app_close_view(struct app *app)
{
    if (app->depth == 0)
        return false;
    destroy_view(app->opened[--app->depth]);
    return true;
}

bool app_show_screen(struct app *app, const struct view_ops *ops, struct error *error)
{
    static const struct view_request nothing = {.site = QUERY_NO_SITE};
    size_t position = 0;
    while (view_ops_at(position) != ops)
        position++;
    if (!app->screens[position])
        app->screens[position] = create_view(app, ops, &nothing, error);
    if (!app->screens[position] || !load_view(app->screens[position], error))
        return false;
    while (app_close_view(app))
        ;
    app->current_screen = position;
    return true;
}

void app_prepare_reload(struct app *app)
{
    for (size_t i = 0; i < app->screen_count; i++) {
        struct view *view = app->screens[i];
        if (!view)
            continue;
        if (view->ops->row_key) {
            if (view->is_loaded)
                kept_row_keep(view);
        } else if (i != app->current_screen) { /* loaded or not: it may hold on to the graph */
            destroy_view(view);
            app->screens[i] = NULL;
        }
    }
}

bool app_reload(struct app *app, struct error *error)
{
    for (size_t i = 0; i < app->screen_count; i++)
        if (app->screens[i])
            app->screens[i]->is_loaded = false;
    bool is_loaded = load_view(app->screens[app->current_screen], error);
    for (size_t i = 0; i < app->depth && is_loaded; i++) {
        app->opened[i]->is_loaded = false;
        is_loaded = load_view(app->opened[i], error);
    }
    return is_loaded;
}

bool app_ask(struct app *app, const struct view_question *question, struct error *error)
{
    struct view_question before = app->context.question;
    struct table *table = &app_current_view(app)->table;
    size_t selected = table->selected, top = table->top;
    char *filter = memory_duplicate_text(question->filter);
    app->context.question = *question;
    app->context.question.filter = filter;
    if (app_reload(app, error)) {
        free(app->filter);
        app->filter = filter;
        return true;
    }
    free(filter);
    app->context.question = before;
    struct error ignored;
    app_reload(app, &ignored);
    table->selected = selected;
    table->top = top;
    return false;
}

bool app_show_profile(struct app *app, const struct profile *profile,
                      const struct view_question *question, struct error *error)
{
    const struct profile *before = app->context.profile;
    struct error ignored;
    while (app_close_view(app))
        ;
    app->context.profile = profile;
    if (app_ask(app, question, error))
        return true;
    app->context.profile = before;
    app_reload(app, &ignored);
    return false;
}

bool app_filter(struct app *app, const char *filter, struct error *error)
{
    struct view_question question = app->context.question;
    struct view *view = app_current_view(app);
    char *before = view->own_filter;

    if (!view->ops->has_own_filter) {
        question.filter = filter;
        return app_ask(app, &question, error);
    }
    view->own_filter = memory_duplicate_text(filter);
    if (view->ops->load(view, error)) {
        free(before);
        return true;
    }
    free(view->own_filter);
    view->own_filter = before;
    struct error ignored;
    view->ops->load(view, &ignored);
    return false;
}

bool app_compare(struct app *app, const char *base, struct error *error)
{
    const struct tui_options *options = app->context.options;
    struct tui_comparison comparison;

    if (!options->compare)
        return error_set(error, "there is nothing to compare with");
    if (!options->compare(options->compare_context, base, &app->context.progress, &comparison,
                          error))
        return false;
    /* Views above may be of what was compared before. */
    while (app_close_view(app))
        ;
    app->context.comparison = comparison;
    for (size_t i = 0; i < app->screen_count; i++)
        if (app->screens[i] && app->screens[i]->ops == &view_diff)
            app->screens[i]->is_loaded = false;
    return app_show_screen(app, &view_diff, error);
}

static bool edit(struct app *app, const struct reaction *reaction, struct error *error)
{
    const char *path = text_get(&reaction->edited_file);
    if (access(path, R_OK) != 0)
        return error_set_errno(error, errno, "cannot edit %s", path);
    if (app->terminal)
        return terminal_edit(app->terminal, path, reaction->edited_line, error);
    snprintf(app->message, sizeof app->message, "edit %.400s:%u", path, reaction->edited_line);
    return true;
}

bool app_copy(struct app *app, const char *text, struct error *error)
{
    if (app->terminal && !terminal_copy(app->terminal, text))
        return error_set(error, "this terminal cannot copy; w writes to a file");
    size_t first_line = strcspn(text, "\n");
    if (first_line > 200)
        first_line = 200;
    snprintf(app->message, sizeof app->message, "copied: %.*s", (int)first_line, text);
    return true;
}

static void clear_notes(struct view_request *request)
{
    for (size_t i = 0; i < request->note_count; i++) {
        free(request->notes[i].label);
        free(request->notes[i].text);
    }
    free(request->notes);
    request->notes = NULL;
    request->note_count = 0;
}

bool app_react(struct app *app, struct reaction *reaction, struct error *error)
{
    bool is_done = true;
    if (reaction->message.count)
        app_say(app, text_get(&reaction->message));
    if (reaction->is_closing)
        app_close_view(app);
    if (reaction->is_reloading)
        is_done = app_reload(app, error);
    if (is_done && reaction->opened) {
        if (reaction->opened->digit) {
            is_done = app_show_screen(app, reaction->opened, error);
            struct view *view = app_current_view(app);
            if (is_done && view->ops->reveal && !view->ops->reveal(view, &reaction->request))
                app_say(app, "it is not in this view (too small, or filtered out)");
        } else {
            is_done = app_open_view(app, reaction->opened, &reaction->request, error);
        }
    }
    if (is_done && reaction->copied.count)
        is_done = app_copy(app, text_get(&reaction->copied), error);
    if (is_done && reaction->edited_file.count)
        is_done = edit(app, reaction, error);
    if (is_done && reaction->command.count)
        is_done = command_run(app, text_get(&reaction->command), error);
    if (is_done && reaction->typed.count)
        prompt_open(&app->prompt, PROMPT_COMMAND, text_get(&reaction->typed));
    app->is_quitting |= reaction->is_quitting;
    clear_notes(&reaction->request);
    text_clear(&reaction->typed);
    text_clear(&reaction->edited_file);
    text_clear(&reaction->copied);
    text_clear(&reaction->command);
    text_clear(&reaction->message);
    return is_done;
}

static bool read_input(struct app *app, struct input *input, struct error *error)
{
    if (app->script)
        return script_next(app->script, input, error);
    if (app->live)
        app_live_read(app, input);
    else
        terminal_read(app->terminal, input);
    return true;
}

/* Of work that takes longer than one waits for without a word. */
static bool goes_on(void *context, double share)
{
    enum {
        QUIET_NS = 100000000,
        STEP_NS = 50000000
    };
    struct app *app = context;
    struct clock clock = clock_monotonic();
    uint64_t now_ns = clock.now_ns(clock.context);
    if (!app->terminal || now_ns - app->busy_ns < QUIET_NS || now_ns - app->told_ns < STEP_NS)
        return true;
    app->told_ns = now_ns;
    app_draw_progress(app, share);
    terminal_show(app->terminal, &app->screen, false);
    app->was_stopped |= terminal_is_stopped(app->terminal);
    return !app->was_stopped;
}

static void begin_work(struct app *app)
{
    struct clock clock = clock_monotonic();
    app->busy_ns = clock.now_ns(clock.context);
    app->told_ns = 0;
    app->was_stopped = false;
}

bool app_run(struct app *app, struct error *error)
{
    while (!app->is_quitting) {
        struct input input;
        struct error trouble;
        app_draw(app);
        if (app->terminal)
            terminal_show(app->terminal, &app->screen, app->is_repainting);
        app->is_repainting = false;
        if (!read_input(app, &input, error))
            return false;
        if (input.kind != INPUT_NOTHING && input.kind != INPUT_COMMAND && input.kind != INPUT_NEWS)
            app->message[0] = '\0';
        begin_work(app);
        if (app_handle_input(app, &input, &trouble))
            continue;
        if (input.kind == INPUT_COMMAND)
            return error_set(error, "%s: %s", script_place(app->script), trouble.message);
        say_error(app, &trouble);
    }
    return true;
}

static bool open_input(struct app *app, const struct tui_options *options, struct error *error)
{
    int rows, columns;
    if (!options->script)
        app->own_script = script_open_named(error);
    app->script = options->script ? options->script : app->own_script;
    if (app->script) {
        script_screen_size(&rows, &columns);
    } else if (error->message[0]) {
        return false;
    } else {
        if (options->loading)
            app->terminal = loading_take_terminal(options->loading);
        if (!app->terminal)
            app->terminal = terminal_open(!options->without_mouse, error);
        if (!app->terminal)
            return false;
        terminal_size(app->terminal, &rows, &columns);
    }
    screen_init(&app->screen, rows, columns, app->context.is_utf8);
    return true;
}

static bool choose_colors(struct app *app, const struct tui_options *options, struct error *error)
{
    if (!options->colors)
        return true;
    const struct style_scheme *scheme = style_scheme_find(options->colors);
    if (!scheme)
        return error_set(error, "there is no colour scheme \"%s\"", options->colors);
    if (app->terminal)
        terminal_set_scheme(app->terminal, scheme);
    return true;
}

bool app_has_screen(const struct app *app, const struct view_ops *ops, struct error *error)
{
    const char *reason = ops->missing ? ops->missing(&app->context) : NULL;
    if (!ops->digit)
        return error_set(error, "\"%s\" is no screen", ops->name);
    return !reason || error_set(error, "%s", reason);
}

bool app_init(struct app *app, const struct profile *profile, const struct tui_options *options,
              struct error *error)
{
    *app = (struct app){.context = {.profile = profile, .options = options}};
    app->context.question = (struct view_question){
        .process = profile->process_count == 1 ? 0 : QUERY_ALL_PROCESSES,
    };
    if (options->comparison)
        app->context.comparison = *options->comparison;
    app->context.progress = (struct progress){goes_on, app};
    begin_work(app);
    app->filter = memory_duplicate_text("");
    app->context.question.filter = app->filter;
    app->context.is_utf8 = !options->is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    prompt_init(&app->prompt);
    if (options->live) {
        app->context.question.process = options->process;
        app_live_begin(app, options);
    }
    while (view_ops_at(app->screen_count)->digit)
        app->screen_count++;
    const struct view_ops *first = options->screen ? view_ops_find(options->screen)
                                                   : view_ops_at(0);
    if (!first)
        return error_set(error, "there is no screen \"%s\"", options->screen);
    return app_has_screen(app, first, error) && open_input(app, options, error) &&
           choose_colors(app, options, error) && app_show_screen(app, first, error) &&
           app_times_begin(app, options, error);
}

void app_clear(struct app *app)
{
    while (app_close_view(app))
        ;
    for (size_t i = 0; i < app->screen_count; i++)
        destroy_view(app->screens[i]);
    app_times_clear(app);
    app_live_end(app);
    screen_clear(&app->screen);
    prompt_clear(&app->prompt);
    free(app->searched);
    free(app->filter);
    terminal_close(app->terminal);
    script_close(app->own_script);
}
