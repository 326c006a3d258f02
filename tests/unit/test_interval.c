/* A recording between two of its instants.
 *
 * The timeline, in buckets of 100 ms, of three sites of one process that lasts 2 s:
 *
 *     bucket   a                b                 c
 *     0        +4 / 400 bytes
 *     3        +1 / 100         +10 / 1000
 *     5        -2 / 200         -10 / 1000
 *     12                                          +1 / 50
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "analysis/instant.h"
#include "analysis/interval.h"
#include "analysis/query.h"
#include "heap/timeline_codec.h"
#include "profile_builder.h"

#define MS UINT64_C(1000000)

struct fixture {
    char path[64];
    struct recording_reader *reader;
    struct profile *whole;
    struct profile_builder *builder;
    struct timeline_writer deltas, void_deltas; /* the builder borrows their bytes */
    uint64_t mark_sites[16];
};

static void add(struct fixture *fixture, uint64_t bucket, uint64_t site, uint64_t allocations,
                uint64_t allocated_bytes, uint64_t frees, uint64_t freed_bytes)
{
    timeline_writer_add(
        &fixture->deltas,
        &(struct timeline_delta){bucket, site, allocations, allocated_bytes, frees, freed_bytes});
}

static void add_timeline(struct fixture *fixture, uint64_t block_index, uint64_t bucket_ns)
{
    struct timeline_writer *deltas = &fixture->deltas;
    const struct recording_timeline timeline = {
        .block_index = block_index,
        .bucket_ns = bucket_ns,
        .delta_count = deltas->delta_count,
        .deltas = {deltas->bytes, deltas->byte_count},
    };
    profile_builder_add_record(fixture->builder, RECORDING_timeline, &timeline);
}

static void fill(struct fixture *fixture)
{
    struct profile_builder *builder = fixture->builder;
    struct recording_process *process = profile_builder_add_process(builder,
                                                                    PROFILE_BUILDER_PROGRAM);
    process->end_ns = 2000 * MS;
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1;a@m.c:2", 5, 500, 2, 200);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1;b@m.c:3", 10, 1000, 10, 1000);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1;c@m.c:4", 1, 50, 0, 0);
    /* What was written before buckets were widened is void. */
    add(fixture, 1, 0, 99, 99, 0, 0);
    add_timeline(fixture, 0, 50 * MS);
    fixture->void_deltas = fixture->deltas;
    fixture->deltas = (struct timeline_writer){0};
    add(fixture, 0, 0, 4, 400, 0, 0);
    add(fixture, 3, 0, 1, 100, 0, 0);
    add(fixture, 3, 1, 10, 1000, 0, 0);
    add(fixture, 5, 0, 0, 0, 2, 200);
    add(fixture, 5, 1, 0, 0, 10, 1000);
    add(fixture, 12, 2, 1, 50, 0, 0);
    add_timeline(fixture, 0, 100 * MS);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error;
    strcpy(fixture->path, "/tmp/test_interval.XXXXXX");
    close(mkstemp(fixture->path));
    fixture->builder = profile_builder_create();
    fill(fixture);
    /* Within bucket 3: a's block was there, and four of b's. */
    const uint64_t sites[16] = {0, 5, 500, 0, 0, 0, 0, 0, 1, 4, 400, 0, 0, 0, 0, 0};
    memcpy(fixture->mark_sites, sites, sizeof sites);
    const struct recording_mark mark = {.process_id_plus_1 = 1,
                                        .time_ns = 350 * MS,
                                        .name = "middle",
                                        .has_figures = 1,
                                        .sites = {fixture->mark_sites, 16}};
    profile_builder_add_record(fixture->builder, RECORDING_mark, &mark);
    profile_builder_write(fixture->builder, fixture->path);
    fixture->reader = recording_reader_open(fixture->path, &error);
    fixture->whole = profile_load(fixture->reader, &(struct profile_options){0}, &error);
    assert_non_null(fixture->whole);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    profile_destroy(fixture->whole);
    recording_reader_close(fixture->reader);
    profile_builder_destroy(fixture->builder);
    free(fixture->deltas.bytes);
    free(fixture->void_deltas.bytes);
    unlink(fixture->path);
    free(fixture);
    return 0;
}

