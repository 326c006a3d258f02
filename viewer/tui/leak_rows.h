/* What is lost as rows of a table: headings of the kinds, below each its leaks as long as it is
 * open, and at the end the processes that were not scanned, of which nobody knows. */
#ifndef SEEP_TUI_LEAK_ROWS_H
#define SEEP_TUI_LEAK_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/leak_list.h"
#include "analysis/leak_report.h"
#include "tui/table.h"

enum {
    LEAK_ROWS_UNSCANNED = LEAK_KIND_COUNT, /* a group of rows like the kinds */
    LEAK_ROWS_GROUPS
};

struct leak_row {
    unsigned group;
    bool is_heading;
    struct leak_line line;                       /* of a leak */
    const struct leak_report_process *unscanned; /* of those */
};

struct leak_rows {
    bool is_open[LEAK_ROWS_GROUPS];
    size_t shown[LEAK_ROWS_GROUPS]; /* how many rows each has when it is open */
    struct leak_row *items;
    size_t count, capacity;
};

/* Finds the rows anew, in the table's order, and tells it how many. They borrow from the report.
 * `process` and `is_kept` as in leak_list_build. Zeroed at first, cleared at last. */
void leak_rows_show(struct leak_rows *rows, struct table *table, const struct leak_report *report,
                    uint32_t process, const uint8_t *is_kept);
void leak_rows_clear(struct leak_rows *rows);

/* Whether a process is one of those that are asked for. */
bool leak_rows_is_asked(const struct leak_report_process *process, uint32_t asked);

/* NULL: there are no rows. */
const struct leak_row *leak_rows_selected(const struct leak_rows *rows, const struct table *table);
void leak_rows_select_heading(const struct leak_rows *rows, struct table *table, unsigned group);

#endif
