/* What a stream's other end can show. */
#ifndef SEEP_CLI_TERMINAL_H
#define SEEP_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/command.h"

/* By strength: --color; NO_COLOR; CLICOLOR_FORCE or FORCE_COLOR; CI and TERM=dumb (none); whether
 * it is a terminal. */
bool terminal_has_colour(FILE *stream, const struct common_values *common);

/* Columns that lines may take: COLUMNS, else what a terminal has, else 80. */
int terminal_width(FILE *stream);

/* Does this run in continuous integration (CI is set)? Then nothing moves and nothing waits. */
bool terminal_is_ci(void);

#endif
