#include "tui/input.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/screen.h"

static const struct {
    uint32_t key;
    const char *name;
} special_keys[] = {
    {INPUT_UP, "Up"},
    {INPUT_DOWN, "Down"},
    {INPUT_LEFT, "Left"},
    {INPUT_RIGHT, "Right"},
    {INPUT_PAGE_UP, "PgUp"},
    {INPUT_PAGE_DOWN, "PgDn"},
    {INPUT_HOME, "Home"},
    {INPUT_END, "End"},
    {INPUT_ENTER, "Enter"},
    {INPUT_ESCAPE, "Esc"},
    {INPUT_BACKSPACE, "Backspace"},
    {INPUT_DELETE, "Delete"},
    {INPUT_TAB, "Tab"},
    {INPUT_SHIFT_TAB, "S-Tab"},
    {' ', "Space"},
};

enum {
    SPECIAL_KEY_COUNT = sizeof special_keys / sizeof *special_keys
};

const char *input_key_name(uint32_t key, char name[INPUT_KEY_NAME_BYTES])
{
    for (size_t i = 0; i < SPECIAL_KEY_COUNT; i++)
        if (special_keys[i].key == key)
            return special_keys[i].name;
    if (key >= INPUT_F1 && key <= INPUT_F12) {
        snprintf(name, INPUT_KEY_NAME_BYTES, "F%u", key - INPUT_F1 + 1);
    } else if (key > 0 && key < ' ') {
        snprintf(name, INPUT_KEY_NAME_BYTES, "C-%c", (char)(key + 'a' - 1));
    } else {
        struct text text = {0};
        screen_encode(&text, key < INPUT_FIRST_SPECIAL ? key : '?');
        snprintf(name, INPUT_KEY_NAME_BYTES, "%s", text_get(&text));
        text_clear(&text);
    }
    return name;
}

uint32_t input_key_find(const char *name)
{
    for (size_t i = 0; i < SPECIAL_KEY_COUNT; i++)
        if (strcmp(special_keys[i].name, name) == 0)
            return special_keys[i].key;
    unsigned number;
    char rest;
    if (sscanf(name, "F%u%c", &number, &rest) == 1 && number >= 1 && number <= 12)
        return INPUT_F1 + number - 1;
    if (name[0] == 'C' && name[1] == '-' && name[2] >= 'a' && name[2] <= 'z' && !name[3])
        return INPUT_CONTROL(name[2]);
    uint32_t key = screen_decode(&name);
    return *name ? INPUT_NO_KEY : key;
}
