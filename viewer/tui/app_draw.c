/* The frame around every view: title with the screens, a line that says what is shown, column
 * titles, rows, status line, footer. */
#include "tui/app.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "tui/app_live.h"

enum {
    TITLE_ROW = 0,
    DESCRIPTION_ROW = 1,
    WIDE_COLUMNS = 400,
    MENU_MAX_COLUMNS = 76
};

static void add_target(struct app *app, int row, int column, int columns, uint32_t key)
{
    if (app->target_count < APP_MAX_TARGETS)
        app->targets[app->target_count++] = (struct app_target){row, column, columns, key};
}

/* The process and the recording; without the latter where that is too long. */
static void print_subject(const struct app *app, int room, struct text *out)
{
    const struct profile *profile = app->context.profile;
    const struct tui_options *options = app->context.options;
    const char *recording = options->recording ? options->recording : profile->info.path;
    struct text file = {0};
    text_print(&file, "  %s@%s", text_file_name(recording),
               profile->whole     ? profile->interval.to
               : profile->is_live ? "now"
                                  : "end");
    view_print_process(profile, app->context.question.process, out);
    if (text_columns(text_get(out)) + text_columns(text_get(&file)) <= room)
        text_add(out, text_get(&file));
    text_clear(&file);
}

/* How much of the screens' names there is room for. */
enum tabs {
    TABS_WIDE,   /* " 1 Overview [2 Sites]" */
    TABS_NARROW, /* " 1Overview[2Sites]" */
    TABS_NEAR,   /* " 1[2Sites] 3Tree 4 5": names of those next to the current one */
    TABS_CURRENT,
    TABS_COUNT
};

/* How screens are told: names of those so near to the current one, counted in tabs. */
struct tab_shape {
    enum tabs tabs;
    size_t named_distance;
};

static void print_tab(const struct tab_shape *shape, const struct view_ops *ops, size_t distance,
                      struct text *out)
{
    bool is_current = distance == 0, is_named = distance <= shape->named_distance;
    if (shape->tabs == TABS_WIDE)
        text_print(out, is_current ? "[%c %s]" : " %c %s ", ops->digit, ops->title);
    else if (is_current)
        text_print(out, "[%c%s]", ops->digit, ops->title);
    else if (shape->tabs != TABS_CURRENT)
        text_print(out, " %c%s", ops->digit, is_named ? ops->title : "");
}

static int draw_tab(struct app *app, const struct tab_shape *shape, int column,
                    const struct view_ops *ops, size_t distance)
{
    struct text text = {0};
    print_tab(shape, ops, distance, &text);
    int columns = screen_put(&app->screen, TITLE_ROW, column, app->screen.columns - column,
                             distance ? STYLE_TITLE : STYLE_TAB, text_get(&text));
    add_target(app, TITLE_ROW, column, columns, (uint32_t)ops->digit);
    text_clear(&text);
    return columns;
}

static bool has_tab(const struct app *app, size_t screen)
{
    struct error ignored;
    return app_has_screen(app, view_ops_at(screen), &ignored);
}

/* Those that have a tab. Returns how many; *current: which of them is shown. */
static size_t list_tabs(const struct app *app, const struct view_ops *tabs[APP_MAX_SCREENS],
                        size_t *current)
{
    size_t count = 0;
    *current = 0;
    for (size_t i = 0; i < app->screen_count; i++) {
        if (!has_tab(app, i))
            continue;
        if (i == app->current_screen)
            *current = count;
        tabs[count++] = view_ops_at(i);
    }
    return count;
}

static size_t distance_of(size_t a, size_t b)
{
    return a < b ? b - a : a - b;
}

static int tabs_columns(const struct app *app, const struct tab_shape *shape)
{
    const struct view_ops *tabs[APP_MAX_SCREENS];
    struct text text = {0};
    size_t current, count = list_tabs(app, tabs, &current);
    for (size_t i = 0; i < count; i++)
        print_tab(shape, tabs[i], distance_of(i, current), &text);
    int columns = text_columns(text_get(&text));
    text_clear(&text);
    return columns;
}

