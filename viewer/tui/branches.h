/* Rows of figures below each other, as branches that open and close: what a view tells that is no
 * table of sites. Each row has a text behind its figures, or is a sentence that explains. */
#ifndef SEEP_TUI_BRANCHES_H
#define SEEP_TUI_BRANCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/key_bindings.h"
#include "tui/screen.h"
#include "tui/table.h"
#include "tui/tree_rows.h"

#define BRANCH_NOT_KNOWN UINT64_MAX /* of a figure: nothing stands there */

enum {
    BRANCH_FIGURES = 3, /* columns before the text */
    BRANCH_COLUMNS = BRANCH_FIGURES + 1
};

struct branch {
    uint32_t parent, first_child, last_child, next_sibling, depth;
    uint64_t figures[BRANCH_FIGURES];
    char *text;
    bool is_note; /* a sentence that explains */
};

/* A zeroed one is empty. */
struct branches {
    struct branch *items; /* the first is the root, which is not shown */
    size_t count, capacity;
    struct tree_rows rows;
    struct table_column columns[BRANCH_COLUMNS];
    size_t figure_count;              /* columns that are shown */
    size_t figure_at[BRANCH_FIGURES]; /* of each the position in `figures` */
    bool is_count_at[BRANCH_FIGURES]; /* else bytes */
};

void branches_clear(struct branches *branches);

/* Takes all rows away; the root is 0. */
void branches_restart(struct branches *branches);

/* Adds the last child of a row, without figures; its position. Takes the text over. */
uint32_t branches_add(struct branches *branches, uint32_t parent, char *text);
uint32_t branches_add_note(struct branches *branches, uint32_t parent, const char *text);

/* Shows the columns of which some row has a figure, and those that are not optional; the last of
 * `columns` is the text's. */
void branches_choose_columns(struct branches *branches, struct table *table,
                             const struct table_column columns[BRANCH_COLUMNS],
                             const bool is_count[BRANCH_FIGURES],
                             const bool is_optional[BRANCH_FIGURES]);

/* All rows are there: those for which is_open says so are open. */
void branches_show(struct branches *branches, struct table *table,
                   bool (*is_open)(const struct branches *branches, uint32_t number));

size_t branches_child_count(const struct branches *branches, uint32_t number);

/* What stands in a row. */
const struct branch *branches_at(const struct branches *branches, size_t row);

/* As `draw_below` of view.h: the text of a row in full, where rows cut long ones. */
void branches_draw_below(const struct branches *branches, const struct table *table,
                         struct screen *screen, struct area area);

/* As `draw_row` and `act` of view.h. */
void branches_draw_row(const struct branches *branches, const struct table *table,
                       struct screen *screen, struct area area, size_t row);
bool branches_act(struct branches *branches, struct table *table, enum action action);

#endif
