/* Where one is in a call tree that is laid out as cells: which node takes all columns, which cell
 * is selected, and where keys lead from there. Without a layout, as before the next drawing, the
 * place is known by its node, and so it is found again in another tree. */
#ifndef SEEP_TUI_FLAME_WALK_H
#define SEEP_TUI_FLAME_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/call_tree.h"
#include "analysis/flame_layout.h"
#include "analysis/profile.h"
#include "analysis/query.h"
#include "tui/key_bindings.h"
#include "tui/table.h"

enum {
    FLAME_WALK_MAX_ZOOMS = 64
};

struct flame_walk {
    struct call_tree tree;
    uint32_t zooms[FLAME_WALK_MAX_ZOOMS]; /* nodes that take all columns; the last counts */
    size_t zoom_count;
    struct flame_layout layout;
    int columns;     /* that it is laid out for; 0: not at all */
    size_t selected; /* a cell */
    uint32_t wanted; /* the node to select once it is laid out, or CALL_TREE_NONE */
};

/* Takes the tree over, and goes to the same places in it, as far as they are there. A walk is
 * zeroed at first, cleared at last. */
void flame_walk_set_tree(struct flame_walk *walk, struct table *table,
                         const struct profile *profile, const struct call_tree *tree);
void flame_walk_clear(struct flame_walk *walk);

/* Lets go of tree and place: the next tree is another one. */
void flame_walk_restart(struct flame_walk *walk);

/* Lays the cells out, if they are not for as many columns; a row of the table is a row of them. */
void flame_walk_fit(struct flame_walk *walk, struct table *table, enum query_metric metric,
                    int columns);

uint32_t flame_walk_whole(const struct flame_walk *walk);

/* Whether of what is zoomed in to the tree has left out more than `least_share` of it somewhere:
 * then one is wanted that has it in detail (call_tree_options). */
bool flame_walk_lacks_detail(const struct flame_walk *walk, enum query_metric metric,
                             double least_share);

/* The selected one; NULL: there is none. */
const struct flame_cell *flame_walk_cell(const struct flame_walk *walk);
void flame_walk_select(struct flame_walk *walk, struct table *table, size_t cell);

/* In to a node; and back to where it was zoomed in from, where what was the whole is selected.
 * False: it is not zoomed. */
void flame_walk_zoom_to(struct flame_walk *walk, uint32_t node);
bool flame_walk_zoom_out(struct flame_walk *walk);

/* False: another action. */
bool flame_walk_act(struct flame_walk *walk, struct table *table, enum action action);

#endif
