/* What a snapshot saw, or why there is none, in words. */
#ifndef SEEP_ANALYSIS_SCAN_TEXT_H
#define SEEP_ANALYSIS_SCAN_TEXT_H

#include "analysis/leak_report.h"
#include "base/text.h"

/* "after the last destructor, held for 0.9 ms"; "not scanned: killed by a signal". */
void scan_text_describe(const struct leak_report_process *process, struct text *out);

/* "incomplete: 2 threads without registers or stack"; nothing when nothing is missing. What it
 * quotes is foreign. */
void scan_text_describe_missing(const struct leak_report_process *process, struct text *out);

/* What to do so that a process is scanned next time; nothing where nothing can be done. */
void scan_text_advise(const struct profile *profile, const struct leak_report_process *process,
                      struct text *out);

/* At most 11 columns: "exit", "snapshot:2", "killed". Into `word`. */
void scan_text_format_short(const struct leak_report_process *process, char word[32]);

#endif
