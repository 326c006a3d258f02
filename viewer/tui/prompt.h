/* One line of typed text: the editor behind '/', '\' and ':'. */
#ifndef SEEP_TUI_PROMPT_H
#define SEEP_TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "tui/screen.h"

enum prompt_kind {
    PROMPT_NONE,
    PROMPT_SEARCH,
    PROMPT_FILTER,
    PROMPT_COMMAND
};

enum {
    PROMPT_MAX_CHARACTERS = 512,
    PROMPT_MAX_HISTORY = 100
};

enum prompt_outcome {
    PROMPT_GOES_ON,
    PROMPT_CHANGED,
    PROMPT_COMPLETED, /* its text should be: Tab */
    PROMPT_ACCEPTED,
    PROMPT_CANCELLED
};

struct prompt_history {
    char **lines; /* oldest first */
    size_t count;
    size_t capacity;
};

struct prompt {
    enum prompt_kind kind; /* PROMPT_NONE: not open */
    uint32_t characters[PROMPT_MAX_CHARACTERS];
    size_t count;
    size_t cursor;
    struct prompt_history *history; /* of this kind; in `histories` */
    size_t history_position;        /* history.count: the line being typed */
    char hint[256];                 /* shown behind the text, until the next key */
    struct prompt_history histories[PROMPT_COMMAND + 1];
};

void prompt_init(struct prompt *prompt);
void prompt_clear(struct prompt *prompt);

/* Opens with `text` to begin with (may be ""). */
void prompt_open(struct prompt *prompt, enum prompt_kind kind, const char *text);

/* Handles a key; after ACCEPTED or CANCELLED the prompt is closed, its text still there. */
enum prompt_outcome prompt_handle_key(struct prompt *prompt, uint32_t key);

/* Puts another text into the open prompt, with a hint (may be ""). */
void prompt_complete(struct prompt *prompt, const char *text, const char *hint);

/* Appends the typed line. */
void prompt_get(const struct prompt *prompt, struct text *text);

/* Draws into one row and puts the screen's cursor at the text's cursor. */
void prompt_draw(const struct prompt *prompt, struct screen *screen, int row);

#endif
