/* The picture that views draw: lines of cells, apart from any terminal. The terminal shows it, a
 * script saves it as text; so a saved screen is exactly what was shown.
 *
 * Drawing outside the screen, or outside the columns that a call is given, does nothing: a view
 * need not check sizes. Texts are UTF-8 from anywhere; control bytes and what the screen's
 * character set cannot show become '?'. */
#ifndef SEEP_TUI_SCREEN_H
#define SEEP_TUI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "tui/style.h"

struct cell {
    uint32_t character; /* 0: the second column of the wide character before it */
    uint32_t mark;      /* one combining character on it, or 0 */
    uint8_t style;      /* enum style */
};

struct area {
    int row;
    int column;
    int rows;
    int columns;
};

struct screen {
    struct cell *cells; /* rows * columns */
    int rows;
    int columns;
    bool is_utf8;
    int cursor_row; /* where the terminal's cursor is put, so that screen readers follow */
    int cursor_column;
};

/* Characters with an ASCII stand-in. */
enum glyph {
    GLYPH_UP,
    GLYPH_DOWN,
    GLYPH_CLOSED, /* a branch that can be opened */
    GLYPH_OPEN,
    GLYPH_LEAF,
    GLYPH_BRANCH,
    GLYPH_LAST_BRANCH,
    GLYPH_THROUGH,
    GLYPH_HORIZONTAL,
    GLYPH_VERTICAL,
    GLYPH_TOP_LEFT,
    GLYPH_TOP_RIGHT,
    GLYPH_BOTTOM_LEFT,
    GLYPH_BOTTOM_RIGHT,
    GLYPH_AXIS,
    GLYPH_CORNER,
    GLYPH_BAR,
    GLYPH_COUNT
};

void screen_init(struct screen *screen, int rows, int columns, bool is_utf8);
void screen_clear(struct screen *screen);

/* Changes the size; the content is blank afterwards. */
void screen_resize(struct screen *screen, int rows, int columns);
void screen_erase(struct screen *screen);

/* Writes text into at most `columns` columns, cut at the end. Returns the columns taken. */
int screen_put(struct screen *screen, int row, int column, int columns, enum style style,
               const char *text);
int screen_print(struct screen *screen, int row, int column, int columns, enum style style,
                 const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The same; too long text is cut in the middle, right-aligned text at its end. */
int screen_put_cut(struct screen *screen, int row, int column, int columns, enum style style,
                   const char *text);
int screen_put_right(struct screen *screen, int row, int column, int columns, enum style style,
                     const char *text);

/* Into as many rows as it needs; what is too long for all of them is cut in the middle. */
void screen_put_lines(struct screen *screen, struct area area, enum style style, const char *text);

/* The same of words, which are kept whole; there are no more rows than there is room. */
void screen_put_sentence(struct screen *screen, struct area area, enum style style,
                         const char *text);

void screen_put_character(struct screen *screen, int row, int column, enum style style,
                          uint32_t character);
void screen_fill(struct screen *screen, struct area area, enum style style, uint32_t character);
void screen_restyle(struct screen *screen, struct area area, enum style style);
void screen_box(struct screen *screen, struct area area, enum style style);

/* UTF-8 text of a glyph as this screen can show it; one column. */
const char *screen_glyph(const struct screen *screen, enum glyph glyph);

/* A bar of part/whole of `columns` columns, in UTF-8 with eighths. */
void screen_put_bar(struct screen *screen, int row, int column, int columns, enum style style,
                    double share);

/* Appends the row's text without trailing blanks. */
void screen_row_text(const struct screen *screen, int row, struct text *text);

/* Writes the whole screen as text, one line a row; "-" is not special. */
bool screen_save(const struct screen *screen, const char *path, struct error *error);

/* The character at *text, which moves on; malformed bytes give U+FFFD one by one. 0 at the end. */
uint32_t screen_decode(const char **text);

/* Appends the character as UTF-8. */
void screen_encode(struct text *text, uint32_t character);

#endif
