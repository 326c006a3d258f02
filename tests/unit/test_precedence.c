#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/precedence.h"

/* What a child sees of itself, as a number: its policy, and 100 where it is nice. */
static int policy_of_child(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit((sched_getscheduler(0) & 0x3f) + (getpriority(PRIO_PROCESS, 0) > 0 ? 100 : 0));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* May this process, and is there nothing that speaks against it? Its niceness is the least it is
 * allowed to have, which the tests of it raise in children. */
static void need_rights(void)
{
    struct precedence precedence = {0};
    setpriority(PRIO_PROCESS, 0, 0);
    precedence_give(&precedence);
    bool is_given = precedence.is_given;
    precedence_take_back(&precedence);
    if (!is_given)
        skip();
}

static void test_a_thread_gets_it_and_its_children_do_not(void **state)
{
    (void)state;
    struct precedence precedence = {0};
    need_rights();
    precedence_give(&precedence);
    assert_int_equal(sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, SCHED_FIFO);
    assert_int_equal(policy_of_child(), SCHED_OTHER);
    precedence_take_back(&precedence);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), 0);
    precedence_take_back(&precedence); /* once more does nothing */
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
}

/* In a child: what it is now it may not take back. */
static int give_to_changed(int niceness, int policy)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        const struct sched_param none = {0};
        struct precedence precedence = {0};
        if (setpriority(PRIO_PROCESS, 0, niceness) != 0 || sched_setscheduler(0, policy, &none))
            _exit(1);
        precedence_give(&precedence);
        bool is_as_before = !precedence.is_given && sched_getscheduler(0) == policy;
        precedence_take_back(&precedence);
        is_as_before &= sched_getscheduler(0) == policy && getpriority(PRIO_PROCESS, 0) == niceness;
        _exit(is_as_before ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_what_was_told_to_be_modest_stays_so(void **state)
{
    (void)state;
    setpriority(PRIO_PROCESS, 0, 0);
    assert_int_equal(give_to_changed(19, SCHED_OTHER), 0);
    assert_int_equal(give_to_changed(19, SCHED_BATCH), 0);
    need_rights();
    assert_int_equal(give_to_changed(0, SCHED_BATCH), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_gets_it_and_its_children_do_not),
        cmocka_unit_test(test_what_was_told_to_be_modest_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
