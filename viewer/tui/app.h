/* The viewer as a whole: which views are open, what is asked, and the loop that turns input into
 * actions and actions into what the reactions say. */
#ifndef SEEP_TUI_APP_H
#define SEEP_TUI_APP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "tui/key_bindings.h"
#include "tui/prompt.h"
#include "tui/screen.h"
#include "tui/script.h"
#include "tui/style.h"
#include "tui/terminal.h"
#include "tui/view.h"

enum {
    APP_MAX_DEPTH = 32,
    APP_MAX_SCREENS = 16,
    APP_MAX_TARGETS = 40,
    APP_MIN_ROWS = 10,
    APP_MIN_COLUMNS = 40
};

/* A piece of the screen that does something when it is clicked. */
struct app_target {
    int row;
    int column;
    int columns;
    uint32_t key; /* as if this key had been pressed */
};

struct app_live;

struct app {
    struct view_context context;
    struct profile *interval;              /* what context.profile is, unless that is the whole */
    char *filter;                          /* what context.question.filter points to */
    struct view *screens[APP_MAX_SCREENS]; /* as views.c has them; NULL: not opened yet */
    size_t screen_count;                   /* also those that are not there */
    size_t current_screen;
    struct view *opened[APP_MAX_DEPTH]; /* over the screen, each from the one before */
    size_t depth;

    struct screen screen;
    struct app_target targets[APP_MAX_TARGETS];
    size_t target_count;
    struct prompt prompt;
    char message[512];
    char *searched;

    struct app_live *live;     /* app_live.h; NULL: a recording */
    struct terminal *terminal; /* NULL: a script */
    uint64_t busy_ns,
        told_ns;           /* when the input that is being handled came, and progress was told */
    bool was_stopped;      /* what it asked for */
    struct script *script; /* own_script, or what options have */
    struct script *own_script;
    bool is_repainting;
    bool is_quitting;
};

bool app_init(struct app *app, const struct profile *profile, const struct tui_options *options,
              struct error *error);
void app_clear(struct app *app);

/* Handles inputs until the user quits. False when a script failed. */
bool app_run(struct app *app, struct error *error);

/* A line for the status row, until the next input. */
void app_say(struct app *app, const char *message);

/* Which keys count now: enum key_scope. */
unsigned app_scopes(const struct app *app);

/* Views. What fails says why, for the status row. */
struct view *app_current_view(const struct app *app);

/* Whether the view is a screen that this recording has something for. */
bool app_has_screen(const struct app *app, const struct view_ops *ops, struct error *error);

/* One that is there. */
bool app_show_screen(struct app *app, const struct view_ops *ops, struct error *error);
bool app_open_view(struct app *app, const struct view_ops *ops, const struct view_request *request,
                   struct error *error);
bool app_close_view(struct app *app); /* whether there was one to close */

/* Asks all views another question (its texts are copied); when it makes no sense the old one stays.
 */
bool app_ask(struct app *app, const struct view_question *question, struct error *error);

/* Gives a view another filter: its own, or the one of all. */
bool app_filter(struct app *app, const char *filter, struct error *error);

/* Before and after the profile is replaced by a newer one: what is shown is found again, and what
 * cannot be found again is closed, unless it is shown. Reloading also suffices when only what is
 * known beside the profile has changed. */
void app_prepare_reload(struct app *app);
bool app_reload(struct app *app, struct error *error);

/* Shows what has changed against a recording: FILE or FILE@INSTANT. */
bool app_compare(struct app *app, const char *base, struct error *error);

/* Does what a view's handler wants, and empties the reaction. */
bool app_react(struct app *app, struct reaction *reaction, struct error *error);
bool app_copy(struct app *app, const char *text, struct error *error);

/* Shows another profile of the same recording, which must live on, and asks this question of it;
 * closes what stands over the screen. On failure everything stays as it was. */
bool app_show_profile(struct app *app, const struct profile *profile,
                      const struct view_question *question, struct error *error);

/* app_times.c: which instants are shown. Names are those of instant.h. */
bool app_look_at(struct app *app, const char *name, struct error *error);
bool app_look_from(struct app *app, const char *name, struct error *error);
bool app_look_to(struct app *app, const char *name, struct error *error);
bool app_mark(struct app *app, struct error *error); /* the cursor's instant */
bool app_clear_marks(struct app *app, struct error *error);
bool app_move_cursor(struct app *app, const char *name, struct error *error);
bool app_jump(struct app *app, bool is_backwards, struct error *error); /* to one with a name */
bool app_times_begin(struct app *app, const struct tui_options *options, struct error *error);
void app_times_clear(struct app *app);

/* All instants with names, by time. Clear after use. */
struct app_moments {
    struct view_moment *items;
    size_t count, capacity;
};
bool app_find_moments(struct app *app, struct app_moments *moments, struct error *error);
void app_moments_clear(struct app_moments *moments);

/* app_complete.c: what is typed in the open prompt, as far as it can be guessed. */
void app_complete_prompt(struct app *app);

/* app_write.c: into a new file, as its suffix says. */
bool app_save_rows(struct app *app, const char *path, struct error *error);

/* app_input.c */
bool app_handle_input(struct app *app, const struct input *input, struct error *error);

/* app_actions.c. `key`: the key that asked for the action. */
bool app_do(struct app *app, enum action action, uint32_t key, struct error *error);
bool app_sort_by(struct app *app, int sort_key, struct error *error);
/* The column of the current view whose title this is, in letters of either case. False: none is. */
bool app_sort_by_title(struct app *app, const char *title);

/* app_menus.c: for ACTION_SORT, ACTION_GROUP, ACTION_PROCESS, ACTION_INSTANTS. */
bool app_open_menu(struct app *app, enum action action, struct error *error);

/* app_rows.c. A search is for letters of either case unless the text has capitals; it goes on round
 * the end. */
bool app_search(struct app *app, const char *text, struct error *error);
bool app_find_next(struct app *app, bool is_backwards, struct error *error);

/* app_draw.c: fills app->screen. */
void app_draw(struct app *app);

/* Only what is told of work that goes on, in the status row; 0: nobody knows how far it is. */
void app_draw_progress(struct app *app, double share);

/* A row of a view, drawn on a very wide screen, to which it is laid out. Clear the screen. */
void app_draw_wide_row(struct view *wide, size_t row, struct screen *screen);

/* The text of one row of a view, as it would stand on a very wide screen. */
void app_row_text(const struct view *view, size_t row, struct text *out);

/* Its column titles on that screen; nothing when it has none. */
void app_header_text(const struct view *view, struct text *out);

/* commands.c: runs what was typed after ':'. */
bool command_run(struct app *app, const char *line, struct error *error);

struct command_info {
    const char *name;
    const char *argument; /* as help shows it; "" = none */
    const char *help;
};

/* For the help screen; NULL past the end. */
const struct command_info *command_info_at(size_t position);

#endif
