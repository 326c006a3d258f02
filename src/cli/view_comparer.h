/* What the viewer compares the recording with that it shows: recordings that are opened when they
 * are asked for. They stay until the viewer ends, since what it shows is borrowed from them. */
#ifndef SEEP_CLI_VIEW_COMPARER_H
#define SEEP_CLI_VIEW_COMPARER_H

#include <stdbool.h>

#include "base/error.h"
#include "cli/recording_argument.h"
#include "tui/tui.h"

struct view_compared;

/* Zeroed but for `shown`, which is borrowed. */
struct view_comparer {
    const struct recording_argument
        *shown; /* the new side, at the instant that was named with it */
    struct view_compared *opened;
    const struct view_compared *other; /* what is shown; NULL: not asked for yet */
};

/* For tui_options; `context` is the comparer. */
bool view_comparer_compare(void *context, const char *base, const struct progress *progress,
                           struct tui_comparison *comparison, struct error *error);

void view_comparer_close(struct view_comparer *comparer);

#endif
