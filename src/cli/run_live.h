/* `seep run --live`: this process splits in two. The child records, as `seep run` does; the parent
 * keeps the terminal, shows what happens, and ends as the child ends. */
#ifndef SEEP_CLI_RUN_LIVE_H
#define SEEP_CLI_RUN_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct run_live_options {
    const char *program; /* its name, for messages */
    const char *colors;  /* as in struct tui_options */
};

/* Returns in the child, whose standard streams are prepared. Where there is no terminal to look at
 * it, or no second process, it returns in this one, which then records as if nothing had been asked;
 * *reason says why (in the child it is ""). */
void run_live_split(const struct run_live_options *options, struct error *reason);

#endif
