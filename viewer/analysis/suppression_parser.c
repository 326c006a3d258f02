/* Reading suppressions, in both grammars (suppressions.h).
 *
 * A file is taken line by line. Blank lines and comments count for neither grammar, save comments
 * that begin with "# seep:", which are kept until the next entry begins and then belong to it. */
#include "config.h"

#include "analysis/suppressions.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analysis/arena.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/units.h"

enum {
    MOST_FILE_BYTES = 16 << 20,
    MOST_LINES = 500 /* of one entry: what Valgrind takes */
};

struct parser {
    struct suppressions *list;
    const char *origin; /* of the list's arena */
    const char *at, *end;
    unsigned line_number;
    char *line;                     /* the current one, trimmed; of the list's arena */
    struct suppression metadata;    /* for the next entry */
    unsigned metadata_line;         /* 0 = there is none */
    struct suppression_line *lines; /* of the entry that is being read */
    size_t line_count, line_capacity;
    struct error *error;
};

static bool fail(const struct parser *parser, unsigned line, const char *why)
{
    return error_set(parser->error, "%s:%u: %s", parser->origin, line, why);
}

/* ---- what "# seep:" says ---- */

static bool parse_date(const char *text, uint64_t *unix_s)
{
    struct tm date = {0};
    int length = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &date.tm_year, &date.tm_mon, &date.tm_mday, &length) != 3 ||
        length != 10 || text[length])
        return false;
    struct tm wanted = date;
    date.tm_year -= 1900;
    date.tm_mon -= 1;
    time_t time = timegm(&date);
    if (time < 0 || date.tm_mon + 1 != wanted.tm_mon || date.tm_mday != wanted.tm_mday)
        return false;
    *unix_s = (uint64_t)time;
    return true;
}

static bool set_metadata(struct parser *parser, const char *key, const char *value)
{
    struct suppression *metadata = &parser->metadata;
    struct error why;
    if (strcmp(key, "reason") == 0) {
        metadata->reason = value;
    } else if (strcmp(key, "expires") == 0) {
        metadata->expires = value;
        if (!parse_date(value, &metadata->expires_unix_s))
            return fail(parser, parser->line_number, "expires is no date like 2027-01-31");
    } else if (strcmp(key, "max-bytes") == 0) {
        metadata->has_max_bytes = true;
        if (!units_parse_size(value, &metadata->max_bytes, &why))
            return fail(parser, parser->line_number, "max-bytes is no size like 4096 or 64k");
    } else {
        return fail(parser, parser->line_number,
                    "after \"# seep:\" come reason=, expires= and max-bytes=");
    }
    return true;
}

/* Cuts `key=value` or `key="value"` off the text. */
static bool take_pair(char **text, char **key, char **value)
{
    char *at = *text, *equals = strchr(at, '=');
    if (!equals)
        return false;
    *key = at;
    *equals = 0;
    *value = equals + 1;
    if (**value == '"') {
        char *quote = strchr(++*value, '"');
        if (!quote || (quote[1] && !isspace((unsigned char)quote[1])))
            return false;
        *quote = 0;
        *text = quote + 1;
        return true;
    }
    at = *value + strcspn(*value, " \t");
    *text = *at ? at + 1 : at;
    *at = 0;
    return true;
}

static bool read_metadata(struct parser *parser, char *text)
{
    parser->metadata_line = parser->line_number;
    for (;;) {
        char *key, *value;
        text += strspn(text, " \t");
        if (!*text)
            return true;
        if (!take_pair(&text, &key, &value))
            return fail(parser, parser->line_number,
                        "after \"# seep:\" come key=value or key=\"...\"");
        if (!set_metadata(parser, key, value))
            return false;
    }
}

/* ---- lines ---- */

