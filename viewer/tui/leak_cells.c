#include "tui/leak_cells.h"

#include "analysis/leak_list.h"
#include "analysis/scan_text.h"
#include "base/units.h"
#include "tui/view.h"

enum {
    COLUMN_KIND,
    COLUMN_BYTES,
    COLUMN_BLOCKS,
    COLUMN_INDIRECT,
    COLUMN_AGE,
    COLUMN_THREAD,
    COLUMN_SITE,
    COLUMN_PROCESS, /* the last: it is not there when there is one */
    LEAK_COLUMNS
};

/* ---- columns ---- */

void leak_cells_set_columns(struct table *table, bool has_several)
{
    static const struct table_column columns[LEAK_COLUMNS] = {
        [COLUMN_KIND] = {"Kind", 13, false, false, 100, TABLE_NO_SORT},
        [COLUMN_BYTES] = {"Bytes", 9, false, true, 100, LEAKS_BY_BYTES},
        [COLUMN_BLOCKS] = {"Blocks", 8, false, true, 80, LEAKS_BY_BLOCKS},
        [COLUMN_INDIRECT] = {"With it", 9, false, true, 60, LEAKS_BY_INDIRECT},
        [COLUMN_AGE] = {"Age", 8, false, true, 40, LEAKS_BY_AGE},
        [COLUMN_THREAD] = {"Thread", 8, false, false, 20, TABLE_NO_SORT},
        [COLUMN_SITE] = {"Site", 12, true, false, 100, TABLE_NO_SORT},
        [COLUMN_PROCESS] = {"Process", 20, false, false, 10, TABLE_NO_SORT},
    };
    table->columns = columns;
    table->column_count = has_several ? LEAK_COLUMNS : LEAK_COLUMNS - 1;
    if (table->sort_key == TABLE_NO_SORT)
        table->sort_key = LEAKS_BY_BYTES;
}

static bool is_right(int column)
{
    return column >= COLUMN_BYTES && column <= COLUMN_AGE;
}

static void put_cell(const struct leak_cells *cells, struct screen *screen, int row, int column,
                     enum style style, const char *text)
{
    struct table_place place = table_place(cells->table, (size_t)column);
    if (is_right(column))
        screen_put_right(screen, row, place.column, place.columns, style, text);
    else
        screen_put_cut(screen, row, place.column, place.columns, style, text);
}

static const char *group_name(unsigned group)
{
    return group == LEAK_ROWS_UNSCANNED ? "not scanned" : leak_kind_name(group);
}

static void draw_heading(const struct leak_cells *cells, struct screen *screen, int line,
                         const struct leak_row *row)
{
    char number[UNITS_TEXT_BYTES];
    struct text text = {0};
    size_t count = cells->rows->shown[row->group];
    enum glyph glyph = !count                             ? GLYPH_LEAF
                       : cells->rows->is_open[row->group] ? GLYPH_OPEN
                                                          : GLYPH_CLOSED;
    text_print(&text, "%s %s", screen_glyph(screen, glyph), group_name(row->group));
    put_cell(cells, screen, line, COLUMN_KIND, STYLE_STRONG, text_get(&text));
    text_clear(&text);
    text_print(&text, "%s %s%s", units_format_count(count, number),
               row->group == LEAK_ROWS_UNSCANNED ? "process" : "site",
               count == 1                          ? ""
               : row->group == LEAK_ROWS_UNSCANNED ? "es"
                                                   : "s");
    if (row->group < LEAK_KIND_COUNT) {
        struct leak_sum sum = leak_list_sum(cells->report, cells->process,
                                            (enum leak_kind)row->group);
        put_cell(cells, screen, line, COLUMN_BYTES, STYLE_STRONG,
                 units_format_size(sum.bytes, number));
        put_cell(cells, screen, line, COLUMN_BLOCKS, STYLE_STRONG,
                 units_format_count(sum.blocks, number));
    }
    put_cell(cells, screen, line, COLUMN_SITE, STYLE_TEXT, text_get(&text));
    text_clear(&text);
}

static void print_process(const struct leak_cells *cells, const struct leak_report_process *process,
                          struct text *out)
{
    view_print_process(cells->profile, process->process, out);
}