static struct tab_shape choose_tabs(const struct app *app)
{
    static const int subject_columns[TABS_COUNT] = {16, 10, 18, 0}; /* that should be left */
    struct tab_shape shape = {TABS_WIDE, APP_MAX_SCREENS};
    while (shape.tabs != TABS_CURRENT &&
           tabs_columns(app, &shape) + subject_columns[shape.tabs] > app->screen.columns) {
        if (shape.tabs == TABS_NEAR && shape.named_distance > 0)
            shape.named_distance--;
        else
            shape.tabs++;
    }
    return shape;
}

static int draw_live_state(struct app *app, int column)
{
    struct screen *screen = &app->screen;
    struct text state = {0};
    app_live_print_state(app, &state);
    if (!app->context.profile->is_complete)
        text_add(&state, " ! incomplete");
    bool is_bad = strchr(text_get(&state), '!') != NULL;
    int columns = screen_put(screen, TITLE_ROW, column + 1, screen->columns - column - 1,
                             is_bad ? STYLE_WARNING : STYLE_TITLE, text_get(&state));
    text_clear(&state);
    return columns + 1;
}

static void draw_title(struct app *app)
{
    struct screen *screen = &app->screen;
    screen_fill(screen, (struct area){TITLE_ROW, 0, 1, screen->columns}, STYLE_TITLE, ' ');
    const struct view_ops *tabs[APP_MAX_SCREENS];
    struct tab_shape shape = choose_tabs(app);
    size_t current, count = list_tabs(app, tabs, &current);
    int column = 0;
    for (size_t i = 0; i < count; i++)
        column += draw_tab(app, &shape, column, tabs[i], distance_of(i, current));
    if (app->live)
        column += draw_live_state(app, column);
    else if (!app->context.profile->is_complete)
        column += screen_put(screen, TITLE_ROW, column + 1, screen->columns - column - 1,
                             STYLE_WARNING, "! incomplete") +
                  1;
    struct text subject = {0};
    int room = screen->columns - column - 2;
    print_subject(app, room, &subject);
    int width = text_columns(text_get(&subject));
    int start = width < room ? screen->columns - width - 1 : column + 1;
    screen_put_cut(screen, TITLE_ROW, start, room, STYLE_TITLE, text_get(&subject));
    text_clear(&subject);
}

/* Which instants, where that is not the end; snapshots are what they are. */
static void print_instants(const struct app *app, const struct view *view, struct text *out)
{
    const struct profile_interval *interval = &app->context.profile->interval;
    if (!app->context.profile->whole || view->ops->is_popup || view->is_of_others)
        return;
    if (view->ops->is_of_snapshot)
        text_add(out, "(of a snapshot, not of the marks) ");
    else if (interval->is_from_start)
        text_print(out, "At %s: ", interval->to);
    else
        text_print(out, "From %s to %s: ", interval->from, interval->to);
}

static void draw_description(struct app *app, const struct view *view)
{
    struct text text = {0};
    print_instants(app, view, &text);
    view->ops->describe(view, &text);
    screen_put_cut(&app->screen, DESCRIPTION_ROW, 1, app->screen.columns - 2, STYLE_STRONG,
                   text_get(&text));
    text_clear(&text);
}

static void draw_status(struct app *app, const struct view *view)
{
    struct screen *screen = &app->screen;
    const struct table *table = &view->table;
    int row = screen->rows - 2;
    char place[64] = "";
    if (table->column_count && table->row_count && !view->ops->is_popup)
        snprintf(place, sizeof place, "%zu/%zu", table->selected + 1, table->row_count);
    int place_columns = (int)strlen(place);
    screen_put(screen, row, screen->columns - place_columns - 1, place_columns, STYLE_FAINT, place);
    int room = screen->columns - place_columns - 3;
    const char *filter = view_filter(view);
    if (*app->message)
        screen_put_cut(screen, row, 1, room, STYLE_STATUS, app->message);
    else if (*filter && (view->ops->scopes & SCOPE_FILTERS))
        screen_print(screen, row, 1, room, STYLE_STATUS, "filter: %s  (Esc takes it away)", filter);
}

