/* What retains what, as a tree whose branches open and close: from the roots down; or turned round,
 * from the blocks of one row up to what holds them. The trees are graph/graph_tree.h; here is only
 * what is open. */
#include "tui/tree_rows.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"
#include "graph/graph_names.h"
#include "graph/graph_tree.h"
#include "graph/graph_ways.h"

enum {
    COLUMN_BYTES,
    COLUMN_SHARE,
    COLUMN_BLOCKS,
    COLUMN_ITSELF,
    COLUMN_NAME,
    GRAPH_COLUMNS
};
enum {
    OPEN_AT_FIRST = 1
};

struct graph_view {
    const struct process_graph *graph; /* borrowed from the options */
    struct graph_tree tree;            /* that is shown */
    bool is_upwards;
    bool is_of_type;     /* upwards: the blocks of a type, not of a class */
    uint32_t type_group; /* that type */
    uint32_t class_id;   /* else that class */
    struct tree_rows rows;
    struct table_column columns[GRAPH_COLUMNS];
};

static void graph_close(struct view *view)
{
    struct graph_view *shown = view->state;

    graph_tree_clear(&shown->tree);
    tree_rows_clear(&shown->rows);
}

static struct tree_links links_of(const void *context, uint32_t node)
{
    const struct graph_tree *tree = context;
    const struct graph_tree_node *of = &tree->nodes[node];

    return (struct tree_links){of->parent, of->first_child, of->next_sibling};
}

static void fill_columns(struct view *view)
{
    struct graph_view *shown = view->state;
    const struct table_column columns[GRAPH_COLUMNS] = {
        [COLUMN_BYTES] = {shown->is_upwards ? "Held" : "Retained", 11, false, true, 100,
                          TABLE_NO_SORT},
        [COLUMN_SHARE] = {"Share", 8, false, true, 50, TABLE_NO_SORT},
        [COLUMN_BLOCKS] = {"Blocks", 11, false, true, 40, TABLE_NO_SORT},
        [COLUMN_ITSELF] = {"Itself", 11, false, true, 20, TABLE_NO_SORT},
        [COLUMN_NAME] = {shown->is_upwards ? "Held by" : "What", 20, true, false, 100,
                         TABLE_NO_SORT},
    };

    memcpy(shown->columns, columns, sizeof columns);
    view->table.columns = shown->columns;
    view->table.column_count = GRAPH_COLUMNS;
}

static bool is_asked_for(const struct graph_view *shown, uint32_t block)
{
    return shown->is_of_type ? shown->graph->types->group_of_block[block] == shown->type_group
                             : process_graph_class(shown->graph, block) == shown->class_id;
}

/* The ways to all blocks that were asked for, as a tree from them up. */
static void build_upwards(struct graph_view *shown)
{
    size_t block_count = shown->graph->snapshot->block_count, count;
    uint8_t *is_target = memory_allocate_zeroed(block_count, 1);
    struct graph_way *ways;

    for (uint32_t i = 0; i < block_count; i++)
        is_target[i] = is_asked_for(shown, i);
    ways = process_graph_ways(shown->graph, is_target, &count);
    graph_tree_build_upwards(ways, count, &shown->tree);
    free(ways);
    free(is_target);
}

/* Open: the first levels, and upwards everything, which is what was asked for. */
static void show_tree(struct view *view)
{
    struct graph_view *shown = view->state;

    graph_tree_clear(&shown->tree);
    if (shown->is_upwards)
        build_upwards(shown);
    else
        graph_tree_build(shown->graph, &shown->tree);
    tree_rows_set(&shown->rows, shown->tree.count, links_of, &shown->tree);
    for (size_t i = 0; i < shown->tree.count; i++)
        shown->rows.is_open[i] = shown->is_upwards || shown->tree.nodes[i].depth <= OPEN_AT_FIRST;
    fill_columns(view);
    tree_rows_show(&shown->rows, &view->table);
    view->table.selected = view->table.top = 0;
}

