#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/diff.h"
#include "profile_builder.h"

/* What each site has in the base and in the other, live / at the peak:
 *
 *   main > same      100 / 100   100 / 100
 *   main > grows     200 / 300   900 / 900     two processes in the other: 400 + 500
 *   main > shrinks   500 / 500    50 / 800
 *   main > goes       70 /  70       -
 *   main > comes          -       30 /  30
 *   main > moves      10 /  10    10 /  10     other lines, file in another folder
 *   main > drops      40 /  40     0 /   0     still there, holds nothing
 */
static struct profile *profiles[DIFF_SIDES];

static void add(struct profile_builder *builder, uint64_t process, const char *stack, uint64_t live,
                uint64_t peak)
{
    profile_builder_add_site(builder, process, FUNCTION_MALLOC, stack, 10, 1000, 5, 1000 - live)
        ->peak_bytes = peak;
}

static int build(void **state)
{
    struct profile_builder *base = profile_builder_create();
    struct profile_builder *other = profile_builder_create();

    (void)state;
    profile_builder_add_process(base, PROFILE_BUILDER_PROGRAM);
    add(base, 0, "main@main.c:1;same@a.c:1", 100, 100);
    add(base, 0, "main@main.c:1;grows@a.c:2", 200, 300);
    add(base, 0, "main@main.c:1;shrinks@a.c:3", 500, 500);
    add(base, 0, "main@main.c:1;goes@a.c:4", 70, 70);
    add(base, 0, "main@main.c:1;moves@/build/one/a.c:5", 10, 10);
    add(base, 0, "main@main.c:1;drops@a.c:6", 40, 40);
    profile_builder_add_process(other, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_process(other, PROFILE_BUILDER_PROGRAM);
    add(other, 0, "main@main.c:1;same@a.c:1", 100, 100);
    add(other, 0, "main@main.c:1;grows@a.c:2", 400, 400);
    add(other, 1, "main@main.c:1;grows@a.c:2", 500, 500);
    add(other, 0, "main@main.c:1;shrinks@a.c:3", 50, 800);
    add(other, 0, "main@main.c:1;comes@a.c:4", 30, 30);
    add(other, 0, "main@main.c:9;moves@/build/two/a.c:55", 10, 10);
    add(other, 1, "main@main.c:1;drops@a.c:6", 0, 0);
    profiles[DIFF_BASE] = profile_builder_load(base);
    profiles[DIFF_OTHER] = profile_builder_load(other);
    profile_builder_destroy(base);
    profile_builder_destroy(other);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    profile_destroy(profiles[DIFF_BASE]);
    profile_destroy(profiles[DIFF_OTHER]);
    return 0;
}

static struct diff run(struct diff_options options)
{
    struct diff diff;

    if (!options.profiles[DIFF_BASE])
        memcpy(options.profiles, profiles, sizeof profiles);
    assert_true(diff_run(&options, &diff, NULL));
    return diff;
}

/* The innermost function of a row's site. */
static const char *name_of(const struct diff_row *row, const struct profile *profile)
{
    const struct profile_node *node = &profile->nodes[profile->sites[row->site].stack_node];

    return profile->locations[profile->frames[node->frame].first_location].function;
}

static void expect_row(const struct diff *diff, size_t position, const char *name,
                       enum diff_state state, uint64_t base, uint64_t other)
{
    const struct diff_row *row = &diff->rows[position];

    assert_true(position < diff->row_count);
    assert_string_equal(name_of(row, profiles[row->side]), name);
    assert_int_equal(row->state, state);
    assert_int_equal(row->values[DIFF_BASE], base);
    assert_int_equal(row->values[DIFF_OTHER], other);
}

static void test_states_and_order(void **state)
{
    struct diff diff = run((struct diff_options){.metric = QUERY_LIVE_BYTES});

    (void)state;
    assert_int_equal(diff.row_count, 5);
    expect_row(&diff, 0, "grows", DIFF_GROWN, 200, 900);
    expect_row(&diff, 1, "shrinks", DIFF_SHRUNK, 500, 50);
    expect_row(&diff, 2, "goes", DIFF_GONE, 70, 0);
    expect_row(&diff, 3, "drops", DIFF_SHRUNK, 40, 0);
    expect_row(&diff, 4, "comes", DIFF_NEW, 0, 30);
    /* The larger of its two sites. */
    assert_int_equal(profiles[DIFF_OTHER]->sites[diff.rows[0].site].process, 1);
    assert_int_equal(diff.state_counts[DIFF_SAME], 2);
    assert_int_equal(diff.state_counts[DIFF_SHRUNK], 2);
    assert_int_equal(diff.state_changes[DIFF_SHRUNK], -490);
    assert_int_equal(diff.state_changes[DIFF_GROWN], 700);
    assert_int_equal(diff.state_changes[DIFF_GONE], -70);
    assert_int_equal(diff.totals[DIFF_BASE].values[QUERY_LIVE_BYTES], 920);
    assert_int_equal(diff.totals[DIFF_OTHER].values[QUERY_LIVE_BYTES], 1090);
    assert_int_equal(diff.omitted_count, 0);
    diff_clear(&diff);
}

static void test_limits(void **state)
{
    struct diff diff = run((struct diff_options){.metric = QUERY_LIVE_BYTES, .limit = 2});

    (void)state;
    assert_int_equal(diff.row_count, 2);
    assert_int_equal(diff.omitted_count, 3);
    assert_int_equal(diff.omitted_change, -70 - 40 + 30);
    diff_clear(&diff);
    diff = run((struct diff_options){.metric = QUERY_LIVE_BYTES, .min_delta = 40});
    assert_int_equal(diff.row_count, 4); /* a change of exactly 40 is large enough */
    assert_int_equal(diff.omitted_change, 30);
    diff_clear(&diff);
}

/* Base at its peak with the other at its end. */
static void test_peak(void **state)
{
    struct diff diff = run(
        (struct diff_options){.metric = QUERY_LIVE_BYTES, .is_peak = {true, false}});

    (void)state;
    expect_row(&diff, 0, "grows", DIFF_GROWN, 300, 900);
    diff_clear(&diff);
    diff = run((struct diff_options){.metric = QUERY_LIVE_BYTES, .is_peak = {false, true}});
    expect_row(&diff, 1, "shrinks", DIFF_GROWN, 500, 800);
    diff_clear(&diff);
}

static void test_filter_and_counts(void **state)
{
    struct diff diff = run((struct diff_options){.metric = QUERY_ALLOCATIONS,
                                                 .filter = {.include_function = "^(grows|same)$"}});

    (void)state;
    assert_int_equal(diff.row_count, 1);
    expect_row(&diff, 0, "grows", DIFF_GROWN, 10, 20);
    assert_int_equal(diff.totals[DIFF_OTHER].values[QUERY_ALLOCATIONS], 30);
    diff_clear(&diff);
    struct error error;
    struct diff_options bad = {.filter = {.include_function = "("}};
    memcpy(bad.profiles, profiles, sizeof profiles);
    assert_false(diff_run(&bad, &diff, &error));
}

static void test_same_recording(void **state)
{
    const struct profile *profile = profiles[DIFF_OTHER];
    struct diff diff = run(
        (struct diff_options){.profiles = {profile, profile}, .metric = QUERY_LIVE_BYTES});

    (void)state;
    assert_int_equal(diff.row_count, 0);
    assert_int_equal(diff.state_counts[DIFF_SAME], 6);
    diff_clear(&diff);
}

static void test_change(void **state)
{
    (void)state;
    assert_int_equal(diff_change(7, 9), 2);
    assert_int_equal(diff_change(9, 7), -2);
    assert_true(diff_change(0, UINT64_MAX) == INT64_MAX);
    assert_true(diff_change(UINT64_MAX, 0) == -INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_and_order),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_peak),
        cmocka_unit_test(test_filter_and_counts),
        cmocka_unit_test(test_same_recording),
        cmocka_unit_test(test_change),
    };

    return cmocka_run_group_tests(tests, build, forget);
}
