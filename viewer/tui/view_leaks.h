/* What commands do on the screen of leaks. */
#ifndef SEEP_TUI_VIEW_LEAKS_H
#define SEEP_TUI_VIEW_LEAKS_H

#include "tui/view.h"

/* Writes a suppression of the selected leak: "lsan FILE", "valgrind FILE". A file that holds
 * anything else is left alone. `view` is one of view_leaks. */
bool view_leaks_suppress(struct view *view, const char *argument, struct reaction *reaction,
                         struct error *error);

#endif
