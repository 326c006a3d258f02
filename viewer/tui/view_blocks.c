/* All blocks of one row of the graph, such as the 1,200 of "1,200 x Node": those that retain most
 * first. Enter leads to one of them. */
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "graph/graph_names.h"
#include "graph/graph_tree.h"
#include "graph/graph_types.h"

enum {
    COLUMN_RETAINED,
    COLUMN_BLOCKS,
    COLUMN_ITSELF,
    COLUMN_NAME,
    BLOCKS_COLUMNS
};

static const struct table_column columns[BLOCKS_COLUMNS] = {
    [COLUMN_RETAINED] = {"Retained", 11, false, true, 90, TABLE_NO_SORT},
    [COLUMN_BLOCKS] = {"Blocks", 11, false, true, 40, TABLE_NO_SORT},
    [COLUMN_ITSELF] = {"Itself", 11, false, true, 50, TABLE_NO_SORT},
    [COLUMN_NAME] = {"Block", 20, true, false, 100, TABLE_NO_SORT},
};

struct blocks_view {
    const struct process_graph *graph; /* borrowed from the options */
    uint32_t *blocks;
    size_t count;
    const char *name; /* of what they are; borrowed from the graph */
};

static void show_type(struct blocks_view *shown, uint32_t group)
{
    shown->blocks = process_graph_type_blocks(shown->graph, group, &shown->count);
    shown->name = group == TYPE_NO_GROUP ? "block of no known type"
                                         : shown->graph->types->groups[group].name;
}

static void show_node(struct blocks_view *shown, const struct graph_tree *tree, uint32_t node)
{
    const char *name = process_graph_class_name(shown->graph, tree->nodes[node].class_id);

    shown->blocks = graph_tree_list(shown->graph, tree, node, &shown->count);
    shown->name = name ? name : "an unknown function";
}

static bool blocks_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct blocks_view *shown = view->state;
    const struct tui_options *options = view->context->options;

    if (!options->get_graph || (!request->tree && !request->is_of_type))
        return error_set(error, "there is no row of blocks: choose one on the graph's screen");
    shown->graph = options->get_graph(options->graph_context, &view->context->progress, error);
    if (!shown->graph)
        return false;
    if (request->is_of_type)
        show_type(shown, request->type_group);
    else
        show_node(shown, request->tree, request->node);
    return shown->count > 0 || error_set(error, "choose a row of blocks");
}

static void blocks_close(struct view *view)
{
    struct blocks_view *shown = view->state;

    free(shown->blocks);
}

static bool blocks_load(struct view *view, struct error *error)
{
    const struct blocks_view *shown = view->state;

    (void)error;
    view->table.columns = columns;
    view->table.column_count = BLOCKS_COLUMNS;
    view->table.row_count = shown->count;
    return true;
}

static void blocks_describe(const struct view *view, struct text *out)
{
    const struct blocks_view *shown = view->state;
    char number[UNITS_TEXT_BYTES];

    text_print(out, "%s x %s, those that retain most first",
               units_format_count(shown->count, number), shown->name);
}

static uint32_t node_of(const struct blocks_view *shown, size_t row)
{
    return object_graph_node(&shown->graph->graph, shown->blocks[row]);
}

static void blocks_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct blocks_view *shown = view->state;

    graph_names_add_node(shown->graph, node_of(shown, row), out);
}

static void blocks_draw_row(const struct view *view, struct screen *screen, struct area area,
                            size_t row)
{
    const struct blocks_view *shown = view->state;
    const struct object_graph *objects = &shown->graph->graph;
    struct table_place name = table_place(&view->table, COLUMN_NAME);
    uint32_t node = node_of(shown, row);
    char number[UNITS_TEXT_BYTES];
    struct text text = {0};

    table_draw_cell(&view->table, screen, area.row, COLUMN_RETAINED, STYLE_STRONG,
                    units_format_size(objects->retained_bytes[node], number));
    table_draw_cell(&view->table, screen, area.row, COLUMN_BLOCKS, STYLE_TEXT,
                    units_format_count(objects->retained_blocks[node], number));
    table_draw_cell(
        &view->table, screen, area.row, COLUMN_ITSELF, STYLE_TEXT,
        units_format_size(shown->graph->snapshot->blocks[shown->blocks[row]].bytes, number));
    blocks_row_text(view, row, &text);
    screen_put_cut(screen, area.row, name.column, name.columns, STYLE_FUNCTION, text_get(&text));
    text_clear(&text);
}

static bool blocks_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct blocks_view *shown = view->state;

    if (action != ACTION_OPEN && action != ACTION_BLOCK)
        return false;
    reaction->request.node = node_of(shown, view->table.selected);
    reaction->opened = &view_block;
    return true;
}

const struct view_ops view_blocks = {
    .name = "blocks",
    .title = "Blocks of a row",
    .is_of_snapshot = true,
    .scopes = SCOPE_OPENS,
    .state_bytes = sizeof(struct blocks_view),
    .open = blocks_open,
    .close = blocks_close,
    .load = blocks_load,
    .describe = blocks_describe,
    .draw_row = blocks_draw_row,
    .row_text = blocks_row_text,
    .act = blocks_act,
};
