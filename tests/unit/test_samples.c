#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/samples.h"

static void add(struct samples *samples, uint64_t time, uint64_t bytes, uint64_t peak)
{
    struct sample sample = {.time_ns = time,
                            .heap_bytes = bytes,
                            .heap_peak_bytes = peak,
                            .resident_bytes = time == 3 ? 0 : time * 100};
    samples_add(samples, &sample);
}

struct kept {
    struct sample points[64];
    size_t count;
};

static void keep(void *context, const struct sample *sample)
{
    struct kept *kept = context;
    assert_true(kept->count < 64);
    kept->points[kept->count++] = *sample;
}

static struct kept points_of(struct samples *samples, bool is_everything)
{
    struct kept kept = {0};
    samples_write_points(samples, is_everything, keep, &kept);
    return kept;
}

static void test_points_are_handed_over_once(void **state)
{
    (void)state;
    struct samples samples;
    samples_init(&samples, 10);
    add(&samples, 1, 10, 15);
    assert_int_equal(points_of(&samples, false).count, 1);
    assert_int_equal(points_of(&samples, false).count, 0);
    add(&samples, 2, 20, 25);
    struct kept kept = points_of(&samples, false);
    assert_int_equal(kept.count, 1);
    assert_int_equal(kept.points[0].time_ns, 2);
    assert_int_equal(points_of(&samples, true).count, 2);
    samples_clear(&samples);
}

static void test_neighbours_merge(void **state)
{
    (void)state;
    struct samples samples;
    samples_init(&samples, 4);
    const uint64_t peaks[] = {5, 50, 90, 40, 70, 10, 30};
    for (uint64_t i = 0; i < 7; i++)
        add(&samples, i, i, peaks[i]);
    struct kept kept = points_of(&samples, true); /* 0-1, 2-3, 4-5, and 6, not whole */
    assert_int_equal(kept.count, 4);
    assert_int_equal(kept.points[0].time_ns, 1);
    assert_int_equal(kept.points[0].heap_bytes, 1);
    assert_int_equal(kept.points[0].heap_peak_bytes, 50);
    assert_int_equal(kept.points[1].heap_peak_bytes, 90);
    assert_int_equal(kept.points[1].resident_bytes, 200); /* not known at 3 */
    assert_int_equal(kept.points[2].heap_peak_bytes, 70);
    assert_int_equal(kept.points[3].time_ns, 6);
    assert_int_equal(kept.points[3].heap_peak_bytes, 30);
    samples_clear(&samples);
}

static void test_an_odd_number_of_points(void **state)
{
    (void)state;
    struct samples samples;
    samples_init(&samples, 3);
    for (uint64_t i = 0; i < 4; i++)
        add(&samples, i, i, i);
    struct kept kept = points_of(&samples, true);
    assert_int_equal(kept.count, 2);
    assert_int_equal(kept.points[0].time_ns, 1);
    assert_int_equal(kept.points[1].time_ns, 3);
    samples_clear(&samples);
}

static void test_the_number_is_bounded(void **state)
{
    (void)state;
    struct samples samples;
    samples_init(&samples, 32);
    uint64_t highest = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        add(&samples, i, i, i == 77777 ? 1000000 : i);
        assert_true(samples.count < 32);
    }
    struct kept kept = points_of(&samples, true);
    for (size_t i = 0; i < kept.count; i++) {
        assert_true(i == 0 || kept.points[i].time_ns > kept.points[i - 1].time_ns);
        if (kept.points[i].heap_peak_bytes > highest)
            highest = kept.points[i].heap_peak_bytes;
    }
    assert_int_equal(highest, 1000000);
    assert_int_equal(kept.points[kept.count - 1].time_ns, 99999);
    samples_clear(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points_are_handed_over_once),
        cmocka_unit_test(test_neighbours_merge),
        cmocka_unit_test(test_an_odd_number_of_points),
        cmocka_unit_test(test_the_number_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
