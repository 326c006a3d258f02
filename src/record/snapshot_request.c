#define _GNU_SOURCE
#include "record/snapshot_request.h"

#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/running_session.h"

#define ANSWER_LIMIT_NS UINT64_C(60000000000)
#define TURN_LIMIT_NS   UINT64_C(3000000000) /* somebody else who asks must be done by then */

static void take_turn(const struct running_session *session)
{
    struct session_request *request = &session->header->request;
    uint32_t seen = SESSION_REQUEST_NONE;
    while (!atomic_compare_exchange_strong(&request->state, &seen, SESSION_REQUEST_MADE)) {
        /* Who does not go on after that has died. */
        if (!running_session_await(session, &request->state, seen, TURN_LIMIT_NS) &&
            atomic_compare_exchange_strong(&request->state, &seen, SESSION_REQUEST_MADE))
            return;
        seen = SESSION_REQUEST_NONE;
    }
}

bool snapshot_request_in(const struct running_session *session, uint32_t pid,
                         struct snapshot_answer *answer, struct error *error)
{
    struct session_request *request = &session->header->request;
    take_turn(session);
    request->pid = pid;
    atomic_store(&request->state, SESSION_REQUEST_ASKED);
    running_session_wake_recorder(session);
    if (!running_session_await(session, &request->state, SESSION_REQUEST_ASKED, ANSWER_LIMIT_NS)) {
        atomic_store(&request->state, SESSION_REQUEST_NONE);
        return error_set(error, "the recorder of process %u (process %d) does not answer", pid,
                         session->recorder);
    }
    memcpy(answer->text, request->answer, sizeof answer->text);
    answer->text[sizeof answer->text - 1] = '\0';
    bool is_taken = atomic_load(&request->state) == SESSION_REQUEST_DONE;
    atomic_store(&request->state, SESSION_REQUEST_NONE);
    syscall(SYS_futex, &request->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    return is_taken || error_set(error, "%s", answer->text);
}

bool snapshot_request(uint32_t pid, struct snapshot_answer *answer, struct error *error)
{
    struct running_session session;
    if (!running_session_open(pid, &session, error))
        return false;
    bool is_taken = snapshot_request_in(&session, pid, answer, error);
    running_session_close(&session);
    return is_taken;
}
