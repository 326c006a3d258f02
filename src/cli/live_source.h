/* Pictures (analysis/live_picture.h) of a session that runs: each time the recorder is asked to
 * bring the recording up to date, and that is loaded as any recording is. */
#ifndef SEEP_CLI_LIVE_SOURCE_H
#define SEEP_CLI_LIVE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/live_picture.h"
#include "base/error.h"
#include "record/running_session.h"

struct live_source {
    struct running_session session;
    char *path;                /* of the recording */
    bool has_ended;            /* the recorder has: what the next picture shows is the last word */
};

/* By a process of the session, or its recorder. Close after use, also after a failure. */
bool live_source_open(uint32_t pid, struct live_source *source, struct error *error);
void live_source_close(struct live_source *source);

/* Takes the session over. */
bool live_source_open_session(struct running_session *session, struct live_source *source,
                              struct error *error);

/* Waits for what the recorder has to do for it; at the session's end until the recording is
 * finished. Caller owns the picture; NULL with *error: there is none now, and a later call may have
 * one unless has_ended. */
struct live_picture *live_source_take(struct live_source *source, struct error *error);

#endif
