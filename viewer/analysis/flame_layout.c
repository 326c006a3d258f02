#include "analysis/flame_layout.h"

#include <stdlib.h>

#include "base/memory.h"

struct scale {
    uint64_t whole;
    uint32_t columns;
    unsigned shift; /* so that a product fits into 64 bits */
};

static struct scale make_scale(uint64_t whole, uint32_t columns)
{
    struct scale scale = {whole, columns, 0};
    while (scale.whole >> (64 - 12 - 1)) {
        scale.whole >>= 1;
        scale.shift++;
    }
    return scale;
}

/* Every edge is rounded from the start of the whole, so that cells below each other agree. */
static uint32_t column_of(const struct scale *scale, uint64_t offset)
{
    uint64_t part = offset >> scale->shift;
    if (part >= scale->whole)
        return scale->columns;
    return (uint32_t)((part * scale->columns + scale->whole / 2) / scale->whole);
}

static void add_cell(struct flame_layout *layout, struct flame_cell cell)
{
    layout->cells = memory_grow(layout->cells, &layout->capacity, layout->count + 1,
                                sizeof *layout->cells);
    layout->cells[layout->count++] = cell;
}

/* What is too narrow by itself, and what the tree left out: one cell behind the others. */
static void gather(struct flame_layout *layout, const struct call_tree *tree,
                   enum query_metric metric, const struct scale *scale, struct flame_cell below,
                   uint32_t child)
{
    const struct call_tree_node *parent = &tree->nodes[below.node];
    below.gathered = parent->pruned_count;
    below.value = parent->pruned.values[metric];
    for (; child != CALL_TREE_NONE; child = tree->nodes[child].next_sibling) {
        below.gathered++;
        below.value += tree->nodes[child].figures.values[metric];
    }
    below.columns = column_of(scale, below.offset + below.value) - below.column;
    if (below.gathered && below.columns)
        add_cell(layout, below);
}

static void add_children(struct flame_layout *layout, const struct call_tree *tree,
                         enum query_metric metric, const struct scale *scale, size_t above)
{
    struct flame_cell parent = layout->cells[above];
    struct flame_cell cell = {.node = parent.node,
                              .row = parent.row + 1,
                              .offset = parent.offset,
                              .column = parent.column};
    uint32_t child = tree->nodes[parent.node].first_child;
    for (; child != CALL_TREE_NONE; child = tree->nodes[child].next_sibling) {
        cell.node = child;
        cell.value = tree->nodes[child].figures.values[metric];
        uint32_t end = column_of(scale, cell.offset + cell.value);
        if (end == cell.column)
            break;
        cell.columns = end - cell.column;
        add_cell(layout, cell);
        cell.offset += cell.value;
        cell.column = end;
    }
    cell.node = parent.node;
    gather(layout, tree, metric, scale, cell, child);
}

static void begin_row(struct flame_layout *layout, size_t first)
{
    layout->rows = memory_grow(layout->rows, &layout->row_capacity, layout->row_count + 2,
                               sizeof *layout->rows);
    layout->rows[layout->row_count++] = first;
}

void flame_layout_build(struct flame_layout *layout, const struct call_tree *tree,
                        enum query_metric metric, uint32_t zoomed, uint32_t columns)
{
    uint64_t whole = tree->node_count ? tree->nodes[zoomed].figures.values[metric] : 0;
    struct scale scale = make_scale(whole, columns);
    layout->count = layout->row_count = 0;
    if (!whole || !columns)
        return;
    add_cell(layout, (struct flame_cell){.node = zoomed, .columns = columns, .value = whole});
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->cells[i].row == layout->row_count)
            begin_row(layout, i);
        if (!layout->cells[i].gathered)
            add_children(layout, tree, metric, &scale, i);
    }
    layout->rows[layout->row_count] = layout->count;
}

void flame_layout_clear(struct flame_layout *layout)
{
    free(layout->cells);
    free(layout->rows);
    *layout = (struct flame_layout){0};
}

size_t flame_layout_find(const struct flame_layout *layout, uint32_t node)
{
    for (size_t i = 0; i < layout->count; i++)
        if (layout->cells[i].node == node && !layout->cells[i].gathered)
            return i;
    return FLAME_LAYOUT_NONE;
}

size_t flame_layout_at(const struct flame_layout *layout, size_t row, uint32_t column)
{
    if (row >= layout->row_count)
        return FLAME_LAYOUT_NONE;
    size_t at = layout->rows[row];
    while (at + 1 < layout->rows[row + 1] && layout->cells[at + 1].column <= column)
        at++;
    return at;
}

size_t flame_layout_parent(const struct flame_layout *layout, size_t cell)
{
    const struct flame_cell *below = &layout->cells[cell];
    return below->row == 0 ? FLAME_LAYOUT_NONE
                           : flame_layout_at(layout, below->row - 1, below->column);
}

/* The first child begins where its parent does. */
size_t flame_layout_child(const struct flame_layout *layout, size_t cell)
{
    uint32_t column = layout->cells[cell].column;
    size_t child = flame_layout_at(layout, layout->cells[cell].row + 1, column);
    if (child == FLAME_LAYOUT_NONE || layout->cells[child].column != column)
        return FLAME_LAYOUT_NONE;
    return child;
}
