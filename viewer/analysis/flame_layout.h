/* A call tree as an icicle: each node a cell below its parent's, as wide as its part of the whole.
 *
 * Cells are columns of characters, so narrow ones vanish. Children stand by their figure, largest
 * first: those too narrow are all at the right, and are gathered into one cell as far as they fill
 * a column together. Where stacks end in a node itself, nothing stands below it, at the right. */
#ifndef SEEP_ANALYSIS_FLAME_LAYOUT_H
#define SEEP_ANALYSIS_FLAME_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/call_tree.h"
#include "analysis/query.h"

#define FLAME_LAYOUT_NONE SIZE_MAX

struct flame_cell {
    uint32_t node;     /* of the tree; of gathered ones their parent */
    uint32_t gathered; /* how many nodes it gathers; 0: it is the node itself */
    uint32_t row;
    uint32_t column, columns;
    uint64_t value;  /* of the metric */
    uint64_t offset; /* where it begins, as `value` from the start of the first cell */
};

struct flame_layout {
    struct flame_cell *cells; /* row by row, from left to right; the first is the widest */
    size_t count, capacity;
    size_t *rows; /* the first cell of each row; one more entry than rows: the end */
    size_t row_count, row_capacity;
};

/* `zoomed` takes all columns; nothing but what is below it is laid out. A node with nothing of the
 * metric has no cells. A layout is filled anew each time; zeroed at first, cleared at last. */
void flame_layout_build(struct flame_layout *layout, const struct call_tree *tree,
                        enum query_metric metric, uint32_t zoomed, uint32_t columns);
void flame_layout_clear(struct flame_layout *layout);

/* Positions of cells, or FLAME_LAYOUT_NONE: of a node; of what stands at a place or left of it in
 * its row; of what called a cell; of the largest that it calls. */
size_t flame_layout_find(const struct flame_layout *layout, uint32_t node);
size_t flame_layout_at(const struct flame_layout *layout, size_t row, uint32_t column);
size_t flame_layout_parent(const struct flame_layout *layout, size_t cell);
size_t flame_layout_child(const struct flame_layout *layout, size_t cell);

#endif
