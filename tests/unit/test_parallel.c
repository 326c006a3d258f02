#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/parallel.h"

enum {
    PARTS = 1000
};

struct parts {
    unsigned times[PARTS];
    size_t order[PARTS], done; /* with one thread */
    size_t sums[PARALLEL_MOST];
};

static void do_part(void *context, size_t part, size_t thread)
{
    struct parts *parts = context;
    parts->times[part]++;
    parts->sums[thread] += part;
}

static void do_in_order(void *context, size_t part, size_t thread)
{
    struct parts *parts = context;
    assert_int_equal(thread, 0);
    parts->order[parts->done++] = part;
}

static void test_each_part_is_done_once(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= PARALLEL_MOST + 1; threads++) {
        struct parts parts = {0};
        size_t sum = 0;
        parallel_run(threads, PARTS, do_part, &parts);
        for (size_t i = 0; i < PARTS; i++)
            assert_int_equal(parts.times[i], 1);
        for (size_t i = 0; i < PARALLEL_MOST; i++)
            sum += parts.sums[i];
        assert_int_equal(sum, PARTS * (PARTS - 1) / 2);
    }
}

static void test_one_thread_keeps_the_order(void **state)
{
    (void)state;
    struct parts parts = {0};
    parallel_run(1, PARTS, do_in_order, &parts);
    assert_int_equal(parts.done, PARTS);
    for (size_t i = 0; i < PARTS; i++)
        assert_int_equal(parts.order[i], i);
}

static void test_no_parts(void **state)
{
    (void)state;
    struct parts parts = {0};
    parallel_run(4, 0, do_part, &parts);
    assert_int_equal(parts.times[0], 0);
    assert_in_range(parallel_threads(), 1, PARALLEL_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_part_is_done_once),
        cmocka_unit_test(test_one_thread_keeps_the_order),
        cmocka_unit_test(test_no_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
