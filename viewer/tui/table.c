#include "tui/table.h"

#include <string.h>

/* The flexible column gets at least a third of the window: names matter more than a ninth figure.
 */
static int least_columns(const struct table_column *column, int width)
{
    return column->is_flexible && column->columns < width / 3 ? width / 3 : column->columns;
}

static int width_of(const struct table *table, const bool *is_shown, int window)
{
    int width = TABLE_MARK_COLUMNS;
    for (size_t i = 0; i < table->column_count; i++)
        if (is_shown[i])
            width += least_columns(&table->columns[i], window) + 1;
    return width;
}

/* The shown column that is missed least; column_count when only flexible and sorted ones stand. */
static size_t least_important(const struct table *table, const bool *is_shown)
{
    size_t least = table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        bool is_sorted = column->sort_key != TABLE_NO_SORT && column->sort_key == table->sort_key;
        if (!is_shown[i] || column->is_flexible || is_sorted)
            continue;
        if (least == table->column_count || column->importance < table->columns[least].importance)
            least = i;
    }
    return least;
}

void table_lay_out(struct table *table, int width)
{
    bool is_shown[TABLE_MAX_COLUMNS];
    for (size_t i = 0; i < table->column_count; i++)
        is_shown[i] = true;
    while (width_of(table, is_shown, width) > width) {
        size_t dropped = least_important(table, is_shown);
        if (dropped == table->column_count)
            break;
        is_shown[dropped] = false;
    }
    int spare = width - width_of(table, is_shown, width);
    int column = TABLE_MARK_COLUMNS;
    memset(table->places, 0, sizeof table->places);
    for (size_t i = 0; i < table->column_count; i++) {
        if (!is_shown[i])
            continue;
        int columns = least_columns(&table->columns[i], width) +
                      (table->columns[i].is_flexible ? spare : 0);
        if (columns < 1)
            columns = 1;
        table->places[i] = (struct table_place){column, columns};
        column += columns + 1;
    }
}

void table_draw_cell(const struct table *table, struct screen *screen, int row, size_t column,
                     enum style style, const char *text)
{
    struct table_place place = table_place(table, column);

    screen_put_right(screen, row, place.column, place.columns, style, text);
}

void table_draw_header(const struct table *table, struct screen *screen, int row)
{
    screen_fill(screen, (struct area){row, 0, 1, screen->columns}, STYLE_HEADER, ' ');
    for (size_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        struct table_place place = table->places[i];
        bool is_sorted = column->sort_key != TABLE_NO_SORT && column->sort_key == table->sort_key;
        enum style style = is_sorted ? STYLE_SORTED : STYLE_HEADER;
        if (!place.columns)
            continue;
        char title[64];
        const char *arrow = screen_glyph(screen, table->is_inverted ? GLYPH_UP : GLYPH_DOWN);
        size_t used = 0;
        if (is_sorted && column->is_right) {
            used = strlen(arrow);
            memcpy(title, arrow, used);
        }
        title[used] = '\0';
        strncat(title, column->title, sizeof title - used - 8);
        if (is_sorted && !column->is_right)
            strcat(title, arrow);
        if (column->is_right)
            screen_put_right(screen, row, place.column, place.columns, style, title);
        else
            screen_put(screen, row, place.column, place.columns, style, title);
    }
}

static bool can_select(const struct table *table, size_t row)
{
    return !table->can_select || table->can_select(table->context, row);
}

/* The nearest selectable row from `row` (cut to the last) on in a direction, else in the other. */
static size_t nearest(const struct table *table, size_t row, int direction)
{
    if (row >= table->row_count)
        row = table->row_count ? table->row_count - 1 : 0;
    for (int pass = 0; pass < 2; pass++, direction = -direction)
        for (size_t at = row; at < table->row_count; at += (size_t)direction)
            if (can_select(table, at))
                return at;
    return row;
}

void table_move_to(struct table *table, size_t row)
{
    if (table->row_count == 0) {
        table->selected = 0;
        return;
    }
    if (row >= table->row_count)
        row = table->row_count - 1;
    table->selected = nearest(table, row, row >= table->selected ? 1 : -1);
}

void table_move(struct table *table, long rows)
{
    size_t distance = (size_t)(rows < 0 ? -rows : rows);
    if (rows < 0)
        table_move_to(table, distance > table->selected ? 0 : table->selected - distance);
    else
        table_move_to(table, table->selected + distance);
}

void table_scroll_to_selected(struct table *table, size_t page_rows)
{
    table->page_rows = page_rows ? page_rows : 1;
    if (table->selected >= table->row_count)
        table->selected = table->row_count ? table->row_count - 1 : 0;
    if (table->row_count && !can_select(table, table->selected))
        table->selected = nearest(table, table->selected, 1);
    if (table->selected < table->top)
        table->top = table->selected;
    if (table->selected >= table->top + table->page_rows)
        table->top = table->selected - table->page_rows + 1;
    size_t last_top = table->row_count > table->page_rows ? table->row_count - table->page_rows : 0;
    if (table->top > last_top)
        table->top = last_top;
}

void table_scroll(struct table *table, long rows)
{
    size_t page_rows = table->page_rows ? table->page_rows : 1; /* 0: never drawn */
    size_t last_top = table->row_count > page_rows ? table->row_count - page_rows : 0;
    size_t distance = (size_t)(rows < 0 ? -rows : rows);
    if (rows < 0)
        table->top = distance > table->top ? 0 : table->top - distance;
    else
        table->top = table->top + distance > last_top ? last_top : table->top + distance;
    if (table->selected < table->top)
        table->selected = nearest(table, table->top, 1);
    if (table->selected >= table->top + page_rows)
        table->selected = nearest(table, table->top + page_rows - 1, -1);
}

struct table_place table_place(const struct table *table, size_t column)
{
    return column < table->column_count ? table->places[column] : (struct table_place){0, 0};
}

int table_neighbour_sort_key(const struct table *table, int direction)
{
    size_t sorted = table->column_count;
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].sort_key == table->sort_key &&
            table->columns[i].sort_key != TABLE_NO_SORT)
            sorted = i;
    if (sorted == table->column_count)
        return TABLE_NO_SORT;
    for (size_t i = sorted + (size_t)direction; i < table->column_count; i += (size_t)direction)
        if (table->columns[i].sort_key != TABLE_NO_SORT)
            return table->columns[i].sort_key;
    return TABLE_NO_SORT;
}

int table_sort_key_at(const struct table *table, int column)
{
    for (size_t i = 0; i < table->column_count; i++) {
        struct table_place place = table->places[i];
        if (place.columns && column >= place.column && column < place.column + place.columns)
            return table->columns[i].sort_key;
    }
    return TABLE_NO_SORT;
}
