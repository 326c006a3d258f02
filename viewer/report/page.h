/* Lines of a text report: a width to keep, columns, styles that can be off, and foreign names made
 * harmless and cut to fit. */
#ifndef SEEP_REPORT_PAGE_H
#define SEEP_REPORT_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/place.h"
#include "analysis/profile.h"
#include "base/text.h"

enum page_style {
    PAGE_PLAIN,
    PAGE_BOLD,
    PAGE_DIM
};

struct page {
    FILE *out;
    const struct profile *profile;
    int width; /* 0 = unlimited */
    bool is_colour;
    const char *program; /* file name of the module that needs no mention; NULL = none */
    unsigned line_count; /* written so far */
    struct text line;    /* under construction */
    int columns;         /* that it takes */
};

void page_init(struct page *page, const struct profile *profile, FILE *out, int width,
               bool is_colour);
void page_clear(struct page *page);

/* From now on code is that of the process at this position: its own module goes without saying. */
void page_set_program(struct page *page, uint32_t process);

/* Writes the line without spaces at its end. */
void page_end_line(struct page *page);

/* An empty line, and a bold one. */
void page_heading(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add to the line: text of ours; text at the right edge of a column; what came from outside, cut in
 * the middle to `columns` (0 = uncut). */
void page_add(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void page_add_right(struct page *page, int columns, const char *text);
void page_add_foreign(struct page *page, const char *text, int columns);
void page_set_style(struct page *page, enum page_style style);

/* Columns that are left on the line, at least `least`; 0 = unlimited (as the functions take it). */
int page_left(const struct page *page, int least);

/* "  Label      text", wrapped at spaces under itself. An empty label continues the one above. */
void page_label(struct page *page, const char *label, const char *text);
/* The same, and clears the line. */
void page_label_line(struct page *page, const char *label, struct text *line);

/* "parse_line at src/parser.c:120", "g_malloc in libglib-2.0.so.0": cut to what is left of the
 * line. `line` 0 leaves the line number out. */
void page_add_location(struct page *page, const struct profile_frame *frame,
                       const struct profile_location *location, uint32_t line);

/* The same from loose parts; file and module may be NULL. */
void page_add_code(struct page *page, const char *function, const char *file, uint32_t line,
                   const char *module_name);

/* The line of a site: "parse_line at src/parser.c:120", of wrappers also their caller, which then
 * has the place: "xmalloc < parse_line at src/parser.c:120". */
void page_add_place(struct page *page, const struct place *place);

/* A path as a reader knows it: without the folder that the command ran in; the file's name when it
 * lies elsewhere. Borrowed from `path`. */
const char *page_short_path(const struct profile *profile, const char *path);

/* Appends harmless text. */
void page_make_safe(struct text *out, const char *foreign);

/* The command as it could be typed; without its arguments "..." stands for them. */
void page_print_command(const struct recording_text_list *command, bool are_arguments_shown,
                        struct text *out);

#endif
