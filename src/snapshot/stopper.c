#define _GNU_SOURCE
#include "snapshot/stopper.h"

#include <elf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "snapshot/hold_watch.h"
#include "snapshot/task_facts.h"

enum {
    YIELDS = 20, /* looks before the looker naps */
    NAP_US = 50,
    SLEEPER_LOOKS =
        40, /* naps after which a thread that sleeps without interruption is left alone */
    MOST_SEIZE_TRIES = 50,
    MAX_EXTENDED_BYTES = 16 << 10
};

/* Calls that return EINTR when nothing but a stop interrupted them, and may simply be made again:
 * an interruption leaves nothing behind. (close is not one of them.) */
static bool may_be_repeated(int64_t number)
{
    static const int64_t numbers[] = {
#ifdef SYS_epoll_wait
        SYS_epoll_wait,
#endif
        SYS_epoll_pwait,  SYS_epoll_pwait2,  SYS_recvfrom,       SYS_recvmsg, SYS_recvmmsg,
        SYS_accept,       SYS_accept4,       SYS_sendto,         SYS_sendmsg, SYS_sendmmsg,
        SYS_connect,      SYS_read,          SYS_readv,          SYS_write,   SYS_writev,
        SYS_semop,        SYS_semtimedop,    SYS_msgrcv,         SYS_msgsnd,  SYS_rt_sigtimedwait,
        SYS_io_getevents, SYS_io_pgetevents, SYS_io_uring_enter,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

/* ---- one thread ----------------------------------------------------------------------- */

static bool read_general(struct stopper_thread *thread)
{
    struct iovec room = {thread->general, sizeof thread->general};
    return ptrace(PTRACE_GETREGSET, thread->tid, NT_PRSTATUS, &room) == 0 &&
           room.iov_len == sizeof thread->general;
}

static void write_general(const struct stopper_thread *thread, uint64_t *general)
{
    struct iovec words = {general, sizeof thread->general};
    ptrace(PTRACE_SETREGSET, thread->tid, NT_PRSTATUS, &words);
}

static void read_extended(struct stopper_thread *thread)
{
#if defined(__x86_64__)
    uint8_t bytes[MAX_EXTENDED_BYTES];
    struct iovec room = {bytes, sizeof bytes};
    if (ptrace(PTRACE_GETREGSET, thread->tid, NT_X86_XSTATE, &room) != 0 || room.iov_len == 0)
        return;
#else
    uint8_t bytes[MAX_EXTENDED_BYTES];
    struct iovec room = {bytes, sizeof bytes};
    if (ptrace(PTRACE_GETREGSET, thread->tid, NT_PRFPREG, &room) != 0 || room.iov_len == 0)
        return;
#endif
    thread->extended = memory_duplicate(bytes, room.iov_len);
    thread->extended_bytes = room.iov_len;
}

/* Begins an interrupted call anew, unless a signal interrupted it. */
static void repeat_call(struct stopper_thread *thread)
{
    if (!PROCESSOR_CAN_REPEAT || processor_system_call_result(thread->general) != -EINTR ||
        !may_be_repeated(processor_system_call(thread->general)))
        return;
    if (thread->signal != 0 ? !task_facts_ignores_signal(thread->pid, thread->tid, thread->signal)
                            : task_facts_has_signal(thread->pid, thread->tid))
        return;
    uint64_t repeated[PROCESSOR_GENERAL_WORDS];
    memcpy(repeated, thread->general, sizeof repeated);
    processor_repeat_system_call(repeated);
    write_general(thread, repeated);
    thread->is_repeated = true;
}

static void note_stop(struct stopper_thread *thread, int status)
{
    /* status: the signal, and above it the event. Without PTRACE_EVENT_STOP a signal was just about
     * to be delivered. */
    thread->signal = status >> 8 == PTRACE_EVENT_STOP ? 0 : status & 0xff;
    thread->is_halted = status >> 8 == PTRACE_EVENT_STOP && (status & 0xff) != SIGTRAP;
    if (!read_general(thread))
        return; /* killed at this very moment: its end is still to come */
    thread->state = STOPPER_STOPPED;
    read_extended(thread);
    repeat_call(thread);
}

/* Looks whether the thread has stopped, or ended. Its end is waited for here, unless it is somebody
 * else's to wait for. (Whoever waits for a traced thread's end is told of its stops, too: so one
 * look for both, which changes nothing, comes first.) */
static void look_at(const struct stopper *stopper, struct stopper_thread *thread)
{
    siginfo_t info = {0};
    const int look = WNOHANG | __WALL;
    if (waitid(P_PID, (id_t)thread->tid, &info, look | WSTOPPED | WEXITED | WNOWAIT) != 0) {
        if (errno == ECHILD)
            thread->state = STOPPER_GONE;
        return;
    }
    if (info.si_pid != thread->tid)
        return;
    if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) {
        siginfo_t taken = {0};
        if (waitid(P_PID, (id_t)thread->tid, &taken, look | WSTOPPED) == 0 && taken.si_pid != 0)
            note_stop(thread, taken.si_status);
        return;
    }
    if (!stopper->is_own_child || thread->tid != stopper->pid)
        waitid(P_PID, (id_t)thread->tid, &info, look | WEXITED);
    thread->state = STOPPER_GONE;
}

static void release_thread(struct stopper_thread *thread)
{
    if (thread->state != STOPPER_STOPPED)
        return;
    /* What came meanwhile would have interrupted the call. */
    if (thread->is_repeated && task_facts_has_signal(thread->pid, thread->tid))
        write_general(thread, thread->general);
    /* One that was killed meanwhile stays ours until its end was waited for. */
    bool is_released = ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(intptr_t)thread->signal) ==
                       0;
    thread->state = is_released ? STOPPER_GONE : STOPPER_RUNS;
}

