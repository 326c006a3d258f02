/* The patterns of suppressions: LSan's templates, and Valgrind's globs for functions. */
#ifndef SEEP_ANALYSIS_SUPPRESSION_PATTERN_H
#define SEEP_ANALYSIS_SUPPRESSION_PATTERN_H

#include <stdbool.h>

#include "base/text.h"
#include "wire/function_kinds.h"

/* LSan's template: a part of `text`, in which '*' stands for any run; '^' in front holds it to the
 * start and '$' behind it to the end (what follows a '$' does not count). An empty text matches
 * nothing. */
bool suppression_template_matches(const char *pattern, const char *text);

/* Valgrind's "fun:": a glob for the whole of a function's name, as the linker knows it. Recordings
 * have names as people read them, so that a name in the linker's spelling is compared by what it
 * means; one with wildcards in it by a spelling that is made from the readable name (nested names
 * without parameters and template arguments: "_ZN1A1bE" of "A::b(int)"). */
bool suppression_function_matches(const char *glob, const char *function);

/* The other way round, for suppressions that are to be written: append a template that matches the
 * function and few others; and a glob that does so here and in Valgrind. The latter fails, and
 * appends nothing, for names that have no spelling. */
void suppression_print_template(const char *function, struct text *out);
bool suppression_print_function(const char *function, struct text *out);

/* The linker's name of an allocation function: what Valgrind's "fun:" sees first. */
const char *suppression_linker_name(enum function_kind function);

#endif
