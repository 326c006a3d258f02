#include "record/kept_snapshots.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void add_run(struct kept_snapshots *kept, uint32_t count, uint64_t most, uint32_t peak)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t dropped;
        struct kept_snapshot item = {i, 0, i * UINT64_C(1000000000),
                                     i == peak ? 900 : 100 + i / 10};
        kept_snapshots_add(kept, &item, most, &dropped);
    }
}

static int is_kept(const struct kept_snapshots *kept, uint32_t number)
{
    for (size_t i = 0; i < kept->count; i++)
        if (kept->items[i].number == number)
            return 1;
    return 0;
}

static void first_last_and_peak_stay(void **state)
{
    (void)state;
    struct kept_snapshots kept = {0};
    add_run(&kept, 1000, 8, 333);
    assert_int_equal(kept.count, 8);
    assert_true(is_kept(&kept, 0));
    assert_true(is_kept(&kept, 333));
    assert_true(is_kept(&kept, 999));
    assert_true(is_kept(&kept, 997)); /* the gaps grow with age */
    assert_true(is_kept(&kept, 815));
    kept_snapshots_clear(&kept);
}

/* Of those in the second half there are more than in the first. */
static void the_old_are_thinned_more(void **state)
{
    (void)state;
    struct kept_snapshots kept = {0};
    add_run(&kept, 4096, 16, 4095);
    size_t young = 0;
    for (size_t i = 0; i < kept.count; i++)
        young += kept.items[i].number >= 2048;
    assert_int_equal(kept.count, 16);
    assert_true(young > 9 && young < 15);
    kept_snapshots_clear(&kept);
}

static void few_are_the_newest(void **state)
{
    (void)state;
    struct kept_snapshots kept = {0};
    add_run(&kept, 50, 1, 20);
    assert_int_equal(kept.count, 1);
    assert_true(is_kept(&kept, 49));
    kept_snapshots_clear(&kept);
    add_run(&kept, 50, 2, 20);
    assert_int_equal(kept.count, 2);
    assert_true(is_kept(&kept, 0) && is_kept(&kept, 49));
    kept_snapshots_clear(&kept);
}

static void processes_do_not_count_for_each_other(void **state)
{
    (void)state;
    struct kept_snapshots kept = {0};
    uint32_t dropped = 77;
    for (uint32_t i = 0; i < 6; i++)
        assert_false(
            kept_snapshots_add(&kept, &(struct kept_snapshot){i, i % 2, i, 0}, 3, &dropped));
    assert_true(kept_snapshots_add(&kept, &(struct kept_snapshot){6, 0, 6, 0}, 3, &dropped));
    assert_int_equal(dropped % 2, 0);
    assert_int_equal(kept.count, 6);
    kept_snapshots_clear(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_last_and_peak_stay),
        cmocka_unit_test(the_old_are_thinned_more),
        cmocka_unit_test(few_are_the_newest),
        cmocka_unit_test(processes_do_not_count_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
