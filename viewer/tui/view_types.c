/* What the blocks of the graph are: a row a type, with what all its blocks retain together. */
#include "tui/view.h"

#include <stdlib.h>

#include "base/units.h"
#include "graph/graph_type_list.h"
#include "tui/filter_text.h"

enum {
    COLUMN_RETAINED,
    COLUMN_SHARE,
    COLUMN_OWN,
    COLUMN_BLOCKS,
    COLUMN_ELEMENTS,
    COLUMN_SOURCE,
    COLUMN_NAME,
    TYPE_COLUMNS
};

static const struct table_column columns[TYPE_COLUMNS] = {
    [COLUMN_RETAINED] = {"Retained", 10, false, true, 90, GRAPH_TYPES_BY_RETAINED},
    [COLUMN_SHARE] = {"Share", 7, false, true, 50, TABLE_NO_SORT},
    [COLUMN_OWN] = {"Own", 10, false, true, 80, GRAPH_TYPES_BY_BYTES},
    [COLUMN_BLOCKS] = {"Blocks", 10, false, true, 70, GRAPH_TYPES_BY_BLOCKS},
    [COLUMN_ELEMENTS] = {"Elements", 10, false, true, 20, GRAPH_TYPES_BY_ELEMENTS},
    [COLUMN_SOURCE] = {"Source", 17, false, false, 30, GRAPH_TYPES_BY_SOURCE},
    [COLUMN_NAME] = {"Type", 20, true, false, 100, GRAPH_TYPES_BY_NAME},
};

struct types_view {
    struct graph_type_list list;
    bool has_list;
};

static void types_close(struct view *view)
{
    struct types_view *shown = view->state;

    graph_type_list_clear(&shown->list);
}

static void types_sort(struct view *view)
{
    struct types_view *shown = view->state;

    graph_type_list_sort(&shown->list, (enum graph_type_order)view->table.sort_key,
                         view->table.is_inverted);
}

static bool select_types(struct view *view, struct error *error)
{
    struct types_view *shown = view->state;
    struct filter_text filter;
    bool is_good;

    filter_text_parse(&filter, view_filter(view));
    is_good = filter.filter.include_file || filter.filter.exclude_file ||
                      filter.filter.include_module || filter.filter.exclude_module
                  ? error_set(error, "types have neither file nor module: filter by their names")
                  : graph_type_list_select(&shown->list, filter.filter.include_function,
                                           filter.filter.exclude_function, error);
    filter_text_clear(&filter);
    return is_good;
}

/* The graph is of one process at one snapshot, whatever else is asked. */
static bool types_load(struct view *view, struct error *error)
{
    struct types_view *shown = view->state;
    const struct tui_options *options = view->context->options;

    if (!shown->has_list) {
        const struct process_graph *graph = options->get_graph(options->graph_context,
                                                               &view->context->progress, error);

        if (!graph)
            return false;
        graph_type_list_find(graph, &shown->list);
        shown->has_list = true;
        view->table.sort_key = GRAPH_TYPES_BY_RETAINED;
    }
    if (!select_types(view, error))
        return false;
    types_sort(view);
    view->table.columns = columns;
    view->table.column_count = TYPE_COLUMNS;
    view->table.row_count = shown->list.shown_count;
    view->table.selected = view->table.top = 0;
    return true;
}

static void types_describe(const struct view *view, struct text *out)
{
    const struct graph_type_list *list = &((const struct types_view *)view->state)->list;
    char bytes[UNITS_TEXT_BYTES], all[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];

    const struct profile *profile = list->graph->profile;

    text_add(out, "Types of blocks");
    if (profile->process_count > 1) {
        text_add(out, " of ");
        view_print_process(profile, list->graph->process, out);
    }
    text_print(out, " at snapshot:%u: ", list->graph->snapshot->number);
    if (list->shown_count < list->row_count)
        text_print(out, "%zu of %zu, %s of ", list->shown_count, list->row_count,
                   units_format_size(list->shown_bytes, bytes));
    else
        text_print(out, "%zu, ", list->row_count);
    text_print(out, "%s in %s block%s", units_format_size(list->bytes, all),
               units_format_count(list->blocks, blocks), list->blocks == 1 ? "" : "s");
}

