#include "tui/flame_cells.h"

#include "analysis/own_code.h"
#include "base/units.h"
#include "tui/figures_table.h"

enum {
    MIN_NAME_COLUMNS = 3 /* in less, the beginning says more than both ends */
};

/* ---- what a cell is ---- */

const struct profile_location *flame_cells_location(const struct flame_cells *cells, uint32_t node)
{
    uint32_t location = cells->tree->nodes[node].location;
    return location < cells->profile->location_count ? &cells->profile->locations[location] : NULL;
}

const char *flame_cells_name(const struct flame_cells *cells, uint32_t node)
{
    const struct profile_location *location = flame_cells_location(cells, node);
    return location ? location->function : "all";
}

static void add_place(const struct flame_cells *cells, const struct flame_cell *cell,
                      struct text *out)
{
    const struct call_tree_node *node = &cells->tree->nodes[cell->node];
    const struct profile_location *location = flame_cells_location(cells, cell->node);
    if (cell->gathered || !location)
        return;
    uint32_t module = cells->profile->frames[node->frame].module_plus_1;
    if (node->is_inlined)
        text_add(out, "  (inlined)");
    else if (node->is_tail_call)
        text_add(out, "  (tail call)");
    if (location->file && node->line)
        text_print(out, "  %s:%u", text_file_name(location->file), node->line);
    else if (location->file)
        text_print(out, "  %s", text_file_name(location->file));
    else if (module)
        text_print(out, "  %s", cells->profile->modules[module - 1].name);
}

void flame_cells_add_name(const struct flame_cells *cells, const struct flame_cell *cell,
                          struct text *out)
{
    char count[UNITS_TEXT_BYTES];
    if (cell->gathered)
        text_print(out, "%s smaller of ", units_format_count(cell->gathered, count));
    text_add(out, flame_cells_name(cells, cell->node));
    add_place(cells, cell, out);
}

void flame_cells_add_figures(const struct flame_cells *cells, const struct flame_cell *cell,
                             struct text *out)
{
    const struct call_tree_node *node = &cells->tree->nodes[cell->node];
    enum query_metric metric = cells->metric;
    uint32_t whole = cells->whole;
    uint64_t all = cells->tree->nodes[0].figures.values[metric];
    char text[UNITS_TEXT_BYTES];
    text_print(out, "%s %s", figures_format(metric, cell->value, text),
               query_metric_at(metric)->name);
    text_print(out, ", %s of all", units_format_percent(cell->value, all, text));
    if (whole)
        text_print(out, ", %s of %s",
                   units_format_percent(cell->value,
                                        cells->tree->nodes[whole].figures.values[metric], text),
                   flame_cells_name(cells, whole));
    if (cell->gathered)
        return;
    if (node->self.values[metric])
        text_print(out, "; itself %s", figures_format(metric, node->self.values[metric], text));
    if (metric != QUERY_ALLOCATIONS)
        text_print(out, "; %s call%s",
                   units_format_count(node->figures.values[QUERY_ALLOCATIONS], text),
                   units_plural(node->figures.values[QUERY_ALLOCATIONS]));
}

bool flame_cells_is_found(const struct flame_cells *cells, const struct flame_cell *cell)
{
    uint32_t location = cells->tree->nodes[cell->node].location;
    return cells->is_found && !cell->gathered && location != CALL_TREE_NONE &&
           cells->is_found[location];
}

/* ---- how it looks ---- */

static enum style style_of(const struct flame_cells *cells, const struct flame_cell *cell)
{
    const struct profile_location *location = flame_cells_location(cells, cell->node);
    if (cell->gathered)
        return STYLE_FAINT;
    if (flame_cells_is_found(cells, cell))
        return STYLE_FOUND;
    const struct profile_frame *frame =
        location ? &cells->profile->frames[cells->tree->nodes[cell->node].frame] : NULL;
    return !frame || own_code_is_own(cells->profile, frame, location) ? STYLE_FLAME
                                                                      : STYLE_FLAME_FOREIGN;
}

static void draw_label(const struct flame_cells *cells, struct screen *screen, int row, int column,
                       int columns, enum style style, const struct flame_cell *cell)
{
    struct text label = {0};
    if (flame_cells_is_found(cells, cell))
        text_add(&label, "*");
    if (cell->gathered)
        text_print(&label, "+%u", cell->gathered);
    else
        text_add(&label, own_code_qualified_name(flame_cells_name(cells, cell->node)));
    if (columns > MIN_NAME_COLUMNS)
        screen_put_cut(screen, row, column, columns, style, text_get(&label));
    else
        screen_put(screen, row, column, columns, style, text_get(&label));
    text_clear(&label);
}

static void draw_cell(const struct flame_cells *cells, struct screen *screen, int row,
                      const struct flame_cell *cell, bool has_neighbour, bool is_selected)
{
    int column = (int)cell->column, columns = (int)cell->columns;
    enum style style = is_selected ? STYLE_SELECTED : style_of(cells, cell);
    const char *edge = screen_glyph(screen, GLYPH_VERTICAL);
    bool is_closed = columns > 1 && (is_selected || !has_neighbour);
    screen_fill(screen, (struct area){row, column, 1, columns}, style, ' ');
    if (columns == 1) {
        const char *only = is_selected ? ">" : flame_cells_is_found(cells, cell) ? "*" : edge;
        screen_put(screen, row, column, 1, style, only);
        return;
    }
    screen_put(screen, row, column, 1, style, is_selected ? "[" : edge);
    draw_label(cells, screen, row, column + 1, columns - 1 - is_closed, style, cell);
    if (is_closed)
        screen_put(screen, row, column + columns - 1, 1, style, is_selected ? "]" : edge);
}

void flame_cells_draw_row(const struct flame_cells *cells, const struct flame_layout *layout,
                          struct screen *screen, struct area area, size_t row, size_t selected)
{
    for (size_t i = layout->rows[row]; i < layout->rows[row + 1]; i++) {
        const struct flame_cell *cell = &layout->cells[i];
        bool has_neighbour = i + 1 < layout->rows[row + 1] &&
                             layout->cells[i + 1].column == cell->column + cell->columns;
        draw_cell(cells, screen, area.row, cell, has_neighbour, i == selected);
        if (i != selected)
            continue;
        screen->cursor_row = area.row;
        screen->cursor_column = area.column + (int)cell->column;
    }
}

void flame_cells_draw_in_full(const struct flame_cells *cells, const struct flame_cell *cell,
                              struct screen *screen, struct area area)
{
    struct text text = {0};
    flame_cells_add_figures(cells, cell, &text);
    screen_put(screen, area.row, 1, area.columns - 2, STYLE_STRONG, text_get(&text));
    text_clear(&text);
    flame_cells_add_name(cells, cell, &text);
    screen_put_lines(screen, (struct area){area.row + 1, 1, area.rows - 1, area.columns - 2},
                     STYLE_FUNCTION, text_get(&text));
    text_clear(&text);
}
