#include "preload/exit_hold.h"

#include <stdatomic.h>
#include <unistd.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"

/* A forked child is looked at only once it runs an image of its own; the child of a vfork is in its
 * parent's memory. */
static bool is_to_be_held(void)
{
    return preload_mode == PRELOAD_RECORDS && (session->flags & SESSION_SCAN_AT_EXIT) != 0 &&
           atomic_load(&process_current->is_claimed) != 0 && process_current->is_own_image &&
           (sandbox_is_closed || raw_getpid() == process_current->own_pid);
}

static uint32_t own_tid(void)
{
    const struct thread_state *thread = thread_current;
    return thread != NULL && thread->is_claimed ? thread->tid : raw_gettid();
}

void exit_hold_begin(struct exit_registers *registers)
{
    if (!is_to_be_held() || process_current->exit_sp != 0)
        return;
    process_current->exit_tid = own_tid();
    process_current->exit_sp = (uint64_t)(uintptr_t)registers;
}

void exit_hold_cancel(void)
{
    if (preload_mode == PRELOAD_RECORDS && raw_getpid() == process_current->own_pid)
        process_current->exit_sp = 0;
}

void exit_hold_wait(enum session_hold why)
{
    if (!is_to_be_held())
        return;
    struct session_process *shared = process_current->shared;
    uint32_t tid = own_tid(), none = SESSION_HOLD_NONE, held = (uint32_t)why;
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    uint64_t sp = process_current->exit_tid == tid && process_current->exit_sp != 0
                      ? process_current->exit_sp
                      : here;
    /* Two threads that end the program at once: the second one waits for nothing. */
    if (!atomic_compare_exchange_strong(&shared->hold_tid, &none, tid))
        return;
    atomic_store(&shared->hold_sp, sp);
    atomic_store(&shared->hold, held);
    atomic_fetch_add(&session->hold_count, 1);
    if (sandbox_is_closed)
        event_writer_await_busily(&shared->hold, held, session->hold_limit_ms);
    else
        event_writer_await(&shared->hold, held, session->hold_limit_ms);
    atomic_compare_exchange_strong(&shared->hold, &held, SESSION_HOLD_NONE);
    atomic_store(&shared->hold_tid, 0);
}

void exit_hold_before_exec(int folder, const char *path)
{
    if (!is_to_be_held())
        return;
    bool is_there = path != NULL &&
                    (path[0] == '\0' ||
                     !raw_failed(raw_syscall(SYS_faccessat, folder, path, X_OK, 0, 0, 0)));
    if (is_there)
        exit_hold_wait(SESSION_HOLD_EXEC);
}
