/* What the user does, the same whether it comes from a terminal or from a script. */
#ifndef SEEP_TUI_INPUT_H
#define SEEP_TUI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key is a character (C-a is 1 ... C-z is 26), or one of these. */
enum input_key {
    INPUT_NO_KEY = 0,
    INPUT_FIRST_SPECIAL = 0x110000,
    INPUT_UP = INPUT_FIRST_SPECIAL,
    INPUT_DOWN,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_HOME,
    INPUT_END,
    INPUT_ENTER,
    INPUT_ESCAPE,
    INPUT_BACKSPACE,
    INPUT_DELETE,
    INPUT_TAB,
    INPUT_SHIFT_TAB,
    INPUT_F1, /* F2 .. F12 follow */
    INPUT_F12 = INPUT_F1 + 11
};

enum {
    INPUT_KEY_NAME_BYTES = 16
};

#define INPUT_CONTROL(letter) ((uint32_t)((letter) - 'a' + 1))

enum input_kind {
    INPUT_KEY,
    INPUT_CLICK,
    INPUT_WHEEL_UP,
    INPUT_WHEEL_DOWN,
    INPUT_RESIZE,
    INPUT_COMMAND, /* scripts only: run `text` as if it had been typed after ':' */
    INPUT_NOTHING, /* look again: a signal came */
    INPUT_NEWS,    /* of a program that runs */
    INPUT_FINISHED /* the terminal is gone, or the script has ended */
};

struct input {
    enum input_kind kind;
    uint32_t key;     /* INPUT_KEY */
    int row, column;  /* mouse; of a resize the new size */
    const char *text; /* INPUT_COMMAND; borrowed until the next input */
};

/* "Down", "PgUp", "F5", "C-l", "Space", "j", ...: what help shows and scripts say. */
const char *input_key_name(uint32_t key, char name[INPUT_KEY_NAME_BYTES]);

/* INPUT_NO_KEY when it is no key's name. */
uint32_t input_key_find(const char *name);

#endif
