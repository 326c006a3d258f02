#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/histogram.h"

static void test_buckets(void **state)
{
    (void)state;
    assert_int_equal(histogram_bucket(0), 0);
    assert_int_equal(histogram_bucket(1), 0);
    assert_int_equal(histogram_bucket(2), 1);
    assert_int_equal(histogram_bucket(3), 2);
    assert_int_equal(histogram_bucket(4), 2);
    assert_int_equal(histogram_bucket(5), 3);
    assert_int_equal(histogram_bucket(1024), 10);
    assert_int_equal(histogram_bucket(1025), 11);
    assert_int_equal(histogram_bucket((uint64_t)1 << 63), 63);
    assert_int_equal(histogram_bucket(UINT64_MAX), 63);
}

static void test_one_bucket_needs_no_memory(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    for (int i = 0; i < 100; i++)
        histogram_add(&histogram, 48);
    assert_int_equal(histogram_count(&histogram, 6), 100);
    assert_int_equal(histogram_count(&histogram, 5), 0);
    assert_int_equal(histogram_own_bytes(&histogram), 0);
    histogram_clear(&histogram);
    assert_int_equal(histogram_count(&histogram, 6), 0);
}

static void test_all_buckets_in_any_order(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    for (unsigned round = 1; round <= 3; round++)
        for (unsigned i = 0; i < 63; i++) {
            unsigned bucket = i * 29 % 63; /* a permutation */
            for (unsigned n = 0; n < bucket; n++)
                histogram_add(&histogram, (uint64_t)1 << bucket);
        }
    for (unsigned bucket = 0; bucket < 63; bucket++)
        assert_int_equal(histogram_count(&histogram, bucket), 3 * bucket);
    assert_int_equal(histogram_count(&histogram, 63), 0);
    assert_int_equal(histogram_count(&histogram, 64), 0);
    assert_int_equal(histogram_own_bytes(&histogram), 64 * 8);
    histogram_clear(&histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_one_bucket_needs_no_memory),
        cmocka_unit_test(test_all_buckets_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