static bool is_in_footer(const struct key_binding *binding, unsigned scopes)
{
    return binding->label && (binding->scopes & scopes) &&
           key_binding_action(binding->keys[0], scopes) == binding->action;
}

/* Help and quitting are always told; they stand last. */
static bool is_always_told(const struct key_binding *binding)
{
    return binding->action == ACTION_HELP || binding->action == ACTION_QUIT;
}

static int label_columns(const struct key_binding *binding)
{
    char name[INPUT_KEY_NAME_BYTES];
    return text_columns(input_key_name(binding->keys[0], name)) + text_columns(binding->label) + 2;
}

static void draw_label(struct app *app, int row, int column, const struct key_binding *binding)
{
    struct screen *screen = &app->screen;
    char name[INPUT_KEY_NAME_BYTES];
    const char *key = input_key_name(binding->keys[0], name);
    int columns = label_columns(binding);
    add_target(app, row, column, columns, binding->keys[0]);
    int used = screen_put(screen, row, column, columns, STYLE_KEY, key);
    screen_print(screen, row, column + used, columns - used, STYLE_ACTION, " %s", binding->label);
}

static void draw_footer(struct app *app, const struct view *view)
{
    int row = app->screen.rows - 1, column = 0, reserved = 0;
    unsigned scopes = view->ops->scopes | SCOPE_ANY | (app->live ? SCOPE_LIVE : 0);
    const struct key_binding *binding;
    for (size_t i = 0; (binding = key_binding_at(i)); i++)
        if (is_in_footer(binding, scopes) && is_always_told(binding))
            reserved += label_columns(binding);
    for (size_t i = 0; (binding = key_binding_at(i)); i++) {
        if (!is_in_footer(binding, scopes))
            continue;
        int needed = is_always_told(binding) ? 0 : label_columns(binding) + reserved;
        if (column + needed > app->screen.columns)
            continue;
        draw_label(app, row, column, binding);
        column += label_columns(binding);
    }
}

/* Only where the keys go (`is_active`) a row is marked. */
static void draw_rows(struct app *app, struct view *view, struct area area, bool is_active)
{
    struct screen *screen = &app->screen;
    struct table *table = &view->table;
    table_scroll_to_selected(table, (size_t)area.rows);
    for (int i = 0; i < area.rows && table->top + (size_t)i < table->row_count; i++) {
        size_t row = table->top + (size_t)i;
        struct area place = {area.row + i, area.column, 1, area.columns};
        view->ops->draw_row(view, screen, place, row);
        if (row != table->selected || !is_active || view->ops->marks_selected)
            continue;
        screen_restyle(screen, place, STYLE_SELECTED);
        screen_put_character(screen, place.row, place.column, STYLE_SELECTED, '>');
        screen->cursor_row = place.row;
        screen->cursor_column = place.column;
    }
}

static void draw_body(struct app *app, struct view *view, bool is_active)
{
    struct screen *screen = &app->screen;
    struct area area = {DESCRIPTION_ROW + 1, 0, screen->rows - 4, screen->columns};
    if (view->ops->fit)
        view->ops->fit(view, area.rows, area.columns);
    table_lay_out(&view->table, screen->columns);
    if (view->table.column_count) {
        table_draw_header(&view->table, screen, area.row);
        area.row++;
        area.rows--;
    }
    area.rows -= view->below_rows;
    draw_rows(app, view, area, is_active);
    struct area below = {area.row + area.rows, 0, view->below_rows, area.columns};
    if (view->ops->draw_below && view->below_rows)
        view->ops->draw_below(view, screen, below);
    if (view->table.row_count == 0)
        screen_put(screen, area.row, 1, screen->columns - 2, STYLE_FAINT, "(nothing here)");
}

