/* Simulated targets: forks, in whatever order their two sides are heard of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "record/process_images.h"
#include "simulated_tree.h"

static void test_fork(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    TELL(&parent, 11 * MS, WIRE_FORK_DONE, 1, CHILD);
    tell_release(&parent, 12 * MS, BLOCK);
    tell_birth(&parent, 13 * MS, 3 * BLOCK, 500);
    drain(20 * MS);
    struct actor child = start_child(&parent, 10 * MS + 500, CHILD);
    drain(21 * MS);
    expect_inheritance(CHILD);
    tell_release(&child, 22 * MS, BLOCK);
    tell_birth(&child, 23 * MS, BLOCK, 7);
    drain(30 * MS);
    assert_int_equal(totals_of(image(CHILD)).live_bytes, 27);
    assert_int_equal(totals_of(image(PARENT)).live_bytes, 520);
    assert_int_equal(tree->view_count, 0);
    expect_no_trouble(image(CHILD));
}

/* The child speaks first; the parent is still on its way back from fork. */
static void test_child_before_fork_done(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    start_child(&parent, 10 * MS + 500, CHILD);
    drain(10 * MS + 600); /* FORK is younger than the slack: the child must wait for it */
    assert_null(image(CHILD));
    drain(20 * MS);
    drain(20 * MS);
    expect_inheritance(CHILD);
    TELL(&parent, 30 * MS, WIRE_FORK_DONE, 1, CHILD);
    drain(40 * MS);
    assert_int_equal(tree->view_count, 0);
    assert_int_equal(tree->count, 2);
}

/* Two threads fork at the same time, from different heaps. Which child is whose only FORK_DONE
 * tells. */
static void test_two_forks_at_once(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    struct actor sibling = start_thread(&parent, 4 * MS, 77);
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    tell_birth(&sibling, 11 * MS, 3 * BLOCK, 1000);
    TELL(&sibling, 12 * MS, WIRE_FORK, 2);
    start_child(&parent, 13 * MS, OTHER_CHILD); /* of the second fork */
    start_child(&parent, 13 * MS, CHILD);
    drain(30 * MS);
    assert_null(image(CHILD));
    assert_null(image(OTHER_CHILD));
    TELL(&parent, 31 * MS, WIRE_FORK_DONE, 1, CHILD);
    TELL(&sibling, 32 * MS, WIRE_FORK_DONE, 2, OTHER_CHILD);
    drain(40 * MS);
    drain(40 * MS);
    expect_inheritance(CHILD);
    assert_int_equal(totals_of(image(OTHER_CHILD)).inherited_bytes, 1120);
    assert_int_equal(tree->view_count, 0);
}

/* A session of days has seen many processes: looking at them costs nothing any more. */
static void test_many_processes_one_after_the_other(void **state)
{
    (void)state;
    start_parent();
    for (uint32_t i = 0; i < 500; i++) {
        start_image(&simulation, (10 + i * 10) * MS, CHILD + i % 7, 1, "/bin/short");
        drain((15 + i * 10) * MS);
        end(CHILD + i % 7, (16 + i * 10) * MS);
        process_tree_sweep(tree, (17 + i * 10) * MS);
        assert_true(tree->living_count < 20);
        assert_true(tree->retiring_count < 350);
    }
    process_tree_sweep(tree, 60000 * MS);
    assert_int_equal(tree->count, 501);
    assert_int_equal(tree->living_count, 0); /* nobody of the parent's number lives either */
    assert_int_equal(tree->retiring_count, 0);
    assert_int_equal(count_images_of(&simulation, CHILD), 72); /* of 500, each seventh */
    assert_ptr_equal(process_images_find_pid(tree, CHILD), tree->processes[498]);
    assert_ptr_equal(process_images_find_pid(tree, PARENT), tree->processes[0]);
}

/* A child that said nothing is gone, and its number is given to the next one, whose fork has not
 * returned yet: that one has the newer heap. */
