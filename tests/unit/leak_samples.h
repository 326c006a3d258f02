/* A made-up recording with snapshots, for golden files of leak reports.
 *
 * Process 0 has leaks of all kinds at its exit and an earlier snapshot, process 1 was killed, 2 is
 * a fork of 0 without a scan, 3 is clean. */
#ifndef SEEP_TESTS_LEAK_SAMPLES_H
#define SEEP_TESTS_LEAK_SAMPLES_H

#include "base/error.h"
#include "report/leaks_report.h"

/* Writes the report in the format of this name ("text", "json", "lsan", "valgrind") to stdout. Of
 * `options` instant and suppressions are set. `snapshot`, `since`: as in leak_report_options. */
bool leak_sample_write(const char *format, struct leaks_report_options *options, bool is_suppressed,
                       uint64_t snapshot, uint64_t since, struct error *error);

#endif
