#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/site_plans.h"
#include "profile_builder.h"

static struct profile *load_site(uint64_t allocations, uint64_t allocated, uint64_t frees,
                                 uint64_t freed, uint64_t peak_blocks, uint64_t peak_bytes,
                                 uint64_t temporary)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    struct recording_site *site = profile_builder_add_site(
        builder, 0, FUNCTION_MALLOC, "main@main.c:1", allocations, allocated, frees, freed);
    site->peak_blocks = peak_blocks;
    site->peak_bytes = peak_bytes;
    site->temporary_allocations = temporary;
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

static void assert_batch(const struct site_batch *batch, uint64_t count, uint64_t bytes,
                         uint64_t small_bytes, uint64_t large_count)
{
    assert_int_equal(batch->count, count);
    assert_int_equal(batch->bytes, bytes);
    assert_int_equal(batch->small_bytes, small_bytes);
    assert_int_equal(batch->large_count, large_count);
}

/* 20 blocks of 1003 bytes in all; 8 of 400 at the peak, 5 of 250 at the end: the five stayed since
 * the peak, three went, none came, and twelve of 603 bytes came and went, four of them at once. */
static void test_sums_come_again(void **state)
{
    (void)state;
    static const uint32_t sites[] = {0};
    struct profile *profile = load_site(20, 1003, 15, 753, 8, 400, 4);
    struct site_plans plans;

    site_plans_make(profile, sites, 1, 1000, &plans);
    assert_int_equal(plans.count, 1);
    assert_int_equal(plans.divisor, 1);
    assert_int_equal(plans.peak_bytes, 400);
    assert_null(plans.last);
    assert_batch(&plans.items[0].kept, 5, 250, 50, 0);
    assert_batch(&plans.items[0].dropped, 3, 150, 50, 0);
    assert_batch(&plans.items[0].grown, 0, 0, 0, 0);
    assert_batch(&plans.items[0].transient, 12, 603, 50, 3);
    assert_int_equal(plans.items[0].temporary_count, 4);
    site_plans_clear(&plans);
    profile_destroy(profile);
}

/* All four blocks were there at the peak, also the one that was temporary. */
static void test_a_temporary_block_of_the_peak(void **state)
{
    (void)state;
    static const uint32_t sites[] = {0};
    struct profile *profile = load_site(4, 40, 1, 10, 4, 40, 1);
    struct site_plans plans;

    site_plans_make(profile, sites, 1, 1000, &plans);
    assert_batch(&plans.items[0].kept, 3, 30, 10, 0);
    assert_batch(&plans.items[0].dropped, 1, 10, 10, 0);
    assert_int_equal(plans.items[0].transient.count, 0);
    assert_ptr_equal(plans.last, &plans.items[0]);
    site_plans_clear(&plans);
    profile_destroy(profile);
}

/* 1000 blocks of 16 bytes with room for 100: each stands for 11, and sums of what is held stay. */
static void test_fewer_stand_for_many(void **state)
{
    (void)state;
    static const uint32_t sites[] = {0};
    struct profile *profile = load_site(1000, 16000, 0, 0, 1000, 16000, 0);
    struct site_plans plans;

    site_plans_make(profile, sites, 1, 100, &plans);
    assert_int_equal(plans.divisor, 11);
    assert_batch(&plans.items[0].kept, 91, 16000, 175, 75);
    site_plans_clear(&plans);
    profile_destroy(profile);
}

/* More at the peak than was ever allocated: peak and end are as they were told. */
static void test_forged_figures(void **state)
{
    (void)state;
    static const uint32_t sites[] = {0};
    struct profile *profile = load_site(2, 20, 0, 0, 900, 5, 7);
    struct site_plans plans;

    site_plans_make(profile, sites, 1, 10000, &plans);
    const struct site_plan *plan = &plans.items[0];
    assert_int_equal(plan->kept.bytes + plan->dropped.bytes, 5);
    assert_int_equal(plan->kept.bytes + plan->grown.bytes, 20);
    assert_int_equal(plan->transient.count, 0);
    assert_int_equal(plan->temporary_count, 0);
    site_plans_clear(&plans);
    profile_destroy(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_come_again),
        cmocka_unit_test(test_a_temporary_block_of_the_peak),
        cmocka_unit_test(test_fewer_stand_for_many),
        cmocka_unit_test(test_forged_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
