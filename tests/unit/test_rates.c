/* Two readings of a session whose counters are known, 2 s apart, and one of a mark before:
 *
 *              mark (1 s)   before (4 s)   now (6 s)         so, in a second     since the mark
 *   leak       2 x 100      5 x 100        9 x 100           2 calls, 200 B      +700 B, 7 blocks
 *   churn      none         10, all freed  30, all freed     10 calls, 10 frees  0
 *   still      1 x 5000     the same       the same          nothing             0: no row
 *   given up   1 x 300      the same       freed             1/2 a free          -300 B, -1 block
 *   other      process 1: 1 x 50, new                        1/2 a call          +50 B
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analysis/query.h"
#include "analysis/rates.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "profile_builder.h"

#define SECOND UINT64_C(1000000000)

enum {
    LEAK,
    CHURN,
    STILL,
    GIVEN_UP,
    OTHER
};

static struct profile *make(uint64_t leaks, uint64_t churns, uint64_t given_up_frees,
                            bool has_other)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@a.c:1;leak@a.c:2", leaks,
                             leaks * 100, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@a.c:1;churn@a.c:3", churns,
                             churns * 10, churns, churns * 10);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@a.c:1;still@a.c:4", 1, 5000, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@a.c:1;up@a.c:5", 1, 300,
                             given_up_frees, given_up_frees * 300);
    if (has_other) {
        profile_builder_add_process(builder, "/bin/other");
        profile_builder_add_site(builder, 1, FUNCTION_MALLOC, "main@b.c:1", 1, 50, 0, 0);
    }
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

static struct rates_reading *read_at(const struct profile *profile, uint64_t second)
{
    return rates_reading_create(profile, second * SECOND);
}

struct example {
    struct profile *mark_profile, *before_profile, *profile;
    struct rates_reading *mark, *before, *now;
};

static void begin(struct example *example)
{
    example->mark_profile = make(2, 0, 0, false);
    example->before_profile = make(5, 10, 0, false);
    example->profile = make(9, 30, 1, true);
    example->mark = read_at(example->mark_profile, 1);
    example->before = read_at(example->before_profile, 4);
    example->now = read_at(example->profile, 6);
}

static void end(struct example *example)
{
    rates_reading_destroy(example->mark);
    rates_reading_destroy(example->before);
    rates_reading_destroy(example->now);
    profile_destroy(example->mark_profile);
    profile_destroy(example->before_profile);
    profile_destroy(example->profile);
}

static uint64_t site_id(const struct example *example, const struct rates_row *row)
{
    return example->profile->sites[row->site].figures.id;
}

static void test_differences(void **state)
{
    (void)state;
    struct example example;
    struct rates rates;
    begin(&example);
    struct rates_question question = {.process = QUERY_ALL_PROCESSES,
                                      .order = RATES_BY_GROWN_BYTES,
                                      .before = example.before,
                                      .mark = example.mark};
    rates_find(example.profile, example.now, &question, &rates);
    assert_true(rates.has_speed);
    assert_true(rates.has_mark);
    assert_float_equal(2, rates.seconds, 0);
    assert_int_equal(SECOND, rates.mark_ns);
    assert_int_equal(4, rates.row_count);
    assert_int_equal(1, rates.idle_count);

    assert_int_equal(LEAK, site_id(&example, &rates.rows[0]));
    assert_int_equal(700, rates.rows[0].change.grown_bytes);
    assert_int_equal(7, rates.rows[0].change.grown_blocks);
    assert_float_equal(2, rates.rows[0].change.speed.allocations, 0);
    assert_float_equal(200, rates.rows[0].change.speed.allocated_bytes, 0);
    assert_float_equal(0, rates.rows[0].change.speed.frees, 0);
    assert_int_equal(900, rates.rows[0].change.counts.live_bytes);

    assert_int_equal(OTHER, site_id(&example, &rates.rows[1]));
    assert_int_equal(50, rates.rows[1].change.grown_bytes);
    assert_float_equal(0.5, rates.rows[1].change.speed.allocations, 0);

    assert_int_equal(CHURN, site_id(&example, &rates.rows[2]));
    assert_float_equal(10, rates.rows[2].change.speed.frees, 0);
    assert_float_equal(100, rates.rows[2].change.speed.freed_bytes, 0);

    assert_int_equal(GIVEN_UP, site_id(&example, &rates.rows[3]));
    assert_int_equal(-300, rates.rows[3].change.grown_bytes);
    assert_int_equal(-1, rates.rows[3].change.grown_blocks);
    assert_float_equal(0.5, rates.rows[3].change.speed.frees, 0);

    assert_int_equal(700 + 50 - 300, rates.total.grown_bytes);
    assert_float_equal(12.5, rates.total.speed.allocations, 0);
    rates_clear(&rates);
    end(&example);
}

static void test_orders(void **state)
{
    static const unsigned firsts[RATES_ORDER_COUNT] = {[RATES_BY_ALLOCATED_BYTES] = LEAK,
                                                       [RATES_BY_ALLOCATIONS] = CHURN,
                                                       [RATES_BY_GROWN_BYTES] = LEAK,
                                                       [RATES_BY_SLOPE] = GIVEN_UP,
                                                       [RATES_BY_LIVE_BYTES] = LEAK};
    (void)state;
    struct example example;
    begin(&example);
    struct growth_site sites[] = {{.verdict = TREND_PLATEAU, .bytes_per_minute = 900},
                                  {.verdict = TREND_GROWING, .bytes_per_minute = 5}};
    for (uint32_t i = 0; i < example.profile->site_count; i++)
        for (unsigned j = 0; j < 2; j++)
            if (example.profile->sites[i].figures.id == (j == 0 ? LEAK : GIVEN_UP))
                sites[j].site = i;
    struct growth growths[] = {{.sites = sites, .count = 2}, {0}};
    for (enum rates_order order = 0; order < RATES_ORDER_COUNT; order++) {
        struct rates rates;
        struct rates_question question = {.process = 0,
                                          .order = order,
                                          .before = example.before,
                                          .mark = example.mark,
                                          .growths = growths};
        rates_find(example.profile, example.now, &question, &rates);
        assert_int_equal(3, rates.row_count);
        assert_int_equal(firsts[order], site_id(&example, &rates.rows[0]));
        assert_int_equal(1, rates.growing_count);
        assert_non_null(rates_order_name(order));
        rates_clear(&rates);
    }
    assert_null(rates_order_name(RATES_ORDER_COUNT));
    end(&example);
}

/* The first look: there is no speed, and all that lives has grown since the beginning. */
static void test_first(void **state)
{
    (void)state;
    struct example example;
    struct rates rates;
    begin(&example);
    struct rates_question question = {.process = 0, .order = RATES_BY_GROWN_BYTES};
    rates_find(example.profile, example.now, &question, &rates);
    assert_false(rates.has_speed);
    assert_false(rates.has_mark);
    assert_int_equal(2, rates.row_count);
    assert_int_equal(STILL, site_id(&example, &rates.rows[0]));
    assert_int_equal(5900, rates.total.grown_bytes);
    rates_clear(&rates);

    /* Nor where the clock stood still. */
    question.before = example.now;
    rates_find(example.profile, example.now, &question, &rates);
    assert_false(rates.has_speed);
    rates_clear(&rates);
    end(&example);
}

