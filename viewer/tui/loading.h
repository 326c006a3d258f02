/* What is seen while a recording is read, before there is anything to view: how much is done and
 * left, where it takes longer than one waits for without a word. Esc, q and ^C leave at once.
 *
 * Where the terminal was taken for that, it is handed on to the viewer, so that nothing flickers;
 * meanwhile notes for stderr are held back, which would stand in the middle of the screen. */
#ifndef SEEP_TUI_LOADING_H
#define SEEP_TUI_LOADING_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/progress.h"

struct loading;
struct terminal;

enum loading_part {
    LOADING_CHECKING, /* the file, from its beginning to its end */
    LOADING_READING,
    LOADING_NAMING, /* what nobody had named yet */
    LOADING_REST,   /* what stands apart in the file */
    LOADING_PARTS
};

struct loading_options {
    bool is_ascii;
    bool without_mouse;
    const char *colors; /* as in struct tui_options */
    struct clock clock;
};

/* Nothing is seen yet. With a script instead of a terminal nothing ever is. Caller owns it. */
struct loading *loading_begin(const struct loading_options *options);

/* Ends it, gives the terminal back if nobody took it, and lets go of what was held back. NULL is
 * allowed. */
void loading_end(struct loading *loading);

/* The recording that is read from now on, and how many bytes it has (0 = not known). The name is
 * copied. */
void loading_name(struct loading *loading, const char *name, uint64_t bytes);

/* For who works on a part: the share of that. Wants no more once it was left. NULL for NULL. */
const struct progress *loading_progress(struct loading *loading, enum loading_part part);

/* It was left: what failed since then is no news. */
bool loading_was_left(const struct loading *loading);

/* The terminal, or NULL when it was not needed. The caller owns it. */
struct terminal *loading_take_terminal(struct loading *loading);

#endif
