/* The call tree as an icicle: what calls stands over what it calls, as wide as its part of the
 * figure. Where the cells stand is analysis/flame_layout.h; here is only which one is selected,
 * which is the whole, and how they look. A selected cell stands in brackets, a found one has a
 * star: colours only add to that. */
#include "tui/figures_table.h"
#include "tui/filter_text.h"
#include "tui/source_file.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree.h"
#include "analysis/call_tree_search.h"
#include "analysis/flame_layout.h"
#include "analysis/own_code.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    MAX_ZOOMS = 64,
    MIN_NAME_COLUMNS = 3, /* in less, the beginning says more than both ends */
    HIGH_ROWS = 16        /* from here on there is room for a name of several lines */
};

/* Below this part of the whole nothing fills a column. */
static const double min_share = 0.0005;

struct flame_view {
    struct call_tree tree;
    enum call_tree_direction direction;
    uint32_t zooms[MAX_ZOOMS]; /* nodes that take all columns; the last counts */
    size_t zoom_count;
    struct flame_layout layout;
    int columns;       /* that it is laid out for; 0: not at all */
    size_t selected;   /* a cell */
    uint32_t wanted;   /* the node to select once it is laid out, or CALL_TREE_NONE */
    uint8_t *is_found; /* by location; NULL: nothing is searched for */
};

static void flame_close(struct view *view)
{
    struct flame_view *flame = view->state;
    call_tree_clear(&flame->tree);
    flame_layout_clear(&flame->layout);
    free(flame->is_found);
}

/* ---- the tree ---- */

static struct call_tree_options make_options(const struct view *view,
                                             const struct filter_text *filter)
{
    const struct flame_view *flame = view->state;
    return (struct call_tree_options){.progress = &view->context->progress,
                                      .direction = flame->direction,
                                      .metric = view_additive_metric(view),
                                      .process = view->context->question.process,
                                      .min_share = min_share,
                                      .is_own_code_first = true,
                                      .filter = filter->filter};
}

static uint32_t whole_of(const struct flame_view *flame)
{
    return flame->zoom_count ? flame->zooms[flame->zoom_count - 1] : 0;
}

/* Where the cells are before the next drawing is not known: their nodes are kept. */
static void forget_layout(struct flame_view *flame)
{
    if (flame->columns && flame->selected < flame->layout.count && flame->wanted == CALL_TREE_NONE)
        flame->wanted = flame->layout.cells[flame->selected].node;
    flame->columns = 0;
}

/* The same places in another tree, as far as they are there. */
static void move_to_tree(struct flame_view *flame, const struct profile *profile,
                         const struct call_tree *tree)
{
    if (!flame->tree.node_count)
        return;
    for (size_t i = 0; i < flame->zoom_count; i++)
        flame->zooms[i] = call_tree_find_again(profile, tree, &flame->tree, flame->zooms[i]);
    while (flame->zoom_count && flame->zooms[flame->zoom_count - 1] == 0)
        flame->zoom_count--;
    if (flame->wanted != CALL_TREE_NONE)
        flame->wanted = call_tree_find_again(profile, tree, &flame->tree, flame->wanted);
}

static bool flame_load(struct view *view, struct error *error)
{
    struct flame_view *flame = view->state;
    struct filter_text filter;
    filter_text_parse(&filter, view->context->question.filter);
    struct call_tree_options options = make_options(view, &filter);
    struct call_tree tree = {0};
    bool is_built = call_tree_build(view->context->profile, &options, &tree, error);
    filter_text_clear(&filter);
    if (!is_built)
        return false;
    if (!flame->tree.node_count)
        flame->wanted = CALL_TREE_NONE;
    forget_layout(flame);
    move_to_tree(flame, view->context->profile, &tree);
    call_tree_clear(&flame->tree);
    flame->tree = tree;
    flame_layout_clear(&flame->layout);
    view->table.row_count = 0;
    return true;
}

/* ---- what a cell is ---- */

