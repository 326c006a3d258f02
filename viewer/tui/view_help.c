/* Help, made from the tables that the keys and commands themselves come from. */
#include "tui/app.h"

#include <stdlib.h>

#include "base/memory.h"

enum {
    KEYS_COLUMNS = 18
};

struct help_line {
    char *keys; /* or command; NULL: a heading */
    const char *text;
    bool is_here; /* valid in the view that asked */
};

struct help {
    struct help_line *lines;
    size_t line_count;
    size_t capacity;
    unsigned scopes; /* of the view that asked */
    const char *asker;
};

static const char *const filter_help[][2] = {
    {"parse", "a function's name matches (regular expression)"},
    {"-parse", "no function's name does"},
    {"file:src/", "a source file matches; -file: none does"},
    {"module:libssl", "a module matches; -module: none does"},
};

static void add_line(struct help *help, char *keys, const char *text, bool is_here)
{
    help->lines = memory_grow(help->lines, &help->capacity, help->line_count + 1,
                              sizeof *help->lines);
    help->lines[help->line_count++] = (struct help_line){keys, text, is_here};
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
    add_line(help, NULL, "Keys in this view", true);
    add_keys(help, true);
    add_line(help, NULL, "Keys in other views", true);
    add_keys(help, false);
    add_line(help, NULL, "Commands", true);
    add_commands(help);
    add_line(help, NULL, "Filter words (all must hold for a stack)", true);
    for (size_t i = 0; i < sizeof filter_help / sizeof *filter_help; i++)
        add_line(help, memory_duplicate_text(filter_help[i][0]), filter_help[i][1], true);
    add_line(help, NULL, "Mouse: click selects, again opens; titles sort; wheel scrolls;", true);
    add_line(help, NULL, "with Shift the terminal marks text.", true);
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
    int keys_columns = area.columns < 60 ? KEYS_COLUMNS - 4 : KEYS_COLUMNS + 3;
    screen_put(screen, area.row, area.column + 2, keys_columns, STYLE_KEY, line->keys);
    screen_put(screen, area.row, area.column + 3 + keys_columns, area.columns - keys_columns - 3,
               line->is_here ? STYLE_TEXT : STYLE_FAINT, line->text);
}

const struct view_ops view_help = {
    .name = "help",
    .title = "Help",
    .state_bytes = sizeof(struct help),
    .open = help_open,
    .close = help_close,
    .load = help_load,
    .describe = help_describe,
    .draw_row = help_draw_row,
};