static struct profile *cut(struct fixture *fixture, const char *from, const char *to,
                           struct error *error)
{
    struct instant ends[2];
    assert_true(instant_parse(from, &ends[0], error));
    assert_true(instant_parse(to, &ends[1], error));
    return interval_create(fixture->whole, fixture->reader, &ends[0], &ends[1], error);
}

/* By the name of the site's function: blocks inherited, allocated, freed, live; bytes net. */
static void check_site(const struct profile *profile, const char *function, uint64_t inherited,
                       uint64_t allocations, uint64_t frees, uint64_t live, int64_t net_bytes)
{
    for (size_t i = 0; i < profile->site_count; i++) {
        const struct profile_site *site = &profile->sites[i];
        const struct profile_node *node = &profile->nodes[site->stack_node];
        const struct profile_frame *frame = &profile->frames[node->frame];
        if (strcmp(profile->locations[frame->first_location].function, function) != 0)
            continue;
        assert_int_equal(site->figures.inherited_blocks, inherited);
        assert_int_equal(site->figures.allocations, allocations);
        assert_int_equal(site->figures.frees, frees);
        assert_int_equal(site->figures.live_blocks, live);
        assert_true((int64_t)query_site_value(site, QUERY_NET_BYTES) == net_bytes);
        return;
    }
    fail_msg("no site of %s", function);
}

static void test_between_times(void **state)
{
    struct error error;
    struct profile *profile = cut(*state, "+300ms", "+600ms", &error);
    assert_non_null(profile);
    check_site(profile, "a", 4, 1, 2, 3, -100);
    check_site(profile, "b", 0, 10, 10, 0, 0);
    check_site(profile, "c", 0, 0, 0, 0, 0);
    const struct recording_totals *totals = &profile->processes[0].totals;
    assert_int_equal(totals->allocations, 11);
    assert_int_equal(totals->frees, 12);
    assert_int_equal(totals->inherited_bytes, 400);
    assert_int_equal(totals->live_bytes, 300);
    assert_int_equal(profile->interval.from_ns, 300 * MS);
    assert_int_equal(profile->interval.to_ns, 600 * MS);
    assert_string_equal(profile->interval.to, "+600 ms");
    profile_destroy(profile);
}

static void test_times_are_moved_to_edges(void **state)
{
    struct error error;
    struct profile *profile = cut(*state, "+349ms", "-1401ms", &error);
    assert_non_null(profile);
    assert_int_equal(profile->interval.from_ns, 300 * MS);
    assert_int_equal(profile->interval.to_ns, 600 * MS);
    assert_int_equal(profile->interval.bucket_ns, 100 * MS);
    profile_destroy(profile);
}

