/* The thread that is led is stopped by ptrace, wherever it was; its registers are put aside, also
 * those of vectors, and its signals wait. It runs on a stack of the preload's, and traps at its
 * end. If it was within a system call, the kernel begins that again as it would have: the call's
 * number is taken away for as long as the thread is led. */
#define _GNU_SOURCE
#include "snapshot/target_copy.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "snapshot/memory_limits.h"
#include "snapshot/processor.h"
#include "snapshot/task_facts.h"

enum {
    NAP_US = 50,
    YIELDS = 20,
    STATE_LOOKS = 40,
    ROOM_SHARE = 2, /* one in so many bytes may be changed while it is read */
    SIGNAL_SET_BYTES = 8,
    END_MS = 1000
};

/* ---- is there room? -------------------------------------------------------------------- */

/* The system promises no more memory than it has. */
static bool is_overcommit_strict(void)
{
    FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
    int first = file != NULL ? fgetc(file) : EOF;
    if (file != NULL)
        fclose(file);
    return first == '2';
}

/* Of a file with lines "Name:   NUMBER kB", in bytes. */
static uint64_t read_line(const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    char line[256];
    uint64_t bytes = UINT64_MAX;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            bytes = strtoull(line + strlen(name), NULL, 10) * 1024;
    if (file != NULL)
        fclose(file);
    return bytes;
}

bool target_copy_has_room(pid_t pid, uint64_t bytes, struct error *error)
{
    uint64_t needed = bytes / ROOM_SHARE;
    uint64_t group = memory_limits_group_room(pid),
             system = read_line("/proc/meminfo", "MemAvailable:");
    if (is_overcommit_strict()) {
        uint64_t most = read_line("/proc/meminfo", "CommitLimit:");
        uint64_t used = read_line("/proc/meminfo", "Committed_AS:");
        if (most != UINT64_MAX && used != UINT64_MAX && (most <= used || most - used < bytes))
            return error_set(error, "no copy: the system promises no more memory than it has");
    }
    if (group < needed)
        return error_set(error, "no copy: %" PRIu64 " MiB are left of the memory limit",
                         group >> 20);
    if (system < needed)
        return error_set(error, "no copy: the system has %" PRIu64 " MiB of memory left",
                         system >> 20);
    return true;
}

/* ---- a thread is led ------------------------------------------------------------------- */

struct led {
    pid_t pid, tid;
    uint64_t general[PROCESSOR_GENERAL_WORDS];
    uint8_t extended[PROCESSOR_EXTENDED_MOST];
    size_t extended_bytes;
    uint64_t signals;
};

static bool exchange(enum __ptrace_request request, pid_t tid, int set, void *words, size_t *bytes)
{
    struct iovec room = {words, *bytes};
    if (ptrace(request, tid, set, &room) != 0)
        return false;
    *bytes = room.iov_len;
    return true;
}

#if defined(__x86_64__)
#define EXTENDED_SET NT_X86_XSTATE
#else
#define EXTENDED_SET NT_PRFPREG
#endif

static bool put_aside(struct led *led)
{
    size_t bytes = sizeof led->general;
    led->extended_bytes = sizeof led->extended;
    return exchange(PTRACE_GETREGSET, led->tid, NT_PRSTATUS, led->general, &bytes) &&
           bytes == sizeof led->general &&
           exchange(PTRACE_GETREGSET, led->tid, EXTENDED_SET, led->extended,
                    &led->extended_bytes) &&
           ptrace(PTRACE_GETSIGMASK, led->tid, (void *)SIGNAL_SET_BYTES, &led->signals) == 0;
}

static bool lead_to(const struct led *led, uint64_t entry)
{
    uint64_t general[PROCESSOR_GENERAL_WORDS], all = UINT64_MAX;
    size_t bytes = sizeof general;
    memcpy(general, led->general, sizeof general);
    processor_lead_to(general, entry);
    return ptrace(PTRACE_SETSIGMASK, led->tid, (void *)SIGNAL_SET_BYTES, &all) == 0 &&
           exchange(PTRACE_SETREGSET, led->tid, NT_PRSTATUS, general, &bytes) &&
           ptrace(PTRACE_CONT, led->tid, NULL, NULL) == 0;
}

static void lead_back(struct led *led)
{
    size_t bytes = sizeof led->general;
    exchange(PTRACE_SETREGSET, led->tid, EXTENDED_SET, led->extended, &led->extended_bytes);
    exchange(PTRACE_SETREGSET, led->tid, NT_PRSTATUS, led->general, &bytes);
    ptrace(PTRACE_SETSIGMASK, led->tid, (void *)SIGNAL_SET_BYTES, &led->signals);
}