/* The next line as it is, trimmed. */
static bool next_raw_line(struct parser *parser)
{
    if (parser->at >= parser->end)
        return false;
    const char *stop = memchr(parser->at, '\n', (size_t)(parser->end - parser->at));
    const char *next = stop ? stop + 1 : parser->end;
    if (!stop)
        stop = parser->end;
    while (parser->at < stop && isspace((unsigned char)*parser->at))
        parser->at++;
    while (stop > parser->at && isspace((unsigned char)stop[-1]))
        stop--;
    size_t count = (size_t)(stop - parser->at);
    parser->line = arena_allocate(parser->list->arena, count + 1);
    memcpy(parser->line, parser->at, count);
    parser->line[count] = 0;
    parser->at = next;
    parser->line_number++;
    return true;
}

/* The next line that says something to both grammars. False: there is none, or, when *is_good is
 * false, what "# seep:" says is wrong. */
static bool next_line(struct parser *parser, bool *is_good)
{
    static const char ours[] = "# seep:";
    while (*is_good && next_raw_line(parser)) {
        if (text_starts_with(parser->line, ours))
            *is_good = read_metadata(parser, parser->line + strlen(ours));
        else if (*parser->line && *parser->line != '#')
            return true;
    }
    return false;
}

/* ---- entries ---- */

/* The entry begins at the current line; what was said of it goes with it. */
static struct suppression begin_entry(struct parser *parser)
{
    struct suppression entry = parser->metadata;
    entry.origin = parser->origin;
    entry.line = parser->line_number;
    parser->metadata = (struct suppression){0};
    parser->metadata_line = 0;
    return entry;
}

static void add_entry(struct parser *parser, const struct suppression *entry)
{
    struct suppressions *list = parser->list;
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = *entry;
}

static bool read_leak_line(struct parser *parser)
{
    static const char start[] = "leak:";
    struct suppression entry = begin_entry(parser);
    if (!text_starts_with(parser->line, start))
        return fail(parser, parser->line_number, "neither \"leak:PATTERN\" nor a comment");
    entry.leak_template = parser->line + strlen(start);
    entry.name = entry.leak_template;
    entry.kinds = LEAK_KINDS_LOST;
    if (!*entry.leak_template)
        return fail(parser, parser->line_number, "an empty pattern would suppress everything");
    add_entry(parser, &entry);
    return true;
}

/* "Memcheck,Helgrind:Leak": is it for us? What Memcheck does not know is an error, as it is there.
 */
static bool read_tool(struct parser *parser, bool *is_ours)
{
    static const char *const others[] = {
        "Cond",    "Value0",  "Value1",     "Value2",      "Value4",   "Value8",
        "Value16", "Value32", "Addr1",      "Addr2",       "Addr4",    "Addr8",
        "Addr16",  "Addr32",  "Jump",       "Free",        "Overlap",  "Param",
        "User",    "CoreMem", "FishyValue", "ReallocZero", "BadAlign", "BadSize"};
    char *colon = strchr(parser->line, ':');
    *is_ours = false;
    if (!colon)
        return fail(parser, parser->line_number, "no \"TOOL:KIND\" behind the name");
    *colon = 0;
    bool is_for_memcheck = false;
    for (char *at = parser->line, *tool; (tool = strsep(&at, ",")) != NULL;)
        is_for_memcheck |= strcmp(tool, "Memcheck") == 0;
    const char *kind = colon + 1 + strspn(colon + 1, " \t");
    *is_ours = is_for_memcheck && strcmp(kind, "Leak") == 0;
    if (!is_for_memcheck || *is_ours)
        return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(kind, others[i]) == 0)
            return true;
    return fail(parser, parser->line_number, "Memcheck has no such kind");
}

