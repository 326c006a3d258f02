/* Simulated targets: which ring belongs to whom, slots, ends, and targets that overwrite what they
 * share. What must come out is known from what was written and when. */
#define _GNU_SOURCE
#include "record/process_tree.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "record/process_images.h"
#include "simulated_tree.h"

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

/* ---- watching -------------------------------------------------------------------------- */

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
