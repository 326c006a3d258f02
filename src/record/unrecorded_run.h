/* Runs a command as it is, for who would rather have it run than recorded. */
#ifndef SEEP_RECORD_UNRECORDED_RUN_H
#define SEEP_RECORD_UNRECORDED_RUN_H

#include <stdbool.h>

#include "base/error.h"
#include "record/launcher.h"

/* Returns when it has ended, with signals handed on meanwhile as ever. False when it did not start:
 * *error says why and *outcome how to exit. */
bool unrecorded_run(char *const *command, const struct launcher_inherited *inherited,
                    struct command_outcome *outcome, struct error *error);

#endif
