#define _GNU_SOURCE
#include "record/process_calls.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert((int)SESSION_CALL_KINDS == (int)LEAK_KIND_COUNT, "an answer has a sum of each kind");

enum {
    STATE_MASK = (1 << SESSION_CALL_STATE_BITS) - 1
};

bool process_calls_find(struct session_header *header, uint32_t slot, struct process_call *call)
{
    struct session_call *shared = session_call_at(header, slot);
    call->asked = atomic_load(&shared->state);
    if ((call->asked & STATE_MASK) != SESSION_CALL_ASKED)
        return false;
    call->shared = shared;
    call->tid = atomic_load(&shared->tid);
    call->sp = atomic_load(&shared->sp);
    call->mark_ticks = atomic_load(&shared->mark_ticks);
    uint32_t what = atomic_load(&shared->what);
    call->what = (enum session_call_what)what;
    if (what >= SESSION_CALL_SNAPSHOT && what <= SESSION_CALL_CHECK_CHANGED && call->sp != 0)
        return true;
    process_calls_answer(call, false, NULL);
    return false;
}

bool process_calls_scope(const struct process_call *call, enum leak_counts_scope *scope)
{
    static const enum leak_counts_scope scopes[] = {
        [SESSION_CALL_CHECK] = LEAK_COUNTS_ALL,
        [SESSION_CALL_CHECK_NEW] = LEAK_COUNTS_NEW,
        [SESSION_CALL_CHECK_CHANGED] = LEAK_COUNTS_CHANGED,
    };
    if (call->what == SESSION_CALL_SNAPSHOT)
        return false;
    *scope = scopes[call->what];
    return true;
}

void process_calls_answer(const struct process_call *call, bool is_done,
                          const struct leak_counts *counts)
{
    struct session_call *shared = call->shared;
    uint32_t asked = call->asked,
             answered = (asked & ~(uint32_t)STATE_MASK) | SESSION_CALL_ANSWERED;
    if (atomic_load(&shared->state) != asked)
        return;
    for (int kind = 0; counts != NULL && kind < LEAK_KIND_COUNT; kind++) {
        atomic_store(&shared->sums[kind].blocks, counts->blocks[kind]);
        atomic_store(&shared->sums[kind].bytes, counts->bytes[kind]);
    }
    atomic_store(&shared->is_done, is_done);
    if (atomic_compare_exchange_strong(&shared->state, &asked, answered))
        syscall(SYS_futex, &shared->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
