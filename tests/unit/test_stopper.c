/* The stopper, on children of this test whose threads do what threads do. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/stopper.h"
#include "snapshot/task_facts.h"

#define PATIENCE_NS UINT64_C(60000000000)

/* What a child and the test share. */
struct shared {
    _Atomic uint32_t tids[64];
    _Atomic uint64_t counters[64];
    _Atomic uint32_t results[64]; /* 1 + errno; 1 = fine */
    _Atomic uint32_t is_over;
    int pipes[8][2];
};

static struct shared *shared;

static int share(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -1;
    for (int i = 0; i < 8; i++)
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, shared->pipes[i]) != 0)
            return -1;
    return 0;
}

static int unshare_all(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        close(shared->pipes[i][0]);
        close(shared->pipes[i][1]);
    }
    munmap(shared, sizeof *shared);
    return 0;
}

static void stop(struct stopper *stopper, pid_t pid)
{
    struct clock clock = clock_monotonic();
    struct error error = {""};
    if (!stopper_stop(stopper, pid, true, &clock, clock.now_ns(clock.context) + PATIENCE_NS,
                      &error))
        fail_msg("%s", error.message);
}

static void release(struct stopper *stopper)
{
    stopper_release(stopper);
    while (!stopper_settle(stopper))
        sched_yield();
    stopper_clear(stopper);
}

/* Until the thread sleeps in this system call. */
static void await_call(pid_t pid, pid_t tid, long number)
{
    char path[64], text[32];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
    for (;;) {
        FILE *file = fopen(path, "r");
        if (file == NULL)
            fail_msg("no %s", path);
        bool is_there = fgets(text, sizeof text, file) != NULL &&
                        strtol(text, NULL, 10) == number && text[0] >= '0' && text[0] <= '9';
        fclose(file);
        if (is_there && task_facts_state(pid, tid) == 'S')
            return;
        sched_yield();
    }
}

static pid_t await_tid(int thread)
{
    while (atomic_load(&shared->tids[thread]) == 0)
        sched_yield();
    return (pid_t)atomic_load(&shared->tids[thread]);
}

static int end_of(pid_t pid)
{
    int status;
    assert_int_equal(pid, waitpid(pid, &status, 0));
    return status;
}

/* A holder that is stopped in the middle goes on, so that whom it holds does. */
static void test_stopped_holder(void **state)
{
    (void)state;
    pid_t holder = fork();
    if (holder == 0) {
        pid_t held = fork();
        if (held == 0)
            for (;;)
                pause();
        struct stopper stopper;
        stop(&stopper, held);
        bool is_watched = stopper.watch != NULL;
        kill(getpid(), SIGSTOP);
        release(&stopper);
        kill(held, SIGKILL);
        _exit(is_watched && WTERMSIG(end_of(held)) == SIGKILL ? 0 : 1);
    }
    assert_int_equal(end_of(holder), 0);
}

static _Noreturn void end_child(void)
{
    _exit(0);
}

/* ---- threads stand still -------------------------------------------------------------- */

enum {
    RUNNERS = 20
};

static void *count(void *argument)
{
    _Atomic uint64_t *counter = argument;
    atomic_store(&shared->tids[counter - shared->counters], (uint32_t)syscall(SYS_gettid));
    while (atomic_load(&shared->is_over) == 0)
        atomic_fetch_add(counter, 1);
    return NULL;
}

