/* How far a recording can be trusted, in words: one line when all is well, a line for each problem
 * when not. The same text opens every report. */
#ifndef SEEP_REPORT_QUALITY_H
#define SEEP_REPORT_QUALITY_H

#include <stdbool.h>

#include "analysis/profile.h"
#include "base/text.h"

/* Lines, each ended by '\n', not indented, without control bytes. `process` is a position in
 * profile.processes, or QUERY_ALL_PROCESSES for the sum over all. */
void quality_print(const struct profile *profile, uint32_t process, struct text *out);

/* The sum of the quality records over all processes (process_id 0). */
struct recording_quality quality_sum(const struct profile *profile, uint32_t process);

/* Frames on the stacks of the profile, and how many of them have no symbol. */
void quality_count_frames(const struct profile *profile, uint64_t *frames, uint64_t *unsymbolized);

#endif
