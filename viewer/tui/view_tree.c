/* Stacks merged into a tree whose branches open and close: from main down to what allocates, or
 * from what allocates up to who asked. The tree itself is analysis/call_tree.h; here is only what
 * is open. */
#include "tui/figures_table.h"
#include "tui/filter_text.h"
#include "tui/source_file.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree.h"
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
    MAX_INDENT = 40,
    OPEN_AT_FIRST = 3
};

/* What is below this part of the whole is left out and summed: it keeps huge trees quick. */
static const double min_share = 0.0005;

struct tree_view {
    struct call_tree tree;
    enum call_tree_direction direction;
    uint8_t *is_open; /* by node */
    uint32_t *rows;   /* nodes shown; the root is not */
    size_t row_count;
    struct table_column columns[TREE_COLUMNS];
};

static void tree_close(struct view *view)
{
    struct tree_view *shown = view->state;
    call_tree_clear(&shown->tree);
    free(shown->is_open);
    free(shown->rows);
}

/* Depth first, without recursion: a tree can be as deep as a stack. */
static void collect_rows(struct view *view)
{
    struct tree_view *shown = view->state;
    const struct call_tree_node *nodes = shown->tree.nodes;
    shown->row_count = 0;
    uint32_t node = shown->tree.node_count ? nodes[0].first_child : CALL_TREE_NONE;
    while (node != CALL_TREE_NONE) {
        shown->rows[shown->row_count++] = node;
        if (shown->is_open[node] && nodes[node].first_child != CALL_TREE_NONE) {
            node = nodes[node].first_child;
            continue;
        }
        while (node != 0 && nodes[node].next_sibling == CALL_TREE_NONE)
            node = nodes[node].parent;
        node = node == 0 ? CALL_TREE_NONE : nodes[node].next_sibling;
    }
    view->table.row_count = shown->row_count;
}

