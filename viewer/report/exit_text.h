/* How a process ended, in words. */
#ifndef SEEP_REPORT_EXIT_TEXT_H
#define SEEP_REPORT_EXIT_TEXT_H

#include "recording/recording_records.h"

enum {
    EXIT_TEXT_BYTES = 48
};

/* "status 0", "killed by SIGSEGV", "still running", ... */
const char *exit_text_format(const struct recording_process *process, char text[EXIT_TEXT_BYTES]);

/* At most nine columns: "0", "SIGSEGV", "exec", "running", "?". */
const char *exit_text_format_short(const struct recording_process *process,
                                   char text[EXIT_TEXT_BYTES]);

#endif
