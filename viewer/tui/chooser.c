#define _GNU_SOURCE
#include "tui/chooser.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tui/prompt.h"
#include "tui/screen.h"
#include "tui/table.h"
#include "tui/terminal.h"

enum {
    TITLE_ROW = 0,
    FIRST_ROW = 2,
    LAST_ROWS = 2 /* of the prompt, and of what keys do */
};

struct chooser {
    const struct chooser_options *options;
    struct terminal *terminal; /* NULL: there is a script */
    struct screen screen;
    struct prompt prompt;
    char *filter;
    size_t *shown; /* positions of items that the filter lets through: a row each */
    struct table table;
    bool is_over, is_chosen;
};

/* ---- what is shown ---- */

static void select_shown(struct chooser *chooser)
{
    struct table *table = &chooser->table;
    size_t before = table->selected < table->row_count ? chooser->shown[table->selected] : 0;
    size_t selected = 0;
    table->row_count = 0;
    for (size_t i = 0; i < chooser->options->count; i++) {
        if (!strcasestr(chooser->options->items[i], chooser->filter))
            continue;
        if (i <= before)
            selected = table->row_count;
        chooser->shown[table->row_count++] = i;
    }
    table_move_to(table, selected);
}

static void set_filter(struct chooser *chooser, char *filter)
{
    free(chooser->filter);
    chooser->filter = filter;
    select_shown(chooser);
}

static void draw_row(struct chooser *chooser, size_t row, int place)
{
    struct screen *screen = &chooser->screen;
    screen_put_cut(screen, place, 2, screen->columns - 3, STYLE_TEXT,
                   chooser->options->items[chooser->shown[row]]);
    if (row != chooser->table.selected)
        return;
    screen_restyle(screen, (struct area){place, 0, 1, screen->columns}, STYLE_SELECTED);
    screen_put_character(screen, place, 0, STYLE_SELECTED, '>');
    screen->cursor_row = place;
    screen->cursor_column = 0;
}

static void draw(struct chooser *chooser)
{
    struct screen *screen = &chooser->screen;
    struct table *table = &chooser->table;
    int page = screen->rows - FIRST_ROW - LAST_ROWS;
    struct text title = {0};
    text_add(&title, chooser->options->title);
    if (*chooser->filter)
        text_print(&title, ": %zu of %zu with \"%s\"", table->row_count, chooser->options->count,
                   chooser->filter);
    screen_erase(screen);
    screen_fill(screen, (struct area){TITLE_ROW, 0, 1, screen->columns}, STYLE_TITLE, ' ');
    screen_put_cut(screen, TITLE_ROW, 1, screen->columns - 2, STYLE_TITLE, text_get(&title));
    text_clear(&title);
    table_scroll_to_selected(table, page > 0 ? (size_t)page : 1);
    for (int i = 0; i < page && table->top + (size_t)i < table->row_count; i++)
        draw_row(chooser, table->top + (size_t)i, FIRST_ROW + i);
    if (table->row_count == 0)
        screen_put_cut(screen, FIRST_ROW, 2, screen->columns - 3, STYLE_TEXT,
                       "None has that text: Esc shows all again");
    screen_put(screen, screen->rows - 1, 1, screen->columns - 2, STYLE_ACTION,
               "Enter chooses, Up and Down move, \\ filters, q quits");
    if (chooser->prompt.kind != PROMPT_NONE)
        prompt_draw(&chooser->prompt, screen, screen->rows - LAST_ROWS);
}

/* ---- what keys do ---- */

static void handle_prompt_key(struct chooser *chooser, uint32_t key)
{
    struct text text = {0};
    switch (prompt_handle_key(&chooser->prompt, key)) {
    case PROMPT_CHANGED:
    case PROMPT_ACCEPTED:
        prompt_get(&chooser->prompt, &text);
        set_filter(chooser, text_take(&text));
        return;
    case PROMPT_CANCELLED:
        set_filter(chooser, memory_duplicate_text(""));
        return;
    case PROMPT_GOES_ON:
    case PROMPT_COMPLETED:
        return;
    }
}

static void choose(struct chooser *chooser)
{
    chooser->is_over = chooser->is_chosen = chooser->table.row_count > 0;
}

/* Esc first takes the filter away. */
static void leave(struct chooser *chooser, uint32_t key)
{
    if (key == INPUT_ESCAPE && *chooser->filter)
        set_filter(chooser, memory_duplicate_text(""));
    else
        chooser->is_over = true;
}

