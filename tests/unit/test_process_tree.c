/* Simulated targets: which ring belongs to whom, the order of events, forks, execs and ends. What
 * must come out is known from what was written and when. */
#define _GNU_SOURCE
#include "record/process_tree.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "record/process_images.h"
#include "simulation.h"

enum {
    PARENT = 5000001, /* larger than any pid of Linux, so nobody of this number lives */
    CHILD = 5000002,
    OTHER_CHILD = 5000003,
    GRANDCHILD = 5000004,
    BLOCK = 0x10000
};
#define MS UINT64_C(1000000)

static struct simulation simulation;
static struct process_tree *tree;

static int set_up(void **state)
{
    (void)state;
    tree = &simulation.tree;
    return simulation_start(&simulation) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    simulation_end(&simulation);
    return 0;
}

/* ---- helpers ---------------------------------------------------------------------------- */

static struct recording_totals totals_of(const struct recorded_process *process)
{
    struct recording_totals totals;
    assert_non_null(process);
    assert_non_null(process->model);
    heap_model_totals(process->model, &totals);
    assert_int_equal(totals.inherited_blocks + totals.allocations,
                     totals.live_blocks + totals.frees);
    assert_int_equal(totals.inherited_bytes + totals.allocated_bytes,
                     totals.live_bytes + totals.freed_bytes);
    return totals;
}

static struct recording_quality quality_of(const struct recorded_process *process)
{
    struct recording_quality quality;
    heap_model_quality(process->model, &quality);
    return quality;
}

static void expect_no_trouble(const struct recorded_process *process)
{
    struct recording_quality quality = quality_of(process);
    assert_int_equal(quality.unknown_frees, 0);
    assert_int_equal(quality.missed_frees, 0);
    assert_int_equal(quality.repaired_events, 0);
    assert_int_equal(quality.bad_records + process->bad_records, 0);
}

static void drain(uint64_t now)
{
    simulation_drain(&simulation, now);
}

static struct actor start_parent(void)
{
    return start_image(&simulation, 1 * MS, PARENT, 1, "/bin/parent");
}

static struct recorded_process *image(uint32_t pid)
{
    return image_of(&simulation, pid);
}

static void end(uint32_t pid, uint64_t now)
{
    simulation.now = now;
    process_tree_end_pid(tree, pid, RECORDING_EXIT_STATUS, 0);
}

static uint32_t claimed_rings(void)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < SESSION_RING_SLOTS; slot++) {
        struct ring_control *control = (void *)((char *)session_host_header(simulation.host) +
                                                session_ring_offset(slot));
        if (slot < atomic_load(&session_host_header(simulation.host)->ring_high))
            count += atomic_load(&control->state) != SESSION_SLOT_FREE;
    }
    return count;
}

static uint32_t claimed_processes(void)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < SESSION_PROCESS_SLOTS; slot++)
        count += atomic_load(
                     &session_process_at(session_host_header(simulation.host), slot)->state) !=
                 SESSION_SLOT_FREE;
    return count;
}

/* ---- one process ------------------------------------------------------------------------ */

static void test_one_process(void **state)
{
    (void)state;
    struct actor actor = start_parent();
    tell_birth(&actor, 2 * MS, BLOCK, 100);
    tell_birth(&actor, 3 * MS, 2 * BLOCK, 50);
    tell_release(&actor, 4 * MS, BLOCK);
    TELL(&actor, 5 * MS, WIRE_BIRTH_LARGE, 3 * BLOCK, 0, UINT64_C(1) << 40);
    drain(10 * MS);
    struct recorded_process *process = image(PARENT);
    assert_true(process->is_observed && process->is_own_image);
    assert_string_equal(process->executable, "/bin/parent");
    assert_string_equal(process->arguments[0], "/bin/parent");
    assert_null(process->arguments[1]);
    assert_int_equal(process->start_ticks, 1 * MS);
    struct recording_totals totals = totals_of(process);
    assert_int_equal(totals.allocations, 3);
    assert_int_equal(totals.frees, 1);
    assert_true(totals.live_bytes == (UINT64_C(1) << 40) + 50);
    assert_int_equal(process_tree_living(tree), 1);
    end(PARENT, 11 * MS);
    assert_int_equal(process_tree_living(tree), 0);
    assert_int_equal(process->exit_kind, RECORDING_EXIT_STATUS);
    assert_int_equal(process->end_ticks, 11 * MS);
    assert_int_equal(claimed_rings(), 0);
    assert_int_equal(claimed_processes(), 0);
    expect_no_trouble(process);
}

