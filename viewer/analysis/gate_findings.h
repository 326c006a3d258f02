/* What a process used of a budget, and what stands behind it: leaks by fingerprint, sites that grew
 * over the baseline, and the one to look at first. */
#ifndef SEEP_ANALYSIS_GATE_FINDINGS_H
#define SEEP_ANALYSIS_GATE_FINDINGS_H

#include "analysis/gate.h"

/* One process of a run, and what it is compared with. */
struct gate_subject {
    const struct profile *profile;
    uint32_t process;
    const struct gate_scan *scan;
    const struct gate_baseline_process *base; /* NULL = none */
    const uint8_t *is_member; /* by site: it belongs to the scope; NULL = the whole process */
};

/* False: it was not measured. Where only new leaks count, those are meant. */
bool gate_measure(const struct gate_subject *subject, const struct gate_options *options,
                  enum gate_budget budget, uint64_t *value);

/* Fills the result's findings and culprit. */
void gate_find_findings(const struct gate_subject *subject, const struct gate_options *options,
                        struct gate_result *result);

#endif
