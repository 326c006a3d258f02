#include "preload/park.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "preload/event_writer.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"

enum {
    SIGNAL_SET_BYTES = 8,
    EXEC_LIMIT_MS = 10000
};

_Atomic bool park_is_ready;

/* What the program wants to happen at this signal; the default until it asks. */
static struct sigaction wish;

static struct session_process *own_process(void)
{
    return preload_mode == PRELOAD_RECORDS && process_current != NULL ? process_current->shared
                                                                      : NULL;
}

/* ---- calls that were interrupted ------------------------------------------------------- */

/* These return EINTR whatever flags a handler has, and may simply be made again; a timeout begins
 * anew. (close is not one of them.) The other half of src/snapshot/stopper.c. */
static bool may_be_repeated(int64_t number)
{
    static const int64_t numbers[] = {
#ifdef SYS_poll
        SYS_poll,           SYS_select,
        SYS_pause,          SYS_epoll_wait,
#endif
        SYS_ppoll,          SYS_pselect6,
        SYS_epoll_pwait,    SYS_nanosleep,
        SYS_recvfrom,       SYS_clock_nanosleep,
        SYS_recvmsg,        SYS_recvmmsg,
        SYS_accept,         SYS_accept4,
        SYS_sendto,         SYS_sendmsg,
        SYS_sendmmsg,       SYS_read,
        SYS_readv,          SYS_write,
        SYS_writev,         SYS_semop,
        SYS_semtimedop,     SYS_msgrcv,
        SYS_msgsnd,         SYS_rt_sigtimedwait,
        SYS_rt_sigsuspend,  SYS_io_getevents,
        SYS_io_pgetevents,  SYS_futex,
#ifdef SYS_io_uring_enter
        SYS_io_uring_enter,
#endif
#ifdef SYS_epoll_pwait2
        SYS_epoll_pwait2,
#endif
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* Would another signal have interrupted the call? All are blocked here, so it still waits. */
static bool is_another_waiting(const ucontext_t *context)
{
    uint64_t waiting = 0, blocked;
    memcpy(&blocked, &context->uc_sigmask, sizeof blocked);
    raw_syscall(SYS_rt_sigpending, &waiting, SIGNAL_SET_BYTES, 0, 0, 0, 0);
    return (waiting & ~blocked) != 0;
}

static void repeat_call(ucontext_t *context)
{
    if (may_be_repeated(arch_context_interrupted_call(context)) && !is_another_waiting(context))
        arch_context_repeat_call(context);
}

/* ---- the handler ----------------------------------------------------------------------- */

/* Somebody else's signal: as if we were not here. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    if (wish.sa_handler == SIG_IGN)
        return;
    if (wish.sa_handler != SIG_DFL) {
        if ((wish.sa_flags & SA_SIGINFO) != 0)
            wish.sa_sigaction(number, info, context);
        else
            wish.sa_handler(number);
        return;
    }
    struct sigaction fatal = {.sa_handler = SIG_DFL};
    real.sigaction(number, &fatal, NULL);
    raw_syscall(SYS_tgkill, raw_getpid(), raw_gettid(), number, 0, 0, 0);
}

static void wait_until_over(struct session_process *shared, struct session_parked *slot,
                            uint32_t park)
{
    event_writer_await(&shared->park, park, session->hold_limit_ms);
    if (atomic_load(&shared->park) == park)
        atomic_store(&slot->has_left, 1);
}

static void handle(int number, siginfo_t *info, void *context)
{
    struct session_process *shared = own_process();
    uint32_t park = shared != NULL ? atomic_load(&shared->park) : 0;
    if (info->si_code != SI_TKILL || info->si_pid == (pid_t)raw_getpid()) {
        pass_on(number, info, context);
        return;
    }
    if (park != 0) {
        uint32_t place = atomic_fetch_add(&session->parked_count, 1);
        if (place < SESSION_PARKED_SLOTS) {
            struct session_parked *slot = session_parked_at(session, place);
            atomic_store(&slot->tid, raw_gettid());
            atomic_store(&slot->general, arch_context_general(context));
            atomic_store(&slot->extended, arch_context_extended(context));
            atomic_store(&slot->thread_pointer, (uint64_t)(uintptr_t)__builtin_thread_pointer());
            atomic_store(&slot->has_left, 0);
            /* Last: the recorder reads the others once it sees this. */
            atomic_store(&slot->park, park);
            wait_until_over(shared, slot, park);
        }
    }
    repeat_call(context);
}