static void test_the_expected_command(void **state)
{
    (void)state;
    char name[] = "./x", option[] = "-v", *arguments[] = {name, option, NULL};
    struct recorded_process *expected = process_tree_expect(tree, PARENT, "/bin/x", arguments);
    assert_int_equal(process_tree_living(tree), 1);
    start_parent();
    drain(10 * MS);
    assert_ptr_equal(image(PARENT), expected);
    assert_int_equal(tree->count, 1);
    assert_string_equal(expected->executable, "/bin/parent");
    assert_null(expected->arguments[1]);
}

static void test_realloc_over_the_wire(void **state)
{
    (void)state;
    struct actor actor = start_parent();
    tell_birth(&actor, 2 * MS, BLOCK, 100);
    TELL(&actor, 3 * MS, WIRE_LEAVE, BLOCK);
    TELL(&actor, 4 * MS, WIRE_ARRIVE, 2 * BLOCK, UINT64_C(300) << 32);
    TELL(&actor, 5 * MS, WIRE_LEAVE, 2 * BLOCK);
    tell(&actor, 6 * MS, WIRE_UNDO, 0, NULL);
    tell_birth(&actor, 7 * MS, 3 * BLOCK, 7);
    tell(&actor, 8 * MS, WIRE_FREE_LAST, 0, NULL);
    tell(&actor, 9 * MS, WIRE_FREE_LAST, 0, NULL); /* nothing just before: malformed */
    drain(20 * MS);
    struct recorded_process *process = image(PARENT);
    struct recording_totals totals = totals_of(process);
    assert_int_equal(totals.allocations, 3);
    assert_int_equal(totals.frees, 2);
    assert_int_equal(totals.live_bytes, 300);
    assert_int_equal(process->bad_records, 1);
    struct heap_block block;
    assert_true(heap_model_find_block(process->model, 2 * BLOCK, &block));
}

/* A thread's end, and the next thread with the same ring and stack cache. */
static void test_a_ring_is_taken_over(void **state)
{
    (void)state;
    struct actor main_thread = start_parent();
    struct actor actor = start_thread(&main_thread, 2 * MS, 77);
    TELL(&actor, 3 * MS, WIRE_STACK, 5 | UINT64_C(1) << 32, 0, 0xabc);
    TELL(&actor, 4 * MS, WIRE_BIRTH, BLOCK, 5 | UINT64_C(10) << 32);
    TELL(&actor, 5 * MS, WIRE_THREAD_END, 77);
    TELL(&actor, 6 * MS, WIRE_THREAD, 78, 0);
    TELL(&actor, 7 * MS, WIRE_BIRTH, 2 * BLOCK, 5 | UINT64_C(10) << 32);
    drain(20 * MS);
    struct heap_block first, second;
    assert_true(heap_model_find_block(image(PARENT)->model, BLOCK, &first));
    assert_true(heap_model_find_block(image(PARENT)->model, 2 * BLOCK, &second));
    assert_int_equal(first.thread, 1);
    assert_int_equal(second.thread, 2);
    assert_int_equal(first.stack.index, second.stack.index);
    assert_int_not_equal(first.stack.index, 0);
}

static void test_lost_events_add_up(void **state)
{
    (void)state;
    struct actor actor = start_parent(), other = start_thread(&actor, 2 * MS, 77);
    drain(10 * MS);
    atomic_store(&actor.ring.control->lost_events, 3);
    atomic_store(&other.ring.control->lost_events, 4);
    atomic_store(&other.ring.control->wait_ticks, 500);
    struct recorded_process *process = image(PARENT);
    assert_int_equal(recorded_process_lost_events(process), 7);
    assert_int_equal(recorded_process_wait_ticks(process), 500);
    end(PARENT, 11 * MS);
    assert_int_equal(recorded_process_lost_events(process), 7);
    assert_int_equal(recorded_process_wait_ticks(process), 500);
    struct actor next = start_image(&simulation, 12 * MS, OTHER_CHILD, 1, "/bin/next");
    assert_int_equal(atomic_load(&next.ring.control->lost_events), 0);
}

