/* Why one of two processes has more in memory than the other: all memory by category, with the
 * reason for each. Of two recordings it is the process with most in memory of each, an interpreter
 * of Python where there is one: the same script under two interpreters differs in hardly anything
 * that allocation sites could tell. */
#ifndef SEEP_ANALYSIS_MEMORY_DIFF_H
#define SEEP_ANALYSIS_MEMORY_DIFF_H

#include "analysis/diff.h"
#include "analysis/memory_uses.h"
#include "analysis/profile.h"
#include "analysis/python_heaps.h"

struct memory_diff_input {
    const struct profile *profiles[DIFF_SIDES];
    const struct memory_uses *memories[DIFF_SIDES];
    const struct python_heaps *pythons[DIFF_SIDES];
};

struct memory_diff_row {
    enum memory_category category;
    const char *part; /* that of the category is told by itself; NULL = all that is left of it */
    struct memory_amount amounts[DIFF_SIDES];
    int64_t change; /* of what is resident */
    char *reason;   /* owned; "" = none is known */
};

/* A zeroed struct is an empty one. */
struct memory_diff {
    bool is_known;                                     /* both were measured */
    const struct process_memory *memories[DIFF_SIDES]; /* borrowed, as the next */
    const struct process_python *pythons[DIFF_SIDES];  /* NULL: it has no Python */
    int64_t change;                                    /* of all that is resident */
    struct memory_diff_row *rows; /* by the size of the change, descending; none without any */
    size_t row_count, row_capacity;
};

/* The input's tables are borrowed until the clear. */
void memory_diff_run(const struct memory_diff_input *input, struct memory_diff *diff);
void memory_diff_clear(struct memory_diff *diff);

/* "PyPy 7.3.11", or the name of the program. Into `name`. */
void memory_diff_name(const struct memory_diff *diff, const struct profile *profile,
                      enum diff_side side, char *name, size_t name_bytes);

#endif
