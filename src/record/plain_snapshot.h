/* A snapshot of a process that nobody records, into a recording of its own: it is held for a moment
 * and read from outside. What its interpreter keeps is seen; who allocated what is not known. */
#ifndef SEEP_RECORD_PLAIN_SNAPSHOT_H
#define SEEP_RECORD_PLAIN_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct plain_snapshot_request {
    uint32_t pid;
    const char *output; /* pattern, as of a recording */
    bool is_force;      /* it may replace any file; else only a recording */
};

struct plain_snapshot_answer {
    char text[1024]; /* what was seen, and where it is; one line */
};

/* False with *error: the process cannot be held or read, or the file cannot be written. */
bool plain_snapshot_take(const struct plain_snapshot_request *request,
                         struct plain_snapshot_answer *answer, struct error *error);

#endif
