/* Simulated targets: images that follow each other in one process, and those that nobody observes.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "simulated_tree.h"

static void test_exec_chain(void **state)
{
    (void)state;
    static const char *const paths[] = {"/bin/a", "/bin/b", "/bin/c"};
    for (uint64_t i = 0; i < 3; i++) {
        struct actor actor = start_image(&simulation, (10 * i + 1) * MS, PARENT, 1, paths[i]);
        tell_birth(&actor, (10 * i + 2) * MS, BLOCK, 100 + i);
        if (i < 2)
            tell_exec(&actor, (10 * i + 3) * MS, PARENT, WIRE_EXEC_FOLLOWED, paths[i + 1]);
    }
    drain(100 * MS); /* all three images are found at once */
    end(PARENT, 110 * MS);
    assert_int_equal(count_images_of(&simulation, PARENT), 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct recorded_process *process = nth_image_of(&simulation, PARENT, i);
        assert_string_equal(process->executable, paths[i]);
        assert_int_equal(process->image, i);
        assert_true(process->is_ended);
        assert_int_equal(process->exit_kind, i < 2 ? RECORDING_EXIT_EXEC : RECORDING_EXIT_STATUS);
        assert_int_equal(totals_of(process).live_bytes, 100 + i);
    }
    assert_int_equal(claimed_rings(), 0);
    assert_int_equal(claimed_processes(), 0);
}

static void test_unobserved_images(void **state)
{
    (void)state;
    for (uint32_t reason = WIRE_EXEC_FOLLOWED; reason <= WIRE_EXEC_SANITIZER; reason++) {
        uint32_t pid = PARENT + reason * 10;
        struct actor actor = start_image(&simulation, 1 * MS, pid, 1, "/bin/sh");
        tell_birth(&actor, 2 * MS, BLOCK, 100);
        tell_exec(&actor, 3 * MS, pid, (enum wire_exec_reason)reason, "/bin/other");
        drain(10 * MS);
        end(pid, 20 * MS);
        struct recorded_process *process = image(pid), *before = nth_image_of(&simulation, pid, 0);
        assert_int_equal(count_images_of(&simulation, pid), 2);
        assert_string_equal(process->executable, "/bin/other");
        assert_false(process->is_observed);
        assert_true(process->reason != NULL && strlen(process->reason) > 10);
        assert_int_equal(process->image, 1);
        assert_int_equal(process->exit_kind, RECORDING_EXIT_STATUS);
        assert_true(before->is_ended);
        assert_int_equal(before->exit_kind, RECORDING_EXIT_EXEC);
        assert_int_equal(before->end_ticks, 3 * MS);
        assert_int_equal(totals_of(before).live_bytes, 100);
    }
    assert_int_equal(process_tree_living(tree), 0);
    assert_int_equal(claimed_processes(), 0);
}

static void test_exec_that_failed(void **state)
{
    (void)state;
    struct actor actor = start_parent();
    tell_exec(&actor, 2 * MS, PARENT, WIRE_EXEC_STATIC, "/bin/other");
    TELL(&actor, 3 * MS, WIRE_EXEC_FAILED, PARENT);
    tell_birth(&actor, 4 * MS, BLOCK, 100);
    drain(10 * MS);
    assert_int_equal(tree->count, 1);
    assert_int_equal(totals_of(image(PARENT)).live_bytes, 100);
}

/* Another process began between the exec and its failure. */
static void test_exec_that_failed_later(void **state)
{
    (void)state;
    struct actor actor = start_parent();
    tell_exec(&actor, 2 * MS, PARENT, WIRE_EXEC_STATIC, "/bin/other");
    drain(10 * MS);
    start_image(&simulation, 11 * MS, OTHER_CHILD, 1, "/bin/third");
    drain(20 * MS);
    TELL(&actor, 21 * MS, WIRE_EXEC_FAILED, PARENT);
    tell_birth(&actor, 22 * MS, BLOCK, 100);
    drain(30 * MS);
    end(PARENT, 40 * MS);
    end(OTHER_CHILD, 41 * MS);
    struct recorded_process *process = nth_image_of(&simulation, PARENT, 0);
    assert_int_equal(totals_of(process).live_bytes, 100);
    assert_true(process->is_ended);
    assert_int_equal(process->exit_kind, RECORDING_EXIT_STATUS);
    assert_int_equal(process->end_ticks, 40 * MS);
    assert_int_equal(process_tree_living(tree), 0);
}

