#include "graph/type_spelling.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum {
    MAX_DEPTH = 24,
    MAX_ARGUMENTS = 64
};

/* Namespaces that are not part of what people write. */
static const char *const versions[] = {"__cxx11::", "__1::", "_V2::"};

/* Arguments that stand for the default at the end of a template of the library. */
static const char *const defaults[] = {"std::allocator<",   "std::less<",
                                       "std::hash<",        "std::equal_to<",
                                       "std::char_traits<", "std::default_delete<"};

static bool starts_with_any(const char *text, const char *const *starts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (text_starts_with(text, starts[i]))
            return true;
    return false;
}

/* The end of an argument: its ',' or '>', which brackets of all kinds may hide. "->" and
 * "operator>" come in arguments of no type. */
static const char *argument_end(const char *at)
{
    unsigned depth = 0;

    for (; *at; at++) {
        if (depth == 0 && (*at == ',' || *at == '>'))
            return at;
        if (*at == '<' || *at == '(' || *at == '[' || *at == '{')
            depth++;
        else if ((*at == '>' || *at == ')' || *at == ']' || *at == '}') && depth > 0)
            depth--;
    }
    return at;
}

struct arguments {
    char *items[MAX_ARGUMENTS];
    size_t count;
};

static char *copy_trimmed(const char *start, const char *end)
{
    while (start < end && *start == ' ')
        start++;
    while (end > start && end[-1] == ' ')
        end--;
    return memory_print_text("%.*s", (int)(end - start), start);
}

/* Of a template whose '<' stands at `at`: up to behind its '>'; NULL: it has no end. */
static const char *split(const char *at, struct arguments *arguments)
{
    arguments->count = 0;
    while (*at != '>' && arguments->count < MAX_ARGUMENTS) {
        const char *start = at + 1, *end = argument_end(start);

        if (!*end)
            return NULL;
        if (end > start || *end == ',')
            arguments->items[arguments->count++] = copy_trimmed(start, end);
        at = end;
    }
    return *at == '>' ? at + 1 : NULL;
}

static void clear(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        free(arguments->items[i]);
}

char *type_spelling_argument(const char *name, size_t position)
{
    struct arguments arguments = {.count = 0};
    const char *open = strchr(name, '<');
    char *found = NULL;

    if (open && split(open, &arguments) && position < arguments.count)
        found = memory_duplicate_text(arguments.items[position]);
    clear(&arguments);
    return found;
}

static void shorten(const char *name, unsigned depth, struct text *out);

/* "T const" is "const T", of what is no pointer. */
static char *shorten_argument(const char *argument, unsigned depth)
{
    struct text out = {0};
    size_t bytes = strlen(argument);

    if (text_ends_with(argument, " const") && !strpbrk(argument + bytes - 7, "*&")) {
        char *plain = memory_print_text("%.*s", (int)(bytes - 6), argument);

        text_add(&out, "const ");
        shorten(plain, depth, &out);
        free(plain);
    } else {
        shorten(argument, depth, &out);
    }
    text_add(&out, "");
    return text_take(&out);
}

static void add_arguments(struct arguments *arguments, bool is_of_library, size_t start,
                          unsigned depth, struct text *out)
{
    while (is_of_library && arguments->count > 1 &&
           starts_with_any(arguments->items[arguments->count - 1], defaults,
                           sizeof defaults / sizeof *defaults))
        free(arguments->items[--arguments->count]);
    for (size_t i = 0; i < arguments->count; i++) {
        char *argument = shorten_argument(arguments->items[i], depth + 1);

        text_add(out, i == 0 ? "<" : ", ");
        text_add(out, argument);
        free(argument);
    }
    text_add(out, ">");
    static const char string[] = "std::basic_string<char>";
    if (strcmp(text_get(out) + start, string) == 0) {
        out->count = start;
        text_add(out, "std::string");
    }
}

static void shorten(const char *name, unsigned depth, struct text *out)
{
    size_t start = out->count; /* of the name that is being written */
    const char *at = name;

    while (*at) {
        bool is_at_word = at == name || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
        const char *end;
        struct arguments arguments = {.count = 0};

        if (is_at_word && *at == '_' &&
            starts_with_any(at, versions, sizeof versions / sizeof *versions)) {
            at = strstr(at, "::") + 2;
            continue;
        }
        if (*at != '<' || depth >= MAX_DEPTH) {
            text_add_bytes(out, at, 1);
            if (*at == ' ' || *at == '*' || *at == '(')
                start = out->count;
            at++;
            continue;
        }
        end = split(at, &arguments);
        if (end) {
            add_arguments(&arguments, text_starts_with(text_get(out) + start, "std::"), start,
                          depth, out);
            at = end;
        } else {
            text_add_bytes(out, at++, 1);
        }
        clear(&arguments);
    }
}

char *type_spelling_shorten(const char *name)
{
    return shorten_argument(name, 0);
}