static void draw_popup(struct app *app, struct view *view)
{
    struct screen *screen = &app->screen;
    int columns = screen->columns - 4 < MENU_MAX_COLUMNS ? screen->columns - 4 : MENU_MAX_COLUMNS;
    int rows = (int)(view->table.row_count < 1000 ? view->table.row_count : 1000) + 2;
    if (rows > screen->rows - 4)
        rows = screen->rows - 4;
    struct area area = {(screen->rows - rows) / 2, (screen->columns - columns) / 2, rows, columns};
    screen_box(screen, area, STYLE_POPUP);
    struct text title = {0};
    view->ops->describe(view, &title);
    screen_print(screen, area.row, area.column + 2, area.columns - 4, STYLE_POPUP, " %s ",
                 text_get(&title));
    text_clear(&title);
    struct area inside = {area.row + 1, area.column + 1, rows - 2, columns - 2};
    draw_rows(app, view, inside, true);
}

static void draw_too_small(struct app *app)
{
    struct screen *screen = &app->screen;
    screen_put(screen, screen->rows / 2, 0, screen->columns, STYLE_STRONG, "window too small");
    screen_print(screen, screen->rows / 2 + 1, 0, screen->columns, STYLE_TEXT, "needs %dx%d",
                 APP_MIN_COLUMNS, APP_MIN_ROWS);
}

void app_draw(struct app *app)
{
    struct screen *screen = &app->screen;
    struct view *view = app_current_view(app);
    app->target_count = 0;
    screen_erase(screen);
    if (screen->rows < APP_MIN_ROWS || screen->columns < APP_MIN_COLUMNS) {
        draw_too_small(app);
        return;
    }
    struct view *behind = view;
    if (view->ops->is_popup)
        behind = app->depth > 1 ? app->opened[app->depth - 2] : app->screens[app->current_screen];
    draw_title(app);
    draw_description(app, behind);
    draw_body(app, behind, behind == view);
    if (view != behind)
        draw_popup(app, view);
    draw_footer(app, view);
    if (app->prompt.kind != PROMPT_NONE)
        prompt_draw(&app->prompt, screen, screen->rows - 2);
    else
        draw_status(app, view);
}

void app_draw_progress(struct app *app, double share)
{
    struct screen *screen = &app->screen;
    int row = screen->rows - 2;
    screen_fill(screen, (struct area){row, 0, 1, screen->columns}, STYLE_STATUS, ' ');
    if (share > 0)
        screen_print(screen, row, 1, screen->columns - 2, STYLE_STATUS, "%.0f %% - Esc stops",
                     share * 100);
    else
        screen_put(screen, row, 1, screen->columns - 2, STYLE_STATUS, "at work - Esc stops");
}

void app_draw_wide_row(struct view *wide, size_t row, struct screen *screen)
{
    screen_init(screen, 1, WIDE_COLUMNS, wide->context->is_utf8);
    table_lay_out(&wide->table, WIDE_COLUMNS);
    wide->ops->draw_row(wide, screen, (struct area){0, 0, 1, WIDE_COLUMNS}, row);
}

void app_row_text(const struct view *view, size_t row, struct text *out)
{
    struct view wide = *view;
    struct screen screen;
    app_draw_wide_row(&wide, row, &screen);
    screen_row_text(&screen, 0, out);
    screen_clear(&screen);
}

void app_header_text(const struct view *view, struct text *out)
{
    struct table table = view->table;
    struct screen screen;
    if (!table.column_count)
        return;
    screen_init(&screen, 1, WIDE_COLUMNS, view->context->is_utf8);
    table_lay_out(&table, WIDE_COLUMNS);
    table_draw_header(&table, &screen, 0);
    screen_row_text(&screen, 0, out);
    screen_clear(&screen);
}
