#include "record/snapshot_levels.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

static void test_words_are_levels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct snapshot_level level;
    } cases[] = {
        {"1m", {SNAPSHOT_LEVEL_HEAP, MIB}},
        {"heap=1.5m", {SNAPSHOT_LEVEL_HEAP, MIB + MIB / 2}},
        {"rss=3G", {SNAPSHOT_LEVEL_RESIDENT, 3072 * MIB}},
        {"limit=90%", {SNAPSHOT_LEVEL_LIMIT, 90}},
        {"limit=100", {SNAPSHOT_LEVEL_LIMIT, 100}},
        {"peak", {SNAPSHOT_LEVEL_PEAK, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct snapshot_level level;
        struct error error;
        assert_true(snapshot_level_parse(cases[i].text, &level, &error));
        assert_int_equal(level.kind, cases[i].level.kind);
        assert_int_equal(level.value, cases[i].level.value);
    }
}

static void test_other_words_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "peaks",     "rss=",      "rss=x",
                                        "limit=0%", "limit=",    "limit=101", "limit=9%%",
                                        "-1",       "limit=-1%", "limit=9k"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct snapshot_level level;
        struct error error;
        assert_false(snapshot_level_parse(texts[i], &level, &error));
        assert_int_not_equal(error.message[0], '\0');
    }
}

static bool check(const struct snapshot_level *levels, size_t count, uint64_t heap_bytes,
                  uint64_t resident_bytes, unsigned percent,
                  struct snapshot_levels_reached *reached, bool *is_peak)
{
    struct snapshot_level_figures figures = {heap_bytes, resident_bytes, percent};
    return snapshot_levels_check(levels, count, &figures, reached, is_peak);
}

static void test_each_level_is_reached_once(void **state)
{
    (void)state;
    static const struct snapshot_level levels[] = {{SNAPSHOT_LEVEL_HEAP, MIB},
                                                   {SNAPSHOT_LEVEL_HEAP, 4 * MIB},
                                                   {SNAPSHOT_LEVEL_RESIDENT, 8 * MIB},
                                                   {SNAPSHOT_LEVEL_LIMIT, 90}};
    struct snapshot_levels_reached reached = {0};
    bool is_peak = true;
    assert_false(check(levels, 4, MIB - 1, 8 * MIB - 1, 89, &reached, &is_peak));
    assert_false(is_peak);
    assert_true(check(levels, 4, MIB, 0, 0, &reached, &is_peak));
    assert_false(check(levels, 4, MIB, 0, 0, &reached, &is_peak));
    assert_true(check(levels, 4, 0, 8 * MIB, 0, &reached, &is_peak));
    assert_true(check(levels, 4, 5 * MIB, 9 * MIB, 100, &reached, &is_peak)); /* two at once */
    assert_false(is_peak);
    assert_false(check(levels, 4, 9 * MIB, 9 * MIB, 100, &reached, &is_peak));
}

static void test_peaks_are_a_tenth_apart(void **state)
{
    (void)state;
    static const struct snapshot_level levels[] = {{SNAPSHOT_LEVEL_PEAK, 0},
                                                   {SNAPSHOT_LEVEL_HEAP, 2000000}};
    struct snapshot_levels_reached reached = {0};
    bool is_peak;
    assert_false(check(levels, 2, 65535, 0, 0, &reached, &is_peak));
    assert_true(check(levels, 2, 100000, 0, 0, &reached, &is_peak));
    assert_true(is_peak);
    reached.peak_bytes = 100000;
    assert_false(check(levels, 2, 109999, 0, 0, &reached, &is_peak));
    assert_true(check(levels, 2, 110000, 0, 0, &reached, &is_peak));
    reached.peak_bytes = 110000;
    assert_false(check(levels, 2, 70000, 0, 0, &reached, &is_peak));
    /* Another level asked for it, too: then it is that one's, and stays. */
    assert_true(check(levels, 2, 2000000, 0, 0, &reached, &is_peak));
    assert_false(is_peak);
    assert_true(check(levels, 2, 2000000, 0, 0, &reached, &is_peak));
    assert_true(is_peak);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_levels),
        cmocka_unit_test(test_other_words_are_refused),
        cmocka_unit_test(test_each_level_is_reached_once),
        cmocka_unit_test(test_peaks_are_a_tenth_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
