#include "tui/plot.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/units.h"

enum {
    LABEL_COLUMNS = 10,
    AXIS_COLUMNS = LABEL_COLUMNS + 2,
    BRAILLE = 0x2800
};

/* The curves at one column of dots: the largest values met there. */
struct plot_column {
    uint64_t heap;
    uint64_t mapped;
    uint64_t resident;
};

struct grid {
    struct plot_column *columns;
    int dots_wide, dots_high; /* of the whole plot */
    int cell_wide, cell_high; /* dots of a cell */
    uint64_t top_bytes;       /* the value of the highest dot */
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void take_sample(struct plot_column *column, const struct recording_sample *sample)
{
    column->heap = larger(column->heap, larger(sample->heap_bytes, sample->heap_peak_bytes));
    column->mapped = larger(column->mapped, sample->mapped_bytes);
    column->resident = larger(column->resident, sample->resident_bytes);
}

static int dot_of_time(const struct plot *plot, uint64_t time_ns, int dots)
{
    uint64_t duration = plot->end_ns > plot->start_ns ? plot->end_ns - plot->start_ns : 1;
    uint64_t since = time_ns > plot->start_ns ? time_ns - plot->start_ns : 0;
    int dot = (int)((double)since / (double)duration * dots);
    return dot < 0 ? 0 : dot >= dots ? dots - 1 : dot;
}

/* Between samples a curve keeps its last value. */
static void fill_columns(const struct plot *plot, struct grid *grid)
{
    struct plot_column held = {0};
    size_t next = 0;
    for (int dot = 0; dot < grid->dots_wide; dot++) {
        struct plot_column *column = &grid->columns[dot];
        bool is_met = false;
        for (; next < plot->sample_count &&
               dot_of_time(plot, plot->samples[next].time_ns, grid->dots_wide) <= dot;
             next++) {
            const struct recording_sample *sample = &plot->samples[next];
            take_sample(column, sample);
            held.heap = sample->heap_bytes;
            held.mapped = sample->mapped_bytes;
            if (sample->resident_bytes)
                held.resident = sample->resident_bytes;
            is_met = true;
        }
        if (!is_met)
            *column = held;
        if (!column->resident)
            column->resident = held.resident;
        grid->top_bytes = larger(grid->top_bytes,
                                 larger(column->heap + column->mapped, column->resident));
    }
}

/* How many dots high; what is there at all shows at least one. */
static int height_of(const struct grid *grid, uint64_t bytes)
{
    int height = (int)((double)bytes / (double)grid->top_bytes * grid->dots_high + 0.5);
    return bytes && !height ? 1 : height;
}

enum dot_kind {
    DOT_NONE,
    DOT_HEAP,
    DOT_MAPPED,
    DOT_RESIDENT
};

static enum dot_kind dot_at(const struct grid *grid, int x, int y)
{
    const struct plot_column *column = &grid->columns[x];
    int heap = height_of(grid, column->heap);
    int total = height_of(grid, column->heap + column->mapped);
    if (y == height_of(grid, column->resident) - 1 && y >= heap)
        return DOT_RESIDENT;
    if (y < heap)
        return DOT_HEAP;
    return y < total && (grid->cell_wide == 1 || (x + y) % 2 == 0) ? DOT_MAPPED : DOT_NONE;
}

static enum style style_of(enum dot_kind kind)
{
    return kind == DOT_HEAP     ? STYLE_PLOT_HEAP
           : kind == DOT_MAPPED ? STYLE_PLOT_MAPPED
                                : STYLE_PLOT_RESIDENT;
}

static void draw_cell(const struct grid *grid, struct screen *screen, int row, int column, int x,
                      int y)
{
    static const unsigned bits[2][4] = {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}};
    unsigned dots = 0, counts[DOT_RESIDENT + 1] = {0};
    for (int dx = 0; dx < grid->cell_wide; dx++)
        for (int dy = 0; dy < grid->cell_high; dy++) {
            enum dot_kind kind = dot_at(grid, x + dx, y + dy);
            counts[kind]++;
            if (kind != DOT_NONE)
                dots |= bits[dx][dy];
        }
    enum dot_kind kind = counts[DOT_HEAP]       ? DOT_HEAP
                         : counts[DOT_MAPPED]   ? DOT_MAPPED
                         : counts[DOT_RESIDENT] ? DOT_RESIDENT
                                                : DOT_NONE;
    if (kind == DOT_NONE)
        return;
    uint32_t character = screen->is_utf8 ? BRAILLE + dots : (uint32_t) " #+-"[kind];
    screen_put_character(screen, row, column, style_of(kind), character);
}