/* ---- order ------------------------------------------------------------------------------ */

/* Two blocks, never alive at the same time: only the order of the stamps tells. */
static void test_threads_are_merged_by_stamps(void **state)
{
    (void)state;
    struct actor first = start_parent(), second = start_thread(&first, 2 * MS, 77);
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t begin = 10 * MS + 4000 * i;
        struct actor *one = i % 2 == 0 ? &first : &second, *two = i % 2 == 0 ? &second : &first;
        tell_birth(one, begin, BLOCK, 1000);
        tell_release(two, begin + 1000, BLOCK);
        tell_birth(two, begin + 2000, 2 * BLOCK, 1000);
        tell_release(one, begin + 3000, 2 * BLOCK);
    }
    drain(100 * MS);
    struct recording_totals totals = totals_of(image(PARENT));
    assert_int_equal(totals.allocations, 2000);
    assert_int_equal(totals.peak_bytes, 1000);
    assert_int_equal(totals.live_blocks, 0);
    expect_no_trouble(image(PARENT));
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Blocks go from thread to thread, addresses are used again at once; looks come at any time, with
 * threads in the middle of hooks. The model must be what a single list of all events gives. */
static void test_random_threads(void **state)
{
    enum {
        THREADS = 23,
        EVENTS = 60000,
        BLOCKS = 300
    };
    (void)state;
    struct actor actors[THREADS];
    uint64_t sizes[BLOCKS] = {0}, live = 0, peak = 0, births = 0, seed = 99, ticks = 10 * MS;
    actors[0] = start_parent();
    for (uint32_t i = 1; i < THREADS; i++)
        actors[i] = start_thread(&actors[0], 2 * MS, 100 + i);
    for (int i = 0; i < EVENTS; i++) {
        uint64_t random = next_random(&seed), block = random % BLOCKS;
        struct actor *actor = &actors[(random >> 20) % THREADS];
        ticks += 1 + (random >> 40) % 3000;
        set_in_hook(actor, true);
        if ((random >> 32) % 50 == 0)
            drain(ticks - 1); /* it has its stamp to come: what is younger must wait */
        if (sizes[block] == 0) {
            sizes[block] = 1 + (random >> 44) % 1000;
            live += sizes[block];
            births++;
            tell_birth(actor, ticks, BLOCK + block * 16, sizes[block]);
        } else {
            live -= sizes[block];
            sizes[block] = 0;
            tell_release(actor, ticks, BLOCK + block * 16);
        }
        peak = live > peak ? live : peak;
        set_in_hook(actor, false);
    }
    drain(ticks + MS);
    drain(ticks + MS);
    struct recording_totals totals = totals_of(image(PARENT));
    assert_int_equal(totals.allocations, births);
    assert_int_equal(totals.live_bytes, live);
    assert_int_equal(totals.peak_bytes, peak);
    expect_no_trouble(image(PARENT));
}

static void test_a_thread_in_a_hook_holds_others_back(void **state)
{
    (void)state;
    struct actor slow = start_parent(), fast = start_thread(&slow, 2 * MS, 77);
    tell_birth(&slow, 3 * MS, BLOCK, 1000);
    drain(4 * MS);
    set_in_hook(&slow, true); /* its release is stamped, and not yet written */
    tell_birth(&fast, 6 * MS, 2 * BLOCK, 1000);
    drain(10 * MS);
    drain(500 * MS);
    assert_int_equal(totals_of(image(PARENT)).allocations, 1);
    tell_release(&slow, 5 * MS, BLOCK);
    set_in_hook(&slow, false);
    drain(501 * MS);
    assert_int_equal(totals_of(image(PARENT)).peak_bytes, 1000);
    assert_int_equal(totals_of(image(PARENT)).live_bytes, 1000);
    expect_no_trouble(image(PARENT));
}

/* In its hook it publishes other things: up to them the others may go. */
static void test_what_a_thread_in_a_hook_published_counts(void **state)
{
    (void)state;
    struct actor slow = start_parent(), fast = start_thread(&slow, 2 * MS, 77);
    drain(4 * MS);
    set_in_hook(&slow, true);
    for (uint64_t i = 0; i < 500; i++) {
        tell_birth(&fast, 6 * MS + 1000 * i, BLOCK + 16 * i, 8);
        tell_birth(&slow, 6 * MS + 1000 * i + 500, BLOCK + 16 * i + (1 << 20), 8);
    }
    drain(10 * MS);
    assert_in_range(totals_of(image(PARENT)).allocations, 999, 1000);
}

