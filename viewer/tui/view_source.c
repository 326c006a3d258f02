/* A source file, with the asked line marked. */
#include "tui/source_file.h"

#include <stdio.h>

enum {
    TAB_COLUMNS = 8,
    NUMBER_COLUMNS = 6
};

struct source_view {
    struct source_file source;
    struct text path;
    const char *file; /* as recorded */
    uint32_t line;
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
    text_clear(&shown->path);
}

static bool source_load(struct view *view, struct error *error)
{
    const struct source_view *shown = view->state;
    (void)error;
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

static void source_draw_row(const struct view *view, struct screen *screen, struct area area,
                            size_t row)
{
    const struct source_view *shown = view->state;
    bool is_asked = row + 1 == shown->line;
    char number[16];
    struct text line = {0};
    snprintf(number, sizeof number, "%zu", row + 1);
    screen_put_right(screen, area.row, area.column + 1, NUMBER_COLUMNS,
                     is_asked ? STYLE_PEAK : STYLE_FAINT, number);
    if (is_asked)
        screen_put(screen, area.row, area.column + NUMBER_COLUMNS + 2, 1, STYLE_PEAK, "*");
    expand_tabs(shown->source.lines[row], &line);
    screen_put(screen, area.row, area.column + NUMBER_COLUMNS + 4,
               area.columns - NUMBER_COLUMNS - 4, is_asked ? STYLE_STRONG : STYLE_TEXT,
               text_get(&line));
    text_clear(&line);
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
    .scopes = SCOPE_SOURCE,
    .state_bytes = sizeof(struct source_view),
    .open = source_open,
    .close = source_close,
    .load = source_load,
    .describe = source_describe,
    .draw_row = source_draw_row,
    .act = source_act,
};
