#include "tui/flame_walk.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/call_tree_search.h"
#include "base/memory.h"

/* ---- the tree ---- */

uint32_t flame_walk_whole(const struct flame_walk *walk)
{
    return walk->zoom_count ? walk->zooms[walk->zoom_count - 1] : 0;
}

/* Where the cells are before the next drawing is not known: their nodes are kept. */
static void forget_layout(struct flame_walk *walk)
{
    if (walk->columns && walk->selected < walk->layout.count && walk->wanted == CALL_TREE_NONE)
        walk->wanted = walk->layout.cells[walk->selected].node;
    walk->columns = 0;
}

/* The same places in another tree, as far as they are there. */
static void move_to_tree(struct flame_walk *walk, const struct profile *profile,
                         const struct call_tree *tree)
{
    if (!walk->tree.node_count)
        return;
    for (size_t i = 0; i < walk->zoom_count; i++)
        walk->zooms[i] = call_tree_find_again(profile, tree, &walk->tree, walk->zooms[i]);
    while (walk->zoom_count && walk->zooms[walk->zoom_count - 1] == 0)
        walk->zoom_count--;
    if (walk->wanted != CALL_TREE_NONE)
        walk->wanted = call_tree_find_again(profile, tree, &walk->tree, walk->wanted);
}

void flame_walk_set_tree(struct flame_walk *walk, struct table *table,
                         const struct profile *profile, const struct call_tree *tree)
{
    if (!walk->tree.node_count)
        walk->wanted = CALL_TREE_NONE;
    forget_layout(walk);
    move_to_tree(walk, profile, tree);
    call_tree_clear(&walk->tree);
    walk->tree = *tree;
    flame_layout_clear(&walk->layout);
    table->row_count = 0;
}

void flame_walk_clear(struct flame_walk *walk)
{
    call_tree_clear(&walk->tree);
    flame_layout_clear(&walk->layout);
}

void flame_walk_restart(struct flame_walk *walk)
{
    walk->zoom_count = 0;
    walk->columns = 0;
    walk->wanted = CALL_TREE_NONE;
    call_tree_clear(&walk->tree);
}

/* ---- the selected cell ---- */

const struct flame_cell *flame_walk_cell(const struct flame_walk *walk)
{
    return walk->selected < walk->layout.count ? &walk->layout.cells[walk->selected] : NULL;
}

void flame_walk_select(struct flame_walk *walk, struct table *table, size_t cell)
{
    if (cell >= walk->layout.count)
        return;
    walk->selected = cell;
    table->selected = walk->layout.cells[cell].row;
}

static void lay_out(struct flame_walk *walk, struct table *table, enum query_metric metric,
                    int columns)
{
    flame_layout_build(&walk->layout, &walk->tree, metric, flame_walk_whole(walk),
                       (uint32_t)columns);
    walk->columns = columns;
    table->row_count = walk->layout.row_count;
    size_t cell = FLAME_LAYOUT_NONE;
    for (uint32_t node = walk->wanted; node != CALL_TREE_NONE && cell == FLAME_LAYOUT_NONE;
         node = walk->tree.nodes[node].parent)
        cell = flame_layout_find(&walk->layout, node);
    walk->wanted = CALL_TREE_NONE;
    flame_walk_select(walk, table, cell == FLAME_LAYOUT_NONE ? 0 : cell);
}

/* The wheel moves the table's selection alone. */
static void follow_table(struct flame_walk *walk, struct table *table)
{
    const struct flame_cell *cell = flame_walk_cell(walk);
    if (cell && table->selected != cell->row)
        flame_walk_select(walk, table,
                          flame_layout_at(&walk->layout, table->selected, cell->column));
}

void flame_walk_fit(struct flame_walk *walk, struct table *table, enum query_metric metric,
                    int columns)
{
    if (walk->columns != columns) {
        forget_layout(walk);
        lay_out(walk, table, metric, columns);
    }
    follow_table(walk, table);
}

/* ---- zooming ---- */