static bool graph_load(struct view *view, struct error *error)
{
    struct graph_view *shown = view->state;
    const struct tui_options *options = view->context->options;

    if (shown->graph) /* it does not depend on what is asked */
        return true;
    shown->graph = options->get_graph(options->graph_context, &view->context->progress, error);
    if (!shown->graph)
        return false;
    show_tree(view);
    return true;
}

static const char *name_of_asked(const struct graph_view *shown)
{
    const char *name;

    if (shown->is_of_type)
        return shown->type_group == TYPE_NO_GROUP
                   ? "blocks of no known type"
                   : shown->graph->types->groups[shown->type_group].name;
    name = process_graph_class_name(shown->graph, shown->class_id);
    return name ? name : "blocks of an unknown function";
}

static void graph_describe(const struct view *view, struct text *out)
{
    const struct graph_view *shown = view->state;
    const struct graph_tree_node *whole = &shown->tree.nodes[0];
    char bytes[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];

    if (shown->is_upwards) {
        text_add(out, "What holds ");
        text_add(out, name_of_asked(shown));
    } else {
        text_print(out, "What retains what, at snapshot:%u", shown->graph->snapshot->number);
    }
    text_print(out, ": %s in %s block%s", units_format_size(whole->retained_bytes, bytes),
               units_format_count(whole->retained_blocks, blocks),
               whole->retained_blocks == 1 ? "" : "s");
}

static void print_name(const struct process_graph *graph, const struct graph_tree_node *node,
                       bool is_upwards, struct text *out)
{
    uint64_t count = is_upwards ? node->chain : node->blocks;
    char number[UNITS_TEXT_BYTES];
    const char *name;

    switch (node->kind) {
    case GRAPH_TREE_WHOLE:
        text_add(out, "all");
        return;
    case GRAPH_TREE_ROOT:
        graph_names_add_node(graph, node->root, out);
        return;
    case GRAPH_TREE_SHARED:
        text_add(out, "several roots together");
        return;
    case GRAPH_TREE_OMITTED:
        text_add(out, "...");
        return;
    case GRAPH_TREE_BLOCKS:
        name = process_graph_class_name(graph, node->class_id);
        if (count > 1)
            text_print(out, "%s x ", units_format_count(count, number));
        text_add(out, name ? name : "an unknown function");
    }
}

static void graph_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct graph_view *shown = view->state;

    print_name(shown->graph, &shown->tree.nodes[shown->rows.nodes[row]], shown->is_upwards, out);
}

static void draw_name(const struct view *view, struct screen *screen, int row,
                      struct table_place place, uint32_t number)
{
    const struct graph_view *shown = view->state;
    const struct graph_tree_node *node = &shown->tree.nodes[number];
    struct text name = {0};

    place = tree_rows_draw(&shown->rows, screen, row, place, number, node->depth);
    print_name(shown->graph, node, shown->is_upwards, &name);
    graph_tree_add_holder(shown->graph, &shown->tree, number, &name);
    screen_put_cut(screen, row, place.column, place.columns,
                   node->kind == GRAPH_TREE_BLOCKS ? STYLE_FUNCTION : STYLE_STRONG,
                   text_get(&name));
    text_clear(&name);
}

static void graph_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t row)
{
    const struct graph_view *shown = view->state;
    const struct graph_tree_node *node = &shown->tree.nodes[shown->rows.nodes[row]];
    const struct graph_tree_node *whole = &shown->tree.nodes[0];
    char text[UNITS_TEXT_BYTES];

    table_draw_cell(&view->table, screen, area.row, COLUMN_BYTES, STYLE_STRONG,
                    units_format_size(node->retained_bytes, text));
    table_draw_cell(&view->table, screen, area.row, COLUMN_SHARE, STYLE_FAINT,
                    units_format_percent(node->retained_bytes, whole->retained_bytes, text));
    table_draw_cell(&view->table, screen, area.row, COLUMN_BLOCKS, STYLE_TEXT,
                    units_format_count(node->retained_blocks, text));
    table_draw_cell(&view->table, screen, area.row, COLUMN_ITSELF, STYLE_TEXT,
                    shown->is_upwards || node->bytes == 0 ? ""
                                                          : units_format_size(node->bytes, text));
    draw_name(view, screen, area.row, table_place(&view->table, COLUMN_NAME),
              shown->rows.nodes[row]);
}

