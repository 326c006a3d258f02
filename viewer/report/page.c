#include "config.h"

#include "report/page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"

enum {
    LABEL_COLUMNS = 13
};

void page_init(struct page *page, const struct profile *profile, FILE *out, int width,
               bool is_colour)
{
    *page = (struct page){.out = out, .profile = profile, .width = width, .is_colour = is_colour};
}

void page_clear(struct page *page)
{
    text_clear(&page->line);
}

void page_set_program(struct page *page, uint32_t process)
{
    page->program = text_file_name(page->profile->processes[process].about.executable);
}

void page_end_line(struct page *page)
{
    struct text *line = &page->line;
    while (line->count && line->bytes[line->count - 1] == ' ')
        line->count--;
    if (line->count)
        fwrite(line->bytes, 1, line->count, page->out);
    putc('\n', page->out);
    line->count = 0;
    page->columns = 0;
    page->line_count++;
}

static void add_text(struct page *page, const char *text)
{
    text_add(&page->line, text);
    page->columns += text_columns(text);
}

void page_add(struct page *page, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    int status = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (status >= 0) {
        add_text(page, text);
        free(text);
    }
}

void page_add_right(struct page *page, int columns, const char *text)
{
    int missing = columns - text_columns(text);
    page_add(page, "%*s", missing > 0 ? missing : 0, "");
    add_text(page, text);
}

void page_set_style(struct page *page, enum page_style style)
{
    static const char *const escapes[] = {
        [PAGE_PLAIN] = "\033[0m", [PAGE_BOLD] = "\033[1m", [PAGE_DIM] = "\033[2m"};
    if (page->is_colour)
        text_add(&page->line, escapes[style]);
}

