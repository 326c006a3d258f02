/* Rows to walk through, under columns that fit the window: which row is selected, which are shown,
 * where each column stands. Knows nothing of what the rows hold. */
#ifndef SEEP_TUI_TABLE_H
#define SEEP_TUI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "tui/screen.h"

enum {
    TABLE_MAX_COLUMNS = 24,
    TABLE_NO_SORT = -1,
    TABLE_MARK_COLUMNS = 1
};

struct table_column {
    const char *title;
    int columns; /* width; of the one flexible column the least that it should get */
    bool is_flexible;
    bool is_right;
    int importance; /* when the window is narrow the lowest goes first; flexible ones stay */
    int sort_key;   /* what the view sorts by when this is chosen, or TABLE_NO_SORT */
};

struct table_place {
    int column;
    int columns; /* 0: not shown */
};

struct table {
    const struct table_column *columns; /* borrowed from the view */
    size_t column_count;
    size_t row_count;
    size_t selected;  /* < row_count, or 0 */
    size_t top;       /* the first row shown */
    size_t page_rows; /* as last drawn */
    int sort_key;     /* the column with this key wears the arrow */
    bool is_inverted;
    struct table_place places[TABLE_MAX_COLUMNS];        /* as last laid out */
    bool (*can_select)(const void *context, size_t row); /* NULL: every row */
    const void *context;
};

/* Distributes `width` columns; leaves the mark's column at the left. */
void table_lay_out(struct table *table, int width);

/* Column titles, the sorted one with its arrow. */
void table_draw_header(const struct table *table, struct screen *screen, int row);

/* Keeps `selected` in the rows and visible in `page_rows` rows. */
void table_scroll_to_selected(struct table *table, size_t page_rows);

/* Moves the selection by rows, over rows that cannot be selected. */
void table_move(struct table *table, long rows);
void table_move_to(struct table *table, size_t row);

/* Scrolls the page without moving the selection out of it. */
void table_scroll(struct table *table, long rows);

/* The place of a column on screen, for drawing cells. */
struct table_place table_place(const struct table *table, size_t column);

/* A cell's text, at the right of its column. */
void table_draw_cell(const struct table *table, struct screen *screen, int row, size_t column,
                     enum style style, const char *text);

/* The column with the sort key before (-1) or after (+1) the current one among those that can be
 * sorted; TABLE_NO_SORT when there is none. */
int table_neighbour_sort_key(const struct table *table, int direction);

/* The sort key of the title at a screen column, or TABLE_NO_SORT. */
int table_sort_key_at(const struct table *table, int column);

#endif
