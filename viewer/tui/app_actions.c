/* What keys do in every view. */
#include "tui/app.h"
#include "tui/app_live.h"

#include <string.h>
#include <strings.h>

static void sort_view(struct view *view, int sort_key)
{
    view->table.sort_key = sort_key;
    view->ops->sort(view);
    view->table.selected = view->table.top = 0;
}

bool app_sort_by_title(struct app *app, const char *title)
{
    struct view *view = app_current_view(app);
    for (size_t i = 0; view->ops->sort && i < view->table.column_count; i++) {
        const struct table_column *column = &view->table.columns[i];
        if (column->sort_key == TABLE_NO_SORT || strcasecmp(column->title, title) != 0)
            continue;
        view->table.is_inverted = false;
        sort_view(view, column->sort_key);
        return true;
    }
    return false;
}

bool app_sort_by(struct app *app, int sort_key, struct error *error)
{
    struct view_question question = app->context.question;
    struct view *view = app_current_view(app);
    if (sort_key == TABLE_NO_SORT)
        return error_set(error, "there is no other column to sort by");
    if (view->ops->sort) {
        view->table.is_inverted = sort_key == view->table.sort_key && !view->table.is_inverted;
        sort_view(view, sort_key);
        return true;
    }
    if (question.metric == (enum query_metric)sort_key)
        question.is_inverted = !question.is_inverted;
    question.metric = (enum query_metric)sort_key;
    return app_ask(app, &question, error);
}

static bool next_screen(struct app *app, int direction, struct error *error)
{
    size_t count = app->screen_count, next = app->current_screen;
    struct error ignored;
    do
        next = (next + (size_t)((int)count + direction)) % count;
    while (!app_has_screen(app, view_ops_at(next), &ignored));
    return app_show_screen(app, view_ops_at(next), error);
}

static bool show_digit(struct app *app, uint32_t digit, struct error *error)
{
    for (size_t i = 0; i < app->screen_count; i++)
        if ((uint32_t)view_ops_at(i)->digit == digit)
            return app_has_screen(app, view_ops_at(i), error) &&
                   app_show_screen(app, view_ops_at(i), error);
    return error_set(error, "there is no screen %c", (char)digit);
}

static bool go_back(struct app *app, uint32_t key, struct error *error)
{
    if (app_close_view(app))
        return true;
    const struct view *view = app_current_view(app);
    if (key == INPUT_ESCAPE && *view_filter(view) && (view->ops->scopes & SCOPE_FILTERS))
        return app_filter(app, "", error);
    app_say(app, "this is a screen: q quits, Tab goes to the next");
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
    bool is_done = app_copy(app, text + strspn(text, " "), error);
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

/* Where one column only shows the figure (the tree), the next of all figures. */
static int neighbour_sort_key(const struct table *table, int direction)
{
    size_t sortable = 0;
    for (size_t i = 0; i < table->column_count; i++)
        sortable += table->columns[i].sort_key != TABLE_NO_SORT;
    if (sortable != 1)
        return table_neighbour_sort_key(table, direction);
    int next = table->sort_key + direction;
    return next >= 0 && next < QUERY_METRIC_COUNT ? next : TABLE_NO_SORT;
}

/* What concerns the question that all views answer. */
static bool ask_differently(struct app *app, enum action action, struct error *error)
{
    struct view_question question = app->context.question;
    struct table *table = &app_current_view(app)->table;
    switch (action) {
    case ACTION_SORT:
    case ACTION_GROUP:
    case ACTION_PROCESS:
    case ACTION_INSTANTS:
        return app_open_menu(app, action, error);
    case ACTION_MARK:
        return app_mark(app, error);
    case ACTION_CLEAR_MARKS:
        return app_clear_marks(app, error);
    case ACTION_PREVIOUS_INSTANT:
    case ACTION_NEXT_INSTANT:
        return app_jump(app, action == ACTION_PREVIOUS_INSTANT, error);
    case ACTION_SORT_NEXT:
    case ACTION_SORT_PREVIOUS:
        return app_sort_by(app, neighbour_sort_key(table, action == ACTION_SORT_NEXT ? 1 : -1),
                           error);
    case ACTION_INVERT:
        if (app_current_view(app)->ops->sort)
            return app_sort_by(app, table->sort_key, error);
        question.is_inverted = !question.is_inverted;
        return app_ask(app, &question, error);
    case ACTION_INCLUSIVE:
        question.is_inclusive = !question.is_inclusive;
        return app_ask(app, &question, error);
    default:
        return true;
    }
}

static bool open_prompt(struct app *app, enum action action)
{
    if (action == ACTION_SEARCH)
        prompt_open(&app->prompt, PROMPT_SEARCH, "");
    else if (action == ACTION_FILTER)
        prompt_open(&app->prompt, PROMPT_FILTER, view_filter(app_current_view(app)));
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

bool app_do(struct app *app, enum action action, uint32_t key, struct error *error)
{
    static const struct view_request nothing = {.site = QUERY_NO_SITE};
    struct reaction reaction = {.request = nothing};
    struct view *view = app_current_view(app);
    if (view->ops->act && view->ops->act(view, action, &reaction))
        return app_react(app, &reaction, error);
    if (app_live_do(app, action))
        return true;
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
        return app_find_next(app, action == ACTION_PREVIOUS_MATCH, error);
    case ACTION_SEARCH:
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
