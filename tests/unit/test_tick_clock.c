/* Ticks to nanoseconds, learned from pairs that are known here. */
#include "record/tick_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_nanoseconds_are_ticks_without_a_counter(void **state)
{
    (void)state;
    struct tick_clock clock = {.is_tsc = false};
    static const uint64_t numbers[] = {0, 1, 999, UINT64_C(1) << 40, (UINT64_C(1) << 56) - 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_int_equal(tick_clock_to_ns(&clock, numbers[i]), numbers[i]);
        assert_int_equal(tick_clock_from_ns(&clock, numbers[i]), numbers[i]);
    }
}

static void test_one_pair(void **state)
{
    (void)state;
    struct tick_clock clock = {.is_tsc = true};
    tick_clock_learn(&clock, 800000, 200000); /* 4 GHz */
    assert_int_equal(clock.ticks_per_second, 4000000000);
    assert_int_equal(tick_clock_to_ns(&clock, 0), 0);
    assert_int_equal(tick_clock_to_ns(&clock, 4), 1);
    assert_int_equal(tick_clock_to_ns(&clock, 4000000000), 1000000000);
    assert_int_equal(tick_clock_from_ns(&clock, 1000), 4000);
    /* A year of it. */
    assert_int_equal(tick_clock_to_ns(&clock, UINT64_C(4000000000) * 31536000),
                     UINT64_C(31536000000000000));
}

/* The first estimate was a hundredth off. What was told stays; from there on the new rate counts.
 */
static void test_better_rates(void **state)
{
    (void)state;
    struct tick_clock clock = {.is_tsc = true};
    tick_clock_learn(&clock, 1000, 1010);
    assert_int_equal(tick_clock_to_ns(&clock, 5000), 5050);
    tick_clock_learn(&clock, 10000, 10000);
    assert_int_equal(tick_clock_to_ns(&clock, 5000), 5050);
    assert_int_equal(tick_clock_to_ns(&clock, 9999), 10098);
    assert_int_equal(tick_clock_to_ns(&clock, 10000), 10100);
    assert_int_equal(tick_clock_to_ns(&clock, 20000), 20100);
    assert_int_equal(tick_clock_from_ns(&clock, 5000), 5000);
    tick_clock_learn(&clock, 100000, 50000);
    assert_int_equal(tick_clock_to_ns(&clock, 20000), 20100);
    assert_int_equal(tick_clock_to_ns(&clock, 100000), 100100);
    assert_int_equal(tick_clock_to_ns(&clock, 100100), 100150);
    assert_int_equal(clock.ticks_per_second, 2000000000);
}

static void test_time_never_runs_backwards(void **state)
{
    (void)state;
    static const struct {
        uint64_t ticks, ns;
    } pairs[] = {
        {2100, 1000}, {40000, 21000}, {900000, 420000}, {9000000, 4500000}, {80000000, 41000000}};
    struct tick_clock clock = {.is_tsc = true};
    uint64_t last = 0;
    struct tick_range range = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        tick_clock_learn(&clock, pairs[i].ticks, pairs[i].ns);
    for (uint64_t ticks = 0; ticks < 100000000; ticks += 997) {
        uint64_t ns = tick_clock_to_ns(&clock, ticks);
        assert_true(ns >= last);
        assert_int_equal(tick_range_to_ns(&clock, &range, ticks), ns);
        last = ns;
    }
    assert_int_equal(tick_range_to_ns(&clock, &range, 50), tick_clock_to_ns(&clock, 50));
}

static void test_enough_is_learned_once(void **state)
{
    (void)state;
    struct tick_clock clock = {.is_tsc = true};
    for (uint64_t i = 1; i < 20; i++)
        tick_clock_learn(&clock, i * 1000, i * 1000);
    assert_int_equal(clock.segment_count, TICK_CLOCK_SEGMENTS);
    tick_clock_learn(&clock, 0, 5);
    tick_clock_learn(&clock, 5, 0);
    assert_int_equal(tick_clock_to_ns(&clock, 123456), 123456);
}

static void test_the_real_one(void **state)
{
    (void)state;
    struct tick_clock clock;
    tick_clock_start(&clock);
    uint64_t first = tick_clock_now(&clock), second = tick_clock_now(&clock);
    assert_true(second >= first);
    assert_true(clock.ticks_per_second > 1000000);
    tick_clock_refine(&clock);
    assert_true(tick_clock_to_ns(&clock, second) >= tick_clock_to_ns(&clock, first));
    uint64_t stands = 42;
    clock.frozen_ticks = &stands;
    assert_int_equal(tick_clock_now(&clock), 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nanoseconds_are_ticks_without_a_counter),
        cmocka_unit_test(test_one_pair),
        cmocka_unit_test(test_better_rates),
        cmocka_unit_test(test_time_never_runs_backwards),
        cmocka_unit_test(test_enough_is_learned_once),
        cmocka_unit_test(test_the_real_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
