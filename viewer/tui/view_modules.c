/* Programs and libraries: what they allocated, and what they know about themselves. */
#include "tui/figures_table.h"

static void modules_close(struct view *view)
{
    figures_table_clear(view->state);
}

static bool modules_load(struct view *view, struct error *error)
{
    return figures_table_load(view, view->state, QUERY_BY_MODULE, error);
}

static void modules_describe(const struct view *view, struct text *out)
{
    figures_table_describe(view, view->state, out);
}

static void modules_draw_row(const struct view *view, struct screen *screen, struct area area,
                             size_t row)
{
    figures_table_draw_row(view, view->state, screen, area, row);
}

static void modules_row_text(const struct view *view, size_t row, struct text *out)
{
    figures_table_row_text(view->state, row, out);
}

static uint64_t modules_row_key(const struct view *view, size_t row)
{
    return figures_table_row_key(view->state, row);
}

static bool modules_tell(const struct view *view, size_t row, struct view_fields *fields)
{
    return figures_table_tell(view->state, row, fields);
}

static bool modules_act(struct view *view, enum action action, struct reaction *reaction)
{
    return figures_table_act(view, view->state, action, reaction);
}

const struct view_ops view_modules = {
    .name = "modules",
    .title = "Modules",
    .digit = '9',
    .help = "a table of modules",
    .scopes = SCOPE_OPENS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_FILTERS,
    .state_bytes = sizeof(struct figures_table),
    .close = modules_close,
    .load = modules_load,
    .describe = modules_describe,
    .draw_row = modules_draw_row,
    .row_text = modules_row_text,
    .row_key = modules_row_key,
    .tell = modules_tell,
    .act = modules_act,
};