static const struct flame_cell *selected_cell(const struct flame_view *flame)
{
    return flame->selected < flame->layout.count ? &flame->layout.cells[flame->selected] : NULL;
}

static const struct profile_location *location_of(const struct view *view, uint32_t node)
{
    const struct flame_view *flame = view->state;
    const struct profile *profile = view->context->profile;
    uint32_t location = flame->tree.nodes[node].location;
    return location < profile->location_count ? &profile->locations[location] : NULL;
}

static const char *name_of(const struct view *view, uint32_t node)
{
    const struct profile_location *location = location_of(view, node);
    return location ? location->function : "all";
}

static void print_name(const struct view *view, const struct flame_cell *cell, struct text *out)
{
    char count[UNITS_TEXT_BYTES];
    if (cell->gathered)
        text_print(out, "%s smaller of ", units_format_count(cell->gathered, count));
    text_add(out, name_of(view, cell->node));
}

static void print_place(const struct view *view, const struct flame_cell *cell, struct text *out)
{
    const struct flame_view *flame = view->state;
    const struct call_tree_node *node = &flame->tree.nodes[cell->node];
    const struct profile *profile = view->context->profile;
    const struct profile_location *location = location_of(view, cell->node);
    if (cell->gathered || !location)
        return;
    uint32_t module = profile->frames[node->frame].module_plus_1;
    if (node->is_inlined)
        text_add(out, "  (inlined)");
    else if (node->is_tail_call)
        text_add(out, "  (tail call)");
    if (location->file && node->line)
        text_print(out, "  %s:%u", text_file_name(location->file), node->line);
    else if (location->file)
        text_print(out, "  %s", text_file_name(location->file));
    else if (module)
        text_print(out, "  %s", profile->modules[module - 1].name);
}

/* "600 KiB live, 7.9 % of all, 45.1 % of main; itself 12 KiB; 1,513 calls" */
static void print_figures(const struct view *view, const struct flame_cell *cell, struct text *out)
{
    const struct flame_view *flame = view->state;
    const struct call_tree_node *node = &flame->tree.nodes[cell->node];
    enum query_metric metric = view_additive_metric(view);
    uint64_t all = flame->tree.nodes[0].figures.values[metric];
    uint32_t whole = whole_of(flame);
    char text[UNITS_TEXT_BYTES];
    text_print(out, "%s %s", figures_format(metric, cell->value, text),
               query_metric_at(metric)->name);
    text_print(out, ", %s of all", units_format_percent(cell->value, all, text));
    if (whole)
        text_print(out, ", %s of %s",
                   units_format_percent(cell->value,
                                        flame->tree.nodes[whole].figures.values[metric], text),
                   name_of(view, whole));
    if (cell->gathered)
        return;
    if (node->self.values[metric])
        text_print(out, "; itself %s", figures_format(metric, node->self.values[metric], text));
    if (metric != QUERY_ALLOCATIONS)
        text_print(out, "; %s calls",
                   units_format_count(node->figures.values[QUERY_ALLOCATIONS], text));
}

static void flame_describe(const struct view *view, struct text *out)
{
    const struct flame_view *flame = view->state;
    enum query_metric metric = view_additive_metric(view);
    uint32_t whole = whole_of(flame);
    char text[UNITS_TEXT_BYTES];
    text_print(out, "%s by %s: %s",
               flame->direction == CALL_TREE_TOP_DOWN ? "Callees below callers"
                                                      : "Callers below what allocates",
               query_metric_at(metric)->name,
               figures_format(metric, flame->tree.nodes[0].figures.values[metric], text));
    if (whole)
        text_print(out, "; zoomed to %s, %s", name_of(view, whole),
                   figures_format(metric, flame->tree.nodes[whole].figures.values[metric], text));
}

/* ---- drawing ---- */

static void select_cell(struct view *view, size_t cell)
{
    struct flame_view *flame = view->state;
    if (cell >= flame->layout.count)
        return;
    flame->selected = cell;
    view->table.selected = flame->layout.cells[cell].row;
}

