#include "heap_script.h"

#include "base/hash_map.h"
#include "heap/waiting_list.h"

/* Events that come in the wrong order: what they must add up to all the same. */

static void assert_quality(const struct heap_model *model, uint64_t repaired, uint64_t unknown,
                           uint64_t missed)
{
    struct recording_quality quality = quality_of(model);
    assert_int_equal(quality.repaired_events, repaired);
    assert_int_equal(quality.unknown_frees, unknown);
    assert_int_equal(quality.missed_frees, missed);
}

static void test_a_release_before_its_birth(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    release_by(model, OTHER, 1000, 0x1000);
    assert_int_equal(totals_of(model).frees, 0);
    birth(model, 1200, 0x1000, 64, 1); /* stamped later, but by less than the slack */
    struct records records = records_of(model, true);
    assert_int_equal(records.totals.allocations, 1);
    assert_int_equal(records.totals.frees, 1);
    assert_int_equal(records.totals.live_bytes, 0);
    assert_int_equal(records.sites[0].frees, 1);
    assert_int_equal(records.lifetimes[0][0], 0);
    assert_int_equal(records.thread[MAIN].allocations, 1);
    assert_int_equal(records.thread[OTHER].frees, 1);
    assert_int_equal(records.thread[OTHER].freed_bytes, 64);
    birth(model, 1300, 0x1000, 32, 1); /* the next block there is another one */
    assert_int_equal(totals_of(model).live_bytes, 32);
    heap_model_settle(model);
    assert_quality(model, 1, 0, 0);
    heap_model_destroy(model);
}

static void test_a_late_birth(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    release_by(model, OTHER, 900000000, 0x1000);
    birth(model, 900500000, 0x9000, 1, 1);
    struct heap_event late = {.kind = HEAP_EVENT_BIRTH,
                              .time_ns = 400000000,
                              .address = 0x1000,
                              .size = 10,
                              .stack = {1},
                              .function = FUNCTION_MALLOC,
                              .flags = HEAP_EVENT_LATE};
    apply(model, late);
    assert_int_equal(totals_of(model).live_blocks, 1);
    assert_quality(model, 1, 0, 0);
    heap_model_destroy(model);
}

static void test_a_release_without_a_birth(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    release_by(model, OTHER, 1000, 0x1000);
    birth(model, 900000000, 0x1000, 64, 1); /* too late for it: a new block */
    assert_int_equal(totals_of(model).live_bytes, 64);
    assert_quality(model, 0, 0, 0);
    birth(model, 1100000000, 0x2000, 64, 1); /* a second is over */
    assert_quality(model, 0, 1, 0);
    release(model, 1100000001, 0x3000);
    heap_model_settle(model);
    assert_quality(model, 0, 2, 0);
    assert_int_equal(heap_model_misuse_count(model), 0);
    heap_model_destroy(model);
}

static void test_one_thread_never_inverts(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    release(model, 1000, 0x1000);      /* unknown */
    birth(model, 1100, 0x1000, 64, 1); /* by the same thread: after it */
    assert_int_equal(totals_of(model).live_bytes, 64);
    birth(model, 1200, 0x1000, 32, 1); /* a release was missed */
    release(model, 1300, 0x1000);      /* this is of the second block */
    assert_int_equal(totals_of(model).live_bytes, 0);
    heap_model_settle(model);
    assert_quality(model, 0, 1, 1);
    heap_model_destroy(model);
}

static void test_a_birth_before_the_release_of_what_was_there(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth_by(model, OTHER, 1000, 0x1000, 100, 1);
    birth(model, 5000, 0x1000, 40, 2);
    struct recording_totals totals = totals_of(model);
    assert_int_equal(totals.live_bytes, 40); /* the first is gone, whenever its release comes */
    assert_int_equal(totals.peak_bytes, 100);
    release_by(model, OTHER, 5100, 0x1000); /* of the first */
    totals = totals_of(model);
    assert_int_equal(totals.live_bytes, 40);
    assert_int_equal(totals.frees, 1);
    release_by(model, OTHER, 9000, 0x1000); /* of the second */
    struct records records = records_of(model, true);
    assert_int_equal(records.totals.frees, 2);
    assert_int_equal(records.totals.live_bytes, 0);
    assert_int_equal(records.thread[OTHER].frees, 2);
    assert_int_equal(records.thread[OTHER].freed_bytes, 140);
    heap_model_settle(model);
    assert_quality(model, 1, 0, 0);
    heap_model_destroy(model);
}