static const struct graph_type_row *row_at(const struct types_view *shown, size_t row)
{
    return &shown->list.rows[shown->list.shown[row]];
}

static void types_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct types_view *shown = view->state;

    text_add(out, graph_type_list_name(&shown->list, row_at(shown, row)));
}

static void put_cell(const struct view *view, struct screen *screen, int row, int column,
                     const char *text)
{
    struct table_place place = table_place(&view->table, (size_t)column);
    bool is_sorted = columns[column].sort_key == view->table.sort_key;

    screen_put_right(screen, row, place.column, place.columns,
                     is_sorted ? STYLE_STRONG : STYLE_TEXT, text);
}

/* "dwarf", "dwarf, likely": what is not sure says so. */
static void draw_source(const struct view *view, struct screen *screen, int row,
                        const struct graph_type_list *list, uint32_t number)
{
    struct table_place place = table_place(&view->table, COLUMN_SOURCE);
    const struct type_group *group;
    bool is_sure;

    if (number == TYPE_NO_GROUP || !place.columns)
        return;
    group = &list->graph->types->groups[number];
    is_sure = type_group_confidence(group) == TYPE_SURE;
    screen_print(screen, row, place.column, place.columns, STYLE_FAINT, "%s%s%s",
                 type_source_name(type_group_source(group)), is_sure ? "" : ", ",
                 is_sure ? "" : type_confidence_name(type_group_confidence(group)));
}

static void types_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t number)
{
    const struct types_view *shown = view->state;
    const struct graph_type_row *row = row_at(shown, number);
    uint64_t whole = shown->list.graph->graph.retained_bytes[OBJECT_GRAPH_WHOLE];
    struct table_place name = table_place(&view->table, COLUMN_NAME);
    bool is_known = row->is_retained_known;
    char text[UNITS_TEXT_BYTES];

    put_cell(view, screen, area.row, COLUMN_RETAINED,
             is_known ? units_format_size(row->retained_bytes, text) : "?");
    put_cell(view, screen, area.row, COLUMN_SHARE,
             is_known ? units_format_percent(row->retained_bytes, whole, text) : "");
    put_cell(view, screen, area.row, COLUMN_OWN, units_format_size(row->bytes, text));
    put_cell(view, screen, area.row, COLUMN_BLOCKS, units_format_count(row->blocks, text));
    put_cell(view, screen, area.row, COLUMN_ELEMENTS,
             row->are_known ? units_format_count(row->elements, text) : "");
    draw_source(view, screen, area.row, &shown->list, row->group);
    screen_put_cut(screen, area.row, name.column, name.columns,
                   row->group == TYPE_NO_GROUP ? STYLE_FAINT : STYLE_FUNCTION,
                   graph_type_list_name(&shown->list, row));
}

static bool types_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct types_view *shown = view->state;

    if (!shown->list.shown_count)
        return false;
    reaction->request.is_of_type = true;
    reaction->request.type_group = row_at(shown, view->table.selected)->group;
    switch (action) {
    case ACTION_OPEN:
        reaction->opened = &view_blocks;
        return true;
    case ACTION_DIRECTION:
        reaction->opened = &view_graph;
        return true;
    default:
        return false;
    }
}

const struct view_ops view_types = {
    .name = "types",
    .title = "Types",
    .digit = '7',
    .help = "what blocks are, and what those of a type retain",
    .missing = view_missing_graph,
    .is_of_snapshot = true,
    .scopes = SCOPE_OPENS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_FILTERS | SCOPE_HOLDERS,
    .state_bytes = sizeof(struct types_view),
    .has_own_filter = true,
    .close = types_close,
    .load = types_load,
    .sort = types_sort,
    .describe = types_describe,
    .draw_row = types_draw_row,
    .row_text = types_row_text,
    .act = types_act,
};
