/* Stacks merged into a tree whose branches open and close: from main down to what allocates, or
 * from what allocates up to who asked. The tree itself is analysis/call_tree.h; here is only what
 * is open. */
#include "tui/figures_table.h"
#include "tui/filter_text.h"
#include "tui/source_file.h"
#include "tui/tree_rows.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree.h"
#include "analysis/call_tree_search.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    COLUMN_VALUE,
    COLUMN_SHARE,
    COLUMN_SELF,
    COLUMN_COUNT_OF,
    COLUMN_NAME,
    TREE_COLUMNS
};
enum {
    OPEN_AT_FIRST = 3
};

/* What is below this part of the whole is left out and summed: it keeps huge trees quick. */
static const double min_share = 0.0005;

struct tree_view {
    struct call_tree tree;
    enum call_tree_direction direction;
    struct tree_rows rows;
    uint64_t *keys; /* by node: its way from the root, by names; NULL: a recording, which stays */
    struct table_column columns[TREE_COLUMNS];
};

static void tree_close(struct view *view)
{
    struct tree_view *shown = view->state;
    call_tree_clear(&shown->tree);
    tree_rows_clear(&shown->rows);
    free(shown->keys);
}

static struct tree_links links_of(const void *context, uint32_t node)
{
    const struct call_tree *tree = context;
    const struct call_tree_node *of = &tree->nodes[node];

    return (struct tree_links){of->parent, of->first_child, of->next_sibling};
}

/* Opens a few levels, and on from there as long as there is only one way. */
static void open_first_levels(struct tree_view *shown)
{
    for (size_t i = 0; i < shown->tree.node_count; i++) {
        const struct call_tree_node *node = &shown->tree.nodes[i];
        bool is_single = node->parent != CALL_TREE_NONE && shown->rows.is_open[node->parent] &&
                         node->child_count == 1;
        shown->rows.is_open[i] = shown->direction == CALL_TREE_TOP_DOWN &&
                                 (node->depth < OPEN_AT_FIRST || is_single);
    }
}

static void fill_columns(struct view *view)
{
    struct tree_view *shown = view->state;
    enum query_metric metric = view->context->question.metric;
    const struct query_metric_info *info = query_metric_at(metric);
    struct table_column columns[TREE_COLUMNS] = {
        [COLUMN_VALUE] = {info->title, 11, false, true, 100, (int)metric},
        [COLUMN_SHARE] = {"Share", 7, false, true, 50, TABLE_NO_SORT},
        [COLUMN_SELF] = {"Itself", 9, false, true, 20, TABLE_NO_SORT},
        [COLUMN_COUNT_OF] = {"Calls", 9, false, true, 10, TABLE_NO_SORT},
        [COLUMN_NAME] = {"Function", 20, true, false, 100, TABLE_NO_SORT},
    };
    memcpy(shown->columns, columns, sizeof columns);
    view->table.columns = shown->columns;
    view->table.column_count = TREE_COLUMNS;
    view->table.sort_key = (int)metric;
}

static const struct profile_location *location_of(const struct view *view, uint32_t node)
{
    const struct tree_view *shown = view->state;
    uint32_t location = shown->tree.nodes[node].location;
    const struct profile *profile = view->context->profile;
    return location < profile->location_count ? &profile->locations[location] : NULL;
}

/* ---- the same branches in a newer tree ---- */

static void fill_keys(const struct view *view)
{
    struct tree_view *shown = view->state;
    if (!view->context->live)
        return;
    shown->keys = memory_resize(shown->keys, shown->tree.node_count + 1, sizeof *shown->keys);
    for (uint32_t i = 0; i < shown->tree.node_count; i++) {
        const struct profile_location *location = location_of(view, i);
        uint32_t parent = shown->tree.nodes[i].parent;
        uint64_t key = parent == CALL_TREE_NONE ? KEPT_ROW_KEY : shown->keys[parent];
        key = kept_row_add_text(key, location ? location->function : NULL);
        key = kept_row_add_text(key, location ? location->file : NULL);
        shown->keys[i] = key;
    }
}

static uint64_t key_of(const void *context, uint32_t node)
{
    const uint64_t *keys = context;
    return keys ? keys[node] : 0;
}

static uint64_t tree_row_key(const struct view *view, size_t row)
{
    const struct tree_view *shown = view->state;
    return key_of(shown->keys, shown->rows.nodes[row]);
}

static void tree_remember(struct view *view)
{
    struct tree_view *shown = view->state;
    tree_rows_remember(&shown->rows, key_of, shown->keys);
}