static void test_a_release_that_never_comes(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1000, 0x1000, 100, 1);
    birth(model, 2000, 0x1000, 100, 1);
    birth(model, 900000000, 0x1000, 100, 1);
    assert_quality(model, 0, 0, 0);
    heap_model_settle(model);
    assert_quality(model, 0, 0, 2);
    struct recording_totals totals = totals_of(model);
    assert_int_equal(totals.frees, 2);
    assert_int_equal(totals.live_blocks, 1);
    heap_model_destroy(model);
}

static void test_a_late_release_does_not_hit_a_younger_block(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 900000, 0x1000, 100, 1);
    release_by(model, OTHER, 100000, 0x1000); /* long before this block was born */
    assert_int_equal(totals_of(model).live_bytes, 100);
    heap_model_settle(model);
    assert_quality(model, 0, 1, 0);
    heap_model_destroy(model);
}

static void leave_by(struct heap_model *model, uint32_t thread, uint64_t time, uint64_t address)
{
    apply(model, (struct heap_event){.kind = HEAP_EVENT_LEAVE,
                                     .thread = thread,
                                     .time_ns = time,
                                     .address = address,
                                     .function = FUNCTION_REALLOC});
}

static void arrive_by(struct heap_model *model, uint32_t thread, uint64_t time, uint64_t address,
                      uint64_t size)
{
    apply(model, (struct heap_event){.kind = HEAP_EVENT_ARRIVE,
                                     .thread = thread,
                                     .time_ns = time,
                                     .address = address,
                                     .size = size,
                                     .function = FUNCTION_REALLOC});
}

static void test_a_late_birth_behind_a_younger_block(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 90000, 0x1000, 64, 1);
    birth_by(model, OTHER, 50000, 0x1000, 32, 2);
    struct heap_block block;
    assert_true(heap_model_find_block(model, 0x1000, &block));
    assert_int_equal(block.size, 64);
    assert_int_equal(totals_of(model).live_bytes, 64);
    release_by(model, OTHER, 60000, 0x1000);
    assert_int_equal(totals_of(model).live_bytes, 64);
    release_by(model, MAIN, 95000, 0x1000);
    heap_model_settle(model);
    struct records records = records_of(model, true);
    assert_int_equal(records.totals.allocations, 2);
    assert_int_equal(records.totals.frees, 2);
    assert_int_equal(records.totals.freed_bytes, 96);
    assert_int_equal(records.thread[MAIN].freed_bytes, 64);
    assert_int_equal(records.thread[OTHER].freed_bytes, 32);
    assert_quality(model, 1, 0, 0);
    heap_model_destroy(model);
}

static void test_a_realloc_before_the_birth(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    struct heap_block block;
    leave_by(model, OTHER, 1000, 0x1000);
    birth(model, 1100, 0x1000, 64, 1); /* between leave and arrive */
    assert_false(heap_model_find_block(model, 0x1000, &block));
    assert_int_equal(totals_of(model).live_bytes, 64);
    arrive_by(model, OTHER, 1200, 0x2000, 100);
    assert_int_equal(totals_of(model).live_bytes, 100);

    leave_by(model, OTHER, 2000, 0x3000);
    arrive_by(model, OTHER, 2100, 0x4000, 10);
    birth(model, 2200, 0x3000, 64, 1); /* after the arrival */
    assert_int_equal(totals_of(model).live_bytes, 110);

    leave_by(model, OTHER, 3000, 0x5000);
    birth(model, 3100, 0x5000, 7, 1);
    apply(model, (struct heap_event){.kind = HEAP_EVENT_UNDO, .thread = OTHER, .time_ns = 3200});
    assert_true(heap_model_find_block(model, 0x5000, &block));

    leave_by(model, OTHER, 4000, 0x6000);
    apply(model, (struct heap_event){.kind = HEAP_EVENT_UNDO, .thread = OTHER, .time_ns = 4100});
    birth(model, 4200, 0x6000, 1, 1); /* the failed realloc released nothing */
    assert_true(heap_model_find_block(model, 0x6000, &block));
    heap_model_settle(model);
    assert_quality(model, 3, 0, 0);
    struct recording_totals totals = totals_of(model);
    assert_int_equal(totals.allocations, 6);
    assert_int_equal(totals.frees, 2);
    assert_int_equal(totals.reallocations, 2);
    heap_model_destroy(model);
}

static void test_a_realloc_of_a_displaced_block(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1000, 0x1000, 64, 1);
    birth_by(model, OTHER, 2100, 0x1000, 5, 1);
    leave_by(model, MAIN, 2000, 0x1000);
    arrive_by(model, MAIN, 2200, 0x2000, 100);
    struct recording_totals totals = totals_of(model);
    assert_int_equal(totals.live_bytes, 105);
    assert_int_equal(totals.allocations, 3);
    assert_int_equal(totals.frees, 1);
    heap_model_settle(model);
    assert_quality(model, 1, 0, 0);
    heap_model_destroy(model);
}

