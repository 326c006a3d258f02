/* Who records a session, where others have its memory open too: a child that the recorder forked
 * (as the command is before its exec, and as helpers are), and a program that looks at the session.
 * Each is a process of its own here, and does one thing at a time, when it is told to. */
#define _GNU_SOURCE
#include "record/running_session.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/session_host.h"

static uint64_t now;
static const struct tick_clock session_clock = {
    .epoch_ticks = 1000, .ticks_per_second = 1000000000, .frozen_ticks = &now};

struct actor {
    pid_t pid;
    int orders, answers; /* our ends of pipes */
};

static int tell(const struct actor *actor, int what)
{
    int answer = -1;
    assert_int_equal(write(actor->orders, &what, sizeof what), sizeof what);
    assert_int_equal(read(actor->answers, &answer, sizeof answer), sizeof answer);
    return answer;
}

typedef int (*obedience)(int what);

/* Its orders end when we close them, or end. */
static struct actor make_actor(obedience obey)
{
    int orders[2], answers[2], what;
    assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, "seep");
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(orders[1]);
        while (read(orders[0], &what, sizeof what) == sizeof what) {
            int answer = obey(what);
            if (write(answers[1], &answer, sizeof answer) < 0)
                break;
        }
        _exit(0);
    }
    assert_true(pid > 0);
    close(orders[0]);
    close(answers[1]);
    return (struct actor){pid, orders[1], answers[0]};
}

static void end(const struct actor *actor)
{
    kill(actor->pid, SIGKILL);
    waitpid(actor->pid, NULL, 0);
    close(actor->orders);
    close(actor->answers);
}

/* ---- what actors do ---- */

enum order {
    BEGIN_SESSION = 0, /* the answer: the memory's descriptor */
    FORK_CHILD = 1,    /* the answer: its pid */
    END_CHILD = 2,
    END_SESSION = 3
};

static int record(int what)
{
    static const struct session_settings settings = {.preload_path = "/p"};
    static struct session_host *host;
    static pid_t child;
    struct error error;
    switch ((enum order)what) {
    case BEGIN_SESSION:
        host = session_host_create(&settings, &session_clock, &error);
        return host ? 0 : -1;
    case FORK_CHILD:
        child = fork();
        if (child == 0)
            prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (child == 0)
            pause();
        return child;
    case END_CHILD:
        kill(child, SIGKILL);
        return waitpid(child, NULL, 0);
    case END_SESSION:
        session_host_destroy(host);
        return 0;
    }
    return -1;
}

/* Opens what a recorder has open. */
static int look(int recorder)
{
    char path[64], link[64];
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", recorder, fd);
        ssize_t length = readlink(path, link, sizeof link - 1);
        link[length > 0 ? length : 0] = '\0';
        if (strstr(link, "memfd:seep-session"))
            return open(path, O_RDWR | O_CLOEXEC);
    }
    return -1;
}

/* ---- the tests ---- */

static void is_recorded_by(uint32_t pid, int recorder)
{
    struct running_session session;
    struct error error;
    if (!running_session_open(pid, &session, &error))
        fail_msg("%s", error.message);
    assert_int_equal(session.recorder, recorder);
    assert_false(running_session_has_ended(&session));
    running_session_close(&session);
}

/* The command is asked about before its exec, and ends before its recorder does. */
static void a_child_is_not_the_recorder(void **state)
{
    struct running_session session;
    struct error error;
    (void)state;
    struct actor recorder = make_actor(record);
    assert_int_equal(tell(&recorder, BEGIN_SESSION), 0);
    int child = tell(&recorder, FORK_CHILD);
    assert_true(child > 0);
    assert_false(running_session_open_recorder(child, &session));
    is_recorded_by((uint32_t)child, recorder.pid);
    is_recorded_by((uint32_t)recorder.pid, recorder.pid);
    if (!running_session_open((uint32_t)child, &session, &error))
        fail_msg("%s", error.message);
    assert_int_equal(tell(&recorder, END_CHILD), child);
    assert_false(running_session_has_ended(&session));
    assert_false(running_session_is_over(&session));
    tell(&recorder, END_SESSION);
    assert_true(running_session_is_over(&session));
    assert_false(running_session_has_ended(&session));
    end(&recorder);
    assert_true(running_session_has_ended(&session));
    running_session_close(&session);
    assert_false(running_session_open((uint32_t)recorder.pid, &session, &error));
}

/* Whoever looks has a lower number here than whom it looks at, and is found first. */
static void who_looks_is_not_the_recorder(void **state)
{
    size_t count, found = 0;
    (void)state;
    struct actor looker = make_actor(look);
    struct actor recorder = make_actor(record);
    assert_int_equal(tell(&recorder, BEGIN_SESSION), 0);
    int child = tell(&recorder, FORK_CHILD);
    assert_true(tell(&looker, recorder.pid) >= 0);
    is_recorded_by((uint32_t)child, recorder.pid);
    struct running_session *list = running_session_list(&count);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(list[i].recorder, looker.pid);
        assert_int_not_equal(list[i].recorder, child);
        found += list[i].recorder == recorder.pid;
        running_session_close(&list[i]);
    }
    free(list);
    assert_int_equal(found, 1);
    tell(&recorder, END_CHILD);
    tell(&recorder, END_SESSION);
    end(&recorder);
    end(&looker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_is_not_the_recorder),
        cmocka_unit_test(who_looks_is_not_the_recorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