static void test_a_number_that_is_given_again(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    struct actor sibling = start_thread(&parent, 4 * MS, 77);
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    TELL(&parent, 11 * MS, WIRE_FORK_DONE, 1, CHILD);
    tell_birth(&sibling, 12 * MS, 3 * BLOCK, 1000);
    TELL(&sibling, 13 * MS, WIRE_FORK, 2);
    start_child(&parent, 14 * MS, CHILD);
    drain(30 * MS);
    assert_null(image(CHILD));
    TELL(&sibling, 31 * MS, WIRE_FORK_DONE, 2, CHILD);
    drain(40 * MS);
    drain(40 * MS);
    assert_int_equal(totals_of(image(CHILD)).inherited_bytes, 1120);
    assert_int_equal(tree->view_count, 1);
}

/* Another thread goes on until the fork itself. */
static void test_events_between_word_and_fork(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    struct actor sibling = start_thread(&parent, 4 * MS, 77);
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    tell_birth(&sibling, 11 * MS, 3 * BLOCK, 1000);
    tell_release(&sibling, 12 * MS, BLOCK);
    TELL(&parent, 13 * MS, WIRE_FORK_DONE, 1, CHILD);
    tell_birth(&sibling, 14 * MS, 4 * BLOCK, 10000);
    drain(20 * MS);
    struct actor child = start_child(&parent, 12 * MS + 500, CHILD);
    drain(21 * MS);
    tell_release(&child, 22 * MS, 3 * BLOCK);
    tell_birth(&child, 23 * MS, BLOCK, 7);
    drain(30 * MS);
    end(CHILD, 40 * MS);
    assert_int_equal(totals_of(image(CHILD)).inherited_bytes, 20 + 1000);
    assert_int_equal(totals_of(image(CHILD)).live_bytes, 27);
    expect_no_trouble(image(CHILD));
}

static void test_failed_fork(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    TELL(&parent, 11 * MS, WIRE_FORK_DONE, 1, 0);
    drain(20 * MS);
    assert_int_equal(tree->view_count, 0);
    assert_int_equal(process_tree_living(tree), 1);
}

/* By _Fork or clone: nobody told of it. */
static void test_fork_without_a_word(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    drain(5 * MS);
    start_child(&parent, 10 * MS, CHILD);
    drain(20 * MS);
    drain(20 * MS);
    expect_inheritance(CHILD);
}

static void test_parent_execs_before_the_child_is_seen(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    drain(5 * MS);
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    TELL(&parent, 11 * MS, WIRE_FORK_DONE, 1, CHILD);
    struct actor child = start_child(&parent, 10 * MS + 500, CHILD);
    struct actor next = start_image(&simulation, 12 * MS, PARENT, 1, "/bin/next");
    tell_birth(&next, 13 * MS, BLOCK, 9);
    drain(20 * MS);
    drain(20 * MS);
    expect_inheritance(CHILD);
    tell_release(&child, 21 * MS, 2 * BLOCK);
    drain(30 * MS);
    assert_int_equal(totals_of(image(CHILD)).live_bytes, 100);
    assert_int_equal(count_images_of(&simulation, PARENT), 2);
    assert_int_equal(totals_of(image(PARENT)).live_bytes, 9);
    assert_int_equal(nth_image_of(&simulation, PARENT, 0)->exit_kind, RECORDING_EXIT_EXEC);
}

static void test_parent_dies_before_the_child_is_seen(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    end(PARENT, 20 * MS); /* killed inside fork */
    start_child(&parent, 10 * MS + 500, CHILD);
    drain(30 * MS);
    expect_inheritance(CHILD);
}

