#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "preload/sampler.h"

/* In units of 2^-32, rounded up: the fraction of the logarithm is cut. */
static void test_logarithm(void **state)
{
    (void)state;
    assert_int_equal(sampler_negative_log2(UINT64_C(1) << 63), UINT64_C(1) << 32);
    assert_int_equal(sampler_negative_log2(UINT64_C(1) << 62), UINT64_C(2) << 32);
    assert_int_equal(sampler_negative_log2(1), UINT64_C(64) << 32);
    assert_int_equal(sampler_negative_log2(UINT64_C(3) << 62), 1782572487); /* 0.415037499 */
    assert_int_equal(sampler_negative_log2(UINT64_C(5) << 61), 2912296657); /* 0.678071905 */
    assert_int_equal(sampler_negative_log2(UINT64_MAX), 1);
}

/* SplitMix64 from 0, as its authors publish it. */
static void test_random(void **state)
{
    (void)state;
    uint64_t random = 0;
    assert_true(sampler_random(&random) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(sampler_random(&random) == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(sampler_random(&random) == UINT64_C(0x06c45d188009454f));
}

/* Gaps after those three: -ln(random / 2^64) * 524288. */
static void test_gap(void **state)
{
    (void)state;
    uint64_t random = 0;
    assert_int_equal(sampler_gap(&random, 524288), 65052);
    assert_int_equal(sampler_gap(&random, 524288), 440623);
    assert_int_equal(sampler_gap(&random, 524288), 1904797);
}

/* How often a gap is longer than so many bytes: exp(-(bytes + 1) / mean), within four deviations.
 */
static void test_gaps_are_exponential(void **state)
{
    (void)state;
    enum {
        MEAN = 4096,
        GAPS = 200000
    };
    static const uint64_t sizes[] = {0, 15, 100, 1000, 4095, 10000, 30000};
    uint64_t random = 1, longer[7] = {0};
    for (int i = 0; i < GAPS; i++) {
        uint64_t gap = sampler_gap(&random, MEAN);
        for (int size = 0; size < 7; size++)
            longer[size] += gap > sizes[size];
    }
    for (int size = 0; size < 7; size++) {
        double share = exp(-((double)sizes[size] + 1) / MEAN);
        assert_true(fabs((double)longer[size] - share * GAPS) <
                    4 * sqrt(share * (1 - share) * GAPS));
    }
}

static void test_counting_down(void **state)
{
    (void)state;
    struct sampler sampler = {.left = 100, .random = 0};
    assert_true(sampler_passes(&sampler, 0)); /* one byte, too */
    assert_int_equal(sampler.left, 99);
    assert_true(sampler_passes(&sampler, 49));
    assert_int_equal(sampler.left, 49);
    assert_false(sampler_passes(&sampler, 49));
    assert_int_equal(sampler.left, 49);
    assert_true(sampler_passes(&sampler, 48));
    assert_int_equal(sampler.left, 0);
    sampler.left = 49;
    assert_false(sampler_takes(&sampler, "block", 10, 524288));
    assert_int_equal(sampler.left, 38);
    assert_true(sampler_takes(&sampler, "block", SIZE_MAX, 524288));
    assert_int_equal(sampler.left, 65052);
    assert_string_equal(sampler.newest, "block");
    assert_int_equal(sampler.newest_left, 65052);
}

/* Not sampled, or each call to be looked at: none is passed over. */
static void test_nothing_passes(void **state)
{
    (void)state;
    struct sampler off = {0}, careful;
    assert_false(sampler_passes(&off, 0));
    sampler_start(&careful, 0, 524288, true);
    assert_false(sampler_passes(&careful, 0));
    assert_int_equal(sampler_left(&careful), 65052);
    assert_false(sampler_takes(&careful, NULL, 65051, 524288));
    assert_int_equal(sampler_left(&careful), 0);
    assert_true(sampler_takes(&careful, NULL, 0, 524288));
    assert_false(sampler_passes(&careful, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logarithm),     cmocka_unit_test(test_random),
        cmocka_unit_test(test_gap),           cmocka_unit_test(test_gaps_are_exponential),
        cmocka_unit_test(test_counting_down), cmocka_unit_test(test_nothing_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
