#include "preload/recorder_call.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"

enum {
    STATE_MASK = (1 << SESSION_CALL_STATE_BITS) - 1
};

static void await(_Atomic uint32_t *word, uint32_t seen)
{
    if (sandbox_is_closed)
        event_writer_await_busily(word, seen, session->hold_limit_ms);
    else
        event_writer_await(word, seen, session->hold_limit_ms);
}

/* The same call, one step further. */
static uint32_t with_state(uint32_t ticket, enum session_call_state state)
{
    return (ticket & ~(uint32_t)STATE_MASK) | state;
}

/* Becomes the one who asks. 0 = it did not come to that; else the ticket. Who keeps the turn for
 * longer than any call may take has died of it. */
static uint32_t take_turn(struct session_call *call, uint32_t tid)
{
    uint32_t seen = atomic_load(&call->state);
    bool was_in_vain = false; /* the wait for another's turn to end */
    for (;;) {
        bool is_free = (seen & STATE_MASK) == SESSION_CALL_NONE;
        if (!is_free && atomic_load(&call->tid) == tid)
            return 0;
        uint32_t mine = with_state(seen + (1 << SESSION_CALL_STATE_BITS), SESSION_CALL_MADE);
        if (is_free || was_in_vain) {
            if (atomic_compare_exchange_strong(&call->state, &seen, mine)) {
                atomic_store(&call->tid, tid);
                return mine;
            }
            was_in_vain = false; /* somebody else's turn began */
            continue;
        }
        await(&call->state, seen);
        uint32_t now = atomic_load(&call->state);
        was_in_vain = now == seen;
        seen = now;
    }
}

static void give_turn_back(struct session_call *call, uint32_t ticket)
{
    uint32_t answered = with_state(ticket, SESSION_CALL_ANSWERED);
    uint32_t asked = with_state(ticket, SESSION_CALL_ASKED);
    atomic_store(&call->tid, 0);
    if (atomic_compare_exchange_strong(&call->state, &answered,
                                       with_state(ticket, SESSION_CALL_NONE)) ||
        atomic_compare_exchange_strong(&call->state, &asked, with_state(ticket, SESSION_CALL_NONE)))
        raw_futex(&call->state, FUTEX_WAKE, INT_MAX, NULL);
}

static enum recorder_call_result ask(struct session_call *call, uint32_t ticket,
                                     const struct recorder_question *question,
                                     struct recorder_call_sum sums[SESSION_CALL_KINDS])
{
    uint32_t asked = with_state(ticket, SESSION_CALL_ASKED);
    enum recorder_call_result result = RECORDER_CALL_NO_ANSWER;
    atomic_store(&call->what, question->what);
    atomic_store(&call->sp, (uint64_t)(uintptr_t)question->registers);
    atomic_store(&call->mark_ticks, question->mark_ticks);
    atomic_store(&call->is_done, 0);
    atomic_store(&call->state, asked);
    atomic_fetch_add(&session->hold_count, 1);
    await(&call->state, asked);
    if (atomic_load(&call->state) == with_state(ticket, SESSION_CALL_ANSWERED)) {
        result = atomic_load(&call->is_done) ? RECORDER_CALL_DONE : RECORDER_CALL_NOT_DONE;
        for (int i = 0; sums != NULL && i < SESSION_CALL_KINDS; i++)
            sums[i] = (struct recorder_call_sum){atomic_load(&call->sums[i].blocks),
                                                 atomic_load(&call->sums[i].bytes)};
    }
    give_turn_back(call, ticket);
    return result;
}

bool recorder_call_is_possible(void)
{
    lifecycle_ensure();
    return preload_mode == PRELOAD_RECORDS && thread_state_get() != NULL &&
           atomic_load(&session->state) != SESSION_OVER;
}

enum recorder_call_result recorder_call(const struct recorder_question *question,
                                        struct recorder_call_sum sums[SESSION_CALL_KINDS])
{
    lifecycle_ensure();
    if (preload_mode != PRELOAD_RECORDS)
        return RECORDER_CALL_NOT_RECORDED;
    const struct thread_state *thread = thread_state_get();
    if (thread == NULL)
        return RECORDER_CALL_NOT_RECORDED;
    /* The child of a vfork is in its parent's memory, and a record that is half written cannot be
     * waited for. */
    if (thread->is_busy || (!sandbox_is_closed && raw_getpid() != process_current->own_pid))
        return RECORDER_CALL_BUSY;
    struct session_call *call = session_call_at(session, process_current->slot);
    uint32_t ticket = take_turn(call, thread->tid);
    if (ticket == 0)
        return RECORDER_CALL_BUSY;
    return ask(call, ticket, question, sums);
}
