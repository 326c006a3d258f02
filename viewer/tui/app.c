#include "config.h"

#include "tui/app.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum {
    WHEEL_ROWS = 3,
    DEFAULT_ROWS = 24,
    DEFAULT_COLUMNS = 80,
    MAX_SIZE = 1000
};

static void say(struct app *app, const char *message)
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

static void destroy_view(struct view *view)
{
    if (!view)
        return;
    if (view->ops->close)
        view->ops->close(view);
    free(view->state);
    free(view);
}

static bool load_view(struct view *view, struct error *error)
{
    if (view->is_loaded)
        return true;
    view->table.context = view;
    view->is_loaded = view->ops->load(view, error);
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
    struct view *view = create_view(app, ops, request, error);
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

static void free_request(struct view_request *request)
{
    for (size_t i = 0; i < request->item_count; i++) {
        free(request->items[i].label);
        free(request->items[i].command);
    }
    free(request->items);
}

static bool reload(struct app *app, struct error *error)
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
    char *filter = memory_duplicate_text(question->filter);
    app->context.question = *question;
    app->context.question.filter = filter;
    if (reload(app, error)) {
        free(app->filter);
        app->filter = filter;
        return true;
    }
    free(filter);
    app->context.question = before;
    struct error ignored;
    reload(app, &ignored);
    return false;
}

/* ---- searching ---- */

static bool has_capitals(const char *text)
{
    for (; *text; text++)
        if (isupper((unsigned char)*text))
            return true;
    return false;
}

static void row_text(const struct view *view, size_t row, struct text *out)
{
    if (view->ops->row_text)
        view->ops->row_text(view, row, out);
    else
        app_row_text(view, row, out);
}

static bool row_matches(const struct view *view, size_t row, const char *text, bool is_exact)
{
    struct text line = {0};
    row_text(view, row, &line);
    bool is_match = is_exact ? strstr(text_get(&line), text) != NULL
                             : strcasestr(text_get(&line), text) != NULL;
    text_clear(&line);
    return is_match;
}

/* Goes on to the next match after the selected row, round the end. */
static bool find(struct app *app, bool is_backwards, struct error *error)
{
    struct view *view = app_current_view(app);
    struct table *table = &view->table;
    if (!app->searched)
        return error_set(error, "nothing was searched yet: / searches");
    bool is_exact = has_capitals(app->searched);
    for (size_t step = 1; step <= table->row_count; step++) {
        size_t distance = is_backwards ? table->row_count - step : step;
        size_t row = (table->selected + distance) % table->row_count;
        if ((table->can_select && !table->can_select(table->context, row)) ||
            !row_matches(view, row, app->searched, is_exact))
            continue;
        bool is_wrapped = is_backwards ? row >= table->selected : row <= table->selected;
        if (is_wrapped && step < table->row_count)
            say(app,
                is_backwards ? "search went on from the end" : "search went on from the start");
        table->selected = row;
        return true;
    }
    return error_set(error, "\"%s\" is not in this view", app->searched);
}

bool app_search(struct app *app, const char *text, bool is_backwards, struct error *error)
{
    if (*text) {
        free(app->searched);
        app->searched = memory_duplicate_text(text);
    }
    app->is_search_backwards = is_backwards;
    return find(app, is_backwards, error);
}

/* ---- writing ---- */

bool app_save_rows(struct app *app, const char *path, struct error *error)
{
    const struct view *view = app_current_view(app);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file) {
        if (fd >= 0)
            close(fd);
        return error_set_errno(error, errno, "cannot write %s", path);
    }
    struct text line = {0};
    view->ops->describe(view, &line);
    fprintf(file, "%s\n", text_get(&line));
    for (size_t row = 0; row < view->table.row_count; row++) {
        text_clear(&line);
        app_row_text(view, row, &line);
        fprintf(file, "%s\n", text_get(&line));
    }
    text_clear(&line);
    bool is_written = !ferror(file);
    if (fclose(file) != 0 || !is_written)
        return error_set_errno(error, errno, "cannot write %s", path);
    snprintf(app->message, sizeof app->message, "%zu rows written to %.400s", view->table.row_count,
             path);
    return true;
}

