#include "tui/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tui/input.h"

static const char *const starts[] = {
    [PROMPT_NONE] = "",
    [PROMPT_SEARCH] = "/",
    [PROMPT_FILTER] = "\\",
    [PROMPT_COMMAND] = ":",
};

void prompt_init(struct prompt *prompt)
{
    memset(prompt, 0, sizeof *prompt);
}

void prompt_clear(struct prompt *prompt)
{
    for (size_t kind = 0; kind <= PROMPT_COMMAND; kind++) {
        for (size_t i = 0; i < prompt->histories[kind].count; i++)
            free(prompt->histories[kind].lines[i]);
        free(prompt->histories[kind].lines);
    }
    prompt_init(prompt);
}

static void set_text(struct prompt *prompt, const char *text)
{
    uint32_t character;
    prompt->count = 0;
    while (prompt->count < PROMPT_MAX_CHARACTERS && (character = screen_decode(&text)))
        prompt->characters[prompt->count++] = character;
    prompt->cursor = prompt->count;
}

void prompt_open(struct prompt *prompt, enum prompt_kind kind, const char *text)
{
    prompt->kind = kind;
    prompt->hint[0] = '\0';
    prompt->history = &prompt->histories[kind];
    prompt->history_position = prompt->history->count;
    set_text(prompt, text);
}

void prompt_complete(struct prompt *prompt, const char *text, const char *hint)
{
    set_text(prompt, text);
    snprintf(prompt->hint, sizeof prompt->hint, "%s", hint);
}

void prompt_get(const struct prompt *prompt, struct text *text)
{
    for (size_t i = 0; i < prompt->count; i++)
        screen_encode(text, prompt->characters[i]);
}

static void remember(struct prompt *prompt)
{
    struct prompt_history *history = prompt->history;
    struct text line = {0};
    prompt_get(prompt, &line);
    bool is_repeated = history->count &&
                       strcmp(history->lines[history->count - 1], text_get(&line)) == 0;
    if (!line.count || is_repeated) {
        text_clear(&line);
        return;
    }
    if (history->count == PROMPT_MAX_HISTORY) {
        free(history->lines[0]);
        memmove(history->lines, history->lines + 1, --history->count * sizeof *history->lines);
    }
    history->lines = memory_grow(history->lines, &history->capacity, history->count + 1,
                                 sizeof *history->lines);
    history->lines[history->count++] = text_take(&line);
}

static void recall(struct prompt *prompt, bool is_older)
{
    struct prompt_history *history = prompt->history;
    if (is_older ? prompt->history_position == 0 : prompt->history_position >= history->count)
        return;
    prompt->history_position += is_older ? (size_t)-1 : 1;
    bool is_new_line = prompt->history_position == history->count;
    set_text(prompt, is_new_line ? "" : history->lines[prompt->history_position]);
}

static void insert(struct prompt *prompt, uint32_t character)
{
    if (prompt->count == PROMPT_MAX_CHARACTERS)
        return;
    memmove(prompt->characters + prompt->cursor + 1, prompt->characters + prompt->cursor,
            (prompt->count - prompt->cursor) * sizeof *prompt->characters);
    prompt->characters[prompt->cursor++] = character;
    prompt->count++;
}

static void delete_range(struct prompt *prompt, size_t start, size_t end)
{
    memmove(prompt->characters + start, prompt->characters + end,
            (prompt->count - end) * sizeof *prompt->characters);
    prompt->count -= end - start;
    prompt->cursor = start;
}

static size_t word_start(const struct prompt *prompt)
{
    size_t start = prompt->cursor;
    while (start && prompt->characters[start - 1] == ' ')
        start--;
    while (start && prompt->characters[start - 1] != ' ')
        start--;
    return start;
}

static enum prompt_outcome close_prompt(struct prompt *prompt, enum prompt_outcome outcome)
{
    if (outcome == PROMPT_ACCEPTED)
        remember(prompt);
    prompt->kind = PROMPT_NONE;
    return outcome;
}

/* Keys that change no text. */
static enum prompt_outcome move_cursor(struct prompt *prompt, uint32_t key)
{
    if (key == INPUT_LEFT && prompt->cursor > 0)
        prompt->cursor--;
    else if (key == INPUT_RIGHT && prompt->cursor < prompt->count)
        prompt->cursor++;
    else if (key == INPUT_HOME || key == INPUT_CONTROL('a'))
        prompt->cursor = 0;
    else if (key == INPUT_END || key == INPUT_CONTROL('e'))
        prompt->cursor = prompt->count;
    return PROMPT_GOES_ON;
}

enum prompt_outcome prompt_handle_key(struct prompt *prompt, uint32_t key)
{
    prompt->hint[0] = '\0';
    switch (key) {
    case INPUT_TAB:
        return prompt->kind == PROMPT_COMMAND ? PROMPT_COMPLETED : PROMPT_GOES_ON;
    case INPUT_ENTER:
        return close_prompt(prompt, PROMPT_ACCEPTED);
    case INPUT_ESCAPE:
    case INPUT_CONTROL('c'):
        return close_prompt(prompt, PROMPT_CANCELLED);
    case INPUT_BACKSPACE:
        if (prompt->count == 0)
            return close_prompt(prompt, PROMPT_CANCELLED);
        if (prompt->cursor > 0)
            delete_range(prompt, prompt->cursor - 1, prompt->cursor);
        return PROMPT_CHANGED;
    case INPUT_DELETE:
        if (prompt->cursor < prompt->count)
            delete_range(prompt, prompt->cursor, prompt->cursor + 1);
        return PROMPT_CHANGED;
    case INPUT_CONTROL('u'):
        delete_range(prompt, 0, prompt->cursor);
        return PROMPT_CHANGED;
    case INPUT_CONTROL('k'):
        delete_range(prompt, prompt->cursor, prompt->count);
        return PROMPT_CHANGED;
    case INPUT_CONTROL('w'):
        delete_range(prompt, word_start(prompt), prompt->cursor);
        return PROMPT_CHANGED;
    case INPUT_UP:
    case INPUT_DOWN:
        recall(prompt, key == INPUT_UP);
        return PROMPT_CHANGED;
    default:
        break;
    }
    if (key < ' ' || key >= INPUT_FIRST_SPECIAL)
        return move_cursor(prompt, key);
    insert(prompt, key);
    return PROMPT_CHANGED;
}

static int columns_before(const struct prompt *prompt, size_t from)
{
    struct text text = {0};
    for (size_t i = from; i < prompt->cursor; i++)
        screen_encode(&text, prompt->characters[i]);
    int columns = text_columns(text_get(&text));
    text_clear(&text);
    return columns;
}

void prompt_draw(const struct prompt *prompt, struct screen *screen, int row)
{
    int start = screen_put(screen, row, 0, screen->columns, STYLE_STRONG, starts[prompt->kind]);
    size_t first = 0; /* the first character shown: the cursor must be visible */
    while (first < prompt->cursor && start + columns_before(prompt, first) >= screen->columns)
        first++;
    struct text shown = {0};
    for (size_t i = first; i < prompt->count; i++)
        screen_encode(&shown, prompt->characters[i]);
    screen_put(screen, row, start, screen->columns - start, STYLE_TEXT, text_get(&shown));
    int end = start + text_columns(text_get(&shown)) + 2;
    screen_put_cut(screen, row, end, screen->columns - end, STYLE_FAINT, prompt->hint);
    screen->cursor_row = row;
    screen->cursor_column = start + columns_before(prompt, first);
    text_clear(&shown);
}