/* ---- all of them ---------------------------------------------------------------------- */

struct enlisting {
    struct stopper *stopper;
    pid_t pid;
    size_t new_count;
    int failure; /* errno of a thread that could not be seized */
};

static bool is_known(const struct stopper *stopper, pid_t tid)
{
    for (size_t i = 0; i < stopper->count; i++)
        if (stopper->threads[i].tid == tid)
            return true;
    return false;
}

/* 0, ESRCH for a thread that is dead (a first thread may be, long before its process), or why not.
 * The kernel refuses a thread that is about to end with EPERM, and may show it alive still: asked
 * again it is gone, while somebody else's stays refused. */
static int try_to_seize(pid_t pid, pid_t tid)
{
    for (int tries = 0;; tries++) {
        if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0)
            return 0;
        int number = errno;
        char state = task_facts_state(pid, tid);
        if (number == ESRCH || state == 'Z' || state == 'X' || state == '\0')
            return ESRCH;
        if (number != EPERM || tries == MOST_SEIZE_TRIES)
            return number;
        sched_yield();
    }
}

static bool seize(void *context, pid_t tid)
{
    struct enlisting *enlisting = context;
    struct stopper *stopper = enlisting->stopper;
    if (is_known(stopper, tid))
        return true;
    struct stopper_thread thread = {.pid = enlisting->pid, .tid = tid};
    int number = try_to_seize(enlisting->pid, tid);
    if (number == ESRCH)
        return true;
    if (number != 0) {
        enlisting->failure = number;
        return false;
    }
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL); /* in vain if it is about to end: then it does */
    thread.state = STOPPER_RUNS;
    stopper->threads = memory_grow(stopper->threads, &stopper->capacity, stopper->count + 1,
                                   sizeof *stopper->threads);
    stopper->threads[stopper->count++] = thread;
    enlisting->new_count++;
    return true;
}

static size_t look_at_all(struct stopper *stopper)
{
    size_t running = 0;
    for (size_t i = 0; i < stopper->count; i++) {
        struct stopper_thread *thread = &stopper->threads[i];
        if (thread->state == STOPPER_RUNS)
            look_at(stopper, thread);
        running += thread->state == STOPPER_RUNS;
    }
    return running;
}

