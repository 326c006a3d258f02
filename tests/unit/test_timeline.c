#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/timeline.h"

struct written {
    struct timeline_delta deltas[64];
    size_t count;
    uint64_t blocks[64];
    size_t block_count;
    uint64_t bucket_ns;
};

static void keep(void *context, uint64_t block_index, uint64_t bucket_ns, uint64_t delta_count,
                 const uint8_t *bytes, size_t byte_count)
{
    struct written *written = context;
    struct timeline_reader reader = {.bytes = bytes, .byte_count = byte_count};
    written->bucket_ns = bucket_ns;
    written->blocks[written->block_count++] = block_index;
    for (uint64_t i = 0; i < delta_count; i++) {
        assert_true(written->count < 64);
        assert_true(timeline_reader_next(&reader, &written->deltas[written->count++]));
    }
    struct timeline_delta none;
    assert_false(timeline_reader_next(&reader, &none));
}

static struct written write_blocks(struct timeline *timeline, const struct site_table *sites,
                                   bool is_everything)
{
    struct written written = {0};
    timeline_write_blocks(timeline, sites, is_everything, keep, &written);
    return written;
}

static void allocate(struct timeline *timeline, struct site_table *sites, uint64_t time,
                     uint32_t id)
{
    timeline_advance(timeline, sites, time);
    struct site *site = site_table_at(sites, id);
    timeline_keep_site(timeline, id, site);
    site->allocations++;
    site->allocated_bytes += 10 + id;
}

static void assert_delta(const struct timeline_delta *delta, uint64_t bucket, uint64_t site,
                         uint64_t allocations)
{
    assert_int_equal(delta->bucket, bucket);
    assert_int_equal(delta->site, site);
    assert_int_equal(delta->allocations, allocations);
    assert_int_equal(delta->allocated_bytes, allocations * (10 + site));
    assert_int_equal(delta->frees, 0);
}

static void add_sites(struct site_table *sites, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        site_table_add(sites, i, 0);
}

static void test_deltas_by_bucket_and_site(void **state)
{
    (void)state;
    struct timeline timeline;
    struct site_table sites = {0};
    add_sites(&sites, 3);
    timeline_init(&timeline, 100, 0, 0, 0);
    allocate(&timeline, &sites, 10, 2);
    allocate(&timeline, &sites, 20, 0);
    allocate(&timeline, &sites, 99, 2);
    allocate(&timeline, &sites, 100, 1);
    allocate(&timeline, &sites, 950, 1);
    struct written written = write_blocks(&timeline, &sites, true);
    assert_int_equal(written.block_count, 1);
    assert_int_equal(written.count, 4);
    assert_delta(&written.deltas[0], 0, 0, 1);
    assert_delta(&written.deltas[1], 0, 2, 2);
    assert_delta(&written.deltas[2], 1, 1, 1);
    assert_delta(&written.deltas[3], 9, 1, 1);
    timeline_clear(&timeline);
    site_table_clear(&sites);
}

static void test_blocks_are_written_once(void **state)
{
    (void)state;
    struct timeline timeline;
    struct site_table sites = {0};
    add_sites(&sites, 1);
    timeline_init(&timeline, 100, 0, 0, 5000);
    assert_int_equal(write_blocks(&timeline, &sites, false).block_count, 0);
    allocate(&timeline, &sites, 5010, 0);
    allocate(&timeline, &sites, 5110, 0);
    struct written written = write_blocks(&timeline, &sites, false); /* not the open bucket */
    assert_int_equal(written.count, 1);
    assert_delta(&written.deltas[0], 50, 0, 1);
    assert_int_equal(write_blocks(&timeline, &sites, false).block_count, 0);
    written = write_blocks(&timeline, &sites, true);
    assert_int_equal(written.count, 2);
    assert_int_equal(written.blocks[1], 1);
    allocate(&timeline, &sites, 5210, 0);
    written = write_blocks(&timeline, &sites, false); /* replaces what was open */
    assert_int_equal(written.blocks[0], 1);
    assert_int_equal(written.count, 1);
    assert_delta(&written.deltas[0], 51, 0, 1);
    timeline_clear(&timeline);
    site_table_clear(&sites);
}