static void test_patience_ends(void **state)
{
    (void)state;
    struct actor slow = start_parent(), fast = start_thread(&slow, 2 * MS, 77);
    drain(3 * MS);
    set_in_hook(&slow, true);
    tell_birth(&fast, 6 * MS, BLOCK, 100);
    tell_birth(&fast, 8 * MS, BLOCK, 70); /* the address was free again: slow will tell */
    drain(10 * MS);
    assert_int_equal(totals_of(image(PARENT)).allocations, 0);
    drain(10 * MS + SIMULATION_PATIENCE);
    assert_true(totals_of(image(PARENT)).allocations > 0);
    tell_release(&slow, 7 * MS, BLOCK); /* late */
    set_in_hook(&slow, false);
    drain(20 * MS + SIMULATION_PATIENCE);
    end(PARENT, 30 * MS + SIMULATION_PATIENCE);
    struct recording_totals totals = totals_of(image(PARENT));
    assert_int_equal(totals.allocations, 2);
    assert_int_equal(totals.frees, 1);
    assert_int_equal(totals.live_bytes, 70);
    struct recording_quality quality = quality_of(image(PARENT));
    assert_int_equal(quality.unknown_frees, 0);
    assert_int_equal(quality.missed_frees, 0);
    assert_int_equal(quality.repaired_events, 1);
}

/* Younger than the slack: an older one may still come. */
static void test_the_youngest_wait(void **state)
{
    (void)state;
    struct actor actor = start_parent();
    tell_birth(&actor, 10 * MS, BLOCK, 100);
    drain(10 * MS + SIMULATION_SLACK - 1);
    assert_int_equal(totals_of(image(PARENT)).allocations, 0);
    drain(10 * MS + SIMULATION_SLACK);
    assert_int_equal(totals_of(image(PARENT)).allocations, 1);
}

/* Waiting never fills a ring. */
static void test_rings_empty_while_they_wait(void **state)
{
    (void)state;
    struct actor slow = start_parent(), fast = start_thread(&slow, 2 * MS, 77);
    drain(3 * MS);
    set_in_hook(&slow, true);
    uint64_t count = 0;
    for (; count < 50000; count++) {
        uint64_t *room = ring_reserve(&fast.ring, 24);
        if (room == NULL) {
            drain(400 * MS);
            room = ring_reserve(&fast.ring, 24);
            assert_non_null(room);
        }
        room[0] = WIRE_BIRTH | (4 * MS + count) << WIRE_TICKS_SHIFT;
        room[1] = BLOCK + 16 * count, room[2] = UINT64_C(8) << 32;
        ring_commit(&fast.ring, 24);
    }
    assert_int_equal(totals_of(image(PARENT)).allocations, 0);
    set_in_hook(&slow, false);
    drain(401 * MS);
    assert_int_equal(totals_of(image(PARENT)).allocations, count);
    expect_no_trouble(image(PARENT));
}

static void test_two_thousand_threads(void **state)
{
    enum {
        THREADS = 2000,
        ROUNDS = 20
    };
    (void)state;
    struct actor *actors = memory_allocate(THREADS * sizeof *actors);
    actors[0] = start_parent();
    for (uint32_t i = 1; i < THREADS; i++)
        actors[i] = start_thread(&actors[0], 2 * MS, 100 + i);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t ticks = (10 + round) * 10 * MS;
        for (uint64_t i = 0; i < THREADS; i++)
            tell_birth(&actors[i], ticks + 10 * i, BLOCK + 16 * i, 10);
        for (uint64_t i = 0; i < THREADS; i++)
            tell_release(&actors[THREADS - 1 - i], ticks + MS + 10 * i, BLOCK + 16 * i);
        drain(ticks + 5 * MS);
    }
    struct recording_totals totals = totals_of(image(PARENT));
    assert_int_equal(totals.allocations, THREADS * ROUNDS);
    assert_int_equal(totals.peak_bytes, THREADS * 10);
    assert_int_equal(totals.live_blocks, 0);
    expect_no_trouble(image(PARENT));
    end(PARENT, 1000 * MS);
    assert_int_equal(claimed_rings(), 0);
    free(actors);
}