/* ---- menus: lists of commands ---- */

static void add_item(struct view_request *request, size_t *capacity, char *label, char *command)
{
    request->items = memory_grow(request->items, capacity, request->item_count + 1,
                                 sizeof *request->items);
    request->items[request->item_count++] = (struct menu_item){label, command};
}

static void fill_sort_menu(const struct app *app, struct view_request *request)
{
    size_t capacity = 0;
    const struct query_metric_info *metric;
    request->title = "Sort by";
    for (size_t i = 0; (metric = query_metric_at(i)); i++) {
        if (metric->metric == app->context.question.metric)
            request->chosen_item = request->item_count;
        add_item(request, &capacity, memory_print_text("%-12s %s", metric->name, metric->help),
                 memory_print_text("sort %s", metric->name));
    }
}

static void fill_group_menu(const struct app *app, struct view_request *request)
{
    size_t capacity = 0;
    const struct query_grouping_info *grouping;
    request->title = "A row for each";
    for (size_t i = 0; (grouping = query_grouping_at(i)); i++) {
        if (grouping->grouping == app->context.question.grouping)
            request->chosen_item = request->item_count;
        add_item(request, &capacity, memory_print_text("%-10s %s", grouping->name, grouping->help),
                 memory_print_text("by %s", grouping->name));
    }
}

static void fill_process_menu(const struct app *app, struct view_request *request)
{
    const struct profile *profile = app->context.profile;
    size_t capacity = 0;
    request->title = "Process";
    add_item(request, &capacity, memory_duplicate_text("all processes"),
             memory_duplicate_text("process all"));
    for (size_t i = 0; i < profile->process_count; i++) {
        struct text label = {0};
        if (i == app->context.question.process)
            request->chosen_item = request->item_count;
        view_print_process(profile, (uint32_t)i, &label);
        add_item(request, &capacity, text_take(&label), memory_print_text("process %zu", i));
    }
}

static bool open_menu(struct app *app, void (*fill)(const struct app *, struct view_request *),
                      struct error *error)
{
    struct view_request request = {.site = QUERY_NO_SITE};
    fill(app, &request);
    if (app_open_view(app, &view_menu, &request, error))
        return true;
    free_request(&request);
    return false;
}

/* ---- actions ---- */

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

static bool copy(struct app *app, const char *text, struct error *error)
{
    if (app->terminal && !terminal_copy(app->terminal, text))
        return error_set(error, "this terminal cannot copy; w writes to a file");
    size_t first_line = strcspn(text, "\n");
    if (first_line > 200)
        first_line = 200;
    snprintf(app->message, sizeof app->message, "copied: %.*s", (int)first_line, text);
    return true;
}

static bool react(struct app *app, struct reaction *reaction, struct error *error)
{
    bool is_done = true;
    if (reaction->message.count)
        say(app, text_get(&reaction->message));
    if (reaction->is_closing)
        app_close_view(app);
    if (reaction->is_reloading)
        is_done = reload(app, error);
    if (is_done && reaction->opened) {
        reaction->request.asker = app_current_view(app);
        if (reaction->opened->digit) {
            is_done = app_show_screen(app, reaction->opened, error);
            struct view *view = app_current_view(app);
            if (is_done && view->ops->reveal && !view->ops->reveal(view, &reaction->request))
                say(app, "it is not in this view (too small, or filtered out)");
        } else {
            is_done = app_open_view(app, reaction->opened, &reaction->request, error);
        }
    }
    if (is_done && reaction->copied.count)
        is_done = copy(app, text_get(&reaction->copied), error);
    if (is_done && reaction->edited_file.count)
        is_done = edit(app, reaction, error);
    if (is_done && reaction->command.count)
        is_done = command_run(app, text_get(&reaction->command), error);
    app->is_quitting |= reaction->is_quitting;
    text_clear(&reaction->edited_file);
    text_clear(&reaction->copied);
    text_clear(&reaction->command);
    text_clear(&reaction->message);
    return is_done;
}

static bool sort_by(struct app *app, int sort_key, struct error *error)
{
    struct view_question question = app->context.question;
    if (sort_key == TABLE_NO_SORT)
        return error_set(error, "there is no other column to sort by");
    if (question.metric == (enum query_metric)sort_key)
        question.is_inverted = !question.is_inverted;
    question.metric = (enum query_metric)sort_key;
    return app_ask(app, &question, error);
}

