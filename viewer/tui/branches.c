#include "tui/branches.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"

static void clear_items(struct branches *branches)
{
    for (size_t i = 0; i < branches->count; i++)
        free(branches->items[i].text);
    branches->count = 0;
}

void branches_clear(struct branches *branches)
{
    clear_items(branches);
    free(branches->items);
    tree_rows_clear(&branches->rows);
}

void branches_restart(struct branches *branches)
{
    clear_items(branches);
    branches_add(branches, TREE_ROWS_NONE, memory_duplicate_text(""));
}

/* ---- rows ---- */

uint32_t branches_add(struct branches *branches, uint32_t parent, char *text)
{
    uint32_t number = (uint32_t)branches->count;
    branches->items = memory_grow(branches->items, &branches->capacity, branches->count + 1,
                                  sizeof *branches->items);
    branches->items[branches->count++] = (struct branch){.parent = parent,
                                                         .first_child = TREE_ROWS_NONE,
                                                         .last_child = TREE_ROWS_NONE,
                                                         .next_sibling = TREE_ROWS_NONE,
                                                         .text = text};
    for (size_t i = 0; i < BRANCH_FIGURES; i++)
        branches->items[number].figures[i] = BRANCH_NOT_KNOWN;
    if (parent == TREE_ROWS_NONE)
        return number;
    struct branch *above = &branches->items[parent];
    branches->items[number].depth = above->depth + 1;
    if (above->last_child == TREE_ROWS_NONE)
        above->first_child = number;
    else
        branches->items[above->last_child].next_sibling = number;
    above->last_child = number;
    return number;
}

uint32_t branches_add_note(struct branches *branches, uint32_t parent, const char *text)
{
    uint32_t number = branches_add(branches, parent, memory_duplicate_text(text));
    branches->items[number].is_note = true;
    return number;
}

size_t branches_child_count(const struct branches *branches, uint32_t number)
{
    size_t count = 0;
    for (uint32_t child = branches->items[number].first_child; child != TREE_ROWS_NONE;
         child = branches->items[child].next_sibling)
        count++;
    return count;
}

const struct branch *branches_at(const struct branches *branches, size_t row)
{
    return &branches->items[branches->rows.nodes[row]];
}

/* ---- showing ---- */

static bool is_known(const struct branches *branches, size_t figure)
{
    for (size_t i = 0; i < branches->count; i++)
        if (branches->items[i].figures[figure] != BRANCH_NOT_KNOWN)
            return true;
    return false;
}

void branches_choose_columns(struct branches *branches, struct table *table,
                             const struct table_column columns[BRANCH_COLUMNS],
                             const bool is_count[BRANCH_FIGURES],
                             const bool is_optional[BRANCH_FIGURES])
{
    size_t count = 0;
    for (size_t i = 0; i < BRANCH_FIGURES; i++) {
        if (is_optional[i] && !is_known(branches, i))
            continue;
        branches->figure_at[count] = i;
        branches->is_count_at[count] = is_count[i];
        branches->columns[count++] = columns[i];
    }
    branches->figure_count = count;
    branches->columns[count] = columns[BRANCH_FIGURES];
    table->columns = branches->columns;
    table->column_count = count + 1;
}

static struct tree_links links_of(const void *context, uint32_t number)
{
    const struct branch *item = &((const struct branches *)context)->items[number];
    return (struct tree_links){item->parent, item->first_child, item->next_sibling};
}

void branches_show(struct branches *branches, struct table *table,
                   bool (*is_open)(const struct branches *branches, uint32_t number))
{
    tree_rows_set(&branches->rows, branches->count, links_of, branches);
    for (uint32_t i = 0; i < branches->count; i++)
        branches->rows.is_open[i] = is_open(branches, i);
    table->selected = table->top = 0;
    tree_rows_show(&branches->rows, table);
}

/* Returns whether there are any. */
static bool draw_figures(const struct branches *branches, const struct table *table,
                         struct screen *screen, int row, const struct branch *item)
{
    bool has_figures = false;
    for (size_t i = 0; i < branches->figure_count; i++) {
        uint64_t figure = item->figures[branches->figure_at[i]];
        char text[UNITS_TEXT_BYTES];
        if (figure == BRANCH_NOT_KNOWN)
            continue;
        has_figures = true;
        table_draw_cell(table, screen, row, i, i == 0 ? STYLE_STRONG : STYLE_TEXT,
                        branches->is_count_at[i] ? units_format_count(figure, text)
                                                 : units_format_size(figure, text));
    }
    return has_figures;
}

void branches_draw_row(const struct branches *branches, const struct table *table,
                       struct screen *screen, struct area area, size_t row)
{
    uint32_t number = branches->rows.nodes[row];
    const struct branch *item = &branches->items[number];
    struct table_place place = table_place(table, table->column_count - 1);
    bool has_figures = draw_figures(branches, table, screen, area.row, item);
    if (!has_figures && (item->is_note || item->depth == 1)) {
        /* Sentences take the room that figures leave. */
        place.columns += place.column - area.column - 1;
        place.column = area.column + 1;
    }
    place = tree_rows_draw(&branches->rows, screen, area.row, place, number, item->depth - 1);
    screen_put_cut(screen, area.row, place.column, place.columns,
                   item->is_note      ? STYLE_FAINT
                   : item->depth <= 2 ? STYLE_STRONG
                                      : STYLE_FUNCTION,
                   item->text);
}

void branches_draw_below(const struct branches *branches, const struct table *table,
                         struct screen *screen, struct area area)
{
    if (branches->rows.count)
        screen_put_sentence(screen, (struct area){area.row, 1, area.rows, area.columns - 2},
                            STYLE_TEXT, branches_at(branches, table->selected)->text);
}

bool branches_act(struct branches *branches, struct table *table, enum action action)
{
    if (!branches->rows.count)
        return false;
    uint32_t number = branches->rows.nodes[table->selected];
    if (action != ACTION_OPEN)
        return tree_rows_act(&branches->rows, table, number, action);
    if (!tree_rows_is_leaf(&branches->rows, number))
        tree_rows_open(&branches->rows, table, number, !branches->rows.is_open[number]);
    return true;
}
