/* A session that runs, as another program finds it: by the number of one of its processes or of its
 * recorder, or all that there are. Whoever may trace the recorder may look.
 *
 * What a session shares with its targets may be overwritten by them: nothing that stands there is
 * believed but for what it is worth (a path is opened as any path that a user gives). */
#ifndef SEEP_RECORD_RUNNING_SESSION_H
#define SEEP_RECORD_RUNNING_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/session.h"

struct running_session {
    struct session_header
        *header;               /* mapped, with what follows it up to the slots of those parked */
    int recorder;              /* its pid */
    int recorder_fd;           /* readable once it has ended; -1 = the system has none */
    _Atomic bool is_cancelled; /* by another thread: whoever waits gives up */
};

/* False with *error: nobody records process `pid`, or not somebody whom we may ask. Close after
 * use. */
bool running_session_open(uint32_t pid, struct running_session *session, struct error *error);
void running_session_close(struct running_session *session);

/* The same by its recorder alone: quick, and silent. */
bool running_session_open_recorder(int recorder, struct running_session *session);

/* All that we may look at, by their recorders' numbers. Caller closes each and frees the array. */
struct running_session *running_session_list(size_t *count);

/* Has the recorder come to its end? */
bool running_session_is_over(const struct running_session *session);
bool running_session_has_ended(const struct running_session *session);

/* Where the recording is. Caller frees; NULL: it cannot be read yet. */
char *running_session_path(const struct running_session *session);

/* The processes that it records now, by number, as they see themselves. Caller frees. */
uint32_t *running_session_processes(const struct running_session *session, size_t *count);

/* Futex words of the session: waits until one is not `seen` any more. False: the recorder has
 * ended, or time is up. */
bool running_session_await(const struct running_session *session, _Atomic uint32_t *word,
                           uint32_t seen, uint64_t limit_ns);
void running_session_wake_recorder(const struct running_session *session);

/* Has the recording brought up to date; *time_ns: what it tells then, at least, by the time of the
 * session. False with *error: the recorder does not answer, has ended, or cannot write. */
bool running_session_checkpoint(const struct running_session *session, uint64_t *time_ns,
                                struct error *error);

#endif
