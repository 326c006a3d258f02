/* What each thread allocated; live is what it allocated and nobody has freed. */
#include "tui/figures_table.h"

static void threads_close(struct view *view)
{
    figures_table_clear(view->state);
}

static bool threads_load(struct view *view, struct error *error)
{
    return figures_table_load(view, view->state, QUERY_BY_THREAD, error);
}

static void threads_describe(const struct view *view, struct text *out)
{
    figures_table_describe(view, view->state, out);
}

static void threads_draw_row(const struct view *view, struct screen *screen, struct area area,
                             size_t row)
{
    figures_table_draw_row(view, view->state, screen, area, row);
}

static void threads_row_text(const struct view *view, size_t row, struct text *out)
{
    figures_table_row_text(view->state, row, out);
}

static uint64_t threads_row_key(const struct view *view, size_t row)
{
    return figures_table_row_key(view->state, row);
}

static bool threads_tell(const struct view *view, size_t row, struct view_fields *fields)
{
    return figures_table_tell(view->state, row, fields);
}

static bool threads_act(struct view *view, enum action action, struct reaction *reaction)
{
    return figures_table_act(view, view->state, action, reaction);
}

const struct view_ops view_threads = {
    .name = "threads",
    .title = "Threads",
    .digit = '8',
    .help = "a table of threads",
    .scopes = SCOPE_OPENS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_FILTERS,
    .state_bytes = sizeof(struct figures_table),
    .close = threads_close,
    .load = threads_load,
    .describe = threads_describe,
    .draw_row = threads_draw_row,
    .row_text = threads_row_text,
    .row_key = threads_row_key,
    .tell = threads_tell,
    .act = threads_act,
};
