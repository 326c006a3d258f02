/* Reading a process as somebody else has stopped it, on children of this test. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "snapshot/parker.h"
#include "snapshot/task_facts.h"

static pid_t start_sleeper(void)
{
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGSTOP);
    assert_int_equal(pid, waitpid(pid, NULL, WUNTRACED));
}

static void let_go_on(pid_t pid)
{
    kill(pid, SIGCONT);
    assert_int_equal(pid, waitpid(pid, NULL, WCONTINUED));
}

static void end(pid_t pid, struct stopper *stopper)
{
    stopper_clear(stopper);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_stands_as_long_as_it_is_stopped(void **state)
{
    (void)state;
    pid_t pid = start_sleeper();
    struct parker parker = {.pid = pid};
    struct stopper stopper;
    stop(pid);
    assert_true(parker_take_still(&parker, &stopper));
    assert_true(parker_is_still(&parker, &stopper));
    let_go_on(pid);
    assert_false(parker_is_still(&parker, &stopper));
    end(pid, &stopper);
}

static void test_one_that_runs_is_not_taken(void **state)
{
    (void)state;
    pid_t pid = start_sleeper();
    struct parker parker = {.pid = pid};
    struct stopper stopper;
    assert_false(parker_take_still(&parker, &stopper));
    end(pid, &stopper);
}

/* A tracer stops one that waits at each of its system calls, and lets it go on. */
static void test_one_that_waits_may_be_stopped_and_go_on(void **state)
{
    (void)state;
    pid_t pid = start_sleeper();
    struct parker parker = {.pid = pid, .waiting_tid = (uint32_t)task_facts_own_tid(pid, pid)};
    struct stopper stopper;
    stop(pid);
    assert_true(parker_take_still(&parker, &stopper));
    assert_string_equal("", parker.note);
    let_go_on(pid);
    assert_true(parker_is_still(&parker, &stopper));
    stop(pid);
    assert_true(parker_is_still(&parker, &stopper));
    end(pid, &stopper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stands_as_long_as_it_is_stopped),
        cmocka_unit_test(test_one_that_runs_is_not_taken),
        cmocka_unit_test(test_one_that_waits_may_be_stopped_and_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
