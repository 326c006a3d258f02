#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/character_width.h"
#include "base/memory.h"

/* Makes room for `added` bytes and the NUL behind them. */
static void reserve(struct text *text, size_t added)
{
    text->bytes = memory_grow(text->bytes, &text->capacity, text->count + added + 1, 1);
}

void text_clear(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

void text_add(struct text *text, const char *added)
{
    text_add_bytes(text, added, strlen(added));
}

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
    reserve(text, count);
    if (count > 0)
        memcpy(text->bytes + text->count, bytes, count);
    text->count += count;
    text->bytes[text->count] = '\0';
}

void text_print(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0) {
        reserve(text, (size_t)length);
        vsnprintf(text->bytes + text->count, (size_t)length + 1, format, again);
        text->count += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

const char *text_get(const struct text *text)
{
    return text->bytes ? text->bytes : "";
}

char *text_take(struct text *text)
{
    char *taken = text->bytes ? text->bytes : memory_duplicate_text("");
    *text = (struct text){0};
    return taken;
}

struct character {
    uint32_t code;
    unsigned bytes; /* at least 1, also when malformed */
    bool is_valid;
};

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The character at the start of NUL-terminated text (not at its end). Malformed: overlong forms,
 * surrogates, beyond U+10FFFF, cut sequences (Unicode 15, table 3-7); each such byte is one. */
static struct character next_character(const char *text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const struct character malformed = {.code = 0xfffd, .bytes = 1};
    unsigned char first = (unsigned char)text[0];
    if (first < 0x80)
        return (struct character){.code = first, .bytes = 1, .is_valid = true};
    unsigned bytes = first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    if (bytes == 0)
        return malformed;
    uint32_t code = first & (0x7fu >> bytes);
    for (unsigned i = 1; i < bytes; i++) {
        if (!is_continuation(text[i]))
            return malformed;
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    }
    if (code < smallest[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return malformed;
    return (struct character){.code = code, .bytes = bytes, .is_valid = true};
}

/* Controls of both sets, and what would break or reorder a line: the separators U+2028 and U+2029
 * and the bidirectional marks, embeddings, overrides and isolates. */
static bool is_harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

size_t text_safe_character_bytes(const char *text)
{
    struct character character = next_character(text);
    return character.is_valid && !is_harmful(character.code) ? character.bytes : 0;
}

void text_make_safe(const char *foreign, char *safe, size_t safe_bytes)
{
    if (safe_bytes == 0)
        return;
    size_t count = 0;
    while (*foreign) {
        size_t kept = text_safe_character_bytes(foreign);
        size_t added = kept > 0 ? kept : 1;
        if (count + added >= safe_bytes)
            break;
        if (kept > 0)
            memcpy(safe + count, foreign, kept);
        else
            safe[count] = '?';
        count += added;
        foreign += next_character(foreign).bytes;
    }
    safe[count] = '\0';
}

/* A malformed byte takes the column of the '?' that stands for it. */
static int columns_of(struct character character)
{
    return character.is_valid ? character_width(character.code) : 1;
}

int text_columns(const char *text)
{
    int columns = 0;
    while (*text) {
        struct character character = next_character(text);
        columns += columns_of(character);
        text += character.bytes;
    }
    return columns;
}

/* Bytes of the longest start of `text` that takes at most `columns`, with the combining characters
 * that follow it. */
static size_t start_bytes(const char *text, int columns)
{
    const char *at = text;
    while (*at) {
        struct character character = next_character(at);
        columns -= columns_of(character);
        if (columns < 0)
            break;
        at += character.bytes;
    }
    return (size_t)(at - text);
}

/* The longest end of `text` (which takes text_columns) that takes at most `columns` and does not
 * begin with a combining character, whose base would be missing. */
static const char *end_of(const char *text, int text_columns, int columns)
{
    int left = text_columns;
    while (*text) {
        struct character character = next_character(text);
        int width = columns_of(character);
        if (left <= columns && width > 0)
            break;
        left -= width;
        text += character.bytes;
    }
    return text;
}

/* Adds what fits, whole characters only. */
static size_t add_bounded(char *cut, size_t count, size_t cut_bytes, const char *added,
                          size_t added_bytes)
{
    while (added_bytes > 0) {
        struct character character = next_character(added);
        if (count + character.bytes >= cut_bytes)
            break;
        memcpy(cut + count, added, character.bytes);
        count += character.bytes;
        added += character.bytes;
        added_bytes -= character.bytes;
    }
    return count;
}

void text_cut_middle(const char *text, int columns, char *cut, size_t cut_bytes)
{
    if (cut_bytes == 0)
        return;
    int whole = text_columns(text);
    size_t count = 0;
    if (whole <= columns) {
        count = add_bounded(cut, 0, cut_bytes, text, strlen(text));
    } else if (columns < 4) { /* too narrow for both ends and the dots */
        count = add_bounded(cut, 0, cut_bytes, text, start_bytes(text, columns));
    } else {
        int end_columns = (columns - 2) / 2;
        const char *end = end_of(text, whole, end_columns);
        count = add_bounded(cut, 0, cut_bytes, text, start_bytes(text, columns - 2 - end_columns));
        count = add_bounded(cut, count, cut_bytes, "..", 2);
        count = add_bounded(cut, count, cut_bytes, end, strlen(end));
    }
    cut[count] = '\0';
}

bool text_starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool text_ends_with(const char *text, const char *end)
{
    size_t text_count = strlen(text);
    size_t end_count = strlen(end);
    return text_count >= end_count && memcmp(text + text_count - end_count, end, end_count) == 0;
}

const char *text_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Only the last '*' can be widened: an earlier one that matched more could not help. So this is
 * quadratic at worst, where backtracking over every star is exponential. */
bool text_matches_glob(const char *text, const char *pattern)
{
    const char *star = NULL; /* the last one met, and the text that it does not cover yet */
    const char *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == '?') {
            pattern++;
            text += next_character(text).bytes;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