static bool next_screen(struct app *app, int direction, struct error *error)
{
    size_t count = app->screen_count;
    size_t next = (app->current_screen + (size_t)((int)count + direction)) % count;
    return app_show_screen(app, view_ops_at(next), error);
}

static bool show_digit(struct app *app, uint32_t digit, struct error *error)
{
    for (size_t i = 0; i < app->screen_count; i++)
        if ((uint32_t)view_ops_at(i)->digit == digit)
            return app_show_screen(app, view_ops_at(i), error);
    return error_set(error, "there is no screen %c", (char)digit);
}

static bool go_back(struct app *app, uint32_t key, struct error *error)
{
    struct view_question question = app->context.question;
    if (app_close_view(app))
        return true;
    bool has_filter = app_current_view(app)->ops->scopes & SCOPE_FILTERS;
    if (key == INPUT_ESCAPE && *question.filter && has_filter) {
        question.filter = "";
        return app_ask(app, &question, error);
    }
    say(app, "this is a screen: q quits, Tab goes to the next");
    return true;
}

static bool copy_row(struct app *app, struct error *error)
{
    const struct view *view = app_current_view(app);
    if (!view->table.row_count)
        return true;
    struct text line = {0};
    app_row_text(view, view->table.selected, &line);
    const char *text = text_get(&line);
    bool is_done = copy(app, text + strspn(text, " "), error);
    text_clear(&line);
    return is_done;
}

static void prompt_for_file(struct app *app)
{
    struct text command = {0};
    text_print(&command, "write seep-%s.txt", app_current_view(app)->ops->name);
    prompt_open(&app->prompt, PROMPT_COMMAND, text_get(&command));
    text_clear(&command);
}

/* What concerns the question that all views answer. */
static bool ask_differently(struct app *app, enum action action, struct error *error)
{
    struct view_question question = app->context.question;
    struct table *table = &app_current_view(app)->table;
    switch (action) {
    case ACTION_SORT:
        return open_menu(app, fill_sort_menu, error);
    case ACTION_SORT_NEXT:
    case ACTION_SORT_PREVIOUS:
        return sort_by(app, table_neighbour_sort_key(table, action == ACTION_SORT_NEXT ? 1 : -1),
                       error);
    case ACTION_INVERT:
        question.is_inverted = !question.is_inverted;
        return app_ask(app, &question, error);
    case ACTION_INCLUSIVE:
        question.is_inclusive = !question.is_inclusive;
        return app_ask(app, &question, error);
    case ACTION_GROUP:
        return open_menu(app, fill_group_menu, error);
    case ACTION_PROCESS:
        return open_menu(app, fill_process_menu, error);
    default:
        return true;
    }
}

static bool open_prompt(struct app *app, enum action action)
{
    if (action == ACTION_SEARCH)
        prompt_open(&app->prompt, PROMPT_SEARCH, "");
    else if (action == ACTION_SEARCH_BACKWARDS)
        prompt_open(&app->prompt, PROMPT_SEARCH_BACKWARDS, "");
    else if (action == ACTION_FILTER)
        prompt_open(&app->prompt, PROMPT_FILTER, app->context.question.filter);
    else if (action == ACTION_COMMAND)
        prompt_open(&app->prompt, PROMPT_COMMAND, "");
    else
        prompt_for_file(app);
    return true;
}

static bool move(struct app *app, enum action action)
{
    struct table *table = &app_current_view(app)->table;
    long page = (long)(table->page_rows > 1 ? table->page_rows - 1 : 1);
    switch (action) {
    case ACTION_UP:
        /* Above the first selectable row there may be text to read. */
        if (table->top > 0 && table->selected == table->top)
            table_scroll(table, -1);
        table_move(table, -1);
        break;
    case ACTION_DOWN:
        table_move(table, 1);
        break;
    case ACTION_PAGE_UP:
    case ACTION_PAGE_DOWN:
        table_move(table, action == ACTION_PAGE_UP ? -page : page);
        break;
    case ACTION_FIRST:
        table_move_to(table, 0);
        table->top = 0;
        break;
    default:
        table_move_to(table, table->row_count);
        break;
    }
    return true;
}