void flame_walk_zoom_to(struct flame_walk *walk, uint32_t node)
{
    if (walk->zoom_count == FLAME_WALK_MAX_ZOOMS) {
        memmove(walk->zooms, walk->zooms + 1, (FLAME_WALK_MAX_ZOOMS - 1) * sizeof walk->zooms[0]);
        walk->zoom_count--;
    }
    walk->zooms[walk->zoom_count++] = node;
    forget_layout(walk);
    walk->wanted = node;
}

bool flame_walk_zoom_out(struct flame_walk *walk)
{
    if (!walk->zoom_count)
        return false;
    forget_layout(walk);
    walk->wanted = walk->zooms[--walk->zoom_count];
    return true;
}

/* Nodes stand behind their parents. */
bool flame_walk_lacks_detail(const struct flame_walk *walk, enum query_metric metric,
                             double least_share)
{
    const struct call_tree *tree = &walk->tree;
    uint32_t whole = flame_walk_whole(walk);
    if (whole == 0 || tree->nodes[whole].is_detailed)
        return false;
    double least = least_share * (double)tree->nodes[whole].figures.values[metric];
    uint8_t *is_below = memory_allocate_zeroed(tree->node_count, 1);
    bool is_lacking = false;
    for (size_t i = whole; i < tree->node_count && !is_lacking; i++) {
        const struct call_tree_node *node = &tree->nodes[i];
        is_below[i] = i == whole || is_below[node->parent];
        is_lacking = is_below[i] && node->pruned_count &&
                     (double)node->pruned.values[metric] >= least;
    }
    free(is_below);
    return is_lacking;
}

/* ---- moving ---- */

static void move_in_row(struct flame_walk *walk, struct table *table, int distance)
{
    size_t next = walk->selected + (size_t)distance;
    const struct flame_cell *cell = flame_walk_cell(walk);
    if (cell && next < walk->layout.count && walk->layout.cells[next].row == cell->row)
        flame_walk_select(walk, table, next);
}

/* At the top of what is zoomed the way up leads out of it. */
static void move_up(struct flame_walk *walk, struct table *table)
{
    size_t parent = flame_layout_parent(&walk->layout, walk->selected);
    if (parent != FLAME_LAYOUT_NONE) {
        flame_walk_select(walk, table, parent);
        return;
    }
    uint32_t whole = flame_walk_whole(walk);
    if (whole == 0)
        return;
    walk->zoom_count = 0;
    if (walk->tree.nodes[whole].parent != 0)
        flame_walk_zoom_to(walk, walk->tree.nodes[whole].parent);
    forget_layout(walk);
    walk->wanted = walk->tree.nodes[whole].parent;
}

/* Along the largest callees, to what allocates most. */
static void move_to_deepest(struct flame_walk *walk, struct table *table)
{
    size_t cell = walk->selected, child;
    while ((child = flame_layout_child(&walk->layout, cell)) != FLAME_LAYOUT_NONE &&
           !walk->layout.cells[child].gathered)
        cell = child;
    flame_walk_select(walk, table, cell);
}

static void move_page(struct flame_walk *walk, struct table *table, bool is_up)
{
    size_t next = walk->selected;
    for (size_t i = 1; i < table->page_rows && next != FLAME_LAYOUT_NONE; i++) {
        flame_walk_select(walk, table, next);
        next = is_up ? flame_layout_parent(&walk->layout, next)
                     : flame_layout_child(&walk->layout, next);
    }
    flame_walk_select(walk, table, next);
}

bool flame_walk_act(struct flame_walk *walk, struct table *table, enum action action)
{
    switch (action) {
    case ACTION_UP:
        move_up(walk, table);
        return true;
    case ACTION_DOWN:
        flame_walk_select(walk, table, flame_layout_child(&walk->layout, walk->selected));
        return true;
    case ACTION_LEFT:
    case ACTION_RIGHT:
        move_in_row(walk, table, action == ACTION_LEFT ? -1 : 1);
        return true;
    case ACTION_PAGE_UP:
    case ACTION_PAGE_DOWN:
        move_page(walk, table, action == ACTION_PAGE_UP);
        return true;
    case ACTION_FIRST:
        flame_walk_select(walk, table, 0);
        return true;
    case ACTION_LAST:
        move_to_deepest(walk, table);
        return true;
    default:
        return false;
    }
}