static void test_all_threads_stand_still(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t threads[RUNNERS];
        for (int i = 0; i < RUNNERS; i++)
            pthread_create(&threads[i], NULL, count, &shared->counters[i]);
        for (int i = 0; i < RUNNERS; i++)
            pthread_join(threads[i], NULL);
        end_child();
    }
    for (int i = 0; i < RUNNERS; i++)
        await_tid(i);
    for (int round = 0; round < 20; round++) {
        struct stopper stopper;
        stop(&stopper, pid);
        assert_int_equal(RUNNERS + 1, stopper.count);
        uint64_t before[RUNNERS];
        for (int i = 0; i < RUNNERS; i++) {
            before[i] = atomic_load(&shared->counters[i]);
            assert_int_not_equal(0, stopper.threads[i].general[PROCESSOR_WORD_SP]);
            assert_true(stopper.threads[i].extended_bytes >= 512);
        }
        for (int look = 0; look < 100; look++)
            sched_yield();
        for (int i = 0; i < RUNNERS; i++)
            assert_int_equal(before[i], atomic_load(&shared->counters[i]));
        release(&stopper);
    }
    atomic_store(&shared->is_over, 1);
    assert_int_equal(0, end_of(pid));
}

/* Threads that come and go while they are gathered. */
static void *beget(void *argument)
{
    (void)argument;
    return NULL;
}

static void test_threads_that_come_and_go(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        atomic_store(&shared->tids[0], (uint32_t)getpid());
        while (atomic_load(&shared->is_over) == 0) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, beget, NULL) == 0)
                pthread_join(thread, NULL);
            atomic_fetch_add(&shared->counters[0], 1);
        }
        end_child();
    }
    await_tid(0);
    for (int round = 0; round < 100; round++) {
        struct stopper stopper;
        stop(&stopper, pid);
        uint64_t before = atomic_load(&shared->counters[0]);
        for (int look = 0; look < 20; look++)
            sched_yield();
        assert_int_equal(before, atomic_load(&shared->counters[0]));
        release(&stopper);
    }
    atomic_store(&shared->is_over, 1);
    assert_int_equal(0, end_of(pid));
}

/* ---- calls that would return EINTR ---------------------------------------------------- */

enum sleeper {
    IN_EPOLL,
    IN_RECEIVE,
    IN_ACCEPT,
    IN_SIGNAL,
    IN_READ,
    SLEEPERS
};

static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_bytes;

static void limit_receive(int fd)
{
    struct timeval limit = {1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

static int sleep_in_call(enum sleeper which)
{
    char byte;
    struct epoll_event event = {.events = EPOLLIN};
    struct timespec limit = {1000, 0};
    sigset_t set;
    switch (which) {
    case IN_EPOLL: {
        int epoll = epoll_create1(0);
        epoll_ctl(epoll, EPOLL_CTL_ADD, shared->pipes[IN_EPOLL][0], &event);
        return epoll_wait(epoll, &event, 1, 1000000) == 1 ? 0 : errno;
    }
    case IN_RECEIVE:
        limit_receive(shared->pipes[IN_RECEIVE][0]);
        return recv(shared->pipes[IN_RECEIVE][0], &byte, 1, 0) == 1 ? 0 : errno;
    case IN_ACCEPT:
        limit_receive(listener);
        return accept(listener, NULL, NULL) >= 0 ? 0 : errno;
    case IN_SIGNAL:
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        return sigtimedwait(&set, NULL, &limit) == SIGUSR2 ? 0 : errno;
    case IN_READ:
        limit_receive(shared->pipes[IN_READ][0]);
        return read(shared->pipes[IN_READ][0], &byte, 1) == 1 ? 0 : errno;
    case SLEEPERS:
        break;
    }
    return EINVAL;
}

static void *sleep_thread(void *argument)
{
    enum sleeper which = (enum sleeper)(intptr_t)argument;
    atomic_store(&shared->tids[which], (uint32_t)syscall(SYS_gettid));
    atomic_store(&shared->results[which], 1 + (uint32_t)sleep_in_call(which));
    return NULL;
}

static pid_t start_sleepers(void)
{
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address_bytes = sizeof address;
    assert_int_equal(0, bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)));
    assert_int_equal(0, getsockname(listener, (struct sockaddr *)&address, &address_bytes));
    assert_int_equal(0, listen(listener, 1));
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t threads[SLEEPERS];
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        pthread_sigmask(SIG_BLOCK, &set, NULL);
        for (int i = 0; i < SLEEPERS; i++)
            pthread_create(&threads[i], NULL, sleep_thread, (void *)(intptr_t)i);
        for (int i = 0; i < SLEEPERS; i++)
            pthread_join(threads[i], NULL);
        end_child();
    }
    static const long calls[] = {
#ifdef SYS_epoll_wait
        [IN_EPOLL] = SYS_epoll_wait,
#else
        [IN_EPOLL] = SYS_epoll_pwait,
#endif
        [IN_RECEIVE] = SYS_recvfrom,       [IN_ACCEPT] = SYS_accept,
        [IN_SIGNAL] = SYS_rt_sigtimedwait, [IN_READ] = SYS_read,
    };
    for (int i = 0; i < SLEEPERS; i++)
        await_call(pid, await_tid(i), calls[i]);
    return pid;
}

