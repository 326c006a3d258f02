#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/mappings.h"

enum {
    ANONYMOUS = 1,
    FILE_BACKED = 0
};

static const struct mapping_site *site_at(const struct mappings *mappings, size_t id)
{
    assert_true(id < mappings->site_count);
    return &mappings->sites[id];
}

static void test_pieces_of_one_mapping(void **state)
{
    (void)state;
    struct mappings mappings = {0};
    mappings_map(&mappings, 1000, 2000, 1, 22, ANONYMOUS);
    mappings_unmap(&mappings, 900, 1100);  /* the front */
    mappings_unmap(&mappings, 1900, 5000); /* the end */
    mappings_unmap(&mappings, 1400, 1500); /* the middle */
    mappings_unmap(&mappings, 1400, 1500); /* nothing */
    mappings_unmap(&mappings, 1450, 1420); /* less than nothing */
    const struct mapping_site *site = site_at(&mappings, 0);
    assert_int_equal(site->count, 1);
    assert_int_equal(site->live_count, 1);
    assert_int_equal(site->live_bytes, 700);
    assert_int_equal(mappings.ranges.count, 2);
    mappings_unmap(&mappings, 1100, 1400);
    assert_int_equal(site->live_count, 1);
    assert_int_equal(site->live_bytes, 400);
    mappings_unmap(&mappings, 0, 10000);
    assert_int_equal(site->live_count, 0);
    assert_int_equal(site->live_bytes, 0);
    assert_int_equal(site->mapped_bytes, 1000);
    assert_int_equal(mappings.anonymous_bytes, 0);
    assert_int_equal(mappings.anonymous_peak_bytes, 1000);
    mappings_clear(&mappings);
}

static void test_mapping_over_several(void **state)
{
    (void)state;
    struct mappings mappings = {0};
    for (uint64_t i = 0; i < 10; i++)
        mappings_map(&mappings, i * 100, i * 100 + 100, 1, 22, ANONYMOUS);
    mappings_map(&mappings, 150, 850, 2, 22, FILE_BACKED);
    assert_int_equal(site_at(&mappings, 0)->live_bytes, 300);
    assert_int_equal(site_at(&mappings, 0)->live_count, 4);
    assert_int_equal(site_at(&mappings, 1)->live_bytes, 700);
    assert_int_equal(site_at(&mappings, 1)->live_count, 1);
    assert_int_equal(mappings.anonymous_bytes, 300);
    mappings_map(&mappings, 200, 300, 2, 22, ANONYMOUS); /* the same stack, another kind */
    assert_int_equal(mappings.site_count, 3);
    mappings_clear(&mappings);
}

static void test_ids_of_dead_mappings_are_used_again(void **state)
{
    (void)state;
    struct mappings mappings = {0};
    for (uint64_t i = 0; i < 10000; i++) {
        mappings_map(&mappings, i, i + 1, (uint32_t)(i % 3), 22, ANONYMOUS);
        if (i >= 10)
            mappings_unmap(&mappings, i - 10, i - 9);
    }
    assert_true(mappings.mapping_count <= 11);
    assert_int_equal(mappings.ranges.count, 10);
    assert_true(mappings_own_bytes(&mappings) < 8192);
    mappings_clear(&mappings);
}

static void test_many_ranges_in_order(void **state)
{
    (void)state;
    enum {
        COUNT = 50000
    };
    struct mappings mappings = {0};
    for (uint64_t i = 0; i < COUNT; i++) /* the order that would make a plain tree a list */
        mappings_map(&mappings, i * 2, i * 2 + 1, 1, 22, ANONYMOUS);
    assert_int_equal(mappings.anonymous_bytes, COUNT);
    for (uint64_t i = COUNT; i-- > COUNT / 2;)
        mappings_unmap(&mappings, i * 2, i * 2 + 1);
    assert_int_equal(mappings.anonymous_bytes, COUNT / 2);
    mappings_unmap(&mappings, 0, UINT64_MAX);
    assert_int_equal(mappings.anonymous_bytes, 0);
    assert_int_equal(mappings.ranges.count, 0);
    mappings_clear(&mappings);
}

static void add_bytes(void *context, const struct interval *interval)
{
    *(uint64_t *)context += interval->end - interval->start;
}

static uint64_t bytes_of(const struct interval_map *map)
{
    uint64_t bytes = 0;
    interval_map_visit(map, add_bytes, &bytes);
    return bytes;
}

/* What stands somewhere last is what counts. */
static void test_heaps_of_allocators(void **state)
{
    (void)state;
    struct mappings mappings = {0};
    mappings_map(&mappings, 1000, 2000, 1, 22, ANONYMOUS);
    mappings_map_heap(&mappings, 1500, 3000);
    assert_int_equal(bytes_of(&mappings.ranges), 500);
    assert_int_equal(bytes_of(&mappings.heaps), 1500);
    assert_int_equal(mappings.anonymous_bytes, 500);
    mappings_map(&mappings, 2000, 2100, 1, 22, ANONYMOUS);
    assert_int_equal(bytes_of(&mappings.ranges), 600);
    assert_int_equal(bytes_of(&mappings.heaps), 1400);
    mappings_unmap(&mappings, 0, 2500);
    assert_int_equal(bytes_of(&mappings.ranges), 0);
    assert_int_equal(bytes_of(&mappings.heaps), 500);
    mappings_clear(&mappings);
}

/* What has held a block is heap until it is unmapped, all of its pieces. */
static void test_mappings_that_held_a_block(void **state)
{
    (void)state;
    uint64_t program = 0, heap = 0;
    struct mappings mappings = {0};
    mappings_map(&mappings, 1000, 2000, 1, 22, ANONYMOUS);
    mappings_map(&mappings, 2000, 2500, 1, 22, ANONYMOUS);
    mappings_map_heap(&mappings, 5000, 5010);
    mappings_hold_block(&mappings, 1999);
    mappings_hold_block(&mappings, 999);  /* nowhere */
    mappings_hold_block(&mappings, 5000); /* heap already */
    mappings_unmap(&mappings, 1200, 1300);
    mappings_visit_program(&mappings, add_bytes, &program);
    mappings_visit_heap(&mappings, add_bytes, &heap);
    assert_int_equal(program, 500);
    assert_int_equal(heap, 900 + 10);
    mappings_map(&mappings, 1000, 2000, 1, 22, ANONYMOUS);
    program = 0;
    mappings_visit_program(&mappings, add_bytes, &program);
    assert_int_equal(program, 1500);
    mappings_clear(&mappings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_of_one_mapping),
        cmocka_unit_test(test_mapping_over_several),
        cmocka_unit_test(test_ids_of_dead_mappings_are_used_again),
        cmocka_unit_test(test_many_ranges_in_order),
        cmocka_unit_test(test_heaps_of_allocators),
        cmocka_unit_test(test_mappings_that_held_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
