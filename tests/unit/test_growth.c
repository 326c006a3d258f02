/* Growth of sites whose timelines are known: a leak of 1,000 bytes a second for a minute, a cache
 * that is full after ten seconds, and what is freed again; and journals in which blocks replace
 * each other. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/growth.h"
#include "analysis/site_series.h"
#include "heap/timeline_codec.h"
#include "profile_builder.h"
#include "snapshot/snapshot.h"

#define SECOND UINT64_C(1000000000)

enum {
    LEAK,
    CACHE,
    CHURN,
    SITES
};

enum {
    MOST_BLOCKS = 4
};

struct example {
    struct profile_builder *builder;
    struct recording_reader *reader;
    struct profile *profile;
    struct timeline_writer deltas;
    uint8_t *blocks[MOST_BLOCKS]; /* bytes that the recording borrows */
    size_t block_count;
};

static void begin(struct example *example, uint64_t seconds)
{
    static const char *const stacks[SITES] = {"main@a.c:1;leak@a.c:2", "main@a.c:1;cache@a.c:3",
                                              "main@a.c:1;churn@a.c:4"};

    *example = (struct example){.builder = profile_builder_create()};
    profile_builder_add_process(example->builder, PROFILE_BUILDER_PROGRAM)->end_ns = seconds *
                                                                                     SECOND;
    for (int i = 0; i < SITES; i++)
        profile_builder_add_site(example->builder, 0, FUNCTION_MALLOC, stacks[i], 1, 1, 0, 0);
}

static void add(struct example *example, uint64_t bucket, uint64_t site, uint64_t allocated,
                uint64_t freed)
{
    timeline_writer_add(&example->deltas, &(struct timeline_delta){.bucket = bucket,
                                                                   .site = site,
                                                                   .allocations = 1,
                                                                   .allocated_bytes = allocated,
                                                                   .frees = freed != 0,
                                                                   .freed_bytes = freed});
}

/* What was added since the last call becomes a block. */
static void end_block(struct example *example, uint64_t index, uint64_t bucket_ns)
{
    struct recording_timeline *record = calloc(1, sizeof *record);

    *record = (struct recording_timeline){
        .block_index = index,
        .bucket_ns = bucket_ns,
        .delta_count = example->deltas.delta_count,
        .deltas = {.bytes = example->deltas.bytes, .count = example->deltas.byte_count}};
    profile_builder_add_record(example->builder, RECORDING_timeline, record);
    free(record);
    assert_true(example->block_count < MOST_BLOCKS);
    example->blocks[example->block_count++] = example->deltas.bytes;
    example->deltas = (struct timeline_writer){0};
}

static void load(struct example *example)
{
    char path[] = "/tmp/test_growth.XXXXXX";
    struct error error;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    profile_builder_write(example->builder, path);
    example->reader = recording_reader_open(path, &error);
    assert_non_null(example->reader);
    example->profile = profile_load(example->reader, &(struct profile_options){0}, &error);
    assert_non_null(example->profile);
    unlink(path);
}

static void clear(struct example *example)
{
    profile_destroy(example->profile);
    recording_reader_close(example->reader);
    profile_builder_destroy(example->builder);
    for (size_t i = 0; i < example->block_count; i++)
        free(example->blocks[i]);
}

static void add_minute(struct example *example, uint64_t seconds)
{
    for (uint64_t second = 0; second < seconds; second++) {
        add(example, second, LEAK, 1000, 0);
        if (second < 10)
            add(example, second, CACHE, 100000, 0);
        add(example, second, CHURN, 50000 + second % 3 * 1000,
            second ? 50000 + (second - 1) % 3 * 1000 : 0);
    }
}

static void find(const struct example *example, struct growth *growth)
{
    struct snapshot_list snapshots;

    assert_true(snapshot_list_read(&snapshots, example->reader, NULL));
    growth_find(example->profile, example->reader, &snapshots, 0, growth);
    snapshot_list_clear(&snapshots);
}

static const struct growth_site *site_named(const struct example *example,
                                            const struct growth *growth, uint64_t id)
{
    for (size_t i = 0; i < growth->count; i++)
        if (example->profile->sites[growth->sites[i].site].figures.id == id)
            return &growth->sites[i];
    return NULL;
}

