#include "tui/screen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    REPLACEMENT = 0xfffd
};

static const struct {
    const char *utf8;
    const char *ascii;
} glyphs[GLYPH_COUNT] = {
    [GLYPH_UP] = {"▲", "^"},          [GLYPH_DOWN] = {"▼", "v"},
    [GLYPH_CLOSED] = {"▸", "+"},      [GLYPH_OPEN] = {"▾", "-"},
    [GLYPH_LEAF] = {"·", "."},        [GLYPH_BRANCH] = {"├", "|"},
    [GLYPH_LAST_BRANCH] = {"└", "`"}, [GLYPH_THROUGH] = {"│", "|"},
    [GLYPH_HORIZONTAL] = {"─", "-"},  [GLYPH_VERTICAL] = {"│", "|"},
    [GLYPH_TOP_LEFT] = {"┌", "+"},    [GLYPH_TOP_RIGHT] = {"┐", "+"},
    [GLYPH_BOTTOM_LEFT] = {"└", "+"}, [GLYPH_BOTTOM_RIGHT] = {"┘", "+"},
    [GLYPH_AXIS] = {"┤", "|"},        [GLYPH_CORNER] = {"└", "+"},
    [GLYPH_BAR] = {"█", "#"},
};

void screen_init(struct screen *screen, int rows, int columns, bool is_utf8)
{
    *screen = (struct screen){.is_utf8 = is_utf8};
    screen_resize(screen, rows, columns);
}

void screen_clear(struct screen *screen)
{
    free(screen->cells);
    *screen = (struct screen){0};
}

void screen_resize(struct screen *screen, int rows, int columns)
{
    screen->rows = rows > 0 ? rows : 1;
    screen->columns = columns > 0 ? columns : 1;
    screen->cells = memory_resize(screen->cells, (size_t)screen->rows * (size_t)screen->columns,
                                  sizeof *screen->cells);
    screen_erase(screen);
}

void screen_erase(struct screen *screen)
{
    screen_fill(screen, (struct area){0, 0, screen->rows, screen->columns}, STYLE_TEXT, ' ');
    screen->cursor_row = 0;
    screen->cursor_column = 0;
}

static struct cell *cell_at(const struct screen *screen, int row, int column)
{
    if (row < 0 || row >= screen->rows || column < 0 || column >= screen->columns)
        return NULL;
    return &screen->cells[(size_t)row * (size_t)screen->columns + (size_t)column];
}

static int sequence_bytes(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

uint32_t screen_decode(const char **text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)*text;
    if (!*bytes)
        return 0;
    int count = sequence_bytes(*bytes);
    uint32_t character = count > 1 ? *bytes & (0x7fu >> count) : *bytes;
    for (int i = 1; i < count; i++) {
        if ((bytes[i] & 0xc0) != 0x80) { /* also the terminating NUL */
            count = 0;
            break;
        }
        character = character << 6 | (bytes[i] & 0x3fu);
    }
    *text += count ? count : 1;
    bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
    bool is_bad = !count || character < smallest[count] || character > 0x10ffff || is_surrogate;
    return is_bad ? REPLACEMENT : character;
}

static size_t encode(uint32_t character, char bytes[5])
{
    size_t count = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = count; i-- > 1; character >>= 6)
        bytes[i] = (char)(0x80 | (character & 0x3f));
    bytes[0] = (char)(leads[count] | character);
    bytes[count] = '\0';
    return count;
}

void screen_encode(struct text *text, uint32_t character)
{
    char bytes[5];
    text_add_bytes(text, bytes, encode(character, bytes));
}

/* What is shown for a character, and in how many columns (0: on the one before it). */
static uint32_t showable(const struct screen *screen, uint32_t character, int *columns)
{
    *columns = 1;
    if (character >= ' ' && character < 0x7f)
        return character;
    bool is_control = character < 0xa0 || character == REPLACEMENT;
    bool is_reordering = (character >= 0x200b && character <= 0x200f) ||
                         (character >= 0x2028 && character <= 0x202e) ||
                         (character >= 0x2060 && character <= 0x206f) || character == 0xfeff;
    if (!screen->is_utf8 || is_control || is_reordering)
        return '?';
    char bytes[5];
    encode(character, bytes);
    *columns = text_columns(bytes);
    return character;
}