static void test_buckets_widen_in_whole_pairs(void **state)
{
    (void)state;
    struct timeline timeline;
    struct site_table sites = {0};
    add_sites(&sites, 2);
    timeline_init(&timeline, 100, 3, 0, 0);
    allocate(&timeline, &sites, 0, 0);   /* bucket 0 */
    allocate(&timeline, &sites, 150, 1); /* 1 */
    allocate(&timeline, &sites, 160, 0);
    allocate(&timeline, &sites, 250, 0); /* 2 */
    write_blocks(&timeline, &sites, false);
    allocate(&timeline, &sites, 350, 0); /* 3: four deltas, but the pair 2, 3 is not whole */
    assert_int_equal(timeline.bucket_ns, 100);
    allocate(&timeline, &sites, 450, 1); /* 4: now they are widened */
    assert_int_equal(timeline.bucket_ns, 200);
    assert_true(timeline.was_widened);
    struct written written = write_blocks(&timeline, &sites, true);
    assert_false(timeline.was_widened);
    assert_int_equal(written.bucket_ns, 200);
    assert_int_equal(written.count, 4);
    assert_delta(&written.deltas[0], 0, 0, 2);
    assert_delta(&written.deltas[1], 0, 1, 1);
    assert_delta(&written.deltas[2], 1, 0, 2);
    assert_delta(&written.deltas[3], 2, 1, 1);
    timeline_clear(&timeline);
    site_table_clear(&sites);
}

/* Which bucket an event falls into, while buckets widen twice: one at an edge begins the next
 * bucket, and edges that were there before are gone. */
static void test_edges_of_buckets(void **state)
{
    static const uint64_t times[] = {0, 99, 100, 199, 200, 399, 400, 799, 800, 1601};
    (void)state;
    struct timeline timeline;
    struct site_table sites = {0};
    add_sites(&sites, 1);
    timeline_init(&timeline, 100, 2, 0, 0);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        allocate(&timeline, &sites, times[i], 0);
    struct written written = write_blocks(&timeline, &sites, true);
    /* Buckets are 800 wide: eight before 800, one in the next, one in the third. */
    assert_int_equal(written.bucket_ns, 800);
    assert_int_equal(written.count, 3);
    assert_delta(&written.deltas[0], 0, 0, 8);
    assert_delta(&written.deltas[1], 1, 0, 1);
    assert_delta(&written.deltas[2], 2, 0, 1);
    timeline_clear(&timeline);
    site_table_clear(&sites);
}

/* Two days of steady work, at ten million nanoseconds a step, in 64 KiB. */
static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct timeline timeline;
    struct site_table sites = {0};
    add_sites(&sites, 20);
    timeline_init(&timeline, 0, 0, 32 << 10, 0);
    uint64_t allocations = 0;
    for (uint64_t time = 0; time < 172800000000000; time += 500000000) {
        allocate(&timeline, &sites, time, (uint32_t)(time / 500000000 % 20));
        allocations++;
        assert_true(timeline.byte_count < 64 << 10);
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 20; i++)
        sum += site_table_at(&sites, i)->allocations;
    assert_int_equal(sum, allocations);
    assert_true(timeline.bucket_ns > 10000000);
    assert_true(timeline_own_bytes(&timeline) < 128 << 10);
    timeline_clear(&timeline);
    site_table_clear(&sites);
}

static void test_damaged_bytes_end_the_reading(void **state)
{
    (void)state;
    const uint8_t endless[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint8_t cut[] = {1, 2, 3, 4, 5};
    struct timeline_delta delta;
    struct timeline_reader reader = {.bytes = endless, .byte_count = sizeof endless};
    assert_false(timeline_reader_next(&reader, &delta));
    reader = (struct timeline_reader){.bytes = cut, .byte_count = sizeof cut};
    assert_false(timeline_reader_next(&reader, &delta));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deltas_by_bucket_and_site),
        cmocka_unit_test(test_blocks_are_written_once),
        cmocka_unit_test(test_buckets_widen_in_whole_pairs),
        cmocka_unit_test(test_edges_of_buckets),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_damaged_bytes_end_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
