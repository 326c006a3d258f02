/* Which row is selected, kept while the profile is replaced by a newer one. Who never moved stays
 * at the first row, whatever stands there; else the row is found again by its key
 * (view_ops.row_key), and stands where it stood on the screen. */
#ifndef SEEP_TUI_KEPT_ROW_H
#define SEEP_TUI_KEPT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view;

struct kept_row {
    bool is_kept;
    bool has_moved;
    uint64_t key;
    size_t row, offset; /* where it was, and how far below the first row that was shown */
    size_t first;       /* the row that was selected by itself */
};

/* Of a view that is loaded and has a row_key; also has it remember the rest. */
void kept_row_keep(struct view *view);

/* After it was loaded. */
void kept_row_find(struct view *view);

/* Keys of several values and texts: 64-bit FNV-1a. Begin with KEPT_ROW_KEY. */
#define KEPT_ROW_KEY UINT64_C(0xcbf29ce484222325)
uint64_t kept_row_add_number(uint64_t key, uint64_t number);
uint64_t kept_row_add_text(uint64_t key, const char *text); /* NULL is as "" */

#endif