/* The rings of three generations in the wrong order, seen in one look. */
static void test_grandchild_before_child(void **state)
{
    (void)state;
    uint32_t slots[3];
    struct actor actors[3];
    const uint32_t pids[3] = {PARENT, CHILD, GRANDCHILD};
    for (int i = 2; i >= 0; i--) {
        slots[i] = claim_process_slot(&simulation, pids[i]);
        actors[i] = claim_ring(&simulation, slots[i], pids[i], pids[i]);
    }
    assert_true(actors[2].ring_slot < actors[1].ring_slot);
    for (int i = 0; i < 3; i++) {
        struct wire_process process = {.pid = pids[i],
                                       .origin = i == 0 ? WIRE_PROCESS_EXEC : WIRE_PROCESS_FORK,
                                       .parent_slot = i == 0 ? 0 : slots[i - 1],
                                       .parent_image_pid = i == 0 ? 0 : pids[i - 1]};
        uint64_t ticks = 10 * MS * (uint64_t)(i + 1);
        tell(&actors[i], ticks, WIRE_PROCESS, sizeof process / 8 - 1, (uint64_t *)&process + 1);
        TELL(&actors[i], ticks + 1, WIRE_THREAD, pids[i], 0);
        tell_birth(&actors[i], ticks + 2, BLOCK * (uint64_t)(i + 1), 100);
        if (i < 2)
            TELL(&actors[i], ticks + 9 * MS, WIRE_FORK, 1);
    }
    for (int i = 0; i < 6; i++)
        drain(60 * MS);
    assert_int_equal(tree->count, 3);
    assert_int_equal(totals_of(image(CHILD)).inherited_bytes, 100);
    assert_int_equal(totals_of(image(GRANDCHILD)).inherited_bytes, 200);
    assert_int_equal(image(GRANDCHILD)->parent_id_plus_1, image(CHILD)->id + 1);
    assert_int_equal(image(CHILD)->parent_id_plus_1, image(PARENT)->id + 1);
}

static void test_child_that_died_before_it_was_seen(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    TELL(&parent, 11 * MS, WIRE_FORK_DONE, 1, CHILD);
    struct actor child = start_child(&parent, 10 * MS + 500, CHILD);
    tell_birth(&child, 12 * MS, 3 * BLOCK, 5);
    TELL(&child, 13 * MS, WIRE_EXIT, 3 | (uint64_t)CHILD << 32);
    simulation.now = 60 * MS;
    process_tree_sweep(tree, 60 * MS); /* must not take the child's view for unclaimed */
    drain(61 * MS);
    drain(61 * MS);
    struct recorded_process *process = image(CHILD);
    assert_non_null(process);
    simulation.now = 120 * MS;
    process_tree_sweep(tree, 120 * MS);
    assert_true(process->is_ended);
    assert_int_equal(process->exit_kind, RECORDING_EXIT_STATUS);
    assert_int_equal(process->exit_value, 3);
    assert_int_equal(totals_of(process).inherited_bytes, 120);
    assert_int_equal(totals_of(process).live_bytes, 125);
}

/* A child that never says a word (it execs a static program at once) leaves nothing behind. */
static void test_views_of_silent_children_go(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    for (uint64_t i = 0; i < 5; i++) {
        TELL(&parent, (10 + i) * MS, WIRE_FORK, i);
        TELL(&parent, (10 + i) * MS + 1, WIRE_FORK_DONE, i, CHILD + i);
    }
    drain(20 * MS);
    assert_int_equal(tree->view_count, 5);
    for (uint64_t now = 100 * MS; now < 400 * MS; now += 100 * MS) {
        simulation.now = now;
        process_tree_sweep(tree, now);
    }
    assert_int_equal(tree->view_count, 0);
}

static void test_forks_are_waited_for_but_not_for_ever(void **state)
{
    (void)state;
    struct actor parent = start_parent_with_two_blocks();
    struct actor stuck = start_thread(&parent, 4 * MS, 77);
    drain(5 * MS);
    set_in_hook(&stuck, true);
    TELL(&parent, 10 * MS, WIRE_FORK, 1);
    start_child(&parent, 11 * MS, CHILD);
    drain(20 * MS);
    assert_null(image(CHILD));
    drain(20 * MS + 2 * SIMULATION_PATIENCE);
    drain(21 * MS + 2 * SIMULATION_PATIENCE);
    expect_inheritance(CHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fork),
        TEST(test_child_before_fork_done),
        TEST(test_two_forks_at_once),
        TEST(test_many_processes_one_after_the_other),
        TEST(test_a_number_that_is_given_again),
        TEST(test_events_between_word_and_fork),
        TEST(test_failed_fork),
        TEST(test_fork_without_a_word),
        TEST(test_parent_execs_before_the_child_is_seen),
        TEST(test_parent_dies_before_the_child_is_seen),
        TEST(test_grandchild_before_child),
        TEST(test_child_that_died_before_it_was_seen),
        TEST(test_views_of_silent_children_go),
        TEST(test_forks_are_waited_for_but_not_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