static void test_a_realloc_of_something_unknown(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    leave_by(model, MAIN, 1000, 0x1000);
    arrive_by(model, MAIN, 1100, 0x2000, 100);
    arrive_by(model, MAIN, 1200, 0x3000, 100); /* its leave was lost */
    heap_model_settle(model);
    struct recording_totals totals = totals_of(model);
    assert_int_equal(totals.allocations, 2);
    assert_int_equal(totals.frees, 0);
    assert_quality(model, 0, 1, 0);
    heap_model_destroy(model);
}

static void test_a_thread_that_ends_inside_realloc(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    struct heap_block block;
    birth(model, 1, 0x1000, 10, 1);
    leave_by(model, OTHER, 2, 0x1000);
    leave_by(model, OTHER, 3, 0x7000);
    heap_model_end_thread(model, OTHER, 4);
    assert_true(heap_model_find_block(model, 0x1000, &block));
    heap_model_settle(model);
    assert_quality(model, 0, 0, 0);
    assert_int_equal(records_of(model, true).thread[OTHER].end_ns, 4);
    heap_model_destroy(model);
}

static void test_waiting_is_bounded(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    for (uint64_t i = 0; i < 3 * WAITING_LIST_MAX; i++) {
        release_by(model, OTHER, 1000, 0x100000 + i * 16);
        birth(model, 1000, 0x1000, 1, 1);
        leave_by(model, OTHER, 1000, 0x100000 + i * 16); /* and arrivals that never come */
    }
    assert_true(heap_model_own_bytes(model) < 64 << 20);
    assert_true(quality_of(model).missed_frees >= 2 * WAITING_LIST_MAX - 1);
    heap_model_settle(model);
    assert_quality(model, 0, quality_of(model).unknown_frees, 3 * WAITING_LIST_MAX - 1);
    heap_model_destroy(model);
}

/* Hand-overs between two threads, each event stamped up to a microsecond wrong and applied in order
 * of its stamp: the totals must be those of the true order. */
static void test_random_inversions(void **state)
{
    (void)state;
    enum {
        ADDRESSES = 50
    };
    struct heap_model *model = new_model();
    uint64_t random = 7, time = 1000000, allocations = 0, live = 0, bytes = 0;
    uint64_t sizes[ADDRESSES] = {0};
    for (int step = 0; step < 50000; step++) {
        random = hash_mix(random);
        uint64_t at = random % ADDRESSES, address = 0x1000 + at * 64;
        uint64_t size = 1 + (random >> 32) % 1000;
        time += 10000;
        if (sizes[at] == 0) {
            /* born here, released there; the release is stamped first */
            uint64_t early = (random >> 20) % 1000;
            release_by(model, OTHER, time - early, address);
            birth_by(model, MAIN, time, address, size, 1);
            allocations++;
            if (random >> 62 == 0) {
                birth_by(model, OTHER, time + 3000, address, size, 2);
                allocations++;
                sizes[at] = size;
                live++;
                bytes += size;
            }
        } else {
            /* OTHER's block is released by OTHER, and MAIN gets the address; MAIN is stamped first
             */
            uint64_t early = (random >> 20) % 1000;
            birth_by(model, MAIN, time - early, address, size, 1);
            release_by(model, OTHER, time, address);
            release_by(model, MAIN, time + 5000, address);
            allocations++;
            live--;
            bytes -= sizes[at];
            sizes[at] = 0;
        }
        assert_int_equal(totals_of(model).live_blocks, live);
        assert_int_equal(totals_of(model).live_bytes, bytes);
    }
    heap_model_settle(model);
    assert_int_equal(totals_of(model).allocations, allocations);
    assert_quality(model, quality_of(model).repaired_events, 0, 0);
    assert_true(quality_of(model).repaired_events > 1000);
    heap_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_release_before_its_birth),
        cmocka_unit_test(test_a_late_birth),
        cmocka_unit_test(test_a_release_without_a_birth),
        cmocka_unit_test(test_one_thread_never_inverts),
        cmocka_unit_test(test_a_birth_before_the_release_of_what_was_there),
        cmocka_unit_test(test_a_release_that_never_comes),
        cmocka_unit_test(test_a_late_release_does_not_hit_a_younger_block),
        cmocka_unit_test(test_a_late_birth_behind_a_younger_block),
        cmocka_unit_test(test_a_realloc_before_the_birth),
        cmocka_unit_test(test_a_realloc_of_a_displaced_block),
        cmocka_unit_test(test_a_realloc_of_something_unknown),
        cmocka_unit_test(test_a_thread_that_ends_inside_realloc),
        cmocka_unit_test(test_waiting_is_bounded),
        cmocka_unit_test(test_random_inversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