static void handle_key(struct chooser *chooser, uint32_t key)
{
    struct table *table = &chooser->table;
    switch (key) {
    case INPUT_UP:
    case 'k':
        table_move(table, -1);
        return;
    case INPUT_DOWN:
    case 'j':
        table_move(table, 1);
        return;
    case INPUT_PAGE_UP:
        table_move(table, -(long)table->page_rows);
        return;
    case INPUT_PAGE_DOWN:
        table_move(table, (long)table->page_rows);
        return;
    case INPUT_HOME:
    case 'g':
        table_move_to(table, 0);
        return;
    case INPUT_END:
    case 'G':
        table_move_to(table, table->row_count);
        return;
    case INPUT_ENTER:
        choose(chooser);
        return;
    case '\\':
    case '/':
        prompt_open(&chooser->prompt, PROMPT_FILTER, chooser->filter);
        return;
    case 'q':
    case 'Q':
    case INPUT_ESCAPE:
    case INPUT_CONTROL('c'):
        leave(chooser, key);
        return;
    default:
        return;
    }
}

/* A second click on a row chooses it. */
static void handle_click(struct chooser *chooser, int row)
{
    struct table *table = &chooser->table;
    size_t clicked = table->top + (size_t)(row - FIRST_ROW);
    if (row < FIRST_ROW || row >= chooser->screen.rows - LAST_ROWS || clicked >= table->row_count)
        return;
    if (clicked == table->selected)
        choose(chooser);
    else
        table_move_to(table, clicked);
}

static bool run_command(struct chooser *chooser, const char *command, struct error *error)
{
    static const char save[] = "save-display ";
    if (text_starts_with(command, save))
        return screen_save(&chooser->screen, command + strlen(save), error);
    return error_set(error, "\"%s\" is no command while there is a list to choose from", command);
}

static bool handle(struct chooser *chooser, const struct input *input, struct error *error)
{
    switch (input->kind) {
    case INPUT_KEY:
        if (chooser->prompt.kind != PROMPT_NONE)
            handle_prompt_key(chooser, input->key);
        else
            handle_key(chooser, input->key);
        return true;
    case INPUT_CLICK:
        handle_click(chooser, input->row);
        return true;
    case INPUT_WHEEL_UP:
    case INPUT_WHEEL_DOWN:
        table_move(&chooser->table, input->kind == INPUT_WHEEL_UP ? -1 : 1);
        return true;
    case INPUT_RESIZE:
        screen_resize(&chooser->screen, input->row, input->column);
        return true;
    case INPUT_COMMAND:
        return run_command(chooser, input->text, error);
    case INPUT_NEWS:
    case INPUT_NOTHING:
        return true;
    case INPUT_FINISHED:
        chooser->is_over = true;
        return true;
    }
    return true;
}

static bool run(struct chooser *chooser, struct error *error)
{
    struct script *script = chooser->options->script;
    bool is_repainting = true;
    while (!chooser->is_over) {
        struct input input;
        draw(chooser);
        if (script) {
            if (!script_next(script, &input, error))
                return false;
        } else {
            terminal_show(chooser->terminal, &chooser->screen, is_repainting);
            terminal_read(chooser->terminal, &input);
        }
        is_repainting = input.kind == INPUT_RESIZE;
        if (!handle(chooser, &input, error))
            return false;
    }
    return chooser->is_chosen;
}

bool chooser_run(const struct chooser_options *options, size_t *chosen, struct error *error)
{
    struct chooser chooser = {.options = options, .filter = memory_duplicate_text("")};
    bool is_utf8 = !options->is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    int rows, columns;
    bool is_chosen = false;
    error->message[0] = '\0';
    if (!options->script)
        chooser.terminal = terminal_open(!options->without_mouse, error);
    if (options->script)
        script_screen_size(&rows, &columns);
    else if (chooser.terminal)
        terminal_size(chooser.terminal, &rows, &columns);
    if (options->script || chooser.terminal) {
        screen_init(&chooser.screen, rows, columns, is_utf8);
        prompt_init(&chooser.prompt);
        chooser.shown = memory_allocate_zeroed(options->count + 1, sizeof *chooser.shown);
        select_shown(&chooser);
        is_chosen = run(&chooser, error);
        *chosen = is_chosen ? chooser.shown[chooser.table.selected] : 0;
        prompt_clear(&chooser.prompt);
        screen_clear(&chooser.screen);
        free(chooser.shown);
    }
    terminal_close(chooser.terminal);
    free(chooser.filter);
    return is_chosen;
}
