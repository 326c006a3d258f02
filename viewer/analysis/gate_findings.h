/* What stands behind a result of the gate: leaks by fingerprint, sites that grew over the baseline,
 * and the one to look at first. */
#ifndef SEEP_ANALYSIS_GATE_FINDINGS_H
#define SEEP_ANALYSIS_GATE_FINDINGS_H

#include "analysis/gate.h"

/* Bytes of leaks of the kinds (1 << enum leak_kind); of those that share a fingerprint, the largest
 * sum. */
uint64_t gate_leaked_bytes(const struct leaks *leaks, unsigned kinds);
uint64_t gate_leaked_by_a_site(const struct profile *profile, const struct leaks *leaks,
                               unsigned kinds);

/* Fills the result's findings and culprit. `base` is the baseline's process to compare with, NULL =
 * none, and `base_scan` its scan. Where only new leaks count, the result's value becomes theirs and
 * the baseline is no limit any more. */
void gate_find_findings(const struct profile *profile, const struct gate_scan *scan,
                        const struct gate_options *options, const uint32_t *base,
                        const struct gate_scan *base_scan, struct gate_result *result);

#endif
