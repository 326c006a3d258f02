/* The sites behind one row by function, file, module or thread. */
#include "tui/figures_table.h"

#include <stdlib.h>

#include "base/memory.h"

struct group {
    struct figures_table figures;
    uint8_t *is_member; /* by position in profile.sites */
    char *title;
};

static bool group_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct group *group = view->state;
    const struct profile *profile = view->context->profile;
    const struct query_grouping_info *grouping = query_grouping_at(request->grouping);
    (void)error;
    group->is_member = memory_allocate_zeroed(profile->site_count, 1);
    query_find_group(profile, request->grouping, request->group, request->is_inclusive,
                     group->is_member);
    group->figures.only_sites = group->is_member;
    const char *name = request->group->name;
    if (request->grouping == QUERY_BY_FILE)
        name = text_file_name(name);
    group->title = memory_print_text("%s %s%s", grouping->title, name,
                                     request->is_inclusive ? " with callees" : "");
    return true;
}

static void group_close(struct view *view)
{
    struct group *group = view->state;
    figures_table_clear(&group->figures);
    free(group->is_member);
    free(group->title);
}

static bool group_load(struct view *view, struct error *error)
{
    struct group *group = view->state;
    return figures_table_load(view, &group->figures, QUERY_BY_SITE, error);
}

static void group_describe(const struct view *view, struct text *out)
{
    const struct group *group = view->state;
    text_print(out, "%s: ", group->title);
    figures_table_describe(view, &group->figures, out);
}

static void group_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t row)
{
    struct group *group = view->state;
    figures_table_draw_row(view, &group->figures, screen, area, row);
}

static void group_row_text(const struct view *view, size_t row, struct text *out)
{
    struct group *group = view->state;
    figures_table_row_text(&group->figures, row, out);
}

static bool group_tell(const struct view *view, size_t row, struct view_fields *fields)
{
    return figures_table_tell(&((struct group *)view->state)->figures, row, fields);
}

static bool group_act(struct view *view, enum action action, struct reaction *reaction)
{
    struct group *group = view->state;
    return figures_table_act(view, &group->figures, action, reaction);
}

const struct view_ops view_group = {
    .name = "group",
    .title = "Sites of a row",
    .scopes = SCOPE_OPENS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_FILTERS | SCOPE_SITES |
              SCOPE_SOURCE,
    .state_bytes = sizeof(struct group),
    .open = group_open,
    .close = group_close,
    .load = group_load,
    .describe = group_describe,
    .draw_row = group_draw_row,
    .row_text = group_row_text,
    .tell = group_tell,
    .act = group_act,
};
