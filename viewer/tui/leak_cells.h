/* How rows of leaks look in the columns of a table, and what else there is to say of one. */
#ifndef SEEP_TUI_LEAK_CELLS_H
#define SEEP_TUI_LEAK_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/leak_report.h"
#include "analysis/profile.h"
#include "base/text.h"
#include "tui/leak_rows.h"
#include "tui/leak_words.h"
#include "tui/screen.h"
#include "tui/table.h"

/* What they are of; all borrowed. */
struct leak_cells {
    const struct profile *profile; /* that is shown, which names processes */
    struct leak_words words;
    const struct leak_report *report;
    const struct leak_rows *rows;
    const struct table *table;
    uint32_t process; /* that is asked for, or QUERY_ALL_PROCESSES */
};

/* Gives a table their columns, and the order of leaks if it has none. `has_several`: with one for
 * processes. */
void leak_cells_set_columns(struct table *table, bool has_several);

void leak_cells_draw_row(const struct leak_cells *cells, const struct leak_row *row,
                         struct screen *screen, struct area area);

/* What a row is about, for searching. */
void leak_cells_add_text(const struct leak_cells *cells, const struct leak_row *row,
                         struct text *out);

/* In a sentence: what a kind is, what to do about a process, where a leak comes from. */
void leak_cells_add_details(const struct leak_cells *cells, const struct leak_row *row,
                            struct text *out);

#endif
