/* Help, made from the tables that the keys and commands themselves come from. */
#include "tui/app.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    KEYS_COLUMNS = 18
};

struct help_line {
    char *keys; /* or command; NULL: a heading */
    const char *text;
    size_t text_bytes;
    bool is_here; /* valid in the view that asked */
};

struct help {
    struct help_line *lines;
    size_t line_count;
    size_t capacity;
    unsigned scopes; /* of the view that asked */
    const char *asker;
    int columns; /* that texts are wrapped to */
};

static const char *const filter_help[][2] = {
    {"parse", "a function's name matches (regular expression)"},
    {"-parse", "no function's name does"},
    {"file:src/", "a source file matches; -file: none does"},
    {"module:libssl", "a module matches; -module: none does"},
};

static int keys_columns(int columns)
{
    return columns < 60 ? KEYS_COLUMNS - 4 : KEYS_COLUMNS + 3;
}

static void append(struct help *help, struct help_line line)
{
    help->lines = memory_grow(help->lines, &help->capacity, help->line_count + 1,
                              sizeof *help->lines);
    help->lines[help->line_count++] = line;
}

static void add_heading(struct help *help, const char *text)
{
    append(help, (struct help_line){NULL, text, strlen(text), true});
}

/* How much of the text fits: up to a blank where it can be. */
static size_t fitting(const char *text, int columns)
{
    size_t most = columns > 8 ? (size_t)columns : 8, count = strlen(text);
    if (count <= most)
        return count;
    for (count = most; count > 0 && text[count] != ' '; count--)
        ;
    return count ? count : most;
}

/* Takes `keys` over; a long text goes on in lines below. */
static void add_line(struct help *help, char *keys, const char *text, bool is_here)
{
    int columns = help->columns - keys_columns(help->columns) - 4;
    do {
        size_t count = fitting(text, columns);
        append(help, (struct help_line){keys, text, count, is_here});
        text += count;
        text += strspn(text, " ");
        keys = *text ? memory_duplicate_text("") : NULL;
    } while (keys);
}

static void add_keys(struct help *help, bool is_here)
{
    const struct key_binding *binding;
    for (size_t i = 0; (binding = key_binding_at(i)); i++) {
        struct text keys = {0};
        if (((binding->scopes & (help->scopes | SCOPE_ANY)) != 0) != is_here)
            continue;
        key_binding_print_keys(binding, &keys);
        add_line(help, text_take(&keys), binding->help, is_here);
    }
}

static void add_screens(struct help *help)
{
    const struct view_ops *screen;
    for (size_t i = 0; (screen = view_ops_at(i))->digit; i++)
        add_line(help, memory_print_text("%c %s", screen->digit, screen->name), screen->help, true);
}

static void add_commands(struct help *help)
{
    const struct command_info *command;
    for (size_t i = 0; (command = command_info_at(i)); i++)
        add_line(help, memory_print_text(":%s %s", command->name, command->argument), command->help,
                 true);
}

static bool help_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct help *help = view->state;
    (void)error;
    help->columns = 80;
    help->scopes = request->asker ? request->asker->ops->scopes : 0;
    help->asker = request->asker ? request->asker->ops->title : "";
    return true;
}

static void clear_lines(struct help *help)
{
    for (size_t i = 0; i < help->line_count; i++)
        free(help->lines[i].keys);
    help->line_count = 0;
}

static void help_close(struct view *view)
{
    struct help *help = view->state;
    clear_lines(help);
    free(help->lines);
}

static bool help_can_select(const void *context, size_t row)
{
    const struct help *help = ((const struct view *)context)->state;
    return help->lines[row].keys != NULL;
}

static bool help_load(struct view *view, struct error *error)
{
    struct help *help = view->state;
    (void)error;
    clear_lines(help);
    add_heading(help, "Keys in this view");
    add_keys(help, true);
    add_heading(help, "Keys in other views");
    add_keys(help, false);
    add_heading(help, "Screens");
    add_screens(help);
    add_heading(help, "Commands");
    add_commands(help);
    add_heading(help, "Filter words (all must hold for a stack)");
    for (size_t i = 0; i < sizeof filter_help / sizeof *filter_help; i++)
        add_line(help, memory_duplicate_text(filter_help[i][0]), filter_help[i][1], true);
    add_heading(help, "Mouse: a click selects, another opens;");
    add_heading(help, "titles sort; Shift marks text.");
    view->table.row_count = help->line_count;
    view->table.can_select = help_can_select;
    return true;
}

static void help_describe(const struct view *view, struct text *out)
{
    const struct help *help = view->state;
    text_print(out, "Help for: %s", help->asker);
}

static void help_draw_row(const struct view *view, struct screen *screen, struct area area,
                          size_t row)
{
    const struct help *help = view->state;
    const struct help_line *line = &help->lines[row];
    if (!line->keys) {
        screen_put(screen, area.row, area.column + 1, area.columns - 1, STYLE_STRONG, line->text);
        return;
    }
    int room = keys_columns(area.columns), column = area.column + room + 3;
    screen_put(screen, area.row, area.column + 2, room, STYLE_KEY, line->keys);
    screen_print(screen, area.row, column, area.columns - column,
                 line->is_here ? STYLE_TEXT : STYLE_FAINT, "%.*s", (int)line->text_bytes,
                 line->text);
}

static void help_fit(struct view *view, int rows, int columns)
{
    struct help *help = view->state;
    struct error ignored;
    (void)rows;
    if (help->columns == columns)
        return;
    help->columns = columns;
    help_load(view, &ignored);
}

const struct view_ops view_help = {
    .name = "help",
    .title = "Help",
    .state_bytes = sizeof(struct help),
    .open = help_open,
    .close = help_close,
    .load = help_load,
    .fit = help_fit,
    .describe = help_describe,
    .draw_row = help_draw_row,
};
