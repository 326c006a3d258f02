/* The filter as it is typed: words of regular expressions, all of which must hold for a stack.
 *
 *     parse                 some function's name matches "parse"
 *     -parse                none does
 *     file:src/  -file:x.c  the same for source files
 *     module:libssl         the same for modules
 *
 * One of each kind; a later one replaces the former. A backslash in front of a blank keeps it. */
#ifndef SEEP_TUI_FILTER_TEXT_H
#define SEEP_TUI_FILTER_TEXT_H

#include "analysis/query.h"

struct filter_text {
    struct query_filter filter; /* borrowed from `bytes` */
    char *bytes;
};

void filter_text_parse(struct filter_text *parsed, const char *typed);
void filter_text_clear(struct filter_text *parsed);

#endif
