/* Simulated targets: the order of events of several threads, by their stamps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "simulated_tree.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_threads_are_merged_by_stamps),
        TEST(test_random_threads),
        TEST(test_a_thread_in_a_hook_holds_others_back),
        TEST(test_what_a_thread_in_a_hook_published_counts),
        TEST(test_patience_ends),
        TEST(test_the_youngest_wait),
        TEST(test_rings_empty_while_they_wait),
        TEST(test_two_thousand_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