static bool read_kinds(struct parser *parser, char *text, unsigned *kinds)
{
    *kinds = 0;
    for (char *word; (word = strsep(&text, ",")) != NULL;) {
        unsigned kind = 0;
        word += strspn(word, " \t");
        word[strcspn(word, " \t")] = 0;
        if (strcmp(word, "all") == 0 || strcmp(word, "none") == 0) {
            *kinds |= *word == 'a' ? LEAK_KINDS_LOST | 1u << LEAK_REACHABLE : 0;
            continue;
        }
        while (kind < LEAK_SUPPRESSED && strcmp(word, leak_kind_name(kind)) != 0)
            kind++;
        if (kind == LEAK_SUPPRESSED)
            return fail(parser, parser->line_number,
                        "leak kinds are all, none, definite, indirect, possible, reachable");
        *kinds |= 1u << kind;
    }
    return true;
}

static bool read_frame(struct parser *parser)
{
    static const char *const starts[] = {[SUPPRESSION_FUNCTION] = "fun:",
                                         [SUPPRESSION_MODULE] = "obj:",
                                         [SUPPRESSION_SOURCE] = "src:"};
    struct suppression_line line = {SUPPRESSION_ANY_FRAMES, parser->line};
    if (strcmp(parser->line, "...") != 0) {
        unsigned kind = SUPPRESSION_FUNCTION;
        while (kind <= SUPPRESSION_SOURCE && !text_starts_with(parser->line, starts[kind]))
            kind++;
        if (kind > SUPPRESSION_SOURCE)
            return fail(parser, parser->line_number,
                        "a frame begins with fun:, obj: or src:, or is \"...\"");
        line = (struct suppression_line){(enum suppression_line_kind)kind, parser->line + 4};
    }
    if (parser->line_count == MOST_LINES)
        return fail(parser, parser->line_number, "too many frames");
    parser->lines = memory_grow(parser->lines, &parser->line_capacity, parser->line_count + 1,
                                sizeof *parser->lines);
    parser->lines[parser->line_count++] = line;
    return true;
}

/* The lines up to "}": for others they are passed over. */
static bool read_body(struct parser *parser, struct suppression *entry, bool is_ours)
{
    static const char kinds[] = "match-leak-kinds:";
    bool is_good = true, has_frame = false, is_first = true;
    parser->line_count = 0;
    for (; next_line(parser, &is_good); is_first = false) {
        if (strcmp(parser->line, "}") == 0) {
            if (is_ours && !has_frame)
                return fail(parser, entry->line, "the entry has no frame that is not \"...\"");
            return true;
        }
        if (!is_ours)
            continue;
        if (is_first && text_starts_with(parser->line, kinds))
            is_good = read_kinds(parser, parser->line + strlen(kinds), &entry->kinds);
        else
            is_good = read_frame(parser);
        has_frame |= is_good && parser->line_count &&
                     parser->lines[parser->line_count - 1].kind != SUPPRESSION_ANY_FRAMES;
    }
    return is_good && fail(parser, entry->line, "the entry has no end: \"}\" is missing");
}

static bool read_braces(struct parser *parser)
{
    struct suppression entry = begin_entry(parser);
    bool is_good = true, is_ours;
    if (strcmp(parser->line, "{") != 0)
        return fail(parser, parser->line_number, "an entry begins with \"{\" on a line of its own");
    if (!next_line(parser, &is_good) || strcmp(parser->line, "}") == 0)
        return is_good && fail(parser, entry.line, "the entry has no name");
    entry.name = parser->line;
    if (!next_line(parser, &is_good) || strcmp(parser->line, "}") == 0)
        return is_good && fail(parser, entry.line, "the entry has no \"TOOL:KIND\"");
    entry.kinds = LEAK_KINDS_LOST | 1u << LEAK_REACHABLE;
    if (!read_tool(parser, &is_ours) || !read_body(parser, &entry, is_ours))
        return false;
    /* Comments inside the braces speak of this entry, too. */
    if (parser->metadata_line) {
        struct suppression inside = begin_entry(parser);
        entry.reason = inside.reason ? inside.reason : entry.reason;
        if (inside.expires) {
            entry.expires = inside.expires;
            entry.expires_unix_s = inside.expires_unix_s;
        }
        if (inside.has_max_bytes) {
            entry.has_max_bytes = true;
            entry.max_bytes = inside.max_bytes;
        }
    }
    if (!is_ours)
        return true;
    entry.lines = arena_copy(parser->list->arena, parser->lines,
                             parser->line_count * sizeof *parser->lines);
    entry.line_count = parser->line_count;
    add_entry(parser, &entry);
    return true;
}

