/* A source file, with what each line holds of the figure asked for, and the asked line marked. */
#include "tui/figures_table.h"
#include "tui/filter_text.h"
#include "tui/source_file.h"

#include <stdio.h>

#include "analysis/line_figures.h"
#include "base/units.h"

enum {
    TAB_COLUMNS = 8,
    NUMBER_COLUMNS = 7,
    FIGURE_COLUMNS = 9
};

enum {
    COLUMN_LINE,
    COLUMN_INCLUSIVE,
    COLUMN_SELF,
    COLUMN_SOURCE,
    SOURCE_COLUMNS
};

struct source_view {
    struct source_file source;
    struct text path;
    const char *file; /* as recorded */
    uint32_t line;
    struct line_figures figures;
    enum query_metric metric;
    struct table_column columns[SOURCE_COLUMNS];
};

static bool source_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct source_view *shown = view->state;
    shown->file = request->file;
    shown->line = request->line;
    if (!source_file_find(view->context, request->file, &shown->path))
        return error_set(error, "%s is not here (--path-map FROM=TO tells where)", request->file);
    if (!source_file_read(&shown->source, text_get(&shown->path), error))
        return false;
    size_t wanted = request->line ? request->line - 1 : 0;
    view->table.selected = wanted < shown->source.line_count ? wanted : 0;
    view->table.top = view->table.selected > 8 ? view->table.selected - 8 : 0;
    return true;
}

static void source_close(struct view *view)
{
    struct source_view *shown = view->state;
    source_file_clear(&shown->source);
    line_figures_clear(&shown->figures);
    text_clear(&shown->path);
}

static void fill_columns(struct view *view)
{
    struct source_view *shown = view->state;
    const struct query_metric_info *info = query_metric_at(shown->metric);
    int title_columns = text_columns(info->title) + 1;
    int columns = title_columns > FIGURE_COLUMNS ? title_columns : FIGURE_COLUMNS;
    shown->columns[COLUMN_LINE] = (struct table_column){.title = "Line",
                                                        .columns = NUMBER_COLUMNS,
                                                        .is_right = true,
                                                        .importance = 100,
                                                        .sort_key = TABLE_NO_SORT};
    shown->columns[COLUMN_INCLUSIVE] = (struct table_column){.title = info->title,
                                                             .columns = columns,
                                                             .is_right = true,
                                                             .importance = 90,
                                                             .sort_key = TABLE_NO_SORT};
    shown->columns[COLUMN_SELF] = (struct table_column){.title = "Itself",
                                                        .columns = FIGURE_COLUMNS,
                                                        .is_right = true,
                                                        .importance = 50,
                                                        .sort_key = TABLE_NO_SORT};
    shown->columns[COLUMN_SOURCE] = (struct table_column){
        .title = "Source", .columns = 20, .is_flexible = true, .sort_key = TABLE_NO_SORT};
    view->table.columns = shown->columns;
    view->table.column_count = SOURCE_COLUMNS;
}

static bool source_load(struct view *view, struct error *error)
{
    struct source_view *shown = view->state;
    const struct view_question *question = &view->context->question;
    struct line_figures figures;
    struct filter_text filter;
    filter_text_parse(&filter, question->filter);
    const struct query query = {
        .sort = question->metric, .process = question->process, .filter = filter.filter};
    bool is_found = line_figures_find(view->context->profile, &query, shown->file, &figures, error);
    filter_text_clear(&filter);
    if (!is_found) {
        line_figures_clear(&figures);
        return false;
    }
    line_figures_clear(&shown->figures);
    shown->figures = figures;
    shown->metric = question->metric;
    fill_columns(view);
    view->table.row_count = shown->source.line_count;
    return true;
}

static void source_describe(const struct view *view, struct text *out)
{
    const struct source_view *shown = view->state;
    text_print(out, "%s:%u", text_get(&shown->path), shown->line);
    if (shown->line > shown->source.line_count)
        text_add(out, "  (the file has fewer lines: is it another version?)");
}

static void expand_tabs(const char *line, struct text *out)
{
    size_t column = 0;
    for (; *line; line++) {
        do {
            char character = *line == '\t' ? ' ' : *line;
            text_add_bytes(out, &character, 1);
            column++;
        } while (*line == '\t' && column % TAB_COLUMNS);
    }
}

/* Of lines that hold nothing, nothing. */
static const char *format_figure(const struct source_view *shown, const uint64_t *values,
                                 size_t row, char *text)
{
    size_t line = row + 1;
    uint64_t value = line < shown->figures.line_count ? values[line] : 0;
    return value ? figures_format(shown->metric, value, text) : "";
}

static void source_draw_row(const struct view *view, struct screen *screen, struct area area,
                            size_t row)
{
    const struct source_view *shown = view->state;
    const struct table *table = &view->table;
    bool is_asked = row + 1 == shown->line;
    enum style style = is_asked ? STYLE_STRONG : STYLE_TEXT;
    char number[UNITS_TEXT_BYTES];
    struct text line = {0};
    snprintf(number, sizeof number, "%zu", row + 1);
    table_draw_cell(table, screen, area.row, COLUMN_LINE, is_asked ? STYLE_PEAK : STYLE_FAINT,
                    number);
    table_draw_cell(table, screen, area.row, COLUMN_INCLUSIVE, STYLE_STRONG,
                    format_figure(shown, shown->figures.inclusive, row, number));
    table_draw_cell(table, screen, area.row, COLUMN_SELF, STYLE_TEXT,
                    format_figure(shown, shown->figures.self, row, number));
    struct table_place place = table_place(table, COLUMN_SOURCE);
    if (is_asked)
        screen_put(screen, area.row, place.column, 1, STYLE_PEAK, "*");
    expand_tabs(shown->source.lines[row], &line);
    screen_put(screen, area.row, place.column + 2, place.columns - 2, style, text_get(&line));
    text_clear(&line);
}

static void source_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct source_view *shown = view->state;
    text_add(out, shown->source.lines[row]);
}

static bool source_tell(const struct view *view, size_t row, struct view_fields *fields)
{
    const struct source_view *shown = view->state;
    bool is_known = row + 1 < shown->figures.line_count;
    view_tell_number(fields, "line", row + 1);
    view_tell_metric(fields, shown->metric, is_known ? shown->figures.inclusive[row + 1] : 0);
    view_tell_value(fields, "self", shown->metric, is_known ? shown->figures.self[row + 1] : 0);
    view_tell_text(fields, "source", shown->source.lines[row]);
    return true;
}

static bool source_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct source_view *shown = view->state;
    if (action != ACTION_EDIT)
        return false;
    text_add(&reaction->edited_file, text_get(&shown->path));
    reaction->edited_line = (unsigned)view->table.selected + 1;
    return true;
}

const struct view_ops view_source = {
    .name = "source",
    .title = "Source",
    .scopes = SCOPE_SOURCE | SCOPE_SORTS | SCOPE_FILTERS,
    .state_bytes = sizeof(struct source_view),
    .open = source_open,
    .close = source_close,
    .load = source_load,
    .describe = source_describe,
    .draw_row = source_draw_row,
    .row_text = source_row_text,
    .tell = source_tell,
    .act = source_act,
};
