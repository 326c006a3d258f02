/* The keys: one table from which the dispatch, the help screen and the footer are derived. */
#ifndef SEEP_TUI_KEY_BINDINGS_H
#define SEEP_TUI_KEY_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "tui/input.h"

enum action {
    ACTION_NONE,
    ACTION_OPEN,
    ACTION_BACK,
    ACTION_QUIT,
    ACTION_QUIT_NOW,
    ACTION_HELP,
    ACTION_UP,
    ACTION_DOWN,
    ACTION_LEFT,
    ACTION_RIGHT,
    ACTION_PAGE_UP,
    ACTION_PAGE_DOWN,
    ACTION_FIRST,
    ACTION_LAST,
    ACTION_NEXT_SCREEN,
    ACTION_PREVIOUS_SCREEN,
    ACTION_SCREEN, /* the screen whose digit or letter was pressed */
    ACTION_SEARCH,
    ACTION_NEXT_MATCH,
    ACTION_PREVIOUS_MATCH,
    ACTION_FILTER,
    ACTION_SORT,
    ACTION_SORT_NEXT,
    ACTION_SORT_PREVIOUS,
    ACTION_INVERT,
    ACTION_INCLUSIVE,
    ACTION_GROUP,
    ACTION_PROCESS,
    ACTION_TREE,
    ACTION_DIRECTION,
    ACTION_BLOCK,
    ACTION_BLOCKS,
    ACTION_EXPAND,
    ACTION_COLLAPSE,
    ACTION_EXPAND_ALL,
    ACTION_COLLAPSE_ALL,
    ACTION_EARLIER,
    ACTION_LATER,
    ACTION_PREVIOUS_INSTANT,
    ACTION_NEXT_INSTANT,
    ACTION_MARK,
    ACTION_CLEAR_MARKS,
    ACTION_INSTANTS,
    ACTION_SUPPRESS,
    ACTION_SOURCE,
    ACTION_EDIT,
    ACTION_COPY,
    ACTION_WRITE,
    ACTION_COMMAND,
    ACTION_REDRAW,
    ACTION_PAUSE,
    ACTION_SET_MARK,
    ACTION_SNAPSHOT
};

/* What a view offers; a key is valid where it shares a bit with the view. */
enum key_scope {
    SCOPE_ANY = 1,
    SCOPE_OPENS = 2, /* Enter leads deeper */
    SCOPE_SORTS = 4, /* by a figure that can be chosen */
    SCOPE_FILTERS = 8,
    SCOPE_GROUPS = 16, /* rows can be sites, functions, files, ... */
    SCOPE_INCLUSIVE = 32,
    SCOPE_SITES = 64, /* the selected row has a stack */
    SCOPE_TREE = 128,
    SCOPE_SOURCE = 256, /* the selected row is a place in a source file */
    SCOPE_MENU = 512,
    SCOPE_INVERTS = 1024, /* rows can stand in the opposite order */
    SCOPE_GRAPH = 2048,
    SCOPE_FLAME = 4096,
    SCOPE_TIME = 8192,     /* there is a timeline with a cursor */
    SCOPE_HOLDERS = 16384, /* the graph tells what holds the selected row */
    SCOPE_LEAKS = 32768,
    SCOPE_METRIC = 65536, /* sorts by columns of its own, and shows the figure that is chosen */
    SCOPE_FOLDS = 131072, /* branches that open and close, and nothing else */
    SCOPE_ALL_TREES = SCOPE_TREE | SCOPE_GRAPH | SCOPE_LEAKS | SCOPE_FOLDS,
    SCOPE_LIVE = 1 << 20 /* in all views, of a program that runs */
};

enum {
    KEY_BINDING_MAX_KEYS = 5
};

struct key_binding {
    enum action action;
    uint32_t keys[KEY_BINDING_MAX_KEYS]; /* ended by 0; the first is shown in the footer */
    bool is_range;                       /* keys[0] up to keys[1] */
    unsigned scopes;                     /* enum key_scope */
    const char *label;                   /* in the footer; NULL: not shown there */
    const char *help;
};

/* In the order of help and footer; NULL past the end. */
const struct key_binding *key_binding_at(size_t position);

/* The action of a key in a view with these scopes; ACTION_NONE when it has none. */
enum action key_binding_action(uint32_t key, unsigned scopes);

/* "Up k", "1..9": all keys of a binding. */
void key_binding_print_keys(const struct key_binding *binding, struct text *out);

#endif