static void test_three_sites(void **state)
{
    struct example example;
    struct growth growth;

    (void)state;
    begin(&example, 60);
    add_minute(&example, 60);
    end_block(&example, 0, SECOND);
    load(&example);
    find(&example, &growth);
    assert_int_equal(growth.count, SITES);
    assert_int_equal(growth.growing_count, 1);
    assert_false(growth.is_too_short);
    assert_int_equal(growth.end_ns - growth.start_ns, 60 * SECOND);
    assert_ptr_equal(site_named(&example, &growth, LEAK), &growth.sites[0]);
    assert_in_range(growth.sites[0].bytes_per_minute, 59000, 61000);
    assert_in_range(growth.sites[0].low, 55000, growth.sites[0].bytes_per_minute);
    assert_in_range(growth.sites[0].high, growth.sites[0].bytes_per_minute, 65000);
    assert_in_range(growth.sites[0].level, 60000, 60000);
    assert_int_equal(site_named(&example, &growth, CACHE)->verdict, TREND_PLATEAU);
    assert_int_equal(site_named(&example, &growth, CHURN)->verdict, TREND_PLATEAU);
    growth_clear(&growth);
    clear(&example);
}

static void test_short(void **state)
{
    struct example example;
    struct growth growth;

    (void)state;
    begin(&example, 9);
    for (uint64_t i = 0; i < 9000; i++)
        add(&example, i, LEAK, 1000, 0);
    end_block(&example, 0, SECOND / 1000);
    load(&example);
    find(&example, &growth);
    assert_true(growth.is_too_short);
    assert_int_equal(growth.growing_count, 0);
    assert_int_equal(growth.count, 0);
    assert_int_equal(growth.end_ns - growth.start_ns, 9 * SECOND);
    growth_clear(&growth);
    clear(&example);
}

/* What destructors free behind the snapshot before them does not count. */
static void test_end(void **state)
{
    struct snapshot snapshot;
    struct example example;
    struct growth growth;

    (void)state;
    begin(&example, 61);
    add_minute(&example, 60);
    add(&example, 60, LEAK, 0, 60000);
    end_block(&example, 0, SECOND);
    snapshot_init(&snapshot);
    snapshot.time_ns = 60 * SECOND;
    snapshot.reason = SNAPSHOT_AT_BEFORE_EXIT;
    snapshot_end_references(&snapshot);
    profile_builder_add_snapshot(example.builder, &snapshot);
    load(&example);
    find(&example, &growth);
    assert_int_equal(growth.growing_count, 1);
    assert_int_equal(growth.end_ns, 60 * SECOND);
    growth_clear(&growth);
    clear(&example);
    snapshot_clear(&snapshot);
}

/* A block replaces an earlier one of its number; wider buckets make all before void. */
static void test_journal(void **state)
{
    const struct site_series_options options = {.most_sites = 10, .step_count = 4};
    struct site_series series;
    struct example example;

    (void)state;
    begin(&example, 8);
    add(&example, 0, LEAK, 77777, 0); /* void */
    end_block(&example, 0, SECOND);
    add(&example, 0, LEAK, 88888, 0); /* replaced */
    end_block(&example, 0, 2 * SECOND);
    add(&example, 2, LEAK, 400, 100);
    end_block(&example, 1, 2 * SECOND);
    add(&example, 0, LEAK, 1000, 0);
    add(&example, 3, LEAK, 0, 50);
    end_block(&example, 0, 2 * SECOND);
    load(&example);
    site_series_read(example.profile, example.reader, &options, &series);
    assert_int_equal(series.site_count, 3);
    assert_int_equal(example.profile->sites[series.sites[0]].figures.id, LEAK);
    assert_int_equal(series.start_ns, 0);
    assert_int_equal(series.end_ns, 8 * SECOND);
    assert_int_equal(series.levels[0], 1000);
    assert_int_equal(series.levels[1], 1000);
    assert_int_equal(series.levels[2], 1300);
    assert_int_equal(series.levels[3], 1250);
    site_series_clear(&series);
    clear(&example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_sites),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_journal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
