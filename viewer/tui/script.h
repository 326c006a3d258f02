/* Input from a file instead of a terminal, so that tests need none.
 *
 * With SEEP_SCRIPT=FILE in the environment `seep view` reads what to do from FILE and shows
 * nothing; the screen has LINES rows and COLUMNS columns (24 and 80 when not set). One step a line:
 *
 *     key Down            one key, or several: key Down Down Enter
 *     type /parse         the characters, one key each (blanks at the end count)
 *     click ROW COLUMN    counted from 1, as editors and terminals do
 *     wheel-up ROW COLUMN, wheel-down ROW COLUMN
 *     resize ROWS COLUMNS
 *     :command            as typed after ':', but a command that fails ends the script
 *     # comment
 *
 * `:save-display FILE` writes the screen as it would be seen. At the script's end the viewer quits.
 */
#ifndef SEEP_TUI_SCRIPT_H
#define SEEP_TUI_SCRIPT_H

#include <stdbool.h>

#include "base/error.h"
#include "tui/input.h"

struct script;

struct script *script_open(const char *path, struct error *error);

/* The one that the environment names; NULL with *error, which is "" where it names none. Caller
 * owns it. */
struct script *script_open_named(struct error *error);
void script_close(struct script *script);

/* The next input; INPUT_FINISHED at the end. False for a line that makes no sense: the error names
 * file and line. */
bool script_next(struct script *script, struct input *input, struct error *error);

/* Of the screen that it is played on. */
void script_screen_size(int *rows, int *columns);

/* "file:line" of the step that script_next gave last. Borrowed from the script. */
const char *script_place(struct script *script);

#endif
