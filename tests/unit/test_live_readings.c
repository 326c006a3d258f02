/* Which readings of pictures are kept for the viewer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/profile.h"
#include "cli/live_readings.h"

static struct rates_reading *add(struct live_readings *readings, uint64_t time_ns)
{
    const struct profile nothing = {0};
    struct rates_reading *reading = rates_reading_create(&nothing, time_ns);
    live_readings_add(readings, reading);
    return reading;
}

static void test_newest_two(void **state)
{
    (void)state;
    struct live_readings readings = {0};
    const struct tui_live_use nobody = {0};
    assert_null(live_readings_newest(&readings));
    for (uint64_t i = 1; i < 100; i++) {
        const struct rates_reading *reading = add(&readings, i);
        live_readings_sweep(&readings, &nobody);
        assert_ptr_equal(reading, live_readings_newest(&readings));
        assert_int_equal(i < 2 ? i : 2, readings.count);
    }
    assert_int_equal(98, readings.items[0]->time_ns);
    live_readings_clear(&readings);
    assert_null(live_readings_newest(&readings));
}

/* The viewer shows the picture before the newest, one that is older is its mark, and it has not
 * told yet that it took the newest. */
static void test_used(void **state)
{
    (void)state;
    struct live_readings readings = {0};
    struct tui_live_use use = {.now = add(&readings, 1)};
    use.mark = use.now;
    for (uint64_t i = 2; i < 50; i++) {
        use.before = use.now;
        use.now = live_readings_newest(&readings);
        add(&readings, i);
        live_readings_sweep(&readings, &use);
        assert_int_equal(1, use.mark->time_ns);
        assert_int_equal(i - 1, use.now->time_ns);
        assert_int_equal(i < 3 ? 1 : i - 2, use.before->time_ns);
        assert_in_range(readings.count, 2, 4);
    }
    use.mark = use.now;
    live_readings_sweep(&readings, &use);
    assert_int_equal(3, readings.count);
    live_readings_clear(&readings);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_two),
        cmocka_unit_test(test_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
