/* The cells of a call tree that is laid out (analysis/flame_layout.h): what each is called, what
 * it tells, and how it looks. A selected cell stands in brackets, a found one has a star: colours
 * only add to that. */
#ifndef SEEP_TUI_FLAME_CELLS_H
#define SEEP_TUI_FLAME_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/call_tree.h"
#include "analysis/flame_layout.h"
#include "analysis/profile.h"
#include "analysis/query.h"
#include "base/text.h"
#include "tui/screen.h"

/* What they are of; all borrowed. */
struct flame_cells {
    const struct profile *profile;
    const struct call_tree *tree;
    enum query_metric metric;
    uint32_t whole;          /* the node that takes all columns */
    const uint8_t *is_found; /* by location; NULL: nothing is searched for */
};

/* NULL: of the root, which is all. */
const struct profile_location *flame_cells_location(const struct flame_cells *cells, uint32_t node);
const char *flame_cells_name(const struct flame_cells *cells, uint32_t node);
bool flame_cells_is_found(const struct flame_cells *cells, const struct flame_cell *cell);

/* Its name, and in which line or module that is. */
void flame_cells_add_name(const struct flame_cells *cells, const struct flame_cell *cell,
                          struct text *out);

/* "600 KiB live, 7.9 % of all, 45.1 % of main; itself 12 KiB; 1,513 calls". */
void flame_cells_add_figures(const struct flame_cells *cells, const struct flame_cell *cell,
                             struct text *out);

/* One row of the layout; `selected` is the position of a cell, which gets the cursor when it is in
 * that row, or FLAME_LAYOUT_NONE. */
void flame_cells_draw_row(const struct flame_cells *cells, const struct flame_layout *layout,
                          struct screen *screen, struct area area, size_t row, size_t selected);

/* A cell in full: figures, then name and place in as many lines as there are. */
void flame_cells_draw_in_full(const struct flame_cells *cells, const struct flame_cell *cell,
                              struct screen *screen, struct area area);

#endif