/* ---- order where it is looked at ---- */

enum {
    MANY = 20000,
    MANY_GROWTHS = 100
};

/* A reading of many sites, of which a good part has the same figures. */
static void fill_many(struct profile *profile, struct profile_process *process, uint64_t seed)
{
    *profile = (struct profile){.processes = process, .process_count = 1, .site_count = MANY};
    *process = (struct profile_process){.site_count = MANY};
    profile->sites = memory_allocate_zeroed(MANY, sizeof *profile->sites);
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t random = hash_mix(seed + i);
        struct profile_figures *figures = &profile->sites[i].figures;
        profile->sites[i].fingerprint = hash_mix(i / 2);
        figures->id = i;
        figures->allocations = seed + random % 5;
        figures->allocated_bytes = random % 3 ? random % 16 : random >> 20;
        figures->live_bytes = random % 7 ? random % 4 : random >> 10;
        figures->live_blocks = random % 2;
    }
}

static void check_same(const struct rates *sorted, const struct rates *unordered, size_t position)
{
    const struct rates_row *row = rates_row_at(unordered, position);
    assert_int_equal(row->site, sorted->rows[position].site);
    assert_ptr_equal(rates_row_at(sorted, position), &sorted->rows[position]);
}

static void test_unordered(void **state)
{
    (void)state;
    struct profile earlier, profile;
    struct profile_process processes[2];
    struct rates_reading *before, *now;
    struct growth_site sites[MANY_GROWTHS];
    fill_many(&earlier, &processes[0], 1);
    fill_many(&profile, &processes[1], 3);
    before = read_at(&earlier, 1);
    now = read_at(&profile, 3);
    for (uint32_t i = 0; i < MANY_GROWTHS; i++)
        sites[i] = (struct growth_site){.site = i * 7,
                                        .verdict = (enum trend_verdict)(i % 3),
                                        .bytes_per_minute = i % 5 * 1.5 - 3};
    struct growth growth = {.sites = sites, .count = MANY_GROWTHS};
    for (enum rates_order order = 0; order < RATES_ORDER_COUNT; order++) {
        static const size_t looks[] = {0, 1, 40, MANY / 2, MANY / 3, MANY - 2000, 3};
        struct rates sorted, unordered;
        struct rates_question question = {.order = order, .before = before, .growths = &growth};
        rates_find(&profile, now, &question, &sorted);
        rates_find_unordered(&profile, now, &question, &unordered);
        assert_int_equal(sorted.row_count, unordered.row_count);
        assert_in_range(sorted.row_count, MANY - 1900, MANY);
        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
            check_same(&sorted, &unordered, looks[i]);
        check_same(&sorted, &unordered, sorted.row_count - 1);
        for (size_t i = 0; i < sorted.row_count; i++)
            check_same(&sorted, &unordered, i);
        rates_reorder(&unordered, (order + 1) % RATES_ORDER_COUNT);
        rates_reorder(&unordered, order);
        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
            check_same(&sorted, &unordered, looks[i]);
        rates_clear(&sorted);
        rates_clear(&unordered);
    }
    rates_reading_destroy(before);
    rates_reading_destroy(now);
    free(earlier.sites);
    free(profile.sites);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_unordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
