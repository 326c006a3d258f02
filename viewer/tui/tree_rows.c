#include "tui/tree_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    MAX_INDENT = 40,
    GLYPH_COLUMNS = 2
};

static struct tree_links links_of(const struct tree_rows *rows, uint32_t node)
{
    return rows->links_of(rows->context, node);
}

void tree_rows_set(struct tree_rows *rows, size_t node_count, tree_links_of links,
                   const void *context)
{
    rows->links_of = links;
    rows->context = context;
    rows->node_count = node_count;
    rows->is_open = memory_resize(rows->is_open, node_count + 1, sizeof *rows->is_open);
    rows->nodes = memory_resize(rows->nodes, node_count + 1, sizeof *rows->nodes);
    memset(rows->is_open, 0, node_count + 1);
    rows->count = 0;
}

void tree_rows_clear(struct tree_rows *rows)
{
    free(rows->is_open);
    free(rows->nodes);
    free(rows->remembered);
    *rows = (struct tree_rows){0};
}

/* Depth first, without recursion: a tree can be as deep as a stack. */
void tree_rows_show(struct tree_rows *rows, struct table *table)
{
    uint32_t node = rows->node_count ? links_of(rows, 0).first_child : TREE_ROWS_NONE;

    rows->count = 0;
    while (node != TREE_ROWS_NONE) {
        struct tree_links links = links_of(rows, node);

        rows->nodes[rows->count++] = node;
        if (rows->is_open[node] && links.first_child != TREE_ROWS_NONE) {
            node = links.first_child;
            continue;
        }
        for (; node != 0 && links.next_sibling == TREE_ROWS_NONE; links = links_of(rows, node))
            node = links.parent;
        node = node == 0 ? TREE_ROWS_NONE : links.next_sibling;
    }
    table->row_count = rows->count;
}

static int compare_keys(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return *a < *b ? -1 : *a > *b;
}

void tree_rows_remember(struct tree_rows *rows, tree_key_of key_of, const void *context)
{
    size_t count = 0;

    rows->remembered = memory_resize(rows->remembered, rows->node_count + 1,
                                     sizeof *rows->remembered);
    for (size_t i = 0; i < rows->node_count; i++)
        if (rows->is_open[i])
            rows->remembered[count++] = key_of(context, (uint32_t)i);
    qsort(rows->remembered, count, sizeof *rows->remembered, compare_keys);
    rows->remembered_count = count;
    rows->is_remembering = true;
}

bool tree_rows_recall(struct tree_rows *rows, tree_key_of key_of, const void *context)
{
    if (!rows->is_remembering)
        return false;
    rows->is_remembering = false;
    for (size_t i = 0; i < rows->node_count; i++) {
        uint64_t key = key_of(context, (uint32_t)i);

        rows->is_open[i] = bsearch(&key, rows->remembered, rows->remembered_count, sizeof key,
                                   compare_keys) != NULL;
    }
    return true;
}

bool tree_rows_is_leaf(const struct tree_rows *rows, uint32_t node)
{
    return links_of(rows, node).first_child == TREE_ROWS_NONE;
}

void tree_rows_select(const struct tree_rows *rows, struct table *table, uint32_t node)
{
    for (size_t row = 0; row < rows->count; row++)
        if (rows->nodes[row] == node)
            table->selected = row;
}

void tree_rows_open(struct tree_rows *rows, struct table *table, uint32_t node, bool is_open)
{
    rows->is_open[node] = is_open;
    tree_rows_show(rows, table);
    tree_rows_select(rows, table, node);
}

static void collapse_or_go_up(struct tree_rows *rows, struct table *table, uint32_t node)
{
    uint32_t parent = links_of(rows, node).parent;

    if (rows->is_open[node] && !tree_rows_is_leaf(rows, node))
        tree_rows_open(rows, table, node, false);
    else if (parent != 0 && parent != TREE_ROWS_NONE)
        tree_rows_select(rows, table, parent);
}

/* Parents stand before their children: one pass marks a subtree. */
static void open_below(struct tree_rows *rows, struct table *table, uint32_t top)
{
    uint8_t *is_below = memory_allocate_zeroed(rows->node_count, 1);

    is_below[top] = 1;
    for (uint32_t node = top + 1; node < rows->node_count; node++) {
        uint32_t parent = links_of(rows, node).parent;

        is_below[node] = parent != TREE_ROWS_NONE && is_below[parent];
        rows->is_open[node] |= is_below[node];
    }
    free(is_below);
    tree_rows_open(rows, table, top, true);
}

static void close_all(struct tree_rows *rows, struct table *table, uint32_t node)
{
    while (links_of(rows, node).parent != 0)
        node = links_of(rows, node).parent;
    memset(rows->is_open, 0, rows->node_count);
    tree_rows_open(rows, table, node, false);
}

bool tree_rows_act(struct tree_rows *rows, struct table *table, uint32_t node, enum action action)
{
    switch (action) {
    case ACTION_EXPAND:
        tree_rows_open(rows, table, node, true);
        return true;
    case ACTION_COLLAPSE:
        collapse_or_go_up(rows, table, node);
        return true;
    case ACTION_EXPAND_ALL:
        open_below(rows, table, node);
        return true;
    case ACTION_COLLAPSE_ALL:
        close_all(rows, table, node);
        return true;
    default:
        return false;
    }
}

struct table_place tree_rows_draw(const struct tree_rows *rows, struct screen *screen, int row,
                                  struct table_place place, uint32_t node, uint32_t depth)
{
    int indent = depth > 0 ? (int)(depth - 1) : 0;
    int most = place.columns / 2 < MAX_INDENT ? place.columns / 2 : MAX_INDENT;
    int shift = indent < most ? indent : most;
    enum glyph glyph = tree_rows_is_leaf(rows, node) ? GLYPH_LEAF
                       : rows->is_open[node]         ? GLYPH_OPEN
                                                     : GLYPH_CLOSED;

    screen_put(screen, row, place.column + shift, 1, STYLE_STRONG, screen_glyph(screen, glyph));
    shift += GLYPH_COLUMNS;
    return (struct table_place){place.column + shift, place.columns - shift};
}