/* ---- forks ------------------------------------------------------------------------------ */

/* What the child has: two blocks of 100 and 20, born before; what came after is the parent's alone.
 */
static void expect_inheritance(uint32_t pid)
{
    struct recorded_process *child = image(pid);
    assert_non_null(child);
    assert_int_equal(child->parent_id_plus_1, nth_image_of(&simulation, PARENT, 0)->id + 1);
    struct recording_totals totals = totals_of(child);
    assert_int_equal(totals.inherited_blocks, 2);
    assert_int_equal(totals.inherited_bytes, 120);
    assert_int_equal(totals.allocations, 0);
    assert_string_equal(child->executable, "/bin/parent");
    assert_false(child->is_own_image);
}

static struct actor start_parent_with_two_blocks(void)
{
    struct actor parent = start_parent();
    tell_birth(&parent, 2 * MS, BLOCK, 100);
    tell_birth(&parent, 3 * MS, 2 * BLOCK, 20);
    return parent;
}

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

/* ---- execs ------------------------------------------------------------------------------ */

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

static void sweep(uint64_t now)
{
    simulation.now = now;
    process_tree_sweep(tree, now);
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

/* ---- slots ------------------------------------------------------------------------------ */

static void test_slots_are_used_again(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 500; i++) {
        uint64_t begin = i * 10 * MS + MS;
        struct actor actor = start_image(&simulation, begin, PARENT + i, 1, "/bin/x");
        struct actor other = start_thread(&actor, begin + 1, 7);
        assert_int_equal(actor.process_slot, 0);
        assert_int_equal(other.ring_slot, 1);
        tell_birth(&actor, begin + 3, BLOCK, 100 + i);
        tell_birth(&other, begin + 2, 2 * BLOCK, 1);
        if (i % 3 != 0)
            drain(begin + MS);
        end(PARENT + i, begin + 2 * MS);
    }
    assert_int_equal(tree->count, 500);
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(totals_of(image(PARENT + i)).live_bytes, 101 + i);
        expect_no_trouble(image(PARENT + i));
    }
}

/* A thread that was killed after it claimed its ring, before its first record. */
static void test_silent_rings_are_handed_back(void **state)
{
    (void)state;
    struct actor actor = start_parent();
    claim_ring(&simulation, actor.process_slot, PARENT, 77);
    drain(5 * MS);
    end(PARENT, 10 * MS);
    assert_int_equal(claimed_rings(), 0);
}

/* A claim that is not finished yet names no process: slot 0 only looks like its process. */
static void test_claims_under_way_are_left_alone(void **state)
{
    (void)state;
    start_parent();
    drain(5 * MS);
    struct actor claim = claim_ring(&simulation, 0, 0, 0); /* tid 0: not filled in yet */
    end(PARENT, 10 * MS);
    assert_int_equal(atomic_load(&claim.ring.control->state), SESSION_SLOT_CLAIMED);
}

static void test_claims_of_the_dead_are_freed(void **state)
{
    (void)state;
    uint32_t dead = claim_process_slot(&simulation, PARENT);
    uint32_t nameless = claim_process_slot(&simulation, 0); /* not filled in yet */
    uint32_t living = claim_process_slot(&simulation, (uint32_t)getpid());
    simulation.now = 100 * MS;
    process_tree_sweep(tree, 100 * MS);
    struct session_header *session = session_host_header(simulation.host);
    assert_int_equal(session_process_at(session, dead)->state, SESSION_SLOT_FREE);
    assert_int_equal(session_process_at(session, nameless)->state, SESSION_SLOT_CLAIMED);
    assert_int_equal(session_process_at(session, living)->state, SESSION_SLOT_CLAIMED);
}

/* It died before it could be looked at: its claim is no stale one. */
static void test_claims_with_records_are_kept(void **state)
{
    (void)state;
    struct actor actor = start_parent();
    tell_birth(&actor, 2 * MS, BLOCK, 100);
    simulation.now = 100 * MS;
    process_tree_sweep(tree, 100 * MS);
    drain(110 * MS);
    assert_int_equal(totals_of(image(PARENT)).live_bytes, 100);
}

/* ---- the end ---------------------------------------------------------------------------- */