/* A thread in a sleep that nothing interrupts stands still as well as any. If it sleeps until a
 * child that shares its memory is done with it, that child is stopped too. */
static void pass_over_sleepers(struct stopper *stopper, struct enlisting *enlisting)
{
    size_t count = stopper->count;
    for (size_t i = 0; i < count; i++) {
        struct stopper_thread *thread = &stopper->threads[i];
        if (thread->state != STOPPER_RUNS || task_facts_state(thread->pid, thread->tid) != 'D')
            continue;
        uint64_t pc, sp;
        if (task_facts_sleeper(thread->pid, thread->tid, &pc, &sp)) {
            thread->general[PROCESSOR_WORD_PC] = pc;
            thread->general[PROCESSOR_WORD_SP] = sp;
        }
        thread->state = STOPPER_SLEEPS;
        pid_t children[8];
        size_t child_count = task_facts_vfork_children(thread->pid, thread->tid, children, 8);
        for (size_t child = 0; child < child_count; child++) {
            enlisting->pid = children[child];
            task_facts_visit_threads(children[child], seize, enlisting);
        }
        enlisting->pid = stopper->pid;
    }
}

static void rest(unsigned looks)
{
    struct timespec nap = {0, NAP_US * 1000};
    if (looks < YIELDS)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

/* Waits until nobody runs, also those that came meanwhile. */
static bool gather(struct stopper *stopper, const struct clock *clock, uint64_t deadline_ns,
                   struct enlisting *enlisting, struct error *error)
{
    for (unsigned looks = 0;; looks++) {
        size_t running = look_at_all(stopper);
        if (running == 0) {
            enlisting->new_count = 0;
            if (!task_facts_visit_threads(stopper->pid, seize, enlisting))
                return task_facts_tell_absence(stopper->pid, error);
            if (enlisting->failure != 0)
                return error_set_errno(error, enlisting->failure, "cannot stop process %d",
                                       (int)stopper->pid);
            if (enlisting->new_count == 0)
                return true;
            looks = 0;
            continue;
        }
        if (clock->now_ns(clock->context) >= deadline_ns)
            return error_set(error, "%zu of %zu threads of process %d did not stop", running,
                             stopper->count, (int)stopper->pid);
        if (looks != 0 && looks % SLEEPER_LOOKS == 0)
            pass_over_sleepers(stopper, enlisting);
        rest(looks);
    }
}

bool stopper_stop(struct stopper *stopper, pid_t pid, bool is_own_child, const struct clock *clock,
                  uint64_t deadline_ns, struct error *error)
{
    *stopper = (struct stopper){.pid = pid, .is_own_child = is_own_child};
    struct enlisting enlisting = {.stopper = stopper, .pid = pid};
    stopper->watch = hold_watch_begin();
    stopper->since_ns = clock->now_ns(clock->context);
    if (gather(stopper, clock, deadline_ns, &enlisting, error)) {
        stopper->is_stopped = true;
        return true;
    }
    stopper_release(stopper);
    return false;
}

void stopper_release(struct stopper *stopper)
{
    for (size_t i = 0; i < stopper->count; i++)
        release_thread(&stopper->threads[i]);
    stopper->is_stopped = false;
}

static void end_watch(struct stopper *stopper)
{
    hold_watch_end(stopper->watch);
    stopper->watch = NULL;
}

bool stopper_settle(struct stopper *stopper)
{
    bool is_settled = true;
    for (size_t i = 0; i < stopper->count; i++) {
        struct stopper_thread *thread = &stopper->threads[i];
        if (thread->state == STOPPER_GONE)
            continue;
        if (thread->state != STOPPER_STOPPED)
            look_at(stopper, thread);
        release_thread(thread);
        is_settled &= thread->state == STOPPER_GONE;
    }
    if (is_settled)
        end_watch(stopper);
    return is_settled;
}

void stopper_clear(struct stopper *stopper)
{
    end_watch(stopper);
    for (size_t i = 0; i < stopper->count; i++)
        free(stopper->threads[i].extended);
    free(stopper->threads);
    memset(stopper, 0, sizeof *stopper);
}