static bool do_action(struct app *app, enum action action, uint32_t key, struct error *error)
{
    static const struct view_request nothing = {.site = QUERY_NO_SITE};
    struct reaction reaction = {.request = nothing};
    struct view *view = app_current_view(app);
    if (view->ops->act && view->ops->act(view, action, &reaction))
        return react(app, &reaction, error);
    switch (action) {
    case ACTION_BACK:
        return go_back(app, key, error);
    case ACTION_QUIT:
        app->is_quitting = !app_close_view(app);
        return true;
    case ACTION_QUIT_NOW:
        app->is_quitting = true;
        return true;
    case ACTION_HELP:
        return view->ops == &view_help || app_open_view(app, &view_help, &nothing, error);
    case ACTION_UP:
    case ACTION_DOWN:
    case ACTION_PAGE_UP:
    case ACTION_PAGE_DOWN:
    case ACTION_FIRST:
    case ACTION_LAST:
        return move(app, action);
    case ACTION_NEXT_SCREEN:
    case ACTION_PREVIOUS_SCREEN:
        return next_screen(app, action == ACTION_NEXT_SCREEN ? 1 : -1, error);
    case ACTION_SCREEN:
        return show_digit(app, key, error);
    case ACTION_NEXT_MATCH:
    case ACTION_PREVIOUS_MATCH:
        return find(app, app->is_search_backwards == (action == ACTION_NEXT_MATCH), error);
    case ACTION_SEARCH:
    case ACTION_SEARCH_BACKWARDS:
    case ACTION_FILTER:
    case ACTION_COMMAND:
    case ACTION_WRITE:
        return open_prompt(app, action);
    case ACTION_COPY:
        return copy_row(app, error);
    case ACTION_REDRAW:
        app->is_repainting = true;
        return true;
    default:
        return ask_differently(app, action, error);
    }
}

/* ---- inputs ---- */

static bool accept_prompt(struct app *app, enum prompt_kind kind, const char *text,
                          struct error *error)
{
    struct view_question question = app->context.question;
    switch (kind) {
    case PROMPT_SEARCH:
    case PROMPT_SEARCH_BACKWARDS:
        return app_search(app, text, kind == PROMPT_SEARCH_BACKWARDS, error);
    case PROMPT_FILTER:
        question.filter = text;
        return app_ask(app, &question, error);
    case PROMPT_COMMAND:
        return command_run(app, text, error);
    case PROMPT_NONE:
        break;
    }
    return true;
}

static bool handle_key(struct app *app, uint32_t key, struct error *error)
{
    enum prompt_kind kind = app->prompt.kind;
    if (kind == PROMPT_NONE) {
        unsigned scopes = app_current_view(app)->ops->scopes | SCOPE_ANY;
        enum action action = key_binding_action(key, scopes);
        char name[INPUT_KEY_NAME_BYTES];
        if (action == ACTION_NONE)
            return error_set(error, "%s does nothing here; ? shows the keys",
                             input_key_name(key, name));
        return do_action(app, action, key, error);
    }
    if (prompt_handle_key(&app->prompt, key) != PROMPT_ACCEPTED)
        return true;
    struct text text = {0};
    prompt_get(&app->prompt, &text);
    bool is_done = accept_prompt(app, kind, text_get(&text), error);
    text_clear(&text);
    return is_done;
}

static bool click_row(struct app *app, struct view *view, int row, struct error *error)
{
    int first = 2 + (view->table.column_count ? 1 : 0);
    if (view->ops->is_popup) {
        int rows = (int)view->table.page_rows + 2;
        first = (app->screen.rows - rows) / 2 + 1;
    }
    struct table *table = &view->table;
    if (row == first - 1 && table->column_count)
        return true;
    if (row < first || (size_t)(row - first) >= table->page_rows)
        return true;
    size_t clicked = table->top + (size_t)(row - first);
    bool is_selectable = clicked < table->row_count &&
                         (!table->can_select || table->can_select(table->context, clicked));
    if (!is_selectable)
        return true;
    if (clicked == table->selected)
        return handle_key(app, INPUT_ENTER, error);
    table->selected = clicked;
    return true;
}

