/* A list to choose from, before there is anything to view: the whole terminal, as long as it takes.
 * A filter leaves the items that contain a text. */
#ifndef SEEP_TUI_CHOOSER_H
#define SEEP_TUI_CHOOSER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "tui/script.h"

struct chooser_options {
    const char *title;
    const char *const *items; /* foreign */
    size_t count;             /* at least 1 */
    struct script *script;    /* to read from; NULL: the terminal */
    bool is_ascii;
    bool without_mouse;
};

/* False: nothing was chosen, or (with *error, else "") the terminal cannot be used, or a step of
 * the script failed. */
bool chooser_run(const struct chooser_options *options, size_t *chosen, struct error *error);

#endif
