/* Where memory comes from, as one line tells it: the first own frame of a stack and who called it.
 *
 * Many programs allocate through functions of their own that only pass on what they are asked:
 * zmalloc, xmalloc, os::malloc, PyMem_RawRealloc. They are named as the first own frame, but of
 * them it is the caller that says what the memory is for, so callers are looked for beyond all such
 * functions. They are known by their names, or by having none and such a caller. Of a stack without
 * own code, such as that of an interpreter's own tables, the same is told of what there is. */
#ifndef SEEP_ANALYSIS_PLACE_H
#define SEEP_ANALYSIS_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "analysis/query.h"

struct text;

struct place {
    /* The first own one (own_code.h), or of all where none is own; NULL: there is no stack. */
    const struct profile_frame *frame;
    const struct profile_location *location;
    bool is_wrapper;                          /* and there is a caller that is none */
    const struct profile_frame *caller_frame; /* own code again; NULL: none is known */
    const struct profile_location *caller;
    unsigned caller_depth;                 /* locations before it */
    const struct profile_location *called; /* the library function that location called, or NULL */
};

enum place_callers {
    PLACE_ANY_CALLER,
    PLACE_NAMED_CALLER /* one with a symbol, unless there is none */
};

/* All borrowed from the profile. */
void place_find(const struct profile *profile, uint32_t node, enum place_callers callers,
                struct place *place);

/* The same for many stacks: `classes` has profile->location_count bytes, zeroed at first, and keeps
 * what was found out about names. */
void place_find_many(const struct profile *profile, uint8_t *classes, uint32_t node,
                     enum place_callers callers, struct place *place);

/* The one location to name a stack after: the first own one, of wrappers their caller; NULL: there
 * is no stack. */
const struct profile_location *place_named_location(const struct place *place);

/* Appends a demangled name without return type, template arguments and parameters. */
void place_shorten_name(const char *function, struct text *out);

/* Appends what `location` called of a library, as "via std::vector::resize", or, where that takes
 * more columns, as "via resize"; nothing where it called nothing. */
void place_add_called(const struct place *place, int columns, struct text *out);

/* Does a function by its demangled name only pass on requests for memory? Its last part contains
 * "malloc", "calloc", "realloc", "zalloc", "palloc", "strdup", "strndup" or "memdup", or ends with
 * "alloc" or "allocate"; in letters of either case. */
bool place_is_wrapper(const char *function);

/* Sites with the same lines of code for location (of wrappers the function) and caller (of others
 * its function), together. */
struct place_sum {
    struct place place; /* of the first site */
    struct query_figures figures;
    uint32_t site; /* position of the first one, which is the one with most live bytes */
    uint32_t site_count;
};

struct place_sums {
    struct place_sum *items; /* by `sort` descending, then by site */
    size_t count;
    struct query_figures total;
};

/* Of a process (a position), or QUERY_ALL_PROCESSES. Clear after use. */
void place_sums_init(struct place_sums *sums, const struct profile *profile, uint32_t process,
                     enum query_metric sort);
void place_sums_clear(struct place_sums *sums);

#endif