static void test_calls_begin_anew(void **state)
{
    (void)state;
    if (!PROCESSOR_CAN_REPEAT)
        skip();
    pid_t pid = start_sleepers();
    for (int round = 0; round < 10; round++) {
        struct stopper stopper;
        stop(&stopper, pid);
        size_t repeated = 0;
        for (size_t i = 0; i < stopper.count; i++)
            repeated += stopper.threads[i].is_repeated;
        if (round == 0)
            assert_int_equal(SLEEPERS, repeated);
        release(&stopper);
    }
    for (int i = 0; i < SLEEPERS; i++)
        assert_int_equal(0, atomic_load(&shared->results[i]));
    assert_int_equal(1, write(shared->pipes[IN_EPOLL][1], "x", 1));
    assert_int_equal(1, write(shared->pipes[IN_RECEIVE][1], "x", 1));
    assert_int_equal(1, write(shared->pipes[IN_READ][1], "x", 1));
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, connect(peer, (struct sockaddr *)&address, address_bytes));
    kill(pid, SIGUSR2);
    assert_int_equal(0, end_of(pid));
    for (int i = 0; i < SLEEPERS; i++)
        assert_int_equal(1, atomic_load(&shared->results[i]));
    close(peer);
    close(listener);
}

/* ---- signals that come meanwhile ------------------------------------------------------ */

static void note_signal(int number)
{
    (void)number;
    atomic_fetch_add(&shared->counters[0], 1);
}

static void test_a_real_signal_interrupts(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct sigaction action = {.sa_handler = note_signal};
        sigaction(SIGUSR1, &action, NULL);
        atomic_store(&shared->tids[0], (uint32_t)getpid());
        atomic_store(&shared->results[0], 1 + (uint32_t)sleep_in_call(IN_EPOLL));
        end_child();
    }
#ifdef SYS_epoll_wait
    await_call(pid, await_tid(0), SYS_epoll_wait);
#else
    await_call(pid, await_tid(0), SYS_epoll_pwait);
#endif
    struct stopper stopper;
    stop(&stopper, pid);
    kill(pid, SIGUSR1);
    kill(pid, SIGCHLD); /* dropped, as always */
    release(&stopper);
    assert_int_equal(0, end_of(pid));
    assert_int_equal(1, atomic_load(&shared->counters[0]));
    assert_int_equal(1 + EINTR, atomic_load(&shared->results[0]));
}

/* ---- the odd ones --------------------------------------------------------------------- */

static void test_a_stopped_process_stays_stopped(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        raise(SIGSTOP);
        end_child();
    }
    siginfo_t info;
    assert_int_equal(0, waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
    struct stopper stopper;
    stop(&stopper, pid);
    assert_int_equal(1, stopper.count);
    assert_int_equal(STOPPER_STOPPED, stopper.threads[0].state);
    release(&stopper);
    while (task_facts_state(pid, pid) == 'R') /* on its way back */
        sched_yield();
    assert_int_equal('T', task_facts_state(pid, pid));
    kill(pid, SIGCONT);
    assert_int_equal(0, end_of(pid));
}

