#include "config.h"

#include "analysis/suppression_pattern.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "analysis/own_code.h"
#include "analysis/profile.h"
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

/* "_ZN1A1bE" of "A::b(int)", or, with stars where parameters and template arguments may stand,
 * "_ZN*1A*1b*". Only names of C++ have parameters; operators and lambdas have no spelling that is
 * worth the trouble. */
static bool spell(const char *function, bool with_stars, struct text *out)
{
    struct text simple = {0};
    fingerprint_simplify_name(own_code_qualified_name(function), &simple);
    const char *name = text_get(&simple), *star = with_stars ? "*" : "";
    size_t length = strcspn(name, "(");
    const char *nested = find_part(name, "::", 2);
    bool is_nested = nested && nested < name + length;
    bool is_known = length > 0 && name[length] == '(';
    text_add(out, is_nested ? "_ZN" : "_Z");
    if (is_nested && !with_stars && text_ends_with(name, " const"))
        text_add(out, "K");
    text_add(out, is_nested ? star : "");
    for (size_t at = 0; is_known && at < length;) {
        size_t count = strcspn(name + at, ":(");
        for (size_t i = 0; i < count; i++)
            is_known &= isalnum((unsigned char)name[at + i]) || name[at + i] == '_';
        is_known &= count > 0;
        add_part(name + at, count, at == 0, out);
        text_add(out, star);
        at += count;
        at += name[at] == ':' && name[at + 1] == ':' ? 2 : 0;
        is_known &= name[at] != ':';
    }
    if (is_nested && !with_stars)
        text_add(out, "E");
    text_clear(&simple);
    return is_known;
}

static bool matches_spelling(const char *glob, const char *function)
{
    struct text spelling = {0};
    bool is_match = spell(function, false, &spelling) &&
                    text_matches_glob(text_get(&spelling), glob);
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

/* ---- writing ---- */

/* What is held to both ends where nothing follows the name (C), else up to the parameters.
 * Characters that mean something in templates, and template arguments, become stars. */
void suppression_print_template(const char *function, struct text *out)
{
    bool is_operator = find_part(function, "operator", 8);
    size_t length = is_operator ? strlen(function) : strcspn(function, "(");
    unsigned depth = 0;
    if (length == 0)
        length = strlen(function);
    text_add(out, "^");
    for (size_t i = 0; i < length; i++) {
        bool is_opener = function[i] == '<' && !is_operator;
        if (is_opener && !depth++)
            text_add(out, "*");
        if (depth == 0)
            text_add_bytes(out, strchr("*$", function[i]) ? "*" : &function[i], 1);
        if (function[i] == '>' && depth)
            depth--;
    }
    text_add(out, function[length] == '(' ? "(" : "$");
}

bool suppression_print_function(const char *function, struct text *out)
{
    struct text glob = {0};
    bool is_cxx = strpbrk(function, "(<: ");
    bool is_known = is_cxx ? spell(function, true, &glob) : !strpbrk(function, "*?");
    if (is_known)
        text_add(out, is_cxx ? text_get(&glob) : function);
    text_clear(&glob);
    return is_known;
}

const char *suppression_linker_name(enum function_kind function)
{
    switch ((unsigned)function) {
    case FUNCTION_NEW:
        return "_Znwm";
    case FUNCTION_NEW_ARRAY:
        return "_Znam";
    case FUNCTION_NEW_ALIGNED:
        return "_ZnwmSt11align_val_t";
    case FUNCTION_NEW_ARRAY_ALIGNED:
        return "_ZnamSt11align_val_t";
    default:
        return profile_function_name(function);
    }
}
