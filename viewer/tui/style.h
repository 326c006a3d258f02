/* What a piece of screen means, and how each colour scheme shows it. Views name meanings; only the
 * terminal knows colours. No meaning is carried by colour alone. */
#ifndef SEEP_TUI_STYLE_H
#define SEEP_TUI_STYLE_H

#include <stdbool.h>
#include <stddef.h>

enum style {
    STYLE_TEXT,
    STYLE_FAINT,    /* what can be read over: paths, units, hints */
    STYLE_STRONG,   /* headings and the figures that matter */
    STYLE_TITLE,    /* the first line */
    STYLE_TAB,      /* the current screen's name in it */
    STYLE_HEADER,   /* column titles */
    STYLE_SORTED,   /* the title of the sort column */
    STYLE_SELECTED, /* the selected row */
    STYLE_FUNCTION,
    STYLE_PLACE, /* file:line, module */
    STYLE_INLINED,
    STYLE_GOOD,
    STYLE_WARNING,
    STYLE_PLOT_HEAP,
    STYLE_PLOT_MAPPED,
    STYLE_PLOT_RESIDENT,
    STYLE_PEAK,
    STYLE_STATUS,
    STYLE_KEY,    /* footer: the key */
    STYLE_ACTION, /* footer: what it does */
    STYLE_POPUP,
    STYLE_FLAME,         /* a cell: the program's own code */
    STYLE_FLAME_FOREIGN, /* libraries' */
    STYLE_FOUND,         /* what a search has found */
    STYLE_COUNT
};

enum style_attributes {
    STYLE_BOLD = 1,
    STYLE_REVERSE = 2,
    STYLE_UNDERLINE = 4,
    STYLE_DIM = 8
};

struct style_look {
    short foreground; /* 0-7 as in curses, -1 = the terminal's own */
    short background;
    unsigned attributes; /* enum style_attributes */
};

struct style_scheme {
    const char *name;
    const char *about;
    struct style_look looks[STYLE_COUNT];
};

/* The schemes, in the order of the menu; NULL past the end. */
const struct style_scheme *style_scheme_at(size_t position);

/* NULL when there is none of this name. */
const struct style_scheme *style_scheme_find(const char *name);

/* The scheme to begin with: mono when colours are not wanted (NO_COLOR) or not there. */
const struct style_scheme *style_scheme_choose(bool has_colors);

#endif