static void lay_out(struct view *view, int columns)
{
    struct flame_view *flame = view->state;
    flame_layout_build(&flame->layout, &flame->tree, view_additive_metric(view), whole_of(flame),
                       (uint32_t)columns);
    flame->columns = columns;
    view->table.row_count = flame->layout.row_count;
    size_t cell = FLAME_LAYOUT_NONE;
    for (uint32_t node = flame->wanted; node != CALL_TREE_NONE && cell == FLAME_LAYOUT_NONE;
         node = flame->tree.nodes[node].parent)
        cell = flame_layout_find(&flame->layout, node);
    flame->wanted = CALL_TREE_NONE;
    select_cell(view, cell == FLAME_LAYOUT_NONE ? 0 : cell);
}

/* The wheel moves the table's selection alone. */
static void follow_table(struct view *view)
{
    struct flame_view *flame = view->state;
    const struct flame_cell *cell = selected_cell(flame);
    if (cell && view->table.selected != cell->row)
        select_cell(view, flame_layout_at(&flame->layout, view->table.selected, cell->column));
}

static void flame_fit(struct view *view, int rows, int columns)
{
    struct flame_view *flame = view->state;
    if (flame->columns != columns) {
        forget_layout(flame);
        lay_out(view, columns);
    }
    follow_table(view);
    view->below_rows = !flame->layout.count ? 0 : rows >= HIGH_ROWS ? 3 : 2;
}

static bool is_found(const struct view *view, const struct flame_cell *cell)
{
    const struct flame_view *flame = view->state;
    uint32_t location = flame->tree.nodes[cell->node].location;
    return flame->is_found && !cell->gathered && location != CALL_TREE_NONE &&
           flame->is_found[location];
}

static enum style style_of(const struct view *view, const struct flame_cell *cell)
{
    const struct flame_view *flame = view->state;
    const struct profile *profile = view->context->profile;
    const struct profile_location *location = location_of(view, cell->node);
    if (cell->gathered)
        return STYLE_FAINT;
    if (is_found(view, cell))
        return STYLE_FOUND;
    const struct profile_frame *frame = location
                                            ? &profile->frames[flame->tree.nodes[cell->node].frame]
                                            : NULL;
    return !frame || own_code_is_own(profile, frame, location) ? STYLE_FLAME : STYLE_FLAME_FOREIGN;
}

static void draw_label(const struct view *view, struct screen *screen, int row, int column,
                       int columns, enum style style, const struct flame_cell *cell)
{
    struct text label = {0};
    if (is_found(view, cell))
        text_add(&label, "*");
    if (cell->gathered)
        text_print(&label, "+%u", cell->gathered);
    else
        text_add(&label, own_code_qualified_name(name_of(view, cell->node)));
    if (columns > MIN_NAME_COLUMNS)
        screen_put_cut(screen, row, column, columns, style, text_get(&label));
    else
        screen_put(screen, row, column, columns, style, text_get(&label));
    text_clear(&label);
}

static void draw_cell(const struct view *view, struct screen *screen, int row,
                      const struct flame_cell *cell, bool has_neighbour, bool is_selected)
{
    int column = (int)cell->column, columns = (int)cell->columns;
    enum style style = is_selected ? STYLE_SELECTED : style_of(view, cell);
    const char *edge = screen_glyph(screen, GLYPH_VERTICAL);
    bool is_closed = columns > 1 && (is_selected || !has_neighbour);
    screen_fill(screen, (struct area){row, column, 1, columns}, style, ' ');
    if (columns == 1) {
        const char *only = is_selected ? ">" : is_found(view, cell) ? "*" : edge;
        screen_put(screen, row, column, 1, style, only);
        return;
    }
    screen_put(screen, row, column, 1, style, is_selected ? "[" : edge);
    draw_label(view, screen, row, column + 1, columns - 1 - is_closed, style, cell);
    if (is_closed)
        screen_put(screen, row, column + columns - 1, 1, style, is_selected ? "]" : edge);
}