/* Half of a wide character must not stay when the other half is overwritten. */
static void break_wide(struct screen *screen, int row, int column)
{
    struct cell *cell = cell_at(screen, row, column);
    if (cell && cell->character == 0) {
        struct cell *before = cell_at(screen, row, column - 1);
        if (before)
            before->character = ' ';
        cell->character = ' ';
    }
}

void screen_put_character(struct screen *screen, int row, int column, enum style style,
                          uint32_t character)
{
    struct cell *cell = cell_at(screen, row, column);
    if (!cell)
        return;
    break_wide(screen, row, column);
    break_wide(screen, row, column + 1);
    int columns;
    *cell = (struct cell){showable(screen, character, &columns), 0, (uint8_t)style};
}

int screen_put(struct screen *screen, int row, int column, int columns, enum style style,
               const char *text)
{
    int used = 0;
    uint32_t character;
    if (column + columns > screen->columns)
        columns = screen->columns - column;
    while ((character = screen_decode(&text))) {
        int width;
        character = showable(screen, character, &width);
        struct cell *last = used ? cell_at(screen, row, column + used - 1) : NULL;
        if (width == 0) {
            if (last && last->character && !last->mark)
                last->mark = character;
            continue;
        }
        if (used + width > columns)
            break;
        screen_put_character(screen, row, column + used, style, character);
        if (width == 2) {
            break_wide(screen, row, column + used + 2);
            struct cell *second = cell_at(screen, row, column + used + 1);
            if (second)
                *second = (struct cell){0, 0, (uint8_t)style};
        }
        used += width;
    }
    return used;
}

int screen_print(struct screen *screen, int row, int column, int columns, enum style style,
                 const char *format, ...)
{
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return screen_put(screen, row, column, columns, style, line);
}

/* `text` as it will be shown: control bytes replaced, so that its width can be known. */
static void make_showable(const struct screen *screen, const char *text, struct text *shown)
{
    uint32_t character;
    int columns;
    while ((character = screen_decode(&text)))
        screen_encode(shown, showable(screen, character, &columns));
}

int screen_put_cut(struct screen *screen, int row, int column, int columns, enum style style,
                   const char *text)
{
    struct text shown = {0};
    if (column + columns > screen->columns)
        columns = screen->columns - column;
    if (columns <= 0)
        return 0;
    make_showable(screen, text, &shown);
    int used;
    if (text_columns(text_get(&shown)) <= columns) {
        used = screen_put(screen, row, column, columns, style, text_get(&shown));
    } else {
        size_t room = shown.count + 8;
        char *cut = memory_allocate(room);
        text_cut_middle(text_get(&shown), columns, cut, room);
        used = screen_put(screen, row, column, columns, style, cut);
        free(cut);
    }
    text_clear(&shown);
    return used;
}

/* The bytes of the first characters that take so many columns. */
static size_t bytes_of(const struct screen *screen, const char *text, int columns)
{
    const char *at = text, *next = text;
    int width;
    for (uint32_t character; (character = screen_decode(&next)); at = next) {
        showable(screen, character, &width);
        columns -= width;
        if (columns < 0)
            break;
    }
    return (size_t)(at - text);
}

void screen_put_lines(struct screen *screen, struct area area, enum style style, const char *text)
{
    struct text shown = {0};
    make_showable(screen, text, &shown);
    size_t room = shown.count + 8;
    char *cut = memory_allocate(room);
    const char *at = cut;
    text_cut_middle(text_get(&shown), area.columns * area.rows, cut, room);
    for (int i = 0; i < area.rows && *at; i++) {
        screen_put(screen, area.row + i, area.column, area.columns, style, at);
        at += bytes_of(screen, at, area.columns);
    }
    free(cut);
    text_clear(&shown);
}

void screen_put_sentence(struct screen *screen, struct area area, enum style style,
                         const char *text)
{
    struct text shown = {0};
    make_showable(screen, text, &shown);
    const char *at = text_get(&shown);
    for (int i = 0; i < area.rows && *at; i++) {
        size_t all = bytes_of(screen, at, area.columns), count = all;
        while (at[all] && at[all] != ' ' && count > 0 && at[count - 1] != ' ')
            count--;
        if (count == 0) /* one word is as long as that */
            count = all;
        screen_print(screen, area.row + i, area.column, area.columns, style, "%.*s", (int)count,
                     at);
        at += count;
        at += strspn(at, " ");
    }
    text_clear(&shown);
}