/* Opens a few levels, and on from there as long as there is only one way. */
static void open_first_levels(struct tree_view *shown)
{
    for (size_t i = 0; i < shown->tree.node_count; i++) {
        const struct call_tree_node *node = &shown->tree.nodes[i];
        bool is_single = node->parent != CALL_TREE_NONE && shown->is_open[node->parent] &&
                         node->child_count == 1;
        shown->is_open[i] = shown->direction == CALL_TREE_TOP_DOWN &&
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

static bool tree_load(struct view *view, struct error *error)
{
    struct tree_view *shown = view->state;
    const struct view_question *question = &view->context->question;
    struct filter_text filter;
    filter_text_parse(&filter, question->filter);
    struct call_tree_options options = {.direction = shown->direction,
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
    shown->is_open = memory_resize(shown->is_open, tree.node_count + 1, sizeof *shown->is_open);
    shown->rows = memory_resize(shown->rows, tree.node_count + 1, sizeof *shown->rows);
    open_first_levels(shown);
    fill_columns(view);
    collect_rows(view);
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

static const struct profile_location *location_of(const struct view *view, uint32_t node)
{
    const struct tree_view *shown = view->state;
    uint32_t location = shown->tree.nodes[node].location;
    const struct profile *profile = view->context->profile;
    return location < profile->location_count ? &profile->locations[location] : NULL;
}

static void draw_name(const struct view *view, struct screen *screen, int row,
                      struct table_place place, uint32_t number)
{
    const struct tree_view *shown = view->state;
    const struct call_tree_node *node = &shown->tree.nodes[number];
    const struct profile_location *location = location_of(view, number);
    int indent = node->depth > 0 ? (int)(node->depth - 1) : 0;
    int most = place.columns / 2 < MAX_INDENT ? place.columns / 2 : MAX_INDENT;
    int column = place.column + (indent < most ? indent : most);
    enum glyph glyph = node->first_child == CALL_TREE_NONE ? GLYPH_LEAF
                       : shown->is_open[number]            ? GLYPH_OPEN
                                                           : GLYPH_CLOSED;
    screen_put(screen, row, column, 1, STYLE_STRONG, screen_glyph(screen, glyph));
    column += 2;
    int room = place.column + place.columns - column;
    struct text about = {0};
    if (node->is_inlined)
        text_add(&about, "(inlined) ");
    if (location && location->file && node->line)
        text_print(&about, "%s:%u", text_file_name(location->file), node->line);
    else if (location && location->file)
        text_add(&about, text_file_name(location->file));
    int about_columns = text_columns(text_get(&about));
    bool has_room = room - about_columns - 2 >= 16;
    int used = screen_put_cut(screen, row, column, has_room ? room - about_columns - 2 : room,
                              STYLE_FUNCTION, location ? location->function : "?");
    if (has_room)
        screen_put(screen, row, column + used + 2, about_columns, STYLE_PLACE, text_get(&about));
    text_clear(&about);
}

static void tree_draw_row(const struct view *view, struct screen *screen, struct area area,
                          size_t row)
{
    const struct tree_view *shown = view->state;
    const struct call_tree_node *node = &shown->tree.nodes[shown->rows[row]];
    enum query_metric metric = view->context->question.metric;
    uint64_t total = shown->tree.nodes[0].figures.values[metric];
    uint64_t value = node->figures.values[metric], self = node->self.values[metric];
    char text[UNITS_TEXT_BYTES];
    struct table_place place = table_place(&view->table, COLUMN_VALUE);
    screen_put_right(screen, area.row, place.column, place.columns, STYLE_STRONG,
                     figures_format(metric, value, text));
    place = table_place(&view->table, COLUMN_SHARE);
    screen_put_right(screen, area.row, place.column, place.columns, STYLE_FAINT,
                     units_format_percent(value, total, text));
    place = table_place(&view->table, COLUMN_SELF);
    screen_put_right(screen, area.row, place.column, place.columns, STYLE_TEXT,
                     self ? figures_format(metric, self, text) : "");
    place = table_place(&view->table, COLUMN_COUNT_OF);
    screen_put_right(screen, area.row, place.column, place.columns, STYLE_TEXT,
                     units_format_count(node->figures.values[QUERY_ALLOCATIONS], text));
    draw_name(view, screen, area.row, table_place(&view->table, COLUMN_NAME), shown->rows[row]);
}

static void tree_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct tree_view *shown = view->state;
    const struct profile_location *location = location_of(view, shown->rows[row]);
    if (location)
        text_print(out, "%s %s", location->function, location->file ? location->file : "");
}

/* ---- opening and closing ---- */

static void select_node(struct view *view, uint32_t node)
{
    const struct tree_view *shown = view->state;
    for (size_t row = 0; row < shown->row_count; row++)
        if (shown->rows[row] == node)
            view->table.selected = row;
}

static void set_open(struct view *view, uint32_t node, bool is_open)
{
    struct tree_view *shown = view->state;
    shown->is_open[node] = is_open;
    collect_rows(view);
    select_node(view, node);
}

static void collapse_or_go_up(struct view *view, uint32_t node)
{
    struct tree_view *shown = view->state;
    uint32_t parent = shown->tree.nodes[node].parent;
    if (shown->is_open[node] && shown->tree.nodes[node].first_child != CALL_TREE_NONE)
        set_open(view, node, false);
    else if (parent != 0 && parent != CALL_TREE_NONE)
        select_node(view, parent);
}

/* Parents stand before their children: one pass marks a subtree. */
static void open_below(struct view *view, uint32_t top)
{
    struct tree_view *shown = view->state;
    uint8_t *is_below = memory_allocate_zeroed(shown->tree.node_count, 1);
    is_below[top] = 1;
    shown->is_open[top] = true;
    for (uint32_t node = top + 1; node < shown->tree.node_count; node++) {
        uint32_t parent = shown->tree.nodes[node].parent;
        is_below[node] = parent != CALL_TREE_NONE && is_below[parent];
        shown->is_open[node] |= is_below[node];
    }
    free(is_below);
    set_open(view, top, true);
}

static void close_all(struct view *view, uint32_t node)
{
    struct tree_view *shown = view->state;
    while (shown->tree.nodes[node].parent != 0)
        node = shown->tree.nodes[node].parent;
    memset(shown->is_open, 0, shown->tree.node_count);
    set_open(view, node, false);
}

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
    if (shown->tree.nodes[node].first_child == CALL_TREE_NONE) {
        source_request(location ? location->file : NULL, shown->tree.nodes[node].line, reaction);
        return true;
    }
    set_open(view, node, !shown->is_open[node]);
    if (shown->is_open[node])
        describe_pruned(view, node, reaction);
    return true;
}

static bool act_on_node(struct view *view, uint32_t node, enum action action,
                        struct reaction *reaction)
{
    const struct tree_view *shown = view->state;
    const struct profile_location *location = location_of(view, node);
    const char *file = location ? location->file : NULL;
    uint32_t line = shown->tree.nodes[node].line;
    if (!line && location)
        line = location->line;
    switch (action) {
    case ACTION_OPEN:
        return toggle(view, node, reaction);
    case ACTION_EXPAND:
        set_open(view, node, true);
        describe_pruned(view, node, reaction);
        return true;
    case ACTION_COLLAPSE:
        collapse_or_go_up(view, node);
        return true;
    case ACTION_EXPAND_ALL:
        open_below(view, node);
        return true;
    case ACTION_COLLAPSE_ALL:
        close_all(view, node);
        return true;
    case ACTION_SOURCE:
        source_request(file, line, reaction);
        return true;
    case ACTION_EDIT:
        source_request_edit(view->context, file, line, reaction);
        return true;
    default:
        return false;
    }
}

static bool tree_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct tree_view *shown = view->state;
    if (action == ACTION_DIRECTION) {
        turn_round(view, reaction);
        return true;
    }
    if (!shown->row_count)
        return false;
    return act_on_node(view, shown->rows[view->table.selected], action, reaction);
}

/* ---- going to a stack ---- */

struct stack_walk {
    const struct profile_location **locations;
    size_t count;
    size_t capacity;
};

static bool remember_location(void *context, const struct profile_frame *frame,
                              const struct profile_location *location)
{
    struct stack_walk *walk = context;
    (void)frame;
    walk->locations = memory_grow(walk->locations, &walk->capacity, walk->count + 1,
                                  sizeof *walk->locations);
    walk->locations[walk->count++] = location;
    return true;
}

static bool is_same_place(const struct profile_location *a, const struct profile_location *b)
{
    return a && strcmp(a->function, b->function) == 0 && !a->file == !b->file &&
           (!a->file || strcmp(a->file, b->file) == 0);
}

static uint32_t find_child(const struct view *view, uint32_t parent,
                           const struct profile_location *location)
{
    const struct tree_view *shown = view->state;
    uint32_t child = shown->tree.nodes[parent].first_child;
    while (child != CALL_TREE_NONE && !is_same_place(location_of(view, child), location))
        child = shown->tree.nodes[child].next_sibling;
    return child;
}

static bool tree_reveal(struct view *view, const struct view_request *request)
{
    struct tree_view *shown = view->state;
    const struct profile *profile = view->context->profile;
    struct stack_walk walk = {0};
    uint32_t node = 0, next;
    if (request->site >= profile->site_count || shown->direction != CALL_TREE_TOP_DOWN)
        return true;
    profile_visit_stack(profile, profile->sites[request->site].stack_node, remember_location,
                        &walk);
    size_t left = walk.count;
    for (; left && (next = find_child(view, node, walk.locations[left - 1])) != CALL_TREE_NONE;
         left--, node = next)
        shown->is_open[node] = true;
    free(walk.locations);
    collect_rows(view);
    select_node(view, node);
    return left == 0;
}

const struct view_ops view_tree = {
    .name = "tree",
    .title = "Tree",
    .digit = '3',
    .scopes = SCOPE_TREE | SCOPE_FILTERS | SCOPE_SORTS | SCOPE_SOURCE,
    .state_bytes = sizeof(struct tree_view),
    .close = tree_close,
    .load = tree_load,
    .describe = tree_describe,
    .draw_row = tree_draw_row,
    .row_text = tree_row_text,
    .act = tree_act,
    .reveal = tree_reveal,
};
