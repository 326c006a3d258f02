/* The flat table: one row a site, or a function, a file, a module. */
#include "tui/figures_table.h"

static void sites_close(struct view *view)
{
    figures_table_clear(view->state);
}

static bool sites_load(struct view *view, struct error *error)
{
    return figures_table_load(view, view->state, view->context->question.grouping, error);
}

static void sites_describe(const struct view *view, struct text *out)
{
    figures_table_describe(view, view->state, out);
}

static void sites_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t row)
{
    figures_table_draw_row(view, view->state, screen, area, row);
}

static void sites_row_text(const struct view *view, size_t row, struct text *out)
{
    figures_table_row_text(view->state, row, out);
}

static uint64_t sites_row_key(const struct view *view, size_t row)
{
    return figures_table_row_key(view->state, row);
}

static bool sites_tell(const struct view *view, size_t row, struct view_fields *fields)
{
    return figures_table_tell(view->state, row, fields);
}

static bool sites_act(struct view *view, enum action action, struct reaction *reaction)
{
    return figures_table_act(view, view->state, action, reaction);
}

const struct view_ops view_sites = {
    .name = "sites",
    .title = "Sites",
    .digit = '2',
    .help = "a table of sites, functions, files, modules or threads",
    .scopes = SCOPE_OPENS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_FILTERS | SCOPE_GROUPS |
              SCOPE_INCLUSIVE | SCOPE_SITES | SCOPE_SOURCE,
    .state_bytes = sizeof(struct figures_table),
    .close = sites_close,
    .load = sites_load,
    .describe = sites_describe,
    .draw_row = sites_draw_row,
    .row_text = sites_row_text,
    .row_key = sites_row_key,
    .tell = sites_tell,
    .act = sites_act,
};
