/* Gives the terminal back when the viewer is killed in the middle. */
#ifndef SEEP_TUI_TERMINAL_GUARD_H
#define SEEP_TUI_TERMINAL_GUARD_H

#include <stdbool.h>

#include "base/error.h"

struct terminal_guard;

/* Are standard input and output a terminal that can place its cursor? */
bool terminal_is_usable(struct error *reason);

/* Does it show programs on a screen of their own, beside the shell's? Once curses is up. */
bool terminal_has_second_screen(void);

/* Remembers the terminal as it is: call before curses changes it. Caller owns the guard. */
struct terminal_guard *terminal_guard_create(bool has_mouse);
void terminal_guard_destroy(struct terminal_guard *guard);

/* From begin to end a fatal signal restores the terminal before it kills. Call begin after curses
 * has installed its own handlers. At most one guard at a time. */
void terminal_guard_begin(struct terminal_guard *guard);
void terminal_guard_end(struct terminal_guard *guard);

#endif