int screen_put_right(struct screen *screen, int row, int column, int columns, enum style style,
                     const char *text)
{
    int width = text_columns(text);
    int skipped = width < columns ? columns - width : 0;
    return skipped + screen_put(screen, row, column + skipped, columns - skipped, style, text);
}

void screen_fill(struct screen *screen, struct area area, enum style style, uint32_t character)
{
    for (int row = area.row; row < area.row + area.rows; row++)
        for (int column = area.column; column < area.column + area.columns; column++) {
            struct cell *cell = cell_at(screen, row, column);
            if (cell)
                *cell = (struct cell){character, 0, (uint8_t)style};
        }
}

void screen_restyle(struct screen *screen, struct area area, enum style style)
{
    for (int row = area.row; row < area.row + area.rows; row++)
        for (int column = area.column; column < area.column + area.columns; column++) {
            struct cell *cell = cell_at(screen, row, column);
            if (cell)
                cell->style = (uint8_t)style;
        }
}

static void put_glyph(struct screen *screen, int row, int column, enum style style,
                      enum glyph glyph)
{
    screen_put(screen, row, column, 1, style, screen_glyph(screen, glyph));
}

void screen_box(struct screen *screen, struct area area, enum style style)
{
    int last_row = area.row + area.rows - 1, last_column = area.column + area.columns - 1;
    screen_fill(screen, area, style, ' ');
    for (int column = area.column + 1; column < last_column; column++) {
        put_glyph(screen, area.row, column, style, GLYPH_HORIZONTAL);
        put_glyph(screen, last_row, column, style, GLYPH_HORIZONTAL);
    }
    for (int row = area.row + 1; row < last_row; row++) {
        put_glyph(screen, row, area.column, style, GLYPH_VERTICAL);
        put_glyph(screen, row, last_column, style, GLYPH_VERTICAL);
    }
    put_glyph(screen, area.row, area.column, style, GLYPH_TOP_LEFT);
    put_glyph(screen, area.row, last_column, style, GLYPH_TOP_RIGHT);
    put_glyph(screen, last_row, area.column, style, GLYPH_BOTTOM_LEFT);
    put_glyph(screen, last_row, last_column, style, GLYPH_BOTTOM_RIGHT);
}

const char *screen_glyph(const struct screen *screen, enum glyph glyph)
{
    return screen->is_utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii;
}

void screen_put_bar(struct screen *screen, int row, int column, int columns, enum style style,
                    double share)
{
    enum {
        EIGHTHS = 8,
        FULL_BLOCK = 0x2588
    }; /* U+2589 .. U+258F: seven eighths .. one eighth */
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    int eighths = (int)(share * columns * EIGHTHS + 0.5);
    if (share > 0 && eighths == 0)
        eighths = 1;
    for (int i = 0; i < columns && eighths > 0; i++, eighths -= EIGHTHS) {
        uint32_t character = '#';
        if (screen->is_utf8)
            character = FULL_BLOCK + (uint32_t)(eighths >= EIGHTHS ? 0 : EIGHTHS - eighths);
        else if (i > 0 && eighths < EIGHTHS / 2)
            break;
        screen_put_character(screen, row, column + i, style, character);
    }
}

void screen_row_text(const struct screen *screen, int row, struct text *text)
{
    size_t kept = text->count;
    for (int column = 0; column < screen->columns; column++) {
        const struct cell *cell = cell_at(screen, row, column);
        if (!cell || !cell->character)
            continue;
        screen_encode(text, cell->character);
        if (cell->mark)
            screen_encode(text, cell->mark);
        if (cell->character != ' ')
            kept = text->count;
    }
    text->count = kept;
    if (text->bytes)
        text->bytes[kept] = '\0';
}

bool screen_save(const struct screen *screen, const char *path, struct error *error)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return error_set_errno(error, errno, "cannot write %s", path);
    struct text line = {0};
    for (int row = 0; row < screen->rows; row++) {
        screen_row_text(screen, row, &line);
        fprintf(file, "%s\n", text_get(&line));
        text_clear(&line);
    }
    bool is_written = !ferror(file);
    if (fclose(file) != 0 || !is_written)
        return error_set_errno(error, errno, "cannot write %s", path);
    return true;
}