void page_heading(struct page *page, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    page_end_line(page);
    va_start(arguments, format);
    int status = vasprintf(&text, format, arguments);
    va_end(arguments);
    page_set_style(page, PAGE_BOLD);
    if (status >= 0) {
        page_add_foreign(page, text, page_left(page, 20));
        free(text);
    }
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

void page_make_safe(struct text *out, const char *foreign)
{
    size_t room = strlen(foreign) + 1;
    char *safe = memory_allocate(room);
    text_make_safe(foreign, safe, room);
    text_add(out, safe);
    free(safe);
}

void page_add_foreign(struct page *page, const char *text, int columns)
{
    size_t room = strlen(text) + 1;
    char *safe = memory_allocate(room);
    text_make_safe(text, safe, room);
    if (columns > 0 && text_columns(safe) > columns) {
        char *cut = memory_allocate(room + 4);
        text_cut_middle(safe, columns, cut, room + 4);
        add_text(page, cut);
        free(cut);
    } else {
        add_text(page, safe);
    }
    free(safe);
}

int page_left(const struct page *page, int least)
{
    if (page->width <= 0)
        return 0;
    int left = page->width - page->columns;
    return left > least ? left : least;
}

/* Bytes of the longest start of `text` that ends at a word's end and takes at most `columns`; a
 * word that is longer by itself is taken whole. */
static size_t words_that_fit(const char *text, int columns)
{
    size_t fitting = 0;
    for (size_t at = 0;; at++) {
        if (text[at] != ' ' && text[at] != 0)
            continue;
        char *start = memory_duplicate(text, at + 1);
        start[at] = 0;
        bool is_fitting = columns <= 0 || text_columns(start) <= columns;
        free(start);
        if (is_fitting || fitting == 0)
            fitting = at;
        if (!is_fitting || text[at] == 0)
            return fitting;
    }
}

void page_label(struct page *page, const char *label, const char *text)
{
    struct text safe = {0};
    page_make_safe(&safe, text);
    page_add(page, "  %-*s", LABEL_COLUMNS - 2, label);
    const char *rest = text_get(&safe);
    for (;;) {
        size_t fitting = words_that_fit(rest, page_left(page, 20));
        char *part = memory_duplicate(rest, fitting + 1);
        part[fitting] = 0;
        page_add_foreign(page, part, page_left(page, 20));
        free(part);
        page_end_line(page);
        rest += fitting + strspn(rest + fitting, " ");
        if (!*rest)
            break;
        page_add(page, "%*s", LABEL_COLUMNS, "");
    }
    text_clear(&safe);
}

void page_label_line(struct page *page, const char *label, struct text *line)
{
    page_label(page, label, text_get(line));
    text_clear(line);
}

const char *page_short_path(const struct profile *profile, const char *path)
{
    const char *folder = profile->session.working_folder;
    size_t length = strlen(folder);
    if (length > 1 && strncmp(path, folder, length) == 0 && path[length] == '/')
        return path + length + 1;
    return path[0] == '/' ? text_file_name(path) : path;
}

/* A name that is too long goes without its template arguments, then without its return type and
 * parameters, before it is cut. */
static void add_name(struct page *page, const char *function, int columns)
{
    struct text shorter = {0};
    const char *name = function;
    if (columns > 0 && text_columns(name) > columns) {
        fingerprint_simplify_name(function, &shorter);
        name = text_get(&shorter);
    }
    if (columns > 0 && text_columns(name) > columns) {
        bool has_parameters = strchr(name, '(');
        shorter.count = 0;
        place_shorten_name(function, &shorter);
        text_add(&shorter, has_parameters ? "(..)" : "");
        name = text_get(&shorter);
    }
    page_add_foreign(page, name, columns);
    text_clear(&shorter);
}

/* When both do not fit, the name gets what the place leaves, but at least half of the line; a
 * module gives way to it. */
static void add_code(struct page *page, const char *function, const char *place, bool is_module)
{
    int left = page_left(page, 8);
    int place_columns = text_columns(place);
    bool is_fitting = !left || text_columns(function) + place_columns <= left;
    if (!is_fitting && is_module)
        place_columns = 0;
    else if (!is_fitting && place_columns > left / 2)
        place_columns = left / 2;
    add_name(page, function, left ? left - place_columns : 0);
    if (place_columns)
        page_add_foreign(page, place, left ? place_columns : 0);
}

static void print_file(const char *path, uint32_t line, struct text *place)
{
    place->count = 0;
    text_add(place, " at ");
    page_make_safe(place, path);
    if (line)
        text_print(place, ":%u", (unsigned)line);
}

void page_add_code(struct page *page, const char *function, const char *file, uint32_t line,
                   const char *module_name)
{
    struct text place = {0};
    if (file) {
        const char *path = page_short_path(page->profile, file);
        int left = page_left(page, 8);
        print_file(path, line, &place);
        if (left && text_columns(function) + text_columns(text_get(&place)) > left)
            print_file(text_file_name(path), line, &place);
    } else if (module_name && !text_starts_with(function, module_name) &&
               !(page->program && strcmp(module_name, page->program) == 0)) {
        text_add(&place, " in ");
        page_make_safe(&place, module_name);
    }
    add_code(page, function, text_get(&place), !file);
    text_clear(&place);
}

void page_add_location(struct page *page, const struct profile_frame *frame,
                       const struct profile_location *location, uint32_t line)
{
    const struct profile *profile = page->profile;
    const char *module = location->is_symbolized && frame->module_plus_1
                             ? profile->modules[frame->module_plus_1 - 1].name
                             : NULL;
    page_add_code(page, location->function, location->file, line, module);
}

/* Columns of a location without any cut. */
static int location_columns(const struct page *page, const struct profile_frame *frame,
                            const struct profile_location *location)
{
    struct page scratch = *page;
    scratch.width = scratch.columns = 0;
    scratch.line = (struct text){0};
    page_add_location(&scratch, frame, location, location->line);
    text_clear(&scratch.line);
    return scratch.columns;
}

/* The wrapper's name gets what its caller leaves, but some columns in any case. */
static void add_wrapped(struct page *page, const struct place *place)
{
    enum {
        LEAST_COLUMNS = 12
    };
    struct text name = {0};
    const struct profile_location *caller = place->caller;
    place_shorten_name(place->location->function, &name);
    int left = page_left(page, 20), wrapper_columns = 0;
    int caller_columns = location_columns(page, place->caller_frame, caller);
    bool is_fitting = !left || text_columns(text_get(&name)) + 3 + caller_columns <= left;
    if (!is_fitting && !caller->file)
        caller_columns = text_columns(caller->function);
    if (!is_fitting)
        wrapper_columns = left - 3 - caller_columns;
    if (!is_fitting && wrapper_columns < LEAST_COLUMNS)
        wrapper_columns = LEAST_COLUMNS;
    page_add_foreign(page, text_get(&name), wrapper_columns);
    page_add(page, " < ");
    if (is_fitting || caller->file)
        page_add_location(page, place->caller_frame, caller, caller->line);
    else
        page_add_code(page, caller->function, NULL, 0, NULL);
    text_clear(&name);
}

void page_add_place(struct page *page, const struct place *place)
{
    if (!place->location)
        page_add(page, "[no stack]");
    else if (place->is_wrapper)
        add_wrapped(page, place);
    else
        page_add_location(page, place->frame, place->location, place->location->line);
}

/* ---- commands ---- */

static bool is_plain_word(const char *word)
{
    for (const char *at = word; *at; at++)
        if (!(*at >= 'a' && *at <= 'z') && !(*at >= 'A' && *at <= 'Z') &&
            !(*at >= '0' && *at <= '9') && !strchr("_-+=./,:@%^", *at) && (unsigned char)*at < 0x80)
            return false;
    return *word != 0;
}

static void print_word(const char *word, struct text *out)
{
    if (is_plain_word(word)) {
        text_add(out, word);
        return;
    }
    text_add(out, "'");
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            text_add(out, "'\\''");
        else
            text_add_bytes(out, at, 1);
    }
    text_add(out, "'");
}

void page_print_command(const struct recording_text_list *command, bool are_arguments_shown,
                        struct text *out)
{
    if (!command->count)
        text_add(out, "(not known)");
    for (size_t i = 0; i < command->count; i++) {
        if (i > 0 && !are_arguments_shown) {
            text_add(out, " ...");
            break;
        }
        if (i > 0)
            text_add(out, " ");
        print_word(command->items[i], out);
    }
}
