/* Diagnostics of the tools, to stderr: "seep: ...". The only place outside cli and tui that prints.
 * Control bytes in the text are made harmless. */
#ifndef SEEP_BASE_LOG_H
#define SEEP_BASE_LOG_H

#include <stdbool.h>

void log_set_quiet(bool is_quiet);
void log_set_verbose(bool is_verbose);

/* Meanwhile the terminal shows something else: lines are kept, and printed when that is over. */
void log_hold(bool is_held);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));   /* always */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));    /* unless quiet */
void log_verbose(const char *format, ...) __attribute__((format(printf, 1, 2))); /* with -v */

#endif