/* A vfork child's exec stands in its parent's ring. This child was gone when it was first heard of.
 */
static void test_unobserved_child(void **state)
{
    (void)state;
    struct actor actor = start_image(&simulation, 1 * MS, (uint32_t)getpid(), 1, "/bin/sh");
    tell_exec(&actor, 2 * MS, CHILD, WIRE_EXEC_PRIVILEGED, "/bin/su");
    drain(10 * MS);
    for (uint64_t now = 100 * MS; now < 500 * MS; now += 100 * MS)
        sweep(now);
    struct recorded_process *child = image(CHILD);
    assert_non_null(child);
    assert_int_equal(child->parent_id_plus_1, image((uint32_t)getpid())->id + 1);
    assert_int_equal(child->image, 0);
    assert_true(child->is_ended);
    assert_int_equal(process_tree_living(tree), 1);
}

/* This one lives for a while after it turned into what cannot be followed. */
static void test_unobserved_child_that_lives(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    struct actor actor = start_image(&simulation, 1 * MS, (uint32_t)getpid(), 1, "/bin/sh");
    tell_exec(&actor, 2 * MS, (uint32_t)pid, WIRE_EXEC_PRIVILEGED, "/bin/su");
    drain(10 * MS);
    for (uint64_t now = 100 * MS; now < 500 * MS; now += 100 * MS)
        sweep(now);
    assert_false(image((uint32_t)pid)->is_ended);
    assert_int_equal(process_tree_living(tree), 2);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    end((uint32_t)pid, 600 * MS);
    assert_int_equal(process_tree_living(tree), 1);
}

static void test_child_that_execs_at_once_is_folded(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    TELL(&parent, 11 * MS, WIRE_FORK_DONE, 1, CHILD);
    struct actor child = start_child(&parent, 10 * MS + 500, CHILD);
    tell_exec(&child, 12 * MS, CHILD, WIRE_EXEC_FOLLOWED, "/bin/ls");
    struct actor image_of_child = start_image(&simulation, 13 * MS, CHILD, PARENT, "/bin/ls");
    tell_birth(&image_of_child, 14 * MS, BLOCK, 3);
    for (int i = 0; i < 3; i++)
        drain(30 * MS);
    assert_int_equal(count_images_of(&simulation, CHILD), 1);
    assert_string_equal(image(CHILD)->executable, "/bin/ls");
    assert_int_equal(image(CHILD)->parent_id_plus_1, image(PARENT)->id + 1);
    assert_int_equal(totals_of(image(CHILD)).inherited_blocks, 0);
    assert_int_equal(totals_of(image(CHILD)).live_bytes, 3);
    end(CHILD, 40 * MS);
    end(PARENT, 41 * MS);
    assert_int_equal(claimed_rings(), 0);
}

/* The fork image must wait for its parent; the exec image must not overtake it. */
static void test_exec_image_waits_for_fork_image(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    struct actor stuck = start_thread(&parent, 4 * MS, 77);
    drain(5 * MS);
    set_in_hook(&stuck, true);
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    struct actor child = start_child(&parent, 10 * MS + 500, CHILD);
    tell_birth(&child, 11 * MS, 3 * BLOCK, 1);
    start_image(&simulation, 13 * MS, CHILD, PARENT, "/bin/ls");
    drain(20 * MS);
    assert_int_equal(count_images_of(&simulation, CHILD), 0);
    set_in_hook(&stuck, false);
    drain(21 * MS);
    drain(21 * MS);
    assert_int_equal(count_images_of(&simulation, CHILD), 2);
    assert_string_equal(image(CHILD)->executable, "/bin/ls");
    assert_int_equal(nth_image_of(&simulation, CHILD, 0)->exit_kind, RECORDING_EXIT_EXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exec_chain),
        TEST(test_unobserved_images),
        TEST(test_exec_that_failed),
        TEST(test_exec_that_failed_later),
        TEST(test_unobserved_child),
        TEST(test_unobserved_child_that_lives),
        TEST(test_child_that_execs_at_once_is_folded),
        TEST(test_exec_image_waits_for_fork_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
