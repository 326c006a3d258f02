/* The heap of a Python interpreter as rows of figures and texts, which open and close: its arenas
 * and what pins them, sizes of blocks, types, garbage with its cycles step by step, free lists.
 * What an interpreter has none of is left out. */
#ifndef SEEP_TUI_PYTHON_ROWS_H
#define SEEP_TUI_PYTHON_ROWS_H

#include "analysis/python_heaps.h"
#include "tui/branches.h"

enum {
    PYTHON_COLUMN_BYTES,
    PYTHON_COLUMN_COUNT,
    PYTHON_COLUMN_RETAINED,
    PYTHON_COLUMN_NAME,
    PYTHON_COLUMN_TOTAL
};

/* Below `parent`. All is borrowed during the call. */
void python_rows_add(struct branches *shown, uint32_t parent, const struct profile *profile,
                     const struct process_python *python);

#endif
