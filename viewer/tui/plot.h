/* Heap, mappings and resident size over time, drawn with characters.
 *
 * The heap is a filled area; the program's own mappings stand on it, sparsely filled; the resident
 * size is a line: the three can be told apart without colours. UTF-8 screens use braille (two by
 * four dots a cell), others '#', '+' and '-'. */
#ifndef SEEP_TUI_PLOT_H
#define SEEP_TUI_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "recording/recording_records.h"
#include "tui/screen.h"

struct plot {
    const struct recording_sample *samples; /* by time */
    size_t sample_count;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t peak_ns; /* of the heap */
    uint64_t peak_bytes;
};

enum {
    PLOT_MIN_ROWS = 5
};

/* The column, within an area of so many, at which an instant stands; -1: it is not in the plot. */
int plot_column(const struct plot *plot, int columns, uint64_t time_ns);

/* How much time a column stands for, at least 1. */
uint64_t plot_column_ns(const struct plot *plot, int columns);

/* The first row holds the peak's mark, the last one the time axis. */
void plot_draw(const struct plot *plot, struct screen *screen, struct area area);

#endif
