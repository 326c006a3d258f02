/* What a process used of a budget, and what stands behind it: leaks by fingerprint, sites that grew
 * over the baseline, and the one to look at first. */
#ifndef SEEP_ANALYSIS_GATE_FINDINGS_H
#define SEEP_ANALYSIS_GATE_FINDINGS_H

#include "analysis/gate.h"
#include "analysis/gate_groups.h"

/* One process of a run, or several as one, and what it is compared with. */
struct gate_subject {
    const struct profile *profile;
    struct gate_group group;
    const struct gate_scan *scans;            /* by process */
    const struct gate_baseline_process *base; /* NULL = none */
    const uint8_t *is_member; /* by site: it belongs to the scope; NULL = the whole process */
};

/* Of the processes that were measured. Of peaks of several processes it is only known that they are
 * between `least` and `value` together; else both are the same. */
struct gate_measured {
    uint64_t value, least;
};

/* False: none was measured. Where only new leaks count, those are meant. */
bool gate_measure(const struct gate_subject *subject, const struct gate_options *options,
                  enum gate_budget budget, struct gate_measured *measured);

/* Was this one of its processes measured? */
bool gate_is_measured(const struct gate_subject *subject, uint32_t process,
                      enum gate_budget budget);

/* Fills the result's findings and culprit. */
void gate_find_findings(const struct gate_subject *subject, const struct gate_options *options,
                        struct gate_result *result);

#endif
