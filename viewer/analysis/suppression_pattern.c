#include "config.h"

#include "analysis/suppression_pattern.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "analysis/own_code.h"
#include "base/text.h"
#include "symbols/demangle.h"

/* ---- LSan ---- */

/* The first place of the `count` bytes of `part` in `text`; NULL when there is none. */
static const char *find_part(const char *text, const char *part, size_t count)
{
    size_t left = strlen(text);
    for (; left >= count; text++, left--)
        if (memcmp(text, part, count) == 0)
            return text;
    return NULL;
}

static bool ends_with_part(const char *text, const char *part, size_t count)
{
    size_t length = strlen(text);
    return length >= count && memcmp(text + length - count, part, count) == 0;
}

/* Leftmost places are right for all parts but one that the end holds. */
bool suppression_template_matches(const char *pattern, const char *text)
{
    bool is_held = *pattern == '^';
    if (!*text)
        return false;
    pattern += is_held;
    for (;;) {
        size_t count = strcspn(pattern, "*$");
        char stop = pattern[count];
        if (is_held && strncmp(text, pattern, count) != 0)
            return false;
        if (stop == '$')
            return is_held ? !text[count] : ends_with_part(text, pattern, count);
        const char *place = find_part(text, pattern, count);
        if (!place)
            return false;
        if (!stop)
            return true;
        text = place + count;
        pattern += count + 1;
        is_held = false;
    }
}

/* ---- Valgrind ---- */

/* Appends the linker's spelling of one part of a name. */
static void add_part(const char *part, size_t count, bool is_first, struct text *out)
{
    if (is_first && count == 3 && memcmp(part, "std", 3) == 0)
        text_add(out, "St");
    else
        text_print(out, "%zu%.*s", count, (int)count, part);
}

/* "_ZN1A1bE" of "A::b(int)". Only names of C++ have parameters; operators and lambdas have no
 * spelling that is worth the trouble. */
static bool spell(const char *function, struct text *out)
{
    struct text simple = {0};
    fingerprint_simplify_name(own_code_qualified_name(function), &simple);
    const char *name = text_get(&simple);
    size_t length = strcspn(name, "(");
    bool is_nested = find_part(name, "::", 2) && find_part(name, "::", 2) < name + length;
    bool is_known = length > 0 && name[length] == '(';
    text_add(out, "_Z");
    if (is_nested)
        text_add(out, text_ends_with(name, " const") ? "NK" : "N");
    for (size_t at = 0; is_known && at < length;) {
        size_t count = strcspn(name + at, ":(");
        for (size_t i = 0; i < count; i++)
            is_known &= isalnum((unsigned char)name[at + i]) || name[at + i] == '_';
        is_known &= count > 0;
        add_part(name + at, count, at == 0, out);
        at += count;
        at += name[at] == ':' && name[at + 1] == ':' ? 2 : 0;
        is_known &= name[at] != ':';
    }
    if (is_nested)
        text_add(out, "E");
    text_clear(&simple);
    return is_known;
}

static bool matches_spelling(const char *glob, const char *function)
{
    struct text spelling = {0};
    bool is_match = spell(function, &spelling) && text_matches_glob(text_get(&spelling), glob);
    text_clear(&spelling);
    return is_match;
}

bool suppression_function_matches(const char *glob, const char *function)
{
    if (text_matches_glob(function, glob))
        return true;
    if (!text_starts_with(glob, "_Z"))
        return false;
    if (strpbrk(glob, "*?"))
        return matches_spelling(glob, function);
    char *readable = demangle_name(glob);
    bool is_match = strcmp(readable, function) == 0;
    free(readable);
    return is_match;
}