static void draw_cells(const struct view *view, const struct flame_layout *layout,
                       struct screen *screen, struct area area, size_t row, size_t selected)
{
    for (size_t i = layout->rows[row]; i < layout->rows[row + 1]; i++) {
        const struct flame_cell *cell = &layout->cells[i];
        bool has_neighbour = i + 1 < layout->rows[row + 1] &&
                             layout->cells[i + 1].column == cell->column + cell->columns;
        draw_cell(view, screen, area.row, cell, has_neighbour, i == selected);
        if (i != selected)
            continue;
        screen->cursor_row = area.row;
        screen->cursor_column = area.column + (int)cell->column;
    }
}

/* On a screen of another width, as for a file, it is laid out for that. */
static void flame_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t row)
{
    const struct flame_view *flame = view->state;
    if (area.columns == flame->columns) {
        draw_cells(view, &flame->layout, screen, area, row, flame->selected);
        return;
    }
    struct flame_layout layout = {0};
    flame_layout_build(&layout, &flame->tree, view_additive_metric(view), whole_of(flame),
                       (uint32_t)area.columns);
    if (row < layout.row_count)
        draw_cells(view, &layout, screen, area, row, FLAME_LAYOUT_NONE);
    flame_layout_clear(&layout);
}

/* The selected cell in full: figures, then name and place in as many lines as there are. */
static void flame_draw_below(const struct view *view, struct screen *screen, struct area area)
{
    const struct flame_view *flame = view->state;
    const struct flame_cell *cell = selected_cell(flame);
    if (!cell)
        return;
    struct text text = {0};
    print_figures(view, cell, &text);
    screen_put(screen, area.row, 1, area.columns - 2, STYLE_STRONG, text_get(&text));
    text_clear(&text);
    print_name(view, cell, &text);
    print_place(view, cell, &text);
    screen_put_lines(screen, (struct area){area.row + 1, 1, area.rows - 1, area.columns - 2},
                     STYLE_FUNCTION, text_get(&text));
    text_clear(&text);
}

/* ---- moving ---- */

static void move_in_row(struct view *view, int distance)
{
    const struct flame_view *flame = view->state;
    size_t next = flame->selected + (size_t)distance;
    const struct flame_cell *cell = selected_cell(flame);
    if (cell && next < flame->layout.count && flame->layout.cells[next].row == cell->row)
        select_cell(view, next);
}

static void zoom_to(struct view *view, uint32_t node)
{
    struct flame_view *flame = view->state;
    if (flame->zoom_count == MAX_ZOOMS) {
        memmove(flame->zooms, flame->zooms + 1, (MAX_ZOOMS - 1) * sizeof flame->zooms[0]);
        flame->zoom_count--;
    }
    flame->zooms[flame->zoom_count++] = node;
    forget_layout(flame);
    flame->wanted = node;
}

/* Back to where it was zoomed in from; what was the whole is selected. After that filter and stars
 * are taken away. */
static bool go_back(const struct view *view)
{
    struct flame_view *flame = view->state;
    if (!flame->zoom_count) {
        bool was_found = flame->is_found && !*view->context->question.filter;
        if (!was_found)
            return false;
        free(flame->is_found);
        flame->is_found = NULL;
        return true;
    }
    forget_layout(flame);
    flame->wanted = flame->zooms[--flame->zoom_count];
    return true;
}

/* At the top of what is zoomed the way up leads out of it. */
static void move_up(struct view *view)
{
    struct flame_view *flame = view->state;
    size_t parent = flame_layout_parent(&flame->layout, flame->selected);
    if (parent != FLAME_LAYOUT_NONE) {
        select_cell(view, parent);
        return;
    }
    uint32_t whole = whole_of(flame);
    if (whole == 0)
        return;
    flame->zoom_count = 0;
    if (flame->tree.nodes[whole].parent != 0)
        zoom_to(view, flame->tree.nodes[whole].parent);
    forget_layout(flame);
    flame->wanted = flame->tree.nodes[whole].parent;
}

