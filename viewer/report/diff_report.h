/* What analysis/diff.h found, for people and for programs. */
#ifndef SEEP_REPORT_DIFF_REPORT_H
#define SEEP_REPORT_DIFF_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "analysis/diff.h"
#include "base/error.h"

struct memory_diff;

struct diff_report_options {
    const char *paths[DIFF_SIDES];    /* of the recordings, as they were named */
    const char *instants[DIFF_SIDES]; /* "end" */
    const struct profile_interval *intervals[DIFF_SIDES]; /* where figures stand; NULL: at those */
    bool are_arguments_shown;                             /* of targets; left out under CI */
    bool is_colour;                                       /* text only */
    int width;                                            /* columns; 0 = unlimited. text only */
    const struct memory_diff *memory; /* (memory_diff.h) of all memory; NULL = none. Borrowed */
    unsigned stack_depth;             /* callers shown below each site; text only */
};

/* Both write and flush; false when `out` cannot be written. */
bool diff_write_text(const struct diff_options *options, const struct diff *diff,
                     const struct diff_report_options *report, FILE *out, struct error *error);

/* seep/diff, see schema/seep-diff.json. */
bool diff_write_json(const struct diff_options *options, const struct diff *diff,
                     const struct diff_report_options *report, FILE *out, struct error *error);

#endif
