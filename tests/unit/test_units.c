#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/units.h"

#define KIB    UINT64_C(1024)
#define MIB    (KIB * 1024)
#define GIB    (MIB * 1024)
#define TIB    (GIB * 1024)
#define SECOND UINT64_C(1000000000)

struct parse_case {
    const char *text;
    uint64_t value;
};

static void test_sizes_are_parsed(void **state)
{
    (void)state;
    static const struct parse_case cases[] = {
        {"0", 0},
        {"4096", 4096},
        {"4096B", 4096},
        {"64k", 64 * KIB},
        {"64K", 64 * KIB},
        {"64 KiB", 64 * KIB},
        {"64kb", 64 * KIB},
        {"1.5MiB", MIB + 512 * KIB},
        {"2 GB", 2 * GIB},
        {"1g", GIB},
        {"0.25 T", 256 * GIB},
        {".5k", 512},
        {" 7 ki ", 7 * KIB},
        {"18446744073709551615", UINT64_MAX},
        {"16777215T", 16777215 * TIB},
        {"0.3333333333333333333333333333k", 341},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bytes = 1;
        struct error error;
        assert_true(units_parse_size(cases[i].text, &bytes, &error));
        assert_int_equal(bytes, cases[i].value);
    }
}

static void test_what_is_no_size_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "k",   "-1",    "+1",  "1x",  "1 k k", "1,5k", "0x10", "1e3",
        "1.2.3",     "1.5", "1 5 k", "KiB", "1iB", "1 KBi", ".",    "nan",  "18446744073709551616",
        "16777216T",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t bytes;
        struct error error = {"untouched"};
        assert_false(units_parse_size(texts[i], &bytes, &error));
        assert_string_not_equal(error.message, "untouched");
    }
}

static void test_durations_are_parsed(void **state)
{
    (void)state;
    static const struct parse_case cases[] = {
        {"5s", 5 * SECOND},    {"5", 5 * SECOND},          {"0.5", SECOND / 2},
        {"250ms", SECOND / 4}, {"1.5m", 90 * SECOND},      {"1.5min", 90 * SECOND},
        {"2h", 7200 * SECOND}, {"100us", 100000},          {"10ns", 10},
        {"10 ns", 10},         {"3d", 3 * 86400 * SECOND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ns = 1;
        assert_true(units_parse_duration(cases[i].text, &ns, NULL));
        assert_int_equal(ns, cases[i].value);
    }
    uint64_t ns;
    assert_false(units_parse_duration("1 week", &ns, NULL));
    assert_false(units_parse_duration("s", &ns, NULL));
    assert_false(units_parse_duration("-1s", &ns, NULL));
    assert_false(units_parse_duration("300000d", &ns, NULL));
}

struct format_case {
    uint64_t value;
    const char *text;
};

static void test_sizes_are_printed(void **state)
{
    (void)state;
    static const struct format_case cases[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {12 * MIB + 300 * KIB, "12.3 MiB"},
        {123 * GIB, "123 GiB"},
        {102348, "99.9 KiB"},
        {102349, "100 KiB"},
        {102399, "100 KiB"},
        {1023 * KIB, "1023 KiB"},
        {MIB - 1, "1.0 MiB"},
        {MIB, "1.0 MiB"},
        {5 * TIB, "5.0 TiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[UNITS_TEXT_BYTES];
        assert_string_equal(units_format_size(cases[i].value, text), cases[i].text);
    }
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_format_signed_size(0, text), "0 B");
    assert_string_equal(units_format_signed_size(-12, text), "-12 B");
    assert_string_equal(units_format_signed_size(1536 * 1024, text), "+1.5 MiB");
    assert_string_equal(units_format_signed_size(INT64_MIN, text), "-8.0 EiB");
}

static void test_printed_sizes_are_read_back(void **state)
{
    (void)state;
    for (uint64_t bytes = 1; bytes < 900 * TIB; bytes += bytes / 3 + 1) {
        char text[UNITS_TEXT_BYTES];
        uint64_t again;
        assert_true(units_parse_size(units_format_size(bytes, text), &again, NULL));
        uint64_t difference = again > bytes ? again - bytes : bytes - again;
        assert_true(difference <= bytes / 19); /* two digits: at most 0.05 of 1.0 */
        if (bytes < 1024)
            assert_int_equal(again, bytes);
    }
}

static void test_counts_are_printed(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_format_count(0, text), "0");
    assert_string_equal(units_format_count(999, text), "999");
    assert_string_equal(units_format_count(1000, text), "1,000");
    assert_string_equal(units_format_count(1234567, text), "1,234,567");
    assert_string_equal(units_format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");

    static const struct format_case cases[] = {
        {0, "0"},
        {812, "812"},
        {999, "999"},
        {1000, "1.0k"},
        {81234, "81.2k"},
        {99949, "99.9k"},
        {99950, "100k"},
        {812345, "812k"},
        {999499, "999k"},
        {999500, "1.0M"},
        {8100000, "8.1M"},
        {1200000000, "1.2G"},
        {UINT64_MAX, "18.4E"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(units_format_short_count(cases[i].value, text), cases[i].text);
}

static void test_durations_are_printed(void **state)
{
    (void)state;
    static const struct format_case cases[] = {
        {0, "0 ns"},
        {12, "12 ns"},
        {999, "999 ns"},
        {3400, "3.4 us"},
        {999949, "1.0 ms"},
        {850000000, "850 ms"},
        {999600000, "1.00 s"},
        {1230000000, "1.23 s"},
        {9996000000, "10.0 s"},
        {12340000000, "12.3 s"},
        {59960000000, "1 min 00 s"},
        {125 * SECOND, "2 min 05 s"},
        {3599 * SECOND + SECOND / 2, "1 h 00 min"},
        {(3 * 60 + 12) * 60 * SECOND, "3 h 12 min"},
        {UINT64_MAX, "5124095 h 35 min"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[UNITS_TEXT_BYTES];
        assert_string_equal(units_format_duration(cases[i].value, text), cases[i].text);
    }
}

static void test_percentages_are_printed(void **state)
{
    (void)state;
    char text[UNITS_TEXT_BYTES];
    assert_string_equal(units_format_percent(1, 0, text), "-");
    assert_string_equal(units_format_percent(0, 5, text), "0.0 %");
    assert_string_equal(units_format_percent(123, 1000, text), "12.3 %");
    assert_string_equal(units_format_percent(1, 3, text), "33.3 %");
    assert_string_equal(units_format_percent(2, 3, text), "66.7 %");
    assert_string_equal(units_format_percent(3, 1, text), "300.0 %");
    assert_string_equal(units_format_percent(UINT64_MAX, UINT64_MAX, text), "100.0 %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_parsed),
        cmocka_unit_test(test_what_is_no_size_is_refused),
        cmocka_unit_test(test_durations_are_parsed),
        cmocka_unit_test(test_sizes_are_printed),
        cmocka_unit_test(test_printed_sizes_are_read_back),
        cmocka_unit_test(test_counts_are_printed),
        cmocka_unit_test(test_durations_are_printed),
        cmocka_unit_test(test_percentages_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