/* Along the largest callees, to what allocates most. */
static void move_to_deepest(struct view *view)
{
    const struct flame_view *flame = view->state;
    size_t cell = flame->selected, child;
    while ((child = flame_layout_child(&flame->layout, cell)) != FLAME_LAYOUT_NONE &&
           !flame->layout.cells[child].gathered)
        cell = child;
    select_cell(view, cell);
}

static void move_page(struct view *view, bool is_up)
{
    const struct flame_view *flame = view->state;
    size_t next = flame->selected;
    for (size_t i = 1; i < view->table.page_rows && next != FLAME_LAYOUT_NONE; i++) {
        select_cell(view, next);
        next = is_up ? flame_layout_parent(&flame->layout, next)
                     : flame_layout_child(&flame->layout, next);
    }
    select_cell(view, next);
}

static bool move(struct view *view, enum action action)
{
    const struct flame_view *flame = view->state;
    switch (action) {
    case ACTION_UP:
        move_up(view);
        return true;
    case ACTION_DOWN:
        select_cell(view, flame_layout_child(&flame->layout, flame->selected));
        return true;
    case ACTION_LEFT:
    case ACTION_RIGHT:
        move_in_row(view, action == ACTION_LEFT ? -1 : 1);
        return true;
    case ACTION_PAGE_UP:
    case ACTION_PAGE_DOWN:
        move_page(view, action == ACTION_PAGE_UP);
        return true;
    case ACTION_FIRST:
        select_cell(view, 0);
        return true;
    case ACTION_LAST:
        move_to_deepest(view);
        return true;
    default:
        return false;
    }
}

/* ---- what keys do ---- */

static void zoom_in(struct view *view, const struct flame_cell *cell, struct reaction *reaction)
{
    const struct flame_view *flame = view->state;
    if (cell->gathered && cell->node == whole_of(flame))
        text_add(&reaction->message, "these are too narrow for this window: the tree (3) has them");
    else if (cell->node == whole_of(flame))
        text_add(&reaction->message, "this is all of it: Backspace zooms out");
    else
        zoom_to(view, cell->node);
}

static void turn_round(struct view *view, struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    flame->direction = flame->direction == CALL_TREE_TOP_DOWN ? CALL_TREE_BOTTOM_UP
                                                              : CALL_TREE_TOP_DOWN;
    flame->zoom_count = 0;
    flame->columns = 0;
    flame->wanted = CALL_TREE_NONE;
    call_tree_clear(&flame->tree);
    view->is_loaded = false;
    reaction->is_reloading = true;
}

static void copy(const struct view *view, const struct flame_cell *cell, struct reaction *reaction)
{
    print_name(view, cell, &reaction->copied);
    print_place(view, cell, &reaction->copied);
    text_add(&reaction->copied, "  ");
    print_figures(view, cell, &reaction->copied);
}

static bool act_on_cell(struct view *view, const struct flame_cell *cell, enum action action,
                        struct reaction *reaction)
{
    const struct flame_view *flame = view->state;
    const struct profile_location *location = location_of(view, cell->node);
    const char *file = location && !cell->gathered ? location->file : NULL;
    uint32_t line = flame->tree.nodes[cell->node].line;
    if (!line && location)
        line = location->line;
    switch (action) {
    case ACTION_OPEN:
        zoom_in(view, cell, reaction);
        return true;
    case ACTION_SOURCE:
        source_request(file, line, reaction);
        return true;
    case ACTION_EDIT:
        source_request_edit(view->context, file, line, reaction);
        return true;
    case ACTION_COPY:
        copy(view, cell, reaction);
        return true;
    default:
        return move(view, action);
    }
}

/* The figure in the neighbourhood of the one that is shown. */
static void choose_figure(const struct view *view, int distance, struct reaction *reaction)
{
    int metric = (int)view->context->question.metric + distance;
    if (metric < 0 || metric >= QUERY_METRIC_COUNT)
        text_add(&reaction->message, "there is no other figure on this side: s shows all");
    else
        text_print(&reaction->command, "sort %s", query_metric_at((size_t)metric)->name);
}

