/* What sites of a process held over time: from the deltas of its timeline, at equal steps. They are
 * visited twice: for what each site came to, then for the sites that are wanted. */
#ifndef SEEP_ANALYSIS_SITE_SERIES_H
#define SEEP_ANALYSIS_SITE_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "recording/recording_reader.h"

struct site_series_options {
    uint32_t process;     /* position */
    uint64_t end_ns;      /* of the session: look no further; 0 = all there is */
    uint64_t last_ns;     /* the series goes on until then, also without deltas */
    uint64_t least_bytes; /* sites that held less at the end are left out */
    size_t most_sites;    /* those that held most at the end */
    size_t step_count;    /* equal steps, from the process's first delta to the end */
};

struct site_series {
    uint64_t start_ns, end_ns; /* of what was read; equal: there is no timeline */
    double step_ns;
    size_t step_count;
    uint32_t *sites; /* positions in profile.sites, the one that held most at the end first */
    size_t site_count;
    double *levels; /* bytes at the end of each step: site_count rows of step_count */
};

/* Clear after use. What is malformed in the timeline is left out. */
void site_series_read(const struct profile *profile, struct recording_reader *reader,
                      const struct site_series_options *options, struct site_series *series);
void site_series_clear(struct site_series *series);

#endif