static void draw_labels(const struct plot *plot, const struct grid *grid, struct screen *screen,
                        struct area area)
{
    char text[UNITS_TEXT_BYTES];
    int first = area.row + 1, last = area.row + area.rows - 2, middle = (first + last) / 2;
    const char *axis = screen_glyph(screen, GLYPH_AXIS);
    screen_put_right(screen, first, area.column, LABEL_COLUMNS, STYLE_FAINT,
                     units_format_size(grid->top_bytes, text));
    if (middle > first + 1 && (last - first) % 2)
        screen_put_right(screen, middle + 1, area.column, LABEL_COLUMNS, STYLE_FAINT,
                         units_format_size(grid->top_bytes / 2, text));
    screen_put_right(screen, last, area.column, LABEL_COLUMNS, STYLE_FAINT, "0 B");
    for (int row = first; row <= last; row++)
        screen_put(screen, row, area.column + LABEL_COLUMNS + 1, 1, STYLE_FAINT, axis);
    screen_put(screen, last + 1, area.column + AXIS_COLUMNS, area.columns, STYLE_FAINT,
               plot->start_ns ? units_format_duration(plot->start_ns, text) : "0");
    screen_put_right(screen, last + 1, area.column + area.columns - UNITS_TEXT_BYTES,
                     UNITS_TEXT_BYTES, STYLE_FAINT, units_format_duration(plot->end_ns, text));
}

static void draw_peak(const struct plot *plot, struct screen *screen, struct area area)
{
    char bytes[UNITS_TEXT_BYTES], label[UNITS_TEXT_BYTES + 8];
    int width = area.columns - AXIS_COLUMNS, start = area.column + AXIS_COLUMNS;
    int at = dot_of_time(plot, plot->peak_ns, width);
    snprintf(label, sizeof label, "peak %s", units_format_size(plot->peak_bytes, bytes));
    int label_columns = (int)strlen(label);
    screen_put(screen, area.row, start + at, 1, STYLE_PEAK, screen_glyph(screen, GLYPH_DOWN));
    bool is_left = at + 2 + label_columns > width;
    screen_put(screen, area.row, is_left ? start + at - 1 - label_columns : start + at + 2,
               label_columns, STYLE_PEAK, label);
}

static void draw_legend(struct screen *screen, struct area area)
{
    static const struct {
        const char *utf8, *ascii, *name;
        enum style style;
    } entries[] = {{"⣿", "#", "heap", STYLE_PLOT_HEAP},
                   {"⢕", "+", "mapped", STYLE_PLOT_MAPPED},
                   {"⠒", "-", "resident", STYLE_PLOT_RESIDENT}};
    int row = area.row + area.rows - 1, column = area.column + AXIS_COLUMNS + 10;
    if (area.columns < AXIS_COLUMNS + 48)
        return;
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        column += screen_put(screen, row, column, 2, entries[i].style,
                             screen->is_utf8 ? entries[i].utf8 : entries[i].ascii);
        column += 2 + screen_put(screen, row, column + 1, 10, STYLE_FAINT, entries[i].name) + 1;
    }
}

void plot_draw(const struct plot *plot, struct screen *screen, struct area area)
{
    int cells_wide = area.columns - AXIS_COLUMNS, cells_high = area.rows - 2;
    if (cells_wide < 4 || cells_high < 1)
        return;
    struct grid grid = {
        .cell_wide = screen->is_utf8 ? 2 : 1, .cell_high = screen->is_utf8 ? 4 : 1, .top_bytes = 1};
    grid.dots_wide = cells_wide * grid.cell_wide;
    grid.dots_high = cells_high * grid.cell_high;
    grid.columns = memory_allocate_zeroed((size_t)grid.dots_wide, sizeof *grid.columns);
    fill_columns(plot, &grid);
    for (int row = 0; row < cells_high; row++)
        for (int column = 0; column < cells_wide; column++)
            draw_cell(&grid, screen, area.row + 1 + row, area.column + AXIS_COLUMNS + column,
                      column * grid.cell_wide, (cells_high - 1 - row) * grid.cell_high);
    draw_labels(plot, &grid, screen, area);
    draw_legend(screen, area);
    if (plot->peak_bytes)
        draw_peak(plot, screen, area);
    free(grid.columns);
}

int plot_column(const struct plot *plot, int columns, uint64_t time_ns)
{
    int width = columns - AXIS_COLUMNS;
    if (width < 1 || time_ns < plot->start_ns || time_ns > plot->end_ns)
        return -1;
    return AXIS_COLUMNS + dot_of_time(plot, time_ns, width);
}

uint64_t plot_column_ns(const struct plot *plot, int columns)
{
    uint64_t width = columns > AXIS_COLUMNS ? (uint64_t)(columns - AXIS_COLUMNS) : 1;
    uint64_t duration = plot->end_ns > plot->start_ns ? plot->end_ns - plot->start_ns : 1;
    return duration > width ? duration / width : 1;
}