static void rest(unsigned looks)
{
    struct timespec nap = {0, NAP_US * 1000};
    if (looks < YIELDS)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

/* The end of a first thread is told only when all others were waited for, which stand still here.
 */
static bool is_dead(const struct led *led)
{
    char state = task_facts_state(led->pid, led->tid);
    return state == 'Z' || state == 'X' || state == '\0';
}

/* Until it traps. What else stops it (a stop of the whole process) does not count here. */
static bool await_trap(const struct led *led)
{
    for (unsigned looks = 0;; looks++) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)led->tid, &info, WNOHANG | __WALL | WSTOPPED | WEXITED | WNOWAIT) !=
            0)
            return false;
        if (info.si_pid != led->tid) {
            if (looks % STATE_LOOKS == STATE_LOOKS - 1 && is_dead(led))
                return false;
            rest(looks);
            continue;
        }
        if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
            return false; /* its end is still to be waited for, by those who do */
        if (waitid(P_PID, (id_t)led->tid, &info, WNOHANG | __WALL | WSTOPPED) != 0)
            return false;
        if (info.si_status == SIGTRAP || info.si_status == SIGILL)
            return true;
        if (info.si_status == SIGSEGV || info.si_status == SIGBUS)
            return true; /* it did not get far */
        ptrace(PTRACE_CONT, led->tid, NULL, NULL);
    }
}

/* One that was stopped by nothing but us. */
static const struct stopper_thread *choose(const struct stopper *stopper)
{
    for (size_t i = 0; i < stopper->count; i++) {
        const struct stopper_thread *thread = &stopper->threads[i];
        if (thread->state == STOPPER_STOPPED && thread->signal == 0 && !thread->is_halted &&
            thread->pid == stopper->pid)
            return thread;
    }
    return NULL;
}

static bool lead(struct stopper *stopper, uint64_t entry, struct error *error)
{
    const struct stopper_thread *thread = choose(stopper);
    struct led *led = memory_allocate_zeroed(1, sizeof *led);
    bool is_led = false;
    if (thread != NULL) {
        led->pid = thread->pid;
        led->tid = thread->tid;
        is_led = put_aside(led);
    }
    bool has_trapped = is_led && lead_to(led, entry) && await_trap(led);
    if (is_led)
        lead_back(led);
    free(led);
    return has_trapped || error_set(error, "no copy: no thread can be led to make one");
}

/* ---- all of it ------------------------------------------------------------------------- */

static bool await_pid(struct target_copy *copy, const struct clock *clock, uint64_t deadline_ns)
{
    for (unsigned looks = 0;; looks++) {
        uint32_t pid = atomic_load(&copy->shared->copy_pid);
        if ((int32_t)pid > 0) {
            copy->pid = (pid_t)pid;
            return true;
        }
        if (atomic_load(&copy->shared->copy_error) != 0 ||
            clock->now_ns(clock->context) >= deadline_ns)
            return false;
        rest(looks);
    }
}

static void wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

bool target_copy_make(struct target_copy *copy, struct stopper *stopper, bool is_waiting,
                      uint32_t flags, struct session_process *shared, const struct clock *clock,
                      uint64_t deadline_ns, struct error *error)
{
    *copy = (struct target_copy){.shared = shared, .pidfd = -1};
    uint64_t entry = atomic_load(&shared->copy_entry);
    if (entry == 0)
        return error_set(error, "no copy: the process makes no system calls");
    copy->number = ((uint32_t)(clock->now_ns(clock->context) >> 10) &
                    ~(uint32_t)SESSION_COPY_FLAGS) |
                   SESSION_COPY_WANTED | flags;
    atomic_store(&shared->copy_error, 0);
    atomic_store(&shared->copy, copy->number);
    /* Who waits looks at this one first. */
    atomic_store(&shared->copy_pid,
                 is_waiting ? (uint32_t)SESSION_COPY_BY_PARKED : (uint32_t)SESSION_COPY_UNDER_WAY);
    if (is_waiting)
        wake(&shared->park);
    if ((is_waiting || lead(stopper, entry, error)) && await_pid(copy, clock, deadline_ns)) {
        copy->pidfd = (int)syscall(SYS_pidfd_open, copy->pid, 0);
        if (copy->pidfd >= 0)
            return true;
    }
    uint32_t number_of_error = atomic_load(&shared->copy_error);
    if (number_of_error != 0)
        error_set_errno(error, (int)(number_of_error & 0xfff), "no copy can be made");
    else if (is_waiting || copy->pid == 0)
        error_set(error, "no copy was made in time");
    target_copy_end(copy);
    return false;
}

bool target_copy_has_ended(const struct target_copy *copy)
{
    struct pollfd look = {.fd = copy->pidfd, .events = POLLIN};
    return copy->pidfd < 0 || poll(&look, 1, 0) != 0;
}

void target_copy_end(struct target_copy *copy)
{
    atomic_store(&copy->shared->copy_pid, (uint32_t)SESSION_COPY_NONE);
    atomic_store(&copy->shared->copy, 0);
    wake(&copy->shared->copy);
    if (copy->pidfd < 0)
        return;
    syscall(SYS_pidfd_send_signal, copy->pidfd, SIGKILL, NULL, 0);
    /* What it was asked last may still be written where the next one answers; and a thread that
     * waits for its end is not to be told to go on before. */
    struct pollfd end = {.fd = copy->pidfd, .events = POLLIN};
    if ((copy->number & SESSION_COPY_READS) != 0)
        poll(&end, 1, END_MS);
    waitpid(copy->pid, NULL, WNOHANG | __WALL); /* where its parent's parent is this program */
    close(copy->pidfd);
    copy->pidfd = -1;
}
