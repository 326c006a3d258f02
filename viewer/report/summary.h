/* What `seep run` says at its end: at most 20 lines, each at most 80 columns (paths aside). */
#ifndef SEEP_REPORT_SUMMARY_H
#define SEEP_REPORT_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "analysis/leak_report.h"
#include "analysis/profile.h"
#include "base/error.h"
#include "graph/growth_paths.h"

enum {
    SUMMARY_MAX_LINES = 20
};

struct summary_options {
    const char *path;                /* of the recording, as to be typed; NULL: the profile's own */
    const struct leak_report *leaks; /* NULL: leaks are not known, and nothing says why */
    const struct process_growths *growths; /* NULL: nobody looked */
    int width;                             /* 0 = 80 */
    bool is_colour;
};

/* Fails only when `out` cannot be written. */
bool summary_write(const struct profile *profile, const struct summary_options *options, FILE *out,
                   struct error *error);

#endif