/* Which edge an instant becomes, and how headers say so. */
static void test_picking_of_instants(void **state)
{
    static const struct {
        const char *asked;
        uint64_t asked_ns, stands_ns;
        const char *text;
    } answers[] = {
        {"+0s", 0, 0, "+0 ns"},
        {"+1ms", 1 * MS, 0, "+0 ns (asked +1.0 ms)"},
        {"+49ms", 49 * MS, 0, "+0 ns (asked +49.0 ms)"},
        {"+50ms", 50 * MS, 100 * MS, "+100 ms (asked +50.0 ms)"},
        {"+100ms", 100 * MS, 100 * MS, "+100 ms"},
        {"+949ms", 949 * MS, 900 * MS, "+900 ms (asked +949 ms)"},
        {"+950ms", 950 * MS, 1000 * MS, "+1.00 s (asked +950 ms)"},
        {"-1401ms", 599 * MS, 600 * MS, "+600 ms (asked +599 ms)"},
        {"-1951ms", 49 * MS, 0, "+0 ns (asked +49.0 ms)"},
        {"mark:middle", 350 * MS, 350 * MS, "mark:middle (+350 ms)"},
        {"start", 0, 0, "start"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct error error;
        struct profile *profile = cut(*state, answers[i].asked, "end", &error);
        if (!profile)
            fail_msg("%s: %s", answers[i].asked, error.message);
        assert_int_equal(profile->interval.from_asked_ns, answers[i].asked_ns);
        assert_int_equal(profile->interval.from_ns, answers[i].stands_ns);
        assert_string_equal(profile->interval.from, answers[i].text);
        profile_destroy(profile);
    }
}

static void test_until_the_end(void **state)
{
    struct error error;
    struct profile *profile = cut(*state, "+600ms", "end", &error);
    assert_non_null(profile);
    check_site(profile, "a", 3, 0, 0, 3, 0);
    check_site(profile, "c", 0, 1, 0, 1, 50);
    assert_string_equal(profile->interval.to, "end");
    profile_destroy(profile);
}

/* A mark is exact, though it stands within a bucket. */
static void test_from_a_mark(void **state)
{
    struct error error;
    struct profile *profile = cut(*state, "mark:middle", "end", &error);
    assert_non_null(profile);
    check_site(profile, "a", 5, 0, 2, 3, -200);
    check_site(profile, "b", 4, 6, 10, 0, -400);
    assert_int_equal(profile->interval.from_ns, 350 * MS);
    assert_string_equal(profile->interval.from, "mark:middle (+350 ms)");
    profile_destroy(profile);
}

static void test_state_at_an_instant(void **state)
{
    struct error error;
    struct profile *profile = cut(*state, "start", "+400ms", &error);
    assert_non_null(profile);
    check_site(profile, "a", 0, 5, 0, 5, 500);
    check_site(profile, "b", 0, 10, 0, 10, 1000);
    assert_true(profile->interval.is_from_start);
    uint32_t known = query_known_metrics(profile, 0, QUERY_BY_SITE);
    assert_true(known >> QUERY_LIVE_BYTES & 1);
    assert_false(known >> QUERY_NET_BYTES & 1);
    assert_false(known >> QUERY_PEAK_BYTES & 1);
    profile_destroy(profile);
}

static void test_void_sites_are_left_out(void **state)
{
    struct error error;
    struct profile *profile = cut(*state, "+300ms", "+600ms", &error);
    const struct query query = {.sort = QUERY_NET_BYTES, .process = QUERY_ALL_PROCESSES};
    struct query_result result;
    assert_true(query_run(profile, &query, &result, &error));
    assert_int_equal(result.row_count, 2);
    assert_string_equal(result.rows[0].name, "b");
    assert_string_equal(result.rows[1].name, "a"); /* less than nothing comes last */
    assert_true((int64_t)result.total.values[QUERY_NET_BYTES] == -100);
    query_result_clear(&result);
    profile_destroy(profile);
}

static void check_refused(struct fixture *fixture, const char *from, const char *to,
                          const char *reason)
{
    struct error error;
    assert_null(cut(fixture, from, to, &error));
    assert_non_null(strstr(error.message, reason));
}

static void test_refused(void **state)
{
    check_refused(*state, "+600ms", "+300ms", "is later than");
    check_refused(*state, "+310ms", "+320ms", "tells apart");
    check_refused(*state, "+3s", "end", "lasts 2.00 s only");
    check_refused(*state, "mark:nowhere", "end", "no mark:nowhere");
    check_refused(*state, "snapshot:0", "end", "no snapshot:0");
}

static void test_names(void **state)
{
    static const char *const bad[] = {"",      "ends", "+",         "-",    "+-3s", "+x",
                                      "mark:", "3s",   "snapshot:", "++3s", "- 3s"};
    static const char *const good[][2] = {
        {"start", "start"},           {"peak", "peak"},        {"end", "end"},
        {"+90s", "+1 min 30 s"},      {"-250ms", "-250 ms"},   {"+.5", "+500 ms"},
        {"snapshot:3", "snapshot:3"}, {"mark:a b", "mark:a b"}};
    struct instant instant;
    struct error error;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(instant_parse(bad[i], &instant, &error));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct text text = {0};
        assert_true(instant_parse(good[i][0], &instant, &error));
        instant_print(&instant, &text);
        assert_string_equal(text_get(&text), good[i][1]);
        text_clear(&text);
    }
}

int main(void)
{
#define INTERVAL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        INTERVAL_TEST(test_between_times),
        INTERVAL_TEST(test_times_are_moved_to_edges),
        INTERVAL_TEST(test_picking_of_instants),
        INTERVAL_TEST(test_until_the_end),
        INTERVAL_TEST(test_from_a_mark),
        INTERVAL_TEST(test_state_at_an_instant),
        INTERVAL_TEST(test_void_sites_are_left_out),
        INTERVAL_TEST(test_refused),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
