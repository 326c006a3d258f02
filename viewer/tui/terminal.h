/* The real terminal, by ncurses: shows a screen, reads keys, and is always given back as it was.
 * Only this and terminal_guard know
 * curses. */
#ifndef SEEP_TUI_TERMINAL_H
#define SEEP_TUI_TERMINAL_H

#include <stdbool.h>

#include "base/error.h"
#include "tui/input.h"
#include "tui/screen.h"
#include "tui/style.h"

struct terminal;

/* Takes the terminal over. At most one can be open: signal handlers restore it. Caller owns it. */
struct terminal *terminal_open(bool has_mouse, struct error *error);

/* Gives it back. NULL is allowed. */
void terminal_close(struct terminal *terminal);

bool terminal_has_colors(const struct terminal *terminal);
void terminal_set_scheme(struct terminal *terminal, const struct style_scheme *scheme);
void terminal_size(const struct terminal *terminal, int *rows, int *columns);

void terminal_show(struct terminal *terminal, const struct screen *screen, bool is_repaint);

/* Waits for the next input. */
void terminal_read(struct terminal *terminal, struct input *input);

/* The same, but also returns when `fd` (-1 = none) is readable, with INPUT_NEWS, and after a time,
 * with INPUT_NOTHING. */
void terminal_read_or(struct terminal *terminal, int fd, int timeout_ms, struct input *input);

/* Without waiting: was Esc or ^C pressed? What else was typed meanwhile is dropped. */
bool terminal_is_stopped(struct terminal *terminal);

/* The same, where q leaves too. */
bool terminal_is_left(struct terminal *terminal);

/* Asks the terminal to take the text into the clipboard (OSC 52). False where it is known not to
 * understand. */
bool terminal_copy(struct terminal *terminal, const char *text);

/* Gives the terminal to the user's editor ($VISUAL, $EDITOR, vi) and takes it back. */
bool terminal_edit(struct terminal *terminal, const char *path, unsigned line, struct error *error);

#endif
