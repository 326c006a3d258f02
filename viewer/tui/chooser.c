#include "tui/chooser.h"

#include <langinfo.h>
#include <string.h>

#include "tui/screen.h"
#include "tui/table.h"
#include "tui/terminal.h"

enum {
    TITLE_ROW = 0,
    FIRST_ROW = 2
};

static void draw(const struct chooser_options *options, struct table *table, struct screen *screen)
{
    int page = screen->rows - FIRST_ROW - 1;
    screen_erase(screen);
    screen_fill(screen, (struct area){TITLE_ROW, 0, 1, screen->columns}, STYLE_TITLE, ' ');
    screen_put_cut(screen, TITLE_ROW, 1, screen->columns - 2, STYLE_TITLE, options->title);
    table_scroll_to_selected(table, page > 0 ? (size_t)page : 1);
    for (int i = 0; i < page && table->top + (size_t)i < table->row_count; i++) {
        size_t row = table->top + (size_t)i;
        struct area place = {FIRST_ROW + i, 0, 1, screen->columns};
        screen_put_cut(screen, place.row, 2, screen->columns - 3, STYLE_TEXT, options->items[row]);
        if (row != table->selected)
            continue;
        screen_restyle(screen, place, STYLE_SELECTED);
        screen_put_character(screen, place.row, 0, STYLE_SELECTED, '>');
        screen->cursor_row = place.row;
        screen->cursor_column = 0;
    }
    screen_put(screen, screen->rows - 1, 1, screen->columns - 2, STYLE_ACTION,
               "Enter chooses, Up and Down move, q quits");
}

/* Whether the choice is made, one way or the other. */
static bool handle_key(struct table *table, uint32_t key, bool *is_chosen)
{
    switch (key) {
    case INPUT_UP:
    case 'k':
        table_move(table, -1);
        return false;
    case INPUT_DOWN:
    case 'j':
        table_move(table, 1);
        return false;
    case INPUT_PAGE_UP:
        table_move(table, -(long)table->page_rows);
        return false;
    case INPUT_PAGE_DOWN:
        table_move(table, (long)table->page_rows);
        return false;
    case INPUT_ENTER:
        *is_chosen = true;
        return true;
    default:
        return key == 'q' || key == 'Q' || key == INPUT_ESCAPE || key == INPUT_CONTROL('c');
    }
}

static bool handle(struct table *table, struct screen *screen, const struct input *input,
                   bool *is_chosen)
{
    switch (input->kind) {
    case INPUT_KEY:
        return handle_key(table, input->key, is_chosen);
    case INPUT_CLICK:
        if (input->row >= FIRST_ROW)
            table_move_to(table, table->top + (size_t)(input->row - FIRST_ROW));
        return false;
    case INPUT_WHEEL_UP:
    case INPUT_WHEEL_DOWN:
        table_move(table, input->kind == INPUT_WHEEL_UP ? -1 : 1);
        return false;
    case INPUT_RESIZE:
        screen_resize(screen, input->row, input->column);
        return false;
    case INPUT_COMMAND:
    case INPUT_NEWS:
    case INPUT_NOTHING:
        return false;
    case INPUT_FINISHED:
        return true;
    }
    return true;
}

bool chooser_run(const struct chooser_options *options, size_t *chosen, struct error *error)
{
    struct table table = {.row_count = options->count};
    bool is_utf8 = !options->is_ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    bool is_over = false, is_chosen = false, is_repainting = true;
    int rows, columns;
    struct screen screen;
    error->message[0] = '\0';
    struct terminal *terminal = terminal_open(!options->without_mouse, error);
    if (!terminal)
        return false;
    terminal_size(terminal, &rows, &columns);
    screen_init(&screen, rows, columns, is_utf8);
    while (!is_over) {
        struct input input;
        draw(options, &table, &screen);
        terminal_show(terminal, &screen, is_repainting);
        terminal_read(terminal, &input);
        is_repainting = input.kind == INPUT_RESIZE;
        is_over = handle(&table, &screen, &input, &is_chosen);
    }
    *chosen = table.selected;
    screen_clear(&screen);
    terminal_close(terminal);
    return is_chosen;
}
