/* A list of commands to choose from, over the view that asked. */
#include "tui/view.h"

#include <stdlib.h>

struct menu {
    const char *title;
    struct menu_item *items;
    size_t item_count;
};

static bool menu_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct menu *menu = view->state;
    (void)error;
    *menu = (struct menu){request->title, request->items, request->item_count};
    view->table.selected = request->chosen_item;
    return true;
}

static void menu_close(struct view *view)
{
    struct menu *menu = view->state;
    for (size_t i = 0; i < menu->item_count; i++) {
        free(menu->items[i].label);
        free(menu->items[i].command);
    }
    free(menu->items);
}

static bool menu_load(struct view *view, struct error *error)
{
    const struct menu *menu = view->state;
    (void)error;
    view->table.row_count = menu->item_count;
    return true;
}

static void menu_describe(const struct view *view, struct text *out)
{
    const struct menu *menu = view->state;
    text_add(out, menu->title);
}

static void menu_draw_row(const struct view *view, struct screen *screen, struct area area,
                          size_t row)
{
    const struct menu *menu = view->state;
    screen_put(screen, area.row, area.column + 2, area.columns - 3, STYLE_POPUP,
               menu->items[row].label);
}

static bool menu_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct menu *menu = view->state;
    if (action != ACTION_OPEN || view->table.selected >= menu->item_count)
        return false;
    text_add(&reaction->command, menu->items[view->table.selected].command);
    reaction->is_closing = true;
    return true;
}

const struct view_ops view_menu = {
    .name = "menu",
    .title = "Menu",
    .is_popup = true,
    .scopes = SCOPE_MENU,
    .state_bytes = sizeof(struct menu),
    .open = menu_open,
    .close = menu_close,
    .load = menu_load,
    .describe = menu_describe,
    .draw_row = menu_draw_row,
    .act = menu_act,
};
