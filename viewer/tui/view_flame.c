/* The call tree as an icicle: what calls stands over what it calls, as wide as its part of the
 * figure. Where the cells stand is analysis/flame_layout.h, how they look flame_cells.h, and which
 * of them is selected flame_walk.h. */
#include "tui/figures_table.h"
#include "tui/filter_text.h"
#include "tui/flame_cells.h"
#include "tui/flame_walk.h"
#include "tui/source_file.h"

#include <stdlib.h>

#include "analysis/call_tree.h"
#include "analysis/call_tree_search.h"
#include "analysis/flame_layout.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    HIGH_ROWS = 16 /* from here on there is room for a name of several lines */
};

/* Below this part of what takes all columns nothing fills one. */
static const double min_share = 0.0005;

struct flame_view {
    struct flame_walk walk;
    enum call_tree_direction direction;
    uint8_t *is_found; /* by location; NULL: nothing is searched for */
};

static void flame_close(struct view *view)
{
    struct flame_view *flame = view->state;
    flame_walk_clear(&flame->walk);
    free(flame->is_found);
}

/* ---- the tree ---- */

/* What is zoomed in to is wanted in detail. */
static struct call_tree_options make_options(const struct view *view,
                                             const struct filter_text *filter)
{
    const struct flame_view *flame = view->state;
    uint32_t whole = flame_walk_whole(&flame->walk);
    return (struct call_tree_options){.progress = &view->context->progress,
                                      .direction = flame->direction,
                                      .metric = view_additive_metric(view),
                                      .process = view->context->question.process,
                                      .min_share = min_share,
                                      .is_own_code_first = true,
                                      .detailed_tree = whole ? &flame->walk.tree : NULL,
                                      .detailed = whole,
                                      .filter = filter->filter};
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
    flame_walk_set_tree(&flame->walk, &view->table, view->context->profile, &tree);
    return true;
}

/* ---- what is shown ---- */

static struct flame_cells cells_of(const struct view *view)
{
    const struct flame_view *flame = view->state;
    return (struct flame_cells){view->context->profile, &flame->walk.tree,
                                view_additive_metric(view), flame_walk_whole(&flame->walk),
                                flame->is_found};
}

static void flame_describe(const struct view *view, struct text *out)
{
    const struct flame_view *flame = view->state;
    enum query_metric metric = view_additive_metric(view);
    const struct flame_cells cells = cells_of(view);
    uint32_t whole = cells.whole;
    char text[UNITS_TEXT_BYTES];
    text_print(out, "%s by %s: %s",
               flame->direction == CALL_TREE_TOP_DOWN ? "Callees below callers"
                                                      : "Callers below what allocates",
               query_metric_at(metric)->name,
               figures_format(metric, flame->walk.tree.nodes[0].figures.values[metric], text));
    if (whole)
        text_print(
            out, "; zoomed to %s, %s", flame_cells_name(&cells, whole),
            figures_format(metric, flame->walk.tree.nodes[whole].figures.values[metric], text));
}

/* ---- drawing ---- */

static void flame_fit(struct view *view, int rows, int columns)
{
    struct flame_view *flame = view->state;
    flame_walk_fit(&flame->walk, &view->table, view_additive_metric(view), columns);
    view->below_rows = !flame->walk.layout.count ? 0 : rows >= HIGH_ROWS ? 3 : 2;
}

/* On a screen of another width, as for a file, it is laid out for that. */
static void flame_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t row)
{
    const struct flame_view *flame = view->state;
    const struct flame_cells cells = cells_of(view);
    if (area.columns == flame->walk.columns) {
        flame_cells_draw_row(&cells, &flame->walk.layout, screen, area, row, flame->walk.selected);
        return;
    }
    struct flame_layout layout = {0};
    flame_layout_build(&layout, &flame->walk.tree, view_additive_metric(view),
                       flame_walk_whole(&flame->walk), (uint32_t)area.columns);
    if (row < layout.row_count)
        flame_cells_draw_row(&cells, &layout, screen, area, row, FLAME_LAYOUT_NONE);
    flame_layout_clear(&layout);
}

static void flame_draw_below(const struct view *view, struct screen *screen, struct area area)
{
    const struct flame_view *flame = view->state;
    const struct flame_cells cells = cells_of(view);
    const struct flame_cell *cell = flame_walk_cell(&flame->walk);
    if (cell)
        flame_cells_draw_in_full(&cells, cell, screen, area);
}

/* ---- what keys do ---- */