static void test_a_first_thread_that_is_gone(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, count, &shared->counters[0]);
        syscall(SYS_exit, 0);
    }
    await_tid(0);
    while (task_facts_state(pid, pid) != 'Z')
        sched_yield();
    struct stopper stopper;
    stop(&stopper, pid);
    assert_int_equal(1, stopper.count);
    release(&stopper);
    atomic_store(&shared->is_over, 1);
    assert_int_equal(0, end_of(pid));
}

static void test_a_parent_that_waits_for_its_vfork(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (vfork() == 0) {
            atomic_store(&shared->tids[0], (uint32_t)getpid());
            while (atomic_load(&shared->is_over) == 0)
                atomic_fetch_add(&shared->counters[0], 1);
            _exit(0);
        }
        end_child();
    }
    pid_t child = await_tid(0);
    struct stopper stopper;
    stop(&stopper, pid);
    assert_int_equal(2, stopper.count);
    assert_int_equal(STOPPER_SLEEPS, stopper.threads[0].state);
    assert_int_not_equal(0, stopper.threads[0].general[PROCESSOR_WORD_SP]);
    assert_int_equal(child, stopper.threads[1].tid);
    assert_int_equal(STOPPER_STOPPED, stopper.threads[1].state);
    uint64_t before = atomic_load(&shared->counters[0]);
    for (int look = 0; look < 100; look++)
        sched_yield();
    assert_int_equal(before, atomic_load(&shared->counters[0]));
    stopper_release(&stopper);
    assert_false(stopper_settle(&stopper)); /* it sleeps still */
    atomic_store(&shared->is_over, 1);
    while (!stopper_settle(&stopper))
        sched_yield();
    stopper_clear(&stopper);
    assert_int_equal(0, end_of(pid));
}

static void test_the_end_is_left_for_its_parent(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        atomic_store(&shared->tids[0], (uint32_t)getpid());
        for (;;)
            pause();
    }
    await_tid(0);
    struct stopper stopper;
    stop(&stopper, pid);
    kill(pid, SIGKILL);
    while (task_facts_state(pid, pid) != 'Z')
        sched_yield();
    release(&stopper);
    int status = end_of(pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(SIGKILL, WTERMSIG(status));
}

static void test_who_is_traced_already(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        pid_t traced = fork();
        if (traced == 0) {
            atomic_store(&shared->tids[0], (uint32_t)getpid());
            for (;;)
                pause();
        }
        while (atomic_load(&shared->tids[0]) == 0)
            sched_yield();
        if (ptrace(PTRACE_SEIZE, traced, NULL, NULL) != 0)
            _exit(1);
        atomic_store(&shared->tids[1], (uint32_t)traced);
        while (atomic_load(&shared->is_over) == 0)
            sched_yield();
        kill(traced, SIGKILL);
        _exit(0);
    }
    pid_t traced = await_tid(1);
    struct stopper stopper;
    struct error error = {""};
    struct clock clock = clock_monotonic();
    assert_false(stopper_stop(&stopper, traced, false, &clock,
                              clock.now_ns(clock.context) + PATIENCE_NS, &error));
    assert_non_null(strstr(error.message, "cannot stop process"));
    assert_int_equal(pid, task_facts_tracer(traced));
    assert_true(stopper_settle(&stopper));
    stopper_clear(&stopper);
    atomic_store(&shared->is_over, 1);
    assert_int_equal(0, end_of(pid));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, share, unshare_all)

/* Where nobody may trace, there is nothing to test. */
static bool may_trace(void)
{
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    bool may = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return may;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_holder),
        TEST(test_all_threads_stand_still),
        TEST(test_threads_that_come_and_go),
        TEST(test_calls_begin_anew),
        TEST(test_a_real_signal_interrupts),
        TEST(test_a_stopped_process_stays_stopped),
        TEST(test_a_first_thread_that_is_gone),
        TEST(test_a_parent_that_waits_for_its_vfork),
        TEST(test_the_end_is_left_for_its_parent),
        TEST(test_who_is_traced_already),
    };
    if (!may_trace()) {
        puts("tracing is not allowed here");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