/* A click selects a row; on the selected row it opens it, so that a double click does both. */
static bool handle_click(struct app *app, const struct input *input, struct error *error)
{
    struct view *view = app_current_view(app);
    for (size_t i = 0; i < app->target_count; i++) {
        const struct app_target *target = &app->targets[i];
        if (target->row == input->row && input->column >= target->column &&
            input->column < target->column + target->columns)
            return handle_key(app, target->key, error);
    }
    if (input->row == 2 && view->table.column_count) {
        int sort_key = table_sort_key_at(&view->table, input->column);
        return sort_key == TABLE_NO_SORT || sort_by(app, sort_key, error);
    }
    return click_row(app, view, input->row, error);
}

static bool handle_input(struct app *app, const struct input *input, struct error *error)
{
    struct table *table = &app_current_view(app)->table;
    switch (input->kind) {
    case INPUT_KEY:
        return handle_key(app, input->key, error);
    case INPUT_CLICK:
        return app->prompt.kind != PROMPT_NONE || handle_click(app, input, error);
    case INPUT_WHEEL_UP:
    case INPUT_WHEEL_DOWN:
        table_scroll(table, input->kind == INPUT_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
        return true;
    case INPUT_RESIZE:
        screen_resize(&app->screen, input->row, input->column);
        app->is_repainting = true;
        return true;
    case INPUT_COMMAND:
        return command_run(app, input->text, error);
    case INPUT_NOTHING:
        return true;
    case INPUT_FINISHED:
        app->is_quitting = true;
        return true;
    }
    return true;
}

static bool read_input(struct app *app, struct input *input, struct error *error)
{
    if (app->script)
        return script_next(app->script, input, error);
    terminal_read(app->terminal, input);
    return true;
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
        if (input.kind != INPUT_NOTHING && input.kind != INPUT_COMMAND)
            app->message[0] = '\0';
        if (handle_input(app, &input, &trouble))
            continue;
        if (input.kind == INPUT_COMMAND)
            return error_set(error, "%s: %s", script_place(app->script), trouble.message);
        say_error(app, &trouble);
    }
    return true;
}

/* ---- beginning and end ---- */

static int size_from_environment(const char *name, int otherwise)
{
    const char *text = getenv(name);
    long size = text ? strtol(text, NULL, 10) : 0;
    return size > 0 && size <= MAX_SIZE ? (int)size : otherwise;
}

static bool open_input(struct app *app, const struct tui_options *options, struct error *error)
{
    const char *path = getenv("SEEP_SCRIPT");
    int rows = size_from_environment("LINES", DEFAULT_ROWS);
    int columns = size_from_environment("COLUMNS", DEFAULT_COLUMNS);
    if (path && *path) {
        app->script = script_open(path, error);
        if (!app->script)
            return false;
    } else {
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

bool app_init(struct app *app, const struct profile *profile, const struct tui_options *options,
              struct error *error)
{
    *app = (struct app){.context = {.profile = profile, .options = options}};
    app->context.question = (struct view_question){
        .process = profile->process_count == 1 ? 0 : QUERY_ALL_PROCESSES,
    };
    app->filter = memory_duplicate_text("");
    app->context.question.filter = app->filter;
    app->context.is_utf8 = !options->is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    prompt_init(&app->prompt);
    while (view_ops_at(app->screen_count)->digit)
        app->screen_count++;
    const struct view_ops *first = options->screen ? view_ops_find(options->screen)
                                                   : view_ops_at(0);
    if (!first || !first->digit)
        return error_set(error, "there is no screen \"%s\"", options->screen);
    return open_input(app, options, error) && choose_colors(app, options, error) &&
           app_show_screen(app, first, error);
}

void app_clear(struct app *app)
{
    while (app_close_view(app))
        ;
    for (size_t i = 0; i < app->screen_count; i++)
        destroy_view(app->screens[i]);
    screen_clear(&app->screen);
    prompt_clear(&app->prompt);
    free(app->searched);
    free(app->filter);
    terminal_close(app->terminal);
    script_close(app->script);
}