static void zoom_in(struct view *view, const struct flame_cell *cell, struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    if (cell->gathered && cell->node == flame_walk_whole(&flame->walk))
        text_add(&reaction->message, "these are too narrow for this window: the tree (3) has them");
    else if (cell->node == flame_walk_whole(&flame->walk))
        text_add(&reaction->message, "this is all of it: Backspace zooms out");
    else
        flame_walk_zoom_to(&flame->walk, cell->node);
}

static void turn_round(struct view *view, struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    flame->direction = flame->direction == CALL_TREE_TOP_DOWN ? CALL_TREE_BOTTOM_UP
                                                              : CALL_TREE_TOP_DOWN;
    flame_walk_restart(&flame->walk);
    view->is_loaded = false;
    reaction->is_reloading = true;
}

static void copy(const struct view *view, const struct flame_cell *cell, struct reaction *reaction)
{
    const struct flame_cells cells = cells_of(view);
    flame_cells_add_name(&cells, cell, &reaction->copied);
    text_add(&reaction->copied, "  ");
    flame_cells_add_figures(&cells, cell, &reaction->copied);
}

static bool act_on_cell(struct view *view, const struct flame_cell *cell, enum action action,
                        struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    const struct flame_cells cells = cells_of(view);
    const struct profile_location *location = cell->gathered
                                                  ? NULL
                                                  : flame_cells_location(&cells, cell->node);
    if (source_file_act(view->context, location, flame->walk.tree.nodes[cell->node].line, action,
                        reaction))
        return true;
    switch (action) {
    case ACTION_OPEN:
        zoom_in(view, cell, reaction);
        return true;
    case ACTION_COPY:
        copy(view, cell, reaction);
        return true;
    default:
        return flame_walk_act(&flame->walk, &view->table, action);
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

/* Out of what is zoomed; after that filter and stars are taken away. */
static bool go_back(const struct view *view)
{
    struct flame_view *flame = view->state;
    if (flame_walk_zoom_out(&flame->walk))
        return true;
    bool was_found = flame->is_found && !*view->context->question.filter;
    if (!was_found)
        return false;
    free(flame->is_found);
    flame->is_found = NULL;
    return true;
}

/* Of a small part of the whole the tree has few cells: then it is built anew for that part. */
static void fetch_detail(struct view *view, struct reaction *reaction)
{
    const struct flame_view *flame = view->state;
    struct error error;
    if (flame_walk_lacks_detail(&flame->walk, view_additive_metric(view), min_share) &&
        !flame_load(view, &error))
        text_print(&reaction->message, "narrow cells are missing: %s", error.message);
}

static bool act(struct view *view, enum action action, struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    const struct flame_cell *cell = flame_walk_cell(&flame->walk);
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

static bool flame_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct flame_view *flame = view->state;
    uint32_t whole = flame_walk_whole(&flame->walk);
    bool is_done = act(view, action, reaction);
    if (flame_walk_whole(&flame->walk) != whole)
        fetch_detail(view, reaction);
    return is_done;
}

/* A click on what is selected zooms. */
static bool flame_click(struct view *view, size_t row, int column, struct reaction *reaction)
{
    struct flame_view *flame = view->state;
    size_t at = flame_layout_at(&flame->walk.layout, row, (uint32_t)column);
    if (at == FLAME_LAYOUT_NONE)
        return true;
    const struct flame_cell *cell = &flame->walk.layout.cells[at];
    if ((uint32_t)column < cell->column || (uint32_t)column >= cell->column + cell->columns)
        return true;
    if (at != flame->walk.selected)
        flame_walk_select(&flame->walk, &view->table, at);
    else
        return flame_act(view, ACTION_OPEN, reaction);
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
               units_format_percent(sum.values[metric],
                                    flame->walk.tree.nodes[0].figures.values[metric], share));
    return true;
}

static bool flame_find(struct view *view, const struct view_search *search,
                       struct reaction *reaction, struct error *error)
{
    struct flame_view *flame = view->state;
    size_t count = flame->walk.layout.count;
    mark_found(view, search);
    const struct flame_cells cells = cells_of(view);
    if (!tell_found(view, search, reaction, error))
        return false;
    for (size_t step = 1; step <= count; step++) {
        size_t cell = (flame->walk.selected + (search->is_backwards ? count - step : step)) % count;
        if (!flame_cells_is_found(&cells, &flame->walk.layout.cells[cell]))
            continue;
        flame_walk_select(&flame->walk, &view->table, cell);
        return true;
    }
    text_add(&reaction->message, "; no cell of it here");
    return true;
}

const struct view_ops view_flame = {
    .name = "flame",
    .title = "Flame",
    .digit = '4',
    .help = "the same as cells, each as wide as its part of the whole",
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