static bool tree_load(struct view *view, struct error *error)
{
    struct tree_view *shown = view->state;
    const struct view_question *question = &view->context->question;
    struct filter_text filter;
    filter_text_parse(&filter, question->filter);
    struct call_tree_options options = {.progress = &view->context->progress,
                                        .direction = shown->direction,
                                        .metric = question->metric,
                                        .process = question->process,
                                        .min_share = min_share,
                                        .is_own_code_first = true,
                                        .filter = filter.filter};
    struct call_tree tree = {0};
    bool is_built = call_tree_build(view->context->profile, &options, &tree, error);
    filter_text_clear(&filter);
    if (!is_built)
        return false;
    call_tree_clear(&shown->tree);
    shown->tree = tree;
    tree_rows_set(&shown->rows, tree.node_count, links_of, &shown->tree);
    fill_keys(view);
    if (!tree_rows_recall(&shown->rows, key_of, shown->keys))
        open_first_levels(shown);
    fill_columns(view);
    tree_rows_show(&shown->rows, &view->table);
    view->table.selected = view->table.top = 0;
    return true;
}

static void tree_describe(const struct view *view, struct text *out)
{
    const struct tree_view *shown = view->state;
    enum query_metric metric = view->context->question.metric;
    char text[UNITS_TEXT_BYTES];
    text_print(out, "%s by %s: %s",
               shown->direction == CALL_TREE_TOP_DOWN ? "Callees, from main down"
                                                      : "Callers, from the allocation up",
               query_metric_at(metric)->name,
               figures_format(metric, shown->tree.nodes[0].figures.values[metric], text));
}

/* How a function came to stand there, which is told however little room is left. */
static const char *mark_of(const struct call_tree_node *node, bool is_narrow)
{
    if (node->is_inlined)
        return is_narrow ? "(i)" : "(inlined)";
    if (node->is_tail_call)
        return is_narrow ? "(t)" : "(tail call)";
    return "";
}

static void print_place(const struct call_tree_node *node, const struct profile_location *location,
                        struct text *out)
{
    text_add(out, mark_of(node, false));
    if (!location || !location->file)
        return;
    text_add(out, out->count ? " " : "");
    text_add(out, text_file_name(location->file));
    if (node->line)
        text_print(out, ":%u", node->line);
}

static void draw_name(const struct view *view, struct screen *screen, int row,
                      struct table_place place, uint32_t number)
{
    enum {
        LEAST_NAME = 16
    };
    const struct tree_view *shown = view->state;
    const struct call_tree_node *node = &shown->tree.nodes[number];
    const struct profile_location *location = location_of(view, number);
    place = tree_rows_draw(&shown->rows, screen, row, place, number, node->depth);
    int room = place.columns, gap = 2;
    struct text about = {0};
    print_place(node, location, &about);
    if (room - text_columns(text_get(&about)) - gap < LEAST_NAME) {
        text_clear(&about);
        text_add(&about, mark_of(node, true));
        gap = about.count ? 1 : 0;
    }
    int about_columns = text_columns(text_get(&about));
    int used = screen_put_cut(screen, row, place.column, room - about_columns - gap, STYLE_FUNCTION,
                              location ? location->function : "?");
    screen_put(screen, row, place.column + used + gap, about_columns, STYLE_PLACE,
               text_get(&about));
    text_clear(&about);
}

static void tree_draw_row(const struct view *view, struct screen *screen, struct area area,
                          size_t row)
{
    const struct tree_view *shown = view->state;
    const struct call_tree_node *node = &shown->tree.nodes[shown->rows.nodes[row]];
    enum query_metric metric = view->context->question.metric;
    uint64_t total = shown->tree.nodes[0].figures.values[metric];
    uint64_t value = node->figures.values[metric], self = node->self.values[metric];
    char text[UNITS_TEXT_BYTES];
    table_draw_cell(&view->table, screen, area.row, COLUMN_VALUE, STYLE_STRONG,
                    figures_format(metric, value, text));
    if (!query_metric_at(metric)->is_signed)
        table_draw_cell(&view->table, screen, area.row, COLUMN_SHARE, STYLE_FAINT,
                        units_format_percent(value, total, text));
    table_draw_cell(&view->table, screen, area.row, COLUMN_SELF, STYLE_TEXT,
                    self ? figures_format(metric, self, text) : "");
    table_draw_cell(&view->table, screen, area.row, COLUMN_COUNT_OF, STYLE_TEXT,
                    units_format_count(node->figures.values[QUERY_ALLOCATIONS], text));
    draw_name(view, screen, area.row, table_place(&view->table, COLUMN_NAME),
              shown->rows.nodes[row]);
}

static void tree_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct tree_view *shown = view->state;
    const struct profile_location *location = location_of(view, shown->rows.nodes[row]);
    if (location)
        text_print(out, "%s %s", location->function, location->file ? location->file : "");
}