static void test_signal_told_by_nobody(void **state)
{
    (void)state;
    start_parent();
    drain(10 * MS);
    process_tree_end_pid(tree, PARENT, RECORDING_EXIT_SIGNAL, SIGKILL);
    assert_int_equal(image(PARENT)->exit_kind, RECORDING_EXIT_SIGNAL);
    assert_int_equal(image(PARENT)->exit_value, SIGKILL);
    process_tree_end_pid(tree, PARENT, RECORDING_EXIT_STATUS, 1); /* once is enough */
    assert_int_equal(image(PARENT)->exit_kind, RECORDING_EXIT_SIGNAL);
}

/* The records of the last instant count, however young. */
static void test_end_applies_everything(void **state)
{
    (void)state;
    struct actor actor = start_parent(), other = start_thread(&actor, 2 * MS, 77);
    drain(5 * MS);
    set_in_hook(&other, true); /* killed inside */
    tell_birth(&actor, 10 * MS, BLOCK, 100);
    end(PARENT, 10 * MS);
    assert_int_equal(totals_of(image(PARENT)).live_bytes, 100);
}

static void test_finish(void **state)
{
    (void)state;
    struct actor actor = start_image(&simulation, 1 * MS, (uint32_t)getpid(), 1, "/bin/x");
    tell_birth(&actor, 10 * MS, BLOCK, 100);
    struct actor child = start_child(&actor, 11 * MS, CHILD); /* its parent is behind */
    tell_birth(&child, 12 * MS, 2 * BLOCK, 3);
    /* A ring whose process never said who it is. */
    struct actor orphan = claim_ring(&simulation, claim_process_slot(&simulation, 1), 1, 1);
    tell_birth(&orphan, 5 * MS, BLOCK, 1);
    atomic_store(&orphan.ring.control->event_count, 1);
    atomic_store(&orphan.ring.control->lost_events, 2);
    atomic_store(&session_host_header(simulation.host)->refused_events, 40);
    simulation.now = 12 * MS;
    process_tree_finish(tree);
    struct recorded_process *process = image((uint32_t)getpid());
    assert_int_equal(process->exit_kind, RECORDING_EXIT_RUNNING);
    assert_false(process->is_ended);
    assert_int_equal(totals_of(process).live_bytes, 100);
    assert_int_equal(totals_of(image(CHILD)).inherited_bytes, 100);
    assert_int_equal(totals_of(image(CHILD)).live_bytes, 103);
    assert_int_equal(tree->refused_events, 43);
}

struct tireless {
    struct actor actor;
    _Atomic bool is_over;
};

static void *allocate_for_ever(void *context)
{
    struct tireless *tireless = context;
    while (!atomic_load(&tireless->is_over)) {
        uint64_t *room = ring_reserve(&tireless->actor.ring, 16);
        if (room == NULL)
            continue;
        room[0] = WIRE_FAILED | tick_clock_now(&tireless->actor.simulation->clock)
                                    << WIRE_TICKS_SHIFT;
        room[1] = 0;
        ring_commit(&tireless->actor.ring, 16);
    }
    return NULL;
}

/* A daemon that the command left behind works on while its recorder wants to go. */
static void test_finish_in_spite_of_survivors(void **state)
{
    (void)state;
    pthread_t thread;
    struct tireless tireless = {0};
    tick_clock_start(&simulation.clock);
    tireless.actor = start_image(&simulation, 1, (uint32_t)getpid(), 1, "/bin/x");
    assert_int_equal(pthread_create(&thread, NULL, allocate_for_ever, &tireless), 0);
    process_tree_finish(tree);
    atomic_store(&tireless.is_over, true);
    pthread_join(thread, NULL);
    assert_false(image((uint32_t)getpid())->is_ended);
}

/* ---- targets that overwrite what they share --------------------------------------------- */

