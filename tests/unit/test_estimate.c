#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analysis/estimate.h"

static void is_near(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-5 * expected);
}

/* Half the quantiles of chi-square with twice the degrees of freedom, from printed tables (to five
 * or six digits); of shape 1 it is the exponential distribution. */
static void test_gamma_quantiles(void **state)
{
    (void)state;
    is_near(estimate_gamma_quantile(1, 0.975), 3.688879);
    is_near(estimate_gamma_quantile(1, 0.025), 0.025317808);
    is_near(estimate_gamma_quantile(0.5, 0.975), 5.02389 / 2);
    is_near(estimate_gamma_quantile(2, 0.975), 11.1433 / 2);
    is_near(estimate_gamma_quantile(5, 0.025), 3.24697 / 2);
    is_near(estimate_gamma_quantile(5, 0.975), 20.4832 / 2);
    is_near(estimate_gamma_quantile(50, 0.025), 74.2219 / 2);
    is_near(estimate_gamma_quantile(50, 0.975), 129.561 / 2);
    is_near(estimate_gamma_quantile(999, 0.975), estimate_gamma_quantile(1001, 0.975) - 2.062);
    assert_true(estimate_gamma_quantile(0.0001, 0.975) < 1e-100);
}

/* n weights of 1000: the bounds of a Poisson distribution (Garwood 1936), 1000 times: the upper one
 * for n, the lower one for n - 1. */
static void test_equal_weights(void **state)
{
    (void)state;
    static const struct {
        uint64_t count, low, high;
    } known[] = {{1, 7, 5572}, {2, 25, 7225}, {3, 242, 8768}, {4, 618, 10242}, {11, 4795, 19683}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t value = known[i].count * 1000;
        struct estimate_interval interval = estimate_interval(value, 1000.0 * (double)value, 1000,
                                                              7);
        assert_int_equal(interval.low, known[i].low);
        assert_in_range(interval.high, known[i].high - 1, known[i].high + 1);
    }
}

/* Nothing was seen: there may be some that were not, up to 3.69 of them. */
static void test_nothing_seen(void **state)
{
    (void)state;
    struct estimate_interval interval = estimate_interval(0, 0, 1000, 0);
    assert_int_equal(interval.low, 0);
    assert_int_equal(interval.high, 3689);
}

/* Where nothing can be missed, the figure is exact. */
static void test_certain(void **state)
{
    (void)state;
    struct estimate_interval interval = estimate_interval(123456, 0, 0, 123456);
    assert_int_equal(interval.low, 123456);
    assert_int_equal(interval.high, 123456);
}

/* A recording's lists are checked. */
static void test_short_lists(void **state)
{
    (void)state;
    uint64_t numbers[] = {1, 2, 3000, 4000, 5, 6, 7000, 8000};
    struct recording_list list = {.items = numbers, .count = 8}, none = {0};
    assert_true(estimate_variance(&list, RECORDING_ESTIMATE_INHERITED, false) == 9);
    assert_true(estimate_variance(&list, RECORDING_ESTIMATE_ALLOCATED, true) == 64);
    assert_int_equal(estimate_seen(&list, RECORDING_ESTIMATE_ALLOCATED, true), 6);
    assert_true(estimate_variance(&list, RECORDING_ESTIMATE_PEAK, true) == 0);
    assert_true(estimate_variance(&none, RECORDING_ESTIMATE_INHERITED, true) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gamma_quantiles), cmocka_unit_test(test_equal_weights),
        cmocka_unit_test(test_nothing_seen),    cmocka_unit_test(test_certain),
        cmocka_unit_test(test_short_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
