/* What was found of leaks, as the gate asks for it. */
#ifndef SEEP_ANALYSIS_GATE_SCANS_H
#define SEEP_ANALYSIS_GATE_SCANS_H

#include "analysis/gate_baseline.h"
#include "analysis/leak_report.h"
#include "analysis/profile.h"

/* By process; a process that the report does not tell of was not scanned, nor any where there is
 * none (NULL). Caller frees; leaks and reasons are borrowed from the report. */
struct gate_scan *gate_scans_make(const struct profile *profile, const struct leak_report *report);

#endif
