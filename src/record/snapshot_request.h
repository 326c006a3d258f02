/* Asks a running recorder for a snapshot of a process that it records, through the session's
 * memory: whoever may trace the recorder may ask. */
#ifndef SEEP_RECORD_SNAPSHOT_REQUEST_H
#define SEEP_RECORD_SNAPSHOT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/running_session.h"
#include "wire/session.h"

struct snapshot_answer {
    char text[SESSION_ANSWER_BYTES]; /* what was taken, and where it is; one line */
};

/* The same of a process of a session that was found already. */
bool snapshot_request_in(const struct running_session *session, uint32_t pid,
                         struct snapshot_answer *answer, struct error *error);

/* Waits until it is taken. False with *error: `pid` is not recorded by anybody whom we may ask, or
 * the snapshot could not be taken. */
bool snapshot_request(uint32_t pid, struct snapshot_answer *answer, struct error *error);

#endif
