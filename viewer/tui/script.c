#include "tui/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tui/screen.h"

enum {
    DEFAULT_ROWS = 24,
    DEFAULT_COLUMNS = 80,
    MAX_SIZE = 1000
};

enum script_words {
    SCRIPT_IDLE,
    SCRIPT_KEYS,
    SCRIPT_CHARACTERS
};

struct script {
    FILE *file;
    char *path;
    char *line;
    size_t line_bytes;
    unsigned line_number;
    enum script_words words; /* what is left of the line holds */
    const char *rest;        /* into line */
    struct text place;
};

struct script *script_open(const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        error_set_errno(error, errno, "cannot read the script %s", path);
        return NULL;
    }
    struct script *script = memory_allocate_zeroed(1, sizeof *script);
    script->file = file;
    script->path = memory_duplicate_text(path);
    return script;
}

struct script *script_open_named(struct error *error)
{
    const char *path = getenv("SEEP_SCRIPT");
    error->message[0] = '\0';
    return path && *path ? script_open(path, error) : NULL;
}

static int size_from_environment(const char *name, int otherwise)
{
    const char *text = getenv(name);
    long size = text ? strtol(text, NULL, 10) : 0;
    return size > 0 && size <= MAX_SIZE ? (int)size : otherwise;
}

void script_screen_size(int *rows, int *columns)
{
    *rows = size_from_environment("LINES", DEFAULT_ROWS);
    *columns = size_from_environment("COLUMNS", DEFAULT_COLUMNS);
}

void script_close(struct script *script)
{
    if (!script)
        return;
    fclose(script->file);
    free(script->path);
    free(script->line);
    text_clear(&script->place);
    free(script);
}

const char *script_place(struct script *script)
{
    text_clear(&script->place);
    text_print(&script->place, "%s:%u", script->path, script->line_number);
    return text_get(&script->place);
}

static bool next_key(struct script *script, struct input *input, struct error *error)
{
    char name[32];
    int used = 0;
    input->kind = INPUT_KEY;
    if (sscanf(script->rest, "%31s%n", name, &used) != 1)
        return error_set(error, "%s: a key is missing", script_place(script));
    input->key = input_key_find(name);
    if (input->key == INPUT_NO_KEY)
        return error_set(error, "%s: there is no key \"%s\"", script_place(script), name);
    script->rest += used;
    script->rest += strspn(script->rest, " ");
    if (!*script->rest)
        script->words = SCRIPT_IDLE;
    return true;
}

static bool next_character(struct script *script, struct input *input)
{
    input->kind = INPUT_KEY;
    input->key = screen_decode(&script->rest);
    if (!*script->rest)
        script->words = SCRIPT_IDLE;
    return true;
}

static bool two_numbers(struct script *script, const char *arguments, enum input_kind kind,
                        int first, struct input *input, struct error *error)
{
    int row, column;
    char rest;
    bool is_read = sscanf(arguments, "%d %d %c", &row, &column, &rest) == 2;
    if (!is_read || row < 1 || column < 1 || row > 1000 || column > 1000)
        return error_set(error, "%s: two numbers from 1 to 1000 are needed", script_place(script));
    *input = (struct input){.kind = kind, .row = row - first, .column = column - first};
    return true;
}

static bool begin_line(struct script *script, struct input *input, struct error *error)
{
    static const struct {
        const char *name;
        enum input_kind kind;
        int first;
    } mouse_words[] = {{"click ", INPUT_CLICK, 1},
                       {"wheel-up ", INPUT_WHEEL_UP, 1},
                       {"wheel-down ", INPUT_WHEEL_DOWN, 1},
                       {"resize ", INPUT_RESIZE, 0}};
    char *line = script->line;
    if (*line == ':') {
        *input = (struct input){.kind = INPUT_COMMAND, .text = line + 1};
        return true;
    }
    for (size_t i = 0; i < sizeof mouse_words / sizeof *mouse_words; i++)
        if (text_starts_with(line, mouse_words[i].name))
            return two_numbers(script, line + strlen(mouse_words[i].name), mouse_words[i].kind,
                               mouse_words[i].first, input, error);
    script->rest = strchr(line, ' ');
    script->rest = script->rest ? script->rest + 1 : "";
    if (text_starts_with(line, "type ") && *script->rest) {
        script->words = SCRIPT_CHARACTERS;
        return next_character(script, input);
    }
    if (text_starts_with(line, "key ")) {
        script->words = SCRIPT_KEYS;
        return next_key(script, input, error);
    }
    return error_set(error, "%s: unknown step \"%s\"", script_place(script), line);
}

bool script_next(struct script *script, struct input *input, struct error *error)
{
    *input = (struct input){.kind = INPUT_FINISHED};
    if (script->words == SCRIPT_KEYS)
        return next_key(script, input, error);
    if (script->words == SCRIPT_CHARACTERS)
        return next_character(script, input);
    while (getline(&script->line, &script->line_bytes, script->file) >= 0) {
        script->line_number++;
        script->line[strcspn(script->line, "\r\n")] = '\0';
        if (*script->line && *script->line != '#')
            return begin_line(script, input, error);
    }
    return true;
}