void park_exchange_wish(const struct sigaction *action, struct sigaction *old)
{
    struct sigaction before = wish;
    if (action != NULL)
        wish = *action;
    if (old != NULL)
        *old = before;
}

/* ---- where it begins and ends ------------------------------------------------------------ */

static void unblock(void)
{
    uint64_t ours = UINT64_C(1) << (SESSION_PARK_SIGNAL - 1);
    raw_syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &ours, NULL, SIGNAL_SET_BYTES, 0, 0);
}

static void start(struct session_process *shared)
{
    int saved_errno = errno;
    /* All signals wait meanwhile; those of a stack of their own have it for this one, too. */
    struct sigaction action = {.sa_sigaction = handle,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    memset(&action.sa_mask, 0xff, sizeof action.sa_mask);
    if (real.sigaction(SESSION_PARK_SIGNAL, &action, &wish) == 0) {
        park_is_ready = true;
        atomic_store(&shared->park_state, SESSION_PARK_READY);
        unblock();
    } else {
        atomic_store(&shared->park_state, SESSION_PARK_NOT);
    }
    errno = saved_errno;
}

/* Then nobody without privileges may stop it, and it may never wait for us again to be told so. */
static bool is_undumpable(void)
{
    return raw_syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0, 0) != 1;
}

void park_start(void)
{
    struct session_process *shared = own_process();
    if (shared == NULL || sandbox_is_closed || real.sigaction == NULL)
        return;
    uint32_t wanted = SESSION_PARK_WANTED;
    if (atomic_compare_exchange_strong(&shared->park_state, &wanted, SESSION_PARK_STARTING) ||
        (session->flags & SESSION_PARK) != 0 || is_undumpable())
        start(shared);
}

void park_start_unasked(void)
{
    struct session_process *shared = own_process();
    uint32_t seen = SESSION_PARK_NOT;
    if (shared == NULL || sandbox_is_closed || real.sigaction == NULL ||
        raw_getpid() != process_current->own_pid)
        return;
    if (atomic_compare_exchange_strong(&shared->park_state, &seen, SESSION_PARK_STARTING))
        start(shared);
}

void park_start_if_wanted(void)
{
    struct session_process *shared = own_process();
    uint32_t wanted = SESSION_PARK_WANTED;
    if (shared == NULL || atomic_load(&shared->park_state) != wanted || park_is_ready ||
        sandbox_is_closed || real.sigaction == NULL || raw_getpid() != process_current->own_pid)
        return;
    if (atomic_compare_exchange_strong(&shared->park_state, &wanted, SESSION_PARK_STARTING))
        start(shared);
}

void park_tell_child(void)
{
    struct session_process *shared = own_process();
    if (park_is_ready && shared != NULL && !sandbox_is_closed)
        atomic_store(&shared->park_state, SESSION_PARK_READY);
}

/* A vfork child has handlers of its own, and nobody sends it signals. */
static bool is_own_memory(void)
{
    return park_is_ready && own_process() != NULL && raw_getpid() == process_current->own_pid;
}

void park_before_exec(void)
{
    if (!is_own_memory() || sandbox_is_closed)
        return;
    struct session_process *shared = own_process();
    uint32_t seen = SESSION_PARK_FREE;
    if (!atomic_compare_exchange_strong(&shared->park_guard, &seen, SESSION_PARK_BY_EXEC) &&
        seen == SESSION_PARK_BY_RECORDER) {
        event_writer_await(&shared->park_guard, seen, EXEC_LIMIT_MS);
        atomic_store(&shared->park_guard, SESSION_PARK_BY_EXEC);
    }
    /* One that was sent before and has not come yet. */
    uint64_t ours = UINT64_C(1) << (SESSION_PARK_SIGNAL - 1);
    struct timespec no_time = {0, 0};
    raw_syscall(SYS_rt_sigtimedwait, &ours, NULL, &no_time, SIGNAL_SET_BYTES, 0, 0);
}

void park_exec_failed(void)
{
    if (is_own_memory())
        atomic_store(&own_process()->park_guard, SESSION_PARK_FREE);
}

void park_close(void)
{
    struct session_process *shared = own_process();
    if (park_is_ready && shared != NULL)
        atomic_store(&shared->park_state, SESSION_PARK_CLOSED);
}

void park_open(void)
{
    park_tell_child();
}