static bool flame_act(struct view *view, enum action action, struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    const struct flame_cell *cell = selected_cell(flame);
    switch (action) {
    case ACTION_DIRECTION:
        turn_round(view, reaction);
        return true;
    case ACTION_SORT_NEXT:
    case ACTION_SORT_PREVIOUS:
        choose_figure(view, action == ACTION_SORT_NEXT ? 1 : -1, reaction);
        return true;
    case ACTION_BACK:
        return go_back(view);
    default:
        return cell && act_on_cell(view, cell, action, reaction);
    }
}

/* A click on what is selected zooms. */
static bool flame_click(struct view *view, size_t row, int column, struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    size_t at = flame_layout_at(&flame->layout, row, (uint32_t)column);
    if (at == FLAME_LAYOUT_NONE)
        return true;
    const struct flame_cell *cell = &flame->layout.cells[at];
    if ((uint32_t)column < cell->column || (uint32_t)column >= cell->column + cell->columns)
        return true;
    if (at == flame->selected)
        zoom_in(view, cell, reaction);
    else
        select_cell(view, at);
    return true;
}

/* ---- searching ---- */

static void mark_found(const struct view *view, const struct view_search *search)
{
    struct flame_view *flame = view->state;
    const struct profile *profile = view->context->profile;
    free(flame->is_found);
    flame->is_found = memory_allocate_zeroed(profile->location_count + 1, 1);
    for (size_t i = 0; i < profile->location_count; i++) {
        const struct profile_location *location = &profile->locations[i];
        flame->is_found[i] = view_search_matches(search, location->function) ||
                             (location->file && view_search_matches(search, location->file));
    }
}

/* "parse": 3.4 MiB, 34.2 % of all */
static bool tell_found(const struct view *view, const struct view_search *search,
                       struct reaction *reaction, struct error *error)
{
    const struct flame_view *flame = view->state;
    enum query_metric metric = view_additive_metric(view);
    struct filter_text filter;
    struct query_figures sum;
    char value[UNITS_TEXT_BYTES], share[UNITS_TEXT_BYTES];
    filter_text_parse(&filter, view->context->question.filter);
    struct call_tree_options options = make_options(view, &filter);
    bool is_good = call_tree_sum_marked(view->context->profile, &options, flame->is_found, &sum,
                                        error);
    filter_text_clear(&filter);
    if (!is_good)
        return false;
    text_print(&reaction->message, "\"%s\": %s, %s of all", search->text,
               figures_format(metric, sum.values[metric], value),
               units_format_percent(sum.values[metric], flame->tree.nodes[0].figures.values[metric],
                                    share));
    return true;
}

static bool flame_find(struct view *view, const struct view_search *search,
                       struct reaction *reaction, struct error *error)
{
    struct flame_view *flame = view->state;
    size_t count = flame->layout.count;
    mark_found(view, search);
    if (!tell_found(view, search, reaction, error))
        return false;
    for (size_t step = 1; step <= count; step++) {
        size_t cell = (flame->selected + (search->is_backwards ? count - step : step)) % count;
        if (!is_found(view, &flame->layout.cells[cell]))
            continue;
        select_cell(view, cell);
        return true;
    }
    text_add(&reaction->message, "; no cell of it here");
    return true;
}

const struct view_ops view_flame = {
    .name = "flame",
    .title = "Flame",
    .digit = '4',
    .marks_selected = true,
    .scopes = SCOPE_FLAME | SCOPE_FILTERS | SCOPE_SORTS | SCOPE_SOURCE,
    .state_bytes = sizeof(struct flame_view),
    .close = flame_close,
    .load = flame_load,
    .fit = flame_fit,
    .describe = flame_describe,
    .draw_row = flame_draw_row,
    .draw_below = flame_draw_below,
    .act = flame_act,
    .click = flame_click,
    .find = flame_find,
};
