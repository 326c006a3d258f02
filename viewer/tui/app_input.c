/* From keys, clicks and script steps to actions. */
#include "tui/app.h"
#include "tui/app_live.h"

enum {
    WHEEL_ROWS = 3
};

static bool accept_prompt(struct app *app, enum prompt_kind kind, const char *text,
                          struct error *error)
{
    switch (kind) {
    case PROMPT_SEARCH:
        return app_search(app, text, error);
    case PROMPT_FILTER:
        return app_filter(app, text, error);
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
        unsigned scopes = app_scopes(app);
        enum action action = key_binding_action(key, scopes);
        char name[INPUT_KEY_NAME_BYTES];
        if (action == ACTION_NONE)
            return error_set(error, "%s does nothing here; ? shows the keys",
                             input_key_name(key, name));
        return app_do(app, action, key, error);
    }
    enum prompt_outcome outcome = prompt_handle_key(&app->prompt, key);
    if (outcome == PROMPT_COMPLETED)
        app_complete_prompt(app);
    if (outcome != PROMPT_ACCEPTED)
        return true;
    struct text text = {0};
    prompt_get(&app->prompt, &text);
    bool is_done = accept_prompt(app, kind, text_get(&text), error);
    text_clear(&text);
    return is_done;
}

static bool click_into_row(struct app *app, struct view *view, size_t row, int column,
                           struct error *error)
{
    struct reaction reaction = {.request = {.site = QUERY_NO_SITE}};
    return !view->ops->click(view, row, column, &reaction) || app_react(app, &reaction, error);
}

static bool click_row(struct app *app, struct view *view, int row, int column, struct error *error)
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
    if (view->ops->click)
        return click_into_row(app, view, clicked, column, error);
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
        return sort_key == TABLE_NO_SORT || app_sort_by(app, sort_key, error);
    }
    return click_row(app, view, input->row, input->column, error);
}

bool app_handle_input(struct app *app, const struct input *input, struct error *error)
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
    case INPUT_NEWS:
        return app_live_refresh(app, error);
    case INPUT_NOTHING:
        return true;
    case INPUT_FINISHED:
        app->is_quitting = true;
        return true;
    }
    return true;
}
