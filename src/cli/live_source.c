#include "cli/live_source.h"

#include <stdlib.h>
#include <time.h>

bool live_source_open_session(struct running_session *session, struct live_source *source,
                              struct error *error)
{
    *source = (struct live_source){.session = *session};
    *session = (struct running_session){.recorder_fd = -1};
    source->path = running_session_path(&source->session);
    return source->path ||
           error_set(error,
                     "the recording of process %d cannot be found: it has just begun, or"
                     " another version of seep makes it",
                     source->session.recorder);
}

bool live_source_open(uint32_t pid, struct live_source *source, struct error *error)
{
    struct running_session session;

    *source = (struct live_source){.session = {.recorder_fd = -1}};
    return running_session_open(pid, &session, error) &&
           live_source_open_session(&session, source, error);
}

void live_source_close(struct live_source *source)
{
    running_session_close(&source->session);
    free(source->path);
    source->path = NULL;
}

/* The last names are looked up, and all is written once more. False: given up. */
static bool await_end(const struct live_source *source)
{
    while (!running_session_has_ended(&source->session)) {
        struct timespec step = {0, 20000000};

        if (atomic_load(&source->session.is_cancelled))
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

struct live_picture *live_source_take(struct live_source *source, struct error *error)
{
    uint64_t time_ns;

    if (!source->has_ended) {
        if (running_session_checkpoint(&source->session, &time_ns, error))
            return live_picture_load(source->path, time_ns ? time_ns : 1, error);
        if (!running_session_is_over(&source->session) &&
            !running_session_has_ended(&source->session))
            return NULL;
        if (!await_end(source))
            return NULL;
        source->has_ended = true;
    }
    return live_picture_load(source->path, 0, error);
}
