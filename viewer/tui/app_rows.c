/* What the app does with the rows of any view: searches in them. */
#include "config.h"

#include "tui/app.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

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

bool view_search_matches(const struct view_search *search, const char *text)
{
    return search->is_exact ? strstr(text, search->text) != NULL
                            : strcasestr(text, search->text) != NULL;
}

/* `line` is for its use. */
static bool row_matches(const struct view *view, size_t row, const struct view_search *search,
                        struct text *line)
{
    line->count = 0;
    row_text(view, row, line);
    return view_search_matches(search, text_get(line));
}

static bool find_in_view(struct app *app, struct view *view, const struct view_search *search,
                         struct error *error)
{
    struct reaction reaction = {.opened = NULL};
    bool is_found = view->ops->find(view, search, &reaction, error);
    struct error ignored;
    return app_react(app, &reaction, &ignored) && is_found;
}

/* The next match after the selected row, round the end. */
static bool find_row(struct app *app, const struct view_search *search, size_t *found,
                     struct error *error)
{
    struct view *view = app_current_view(app);
    const struct table *table = &view->table;
    struct text line = {0};
    bool is_found = false;
    for (size_t step = 1; step <= table->row_count && !is_found; step++) {
        if (!progress_goes_on(&app->context.progress, step, table->row_count)) {
            text_clear(&line);
            return error_set(error, "stopped");
        }
        size_t distance = search->is_backwards ? table->row_count - step : step;
        *found = (table->selected + distance) % table->row_count;
        is_found = (!table->can_select || table->can_select(table->context, *found)) &&
                   row_matches(view, *found, search, &line);
    }
    text_clear(&line);
    return is_found || error_set(error, "\"%s\" is not in this view", app->searched);
}

bool app_find_next(struct app *app, bool is_backwards, struct error *error)
{
    struct view *view = app_current_view(app);
    struct table *table = &view->table;
    size_t row = table->selected;
    if (!app->searched)
        return error_set(error, "nothing was searched yet: / searches");
    const struct view_search search = {app->searched, has_capitals(app->searched), is_backwards};
    if (view->ops->find)
        return find_in_view(app, view, &search, error);
    if (!find_row(app, &search, &row, error))
        return false;
    bool is_wrapped = is_backwards ? row > table->selected : row < table->selected;
    if (is_wrapped)
        app_say(app,
                is_backwards ? "search went on from the end" : "search went on from the start");
    table->selected = row;
    return true;
}

bool app_search(struct app *app, const char *text, struct error *error)
{
    if (*text) {
        free(app->searched);
        app->searched = memory_duplicate_text(text);
    }
    return app_find_next(app, false, error);
}