static bool tree_tell(const struct view *view, size_t row, struct view_fields *fields)
{
    const struct tree_view *shown = view->state;
    const struct call_tree_node *node = &shown->tree.nodes[shown->rows.nodes[row]];
    const struct profile_location *location = location_of(view, shown->rows.nodes[row]);
    enum query_metric metric = view->context->question.metric;
    view_tell_number(fields, "depth", node->depth);
    view_tell_metric(fields, metric, node->figures.values[metric]);
    view_tell_value(fields, "self", metric, node->self.values[metric]);
    view_tell_number(fields, "calls", node->figures.values[QUERY_ALLOCATIONS]);
    view_tell_text(fields, "function", location ? location->function : NULL);
    view_tell_text(fields, "file", location ? location->file : NULL);
    view_tell_number(fields, "line", node->line);
    return true;
}

/* ---- opening and closing ---- */

static void describe_pruned(const struct view *view, uint32_t node, struct reaction *reaction)
{
    const struct tree_view *shown = view->state;
    const struct call_tree_node *opened = &shown->tree.nodes[node];
    enum query_metric metric = view->context->question.metric;
    char text[UNITS_TEXT_BYTES];
    if (opened->pruned_count)
        text_print(&reaction->message, "%u smaller ones below are left out: %s together",
                   opened->pruned_count,
                   figures_format(metric, opened->pruned.values[metric], text));
}

static void turn_round(struct view *view, struct reaction *reaction)
{
    struct tree_view *shown = view->state;
    shown->direction = shown->direction == CALL_TREE_TOP_DOWN ? CALL_TREE_BOTTOM_UP
                                                              : CALL_TREE_TOP_DOWN;
    view->is_loaded = false;
    reaction->is_reloading = true;
}

static bool toggle(struct view *view, uint32_t node, struct reaction *reaction)
{
    struct tree_view *shown = view->state;
    const struct profile_location *location = location_of(view, node);
    if (tree_rows_is_leaf(&shown->rows, node)) {
        source_request(location ? location->file : NULL, shown->tree.nodes[node].line, reaction);
        return true;
    }
    tree_rows_open(&shown->rows, &view->table, node, !shown->rows.is_open[node]);
    if (shown->rows.is_open[node])
        describe_pruned(view, node, reaction);
    return true;
}

static bool act_on_node(struct view *view, uint32_t node, enum action action,
                        struct reaction *reaction)
{
    struct tree_view *shown = view->state;
    if (source_file_act(view->context, location_of(view, node), shown->tree.nodes[node].line,
                        action, reaction))
        return true;
    switch (action) {
    case ACTION_OPEN:
        return toggle(view, node, reaction);
    case ACTION_EXPAND:
        tree_rows_open(&shown->rows, &view->table, node, true);
        describe_pruned(view, node, reaction);
        return true;
    default:
        return tree_rows_act(&shown->rows, &view->table, node, action);
    }
}

static bool tree_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct tree_view *shown = view->state;
    if (action == ACTION_DIRECTION) {
        turn_round(view, reaction);
        return true;
    }
    if (!shown->rows.count)
        return false;
    return act_on_node(view, shown->rows.nodes[view->table.selected], action, reaction);
}

/* ---- going to a stack ---- */

static bool tree_reveal(struct view *view, const struct view_request *request)
{
    struct tree_view *shown = view->state;
    const struct profile *profile = view->context->profile;
    bool is_whole;
    if (request->site >= profile->site_count || shown->direction != CALL_TREE_TOP_DOWN)
        return true;
    uint32_t node = call_tree_find_site(profile, &shown->tree, request->site, &is_whole);
    for (uint32_t at = node; at != CALL_TREE_NONE; at = shown->tree.nodes[at].parent)
        shown->rows.is_open[at] = true;
    tree_rows_show(&shown->rows, &view->table);
    tree_rows_select(&shown->rows, &view->table, node);
    return is_whole;
}

const struct view_ops view_tree = {
    .name = "tree",
    .title = "Tree",
    .digit = '3',
    .help = "the call tree, by callees or by callers",
    .scopes = SCOPE_TREE | SCOPE_FILTERS | SCOPE_SORTS | SCOPE_SOURCE,
    .state_bytes = sizeof(struct tree_view),
    .close = tree_close,
    .load = tree_load,
    .describe = tree_describe,
    .draw_row = tree_draw_row,
    .row_text = tree_row_text,
    .row_key = tree_row_key,
    .remember = tree_remember,
    .tell = tree_tell,
    .act = tree_act,
    .reveal = tree_reveal,
};