/* ---- opening and closing ---- */

/* From the row's blocks up to what holds them; from there back to the roots. */
static void turn_round(struct view *view, struct reaction *reaction)
{
    struct graph_view *shown = view->state;

    if (!shown->is_upwards) {
        const struct graph_tree_node *node =
            shown->rows.count ? &shown->tree.nodes[shown->rows.nodes[view->table.selected]] : NULL;

        if (!node || node->kind != GRAPH_TREE_BLOCKS) {
            text_add(&reaction->message, "nothing holds a root: choose a row of blocks");
            return;
        }
        shown->is_of_type = false;
        shown->class_id = node->class_id;
    }
    shown->is_upwards = !shown->is_upwards;
    show_tree(view);
}

/* What holds the blocks of a type; on the screen itself nothing is asked. */
static bool graph_reveal(struct view *view, const struct view_request *request)
{
    struct graph_view *shown = view->state;

    if (!request->is_of_type || !shown->graph->types)
        return true;
    shown->is_of_type = shown->is_upwards = true;
    shown->type_group = request->type_group;
    show_tree(view);
    return true;
}

/* Of several blocks the one that retains most. */
static void show_block(const struct view *view, uint32_t number, struct reaction *reaction)
{
    const struct graph_view *shown = view->state;
    const struct graph_tree_node *node = &shown->tree.nodes[number];

    if (node->kind == GRAPH_TREE_ROOT) {
        reaction->request.node = node->root;
    } else if (node->kind == GRAPH_TREE_BLOCKS && node->block != SNAPSHOT_NONE) {
        reaction->request.node = object_graph_node(&shown->graph->graph, node->block);
    } else {
        text_add(&reaction->message, "choose a row of blocks, or a root");
        return;
    }
    reaction->opened = &view_block;
}

/* Of a row of one block that block. */
static void show_blocks(const struct view *view, uint32_t number, struct reaction *reaction)
{
    const struct graph_view *shown = view->state;
    const struct graph_tree_node *node = &shown->tree.nodes[number];

    if (node->kind != GRAPH_TREE_BLOCKS || (!shown->is_upwards && node->blocks == 1)) {
        show_block(view, number, reaction);
        return;
    }
    reaction->request.tree = &shown->tree;
    reaction->request.node = number;
    reaction->opened = &view_blocks;
}

static bool graph_act(struct view *view, enum action action, struct reaction *reaction)
{
    struct graph_view *shown = view->state;
    uint32_t node;

    if (action == ACTION_DIRECTION) {
        turn_round(view, reaction);
        return true;
    }
    if (!shown->rows.count)
        return false;
    node = shown->rows.nodes[view->table.selected];
    switch (action) {
    case ACTION_OPEN:
        if (tree_rows_is_leaf(&shown->rows, node))
            show_blocks(view, node, reaction);
        else
            tree_rows_open(&shown->rows, &view->table, node, !shown->rows.is_open[node]);
        return true;
    case ACTION_BLOCK:
        show_block(view, node, reaction);
        return true;
    case ACTION_BLOCKS:
        show_blocks(view, node, reaction);
        return true;
    default:
        return tree_rows_act(&shown->rows, &view->table, node, action);
    }
}

const struct view_ops view_graph = {
    .name = "graph",
    .title = "Graph",
    .digit = '6',
    .help = "what retains what, as snapshots tell",
    .is_of_snapshot = true,
    .scopes = SCOPE_GRAPH,
    .state_bytes = sizeof(struct graph_view),
    .missing = view_missing_graph,
    .close = graph_close,
    .load = graph_load,
    .describe = graph_describe,
    .draw_row = graph_draw_row,
    .row_text = graph_row_text,
    .act = graph_act,
    .reveal = graph_reveal,
};