static void draw_leak(const struct leak_cells *cells, struct screen *screen, int line,
                      const struct leak_row *row)
{
    const struct leak *leak = leak_line_leak(&row->line);
    char number[UNITS_TEXT_BYTES];
    struct text text = {0};
    text_print(&text, "  %s", leak->cycles ? "cycle" : leak_kind_name(leak->kind));
    put_cell(cells, screen, line, COLUMN_KIND, STYLE_FAINT, text_get(&text));
    text_clear(&text);
    put_cell(cells, screen, line, COLUMN_BYTES, STYLE_TEXT, units_format_size(leak->bytes, number));
    put_cell(cells, screen, line, COLUMN_BLOCKS, STYLE_TEXT,
             units_format_count(leak->blocks, number));
    put_cell(cells, screen, line, COLUMN_INDIRECT, STYLE_TEXT,
             leak->indirect_bytes ? units_format_size(leak->indirect_bytes, number) : "");
    put_cell(cells, screen, line, COLUMN_AGE, STYLE_TEXT,
             units_format_duration(leak_report_age_ns(row->line.process, leak), number));
    leak_words_add_thread(&cells->words, &row->line, &text);
    put_cell(cells, screen, line, COLUMN_THREAD, STYLE_TEXT, text_get(&text));
    text_clear(&text);
    print_process(cells, row->line.process, &text);
    put_cell(cells, screen, line, COLUMN_PROCESS, STYLE_PLACE, text_get(&text));
    text_clear(&text);
    leak_words_add_site(&cells->words, leak->site, table_place(cells->table, COLUMN_SITE).columns,
                        &text);
    put_cell(cells, screen, line, COLUMN_SITE, STYLE_FUNCTION, text_get(&text));
    text_clear(&text);
}

/* Over all columns behind the first: it is a sentence. */
static void draw_unscanned(const struct leak_cells *cells, struct screen *screen, struct area area,
                           const struct leak_report_process *process)
{
    struct text text = {0};
    print_process(cells, process, &text);
    text_add(&text, ": ");
    scan_text_describe(process, &text);
    screen_put_cut(screen, area.row, area.column + 4, area.columns - 5, STYLE_WARNING,
                   text_get(&text));
    text_clear(&text);
}

void leak_cells_draw_row(const struct leak_cells *cells, const struct leak_row *row,
                         struct screen *screen, struct area area)
{
    if (row->is_heading)
        draw_heading(cells, screen, area.row, row);
    else if (row->unscanned)
        draw_unscanned(cells, screen, area, row->unscanned);
    else
        draw_leak(cells, screen, area.row, row);
}

/* ---- what is said of it ---- */

void leak_cells_add_text(const struct leak_cells *cells, const struct leak_row *row,
                         struct text *out)
{
    if (row->is_heading)
        text_add(out, group_name(row->group));
    else if (row->unscanned)
        scan_text_describe(row->unscanned, out);
    else if (leak_line_leak(&row->line)->site != LEAKS_NO_SITE)
        leak_words_add_stack(&cells->words, leak_line_leak(&row->line)->site, out);
}

void leak_cells_add_details(const struct leak_cells *cells, const struct leak_row *row,
                            struct text *out)
{
    if (row->is_heading) {
        if (row->group == LEAK_ROWS_UNSCANNED)
            text_add(out, "whether these leak is not known: each row says what to do");
        else
            text_print(out, "%s: %s (Enter opens and closes)", leak_kind_name(row->group),
                       leak_words_meaning((enum leak_kind)row->group));
        return;
    }
    if (row->unscanned) {
        scan_text_advise(cells->profile, row->unscanned, out);
        return;
    }
    const struct leak *leak = leak_line_leak(&row->line);
    const struct leak_report_cycle *cycle = leak_report_find_cycle(row->line.process,
                                                                   row->line.leak);
    if (cycle) {
        leak_words_add_cycle(&cells->words, cycle, out);
        text_add(out, "; ");
    }
    if (leak->kind == LEAK_SUPPRESSED) {
        text_add(out, "suppressed ");
        leak_words_add_suppression(&cells->words, leak, out);
        text_add(out, "; ");
    }
    if (leak->site != LEAKS_NO_SITE)
        leak_words_add_stack(&cells->words, leak->site, out);
}
