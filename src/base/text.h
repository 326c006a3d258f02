/* Growing text, and making foreign text harmless. */
#ifndef SEEP_BASE_TEXT_H
#define SEEP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A zeroed struct is an empty text. `bytes` is always NUL-terminated once something was added. */
struct text {
    char *bytes;
    size_t count;
    size_t capacity;
};

void text_clear(struct text *text);
void text_add(struct text *text, const char *added);
void text_add_bytes(struct text *text, const char *bytes, size_t count);
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Borrowed until the next change; "" when empty. */
const char *text_get(const struct text *text);

/* Caller owns the result and the text is empty afterwards. */
char *text_take(struct text *text);

/* Copies `foreign` into `safe` (of `safe_bytes`) with control bytes and malformed UTF-8 replaced by
 * '?' (U+FFFD where it fits is not used: terminals disagree on its width), cut at a character's
 * edge. For names out of targets and files that go to terminals and JSON. */
void text_make_safe(const char *foreign, char *safe, size_t safe_bytes);

/* Bytes of the well-formed and harmless character with which the (not empty) text starts; 0 when it
 * starts with what text_make_safe would replace. For writers that escape instead. */
size_t text_safe_character_bytes(const char *text);

/* Columns that UTF-8 text takes on a terminal (wcwidth-like: wide characters 2, combining 0). */
int text_columns(const char *text);

/* Cuts UTF-8 text to at most `columns`, in the middle, with ".." at the cut, so that both ends of a
 * long C++ name stay readable. Result NUL-terminated in `cut` of `cut_bytes`. */
void text_cut_middle(const char *text, int columns, char *cut, size_t cut_bytes);

bool text_starts_with(const char *text, const char *start);
bool text_ends_with(const char *text, const char *end);

/* The part after the last '/'. Borrowed from `path`. */
const char *text_file_name(const char *path);

/* Does `text` match the glob `pattern` ('*' any run also over '/', '?' one character)? */
bool text_matches_glob(const char *text, const char *pattern);

#endif