static void test_wild_counts_and_slots(void **state)
{
    (void)state;
    struct actor actor = start_image(&simulation, 1 * MS, (uint32_t)getpid(), 1, "/bin/x");
    struct session_header *session = session_host_header(simulation.host);
    atomic_store(&session->ring_high, UINT32_MAX);
    atomic_store(&session->process_high, UINT32_MAX);
    struct actor wild = claim_ring(&simulation, 0, PARENT, 77);
    TELL(&wild, 2 * MS, WIRE_THREAD, 77, 0);
    wild.ring.control->process_slot = SESSION_PROCESS_SLOTS;
    drain(10 * MS);
    assert_null(tree->intakes[wild.ring_slot]);
    wild.ring.control->process_slot = UINT32_MAX;
    drain(11 * MS);
    wild.ring.control->process_slot = actor.process_slot;
    drain(12 * MS);
    wild.ring.control->process_slot = UINT32_MAX; /* after it was taken on: nobody asks again */
    atomic_store(&wild.ring.control->state, 77);
    atomic_store(&wild.ring.control->tid, UINT32_MAX);
    tell_birth(&wild, 13 * MS, BLOCK, 100);
    simulation.now = 100 * MS;
    process_tree_sweep(tree, 100 * MS);
    drain(100 * MS);
    assert_int_equal(totals_of(image((uint32_t)getpid())).live_bytes, 100);
    atomic_store(&wild.ring.control->capacity, 3);
    atomic_store(&wild.ring.control->head, 12345);
    atomic_store(&actor.ring.control->capacity, UINT32_MAX);
    drain(200 * MS);
    end((uint32_t)getpid(), 300 * MS);
    assert_true(image((uint32_t)getpid())->bad_records > 0);
}

/* PROCESS records with pids and slots that cannot be. */
static void test_wild_processes(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {0, 1, UINT32_MAX, INT32_MAX, 0x80000000, PARENT};
    uint64_t ticks = 2 * MS;
    start_parent();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (uint32_t origin = 0; origin < 4; origin++, ticks += MS) {
            uint32_t slot = claim_process_slot(&simulation, 3);
            struct actor actor = claim_ring(&simulation, slot, numbers[i], 3);
            struct wire_process process = {.pid = numbers[i],
                                           .parent_pid = numbers[i],
                                           .origin = origin,
                                           .parent_slot = origin == 2 ? slot : numbers[i],
                                           .parent_image_pid = numbers[i]};
            tell(&actor, ticks, WIRE_PROCESS, sizeof process / 8 - 1, (uint64_t *)&process + 1);
            TELL(&actor, ticks, WIRE_FORK, numbers[i]);
            TELL(&actor, ticks, WIRE_FORK_DONE, numbers[i], numbers[i]);
            TELL(&actor, ticks, WIRE_EXEC, numbers[i], numbers[i], 0);
            TELL(&actor, ticks, WIRE_EXEC_FAILED, numbers[i]);
            drain(ticks + MS);
        }
    }
    for (int i = 0; i < 4; i++) {
        simulation.now += 100 * MS;
        process_tree_sweep(tree, simulation.now);
    }
    process_tree_finish(tree);
}

struct scribbler {
    struct actor actors[4];
    _Atomic uint32_t rounds;
    _Atomic bool is_over;
};

/* Random words, mostly small, over control pages, process slots and what the rings hold; in
 * between, heads that move as a real one's would. */
__attribute__((no_sanitize("thread"))) static void *scribble(void *context)
{
    struct scribbler *scribbler = context;
    uint64_t seed = 4242;
    while (!atomic_load(&scribbler->is_over)) {
        atomic_fetch_add(&scribbler->rounds, 1);
        uint64_t random = next_random(&seed), value = next_random(&seed);
        struct actor *actor = &scribbler->actors[random % 4];
        struct ring_control *control = actor->ring.control;
        uint32_t process_slot = actor->process_slot;
        volatile uint64_t *data = (volatile uint64_t *)actor->ring.data;
        volatile uint32_t *page = (volatile uint32_t *)control, small = (uint32_t)value % 64;
        for (int i = 0; i < 50; i++) {
            uint64_t word = next_random(&seed);
            data[word >> 40 & 0x1fff] = (word & 31) | (word & 0xfffff00);
        }
        atomic_store(&control->head, (atomic_load(&control->head) & 0xfff8) + (value & 0xff8));
        if (random >> 8 & 15)
            continue;
        switch (random >> 12 & 7) {
        case 0:
            page[(random >> 16) % (sizeof *control / 4)] = (uint32_t)value;
            break;
        case 1:
            control->process_slot = small;
            break;
        case 2:
            atomic_store(&control->capacity, SESSION_RING_MIN_BYTES << (small & 7));
            break;
        case 3:
            atomic_store(&control->state, small & 3);
            break;
        case 4:
            session_process_at(session_host_header(simulation.host), process_slot)->pid = small;
            break;
        default:
            atomic_store(&control->capacity, SESSION_RING_MIN_BYTES);
            atomic_store(&control->state, SESSION_SLOT_CLAIMED);
            control->process_slot = process_slot;
        }
    }
    return NULL;
}