static bool read_entries(struct parser *parser)
{
    bool is_good = true, is_first = true, has_braces = false;
    while (next_line(parser, &is_good)) {
        has_braces = is_first ? strcmp(parser->line, "{") == 0 : has_braces;
        is_first = false;
        is_good = has_braces ? read_braces(parser) : read_leak_line(parser);
    }
    if (is_good && parser->metadata_line)
        return fail(parser, parser->metadata_line, "no entry stands behind this");
    return is_good;
}

bool suppressions_read(struct suppressions *list, const char *origin, const char *bytes,
                       size_t count, struct error *error)
{
    size_t count_before = list->count;
    struct parser parser = {.list = list,
                            .origin = arena_copy_text(list->arena, origin),
                            .at = bytes,
                            .end = bytes + count,
                            .error = error};
    if (memchr(bytes, 0, count))
        return error_set(error, "%s: not a text", origin);
    bool is_good = read_entries(&parser);
    if (!is_good)
        list->count = count_before;
    free(parser.lines);
    return is_good;
}

/* ---- files ---- */

static bool read_all(int fd, struct text *content, const char *path, struct error *error)
{
    char bytes[16384];
    ssize_t count;
    while ((count = read(fd, bytes, sizeof bytes)) > 0) {
        text_add_bytes(content, bytes, (size_t)count);
        if (content->count > MOST_FILE_BYTES)
            return error_set(error, "%s: too large for suppressions", path);
    }
    return count == 0 || error_set_errno(error, errno, "%s: cannot read", path);
}

bool suppressions_read_file(struct suppressions *list, const char *path, struct error *error)
{
    struct text content = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "%s: cannot open", path);
    bool is_read = read_all(fd, &content, path, error) &&
                   suppressions_read(list, path, text_get(&content), content.count, error);
    close(fd);
    text_clear(&content);
    return is_read;
}

/* Of glibc's own, or an allocator's, at every exit: what the loader gives each thread for its
 * thread-local variables (freed with the thread's stack), its list of what was loaded later, the
 * text of an error, and trees of tsearch, such as that of setenv's texts. None of these functions
 * calls code of the program, whose leaks would be taken along. */
void suppressions_add_built_in(struct suppressions *list)
{
    static const char text[] = "leak:^_dl_allocate_tls\n"
                               "leak:^allocate_dtv\n"
                               "leak:^_dlfo_mappings_segment_allocate\n"
                               "leak:^_dl_signal_error\n"
                               "leak:^_dl_exception_create\n"
                               /* tcmalloc's first extension, which its own takes the place of. */
                               "leak:^MallocExtension::Register(\n";
    /* Where the loader's functions have no names: what it allocates itself and points into. And
     * tsearch keeps a node's colour in the lowest bit of the pointer to it: a tree whose root is
     * lost is not possibly lost, but surely. */
    static const char possible[] = "{\n"
                                   "the loader\n"
                                   "Memcheck:Leak\n"
                                   "match-leak-kinds: possible\n"
                                   "fun:*\n"
                                   "obj:*/ld-linux*\n"
                                   "}\n"
                                   "{\n"
                                   "nodes of tsearch\n"
                                   "Memcheck:Leak\n"
                                   "match-leak-kinds: possible\n"
                                   "fun:malloc\n"
                                   "fun:*tsearch\n"
                                   "}\n";
    size_t first = list->count;
    suppressions_read(list, "built-in", text, sizeof text - 1, NULL);
    suppressions_read(list, "built-in", possible, sizeof possible - 1, NULL);
    for (size_t i = first; i < list->count; i++)
        list->items[i].origin = NULL;
}