/* Nothing of what the recorder reads is sure to be there at the second look. */
static void test_wild_target(void **state)
{
    (void)state;
    pthread_t thread;
    struct scribbler scribbler = {.is_over = false};
    scribbler.actors[0] = start_image(&simulation, 1 * MS, (uint32_t)getpid(), 1, "/bin/x");
    scribbler.actors[1] = start_thread(&scribbler.actors[0], 1 * MS, 77);
    scribbler.actors[2] = start_thread(&scribbler.actors[0], 1 * MS, 78);
    scribbler.actors[3] = start_child(&scribbler.actors[0], 1 * MS, CHILD);
    drain(2 * MS);
    assert_int_equal(pthread_create(&thread, NULL, scribble, &scribbler), 0);
    for (uint64_t look = 3; look < 1000 || atomic_load(&scribbler.rounds) < 50000; look++) {
        drain(look * MS);
        if (look % 50 == 0)
            process_tree_sweep(tree, look * MS);
    }
    process_tree_end_pid(tree, (uint32_t)getpid(), RECORDING_EXIT_STATUS, 0);
    atomic_store(&scribbler.is_over, true);
    pthread_join(thread, NULL);
    process_tree_finish(tree);
    uint64_t bad_records = 0;
    for (size_t i = 0; i < tree->count; i++) {
        bad_records += tree->processes[i]->bad_records;
        if (tree->processes[i]->model != NULL)
            totals_of(tree->processes[i]);
    }
    assert_true(bad_records > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* What was forked from us meanwhile has all descriptors, too, and lives on. */
static void test_an_end_is_news_once(void **state)
{
    (void)state;
    struct process_tree bare = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event event;
    pid_t watched = fork();
    if (watched == 0)
        pause();
    int pidfd = process_images_watch(&bare, (uint32_t)watched);
    assert_true(pidfd >= 0);
    pid_t other = fork();
    if (other == 0)
        pause();
    assert_int_equal(epoll_wait(bare.epoll_fd, &event, 1, 0), 0);
    kill(watched, SIGKILL);
    assert_int_equal(waitpid(watched, NULL, 0), watched);
    assert_int_equal(epoll_wait(bare.epoll_fd, &event, 1, 10000), 1);
    assert_int_equal(event.data.u64, watched);
    process_images_end_watch(&bare, pidfd);
    assert_int_equal(epoll_wait(bare.epoll_fd, &event, 1, 0), 0);
    process_images_end_watch(&bare, -1);
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    close(bare.epoll_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_process),
        TEST(test_the_expected_command),
        TEST(test_realloc_over_the_wire),
        TEST(test_a_ring_is_taken_over),
        TEST(test_lost_events_add_up),
        TEST(test_threads_are_merged_by_stamps),
        TEST(test_random_threads),
        TEST(test_a_thread_in_a_hook_holds_others_back),
        TEST(test_what_a_thread_in_a_hook_published_counts),
        TEST(test_patience_ends),
        TEST(test_the_youngest_wait),
        TEST(test_rings_empty_while_they_wait),
        TEST(test_two_thousand_threads),
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
        TEST(test_exec_chain),
        TEST(test_unobserved_images),
        TEST(test_exec_that_failed),
        TEST(test_exec_that_failed_later),
        TEST(test_unobserved_child),
        TEST(test_unobserved_child_that_lives),
        TEST(test_child_that_execs_at_once_is_folded),
        TEST(test_exec_image_waits_for_fork_image),
        TEST(test_slots_are_used_again),
        TEST(test_silent_rings_are_handed_back),
        TEST(test_claims_under_way_are_left_alone),
        TEST(test_claims_of_the_dead_are_freed),
        TEST(test_claims_with_records_are_kept),
        TEST(test_signal_told_by_nobody),
        TEST(test_end_applies_everything),
        TEST(test_finish),
        TEST(test_finish_in_spite_of_survivors),
        TEST(test_wild_counts_and_slots),
        TEST(test_wild_processes),
        TEST(test_wild_target),
        cmocka_unit_test(test_an_end_is_news_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
