#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void test_text_grows(void **state)
{
    (void)state;
    struct text text = {0};
    assert_string_equal(text_get(&text), "");
    text_add(&text, "ab");
    text_add_bytes(&text, "\0c", 2);
    text_print(&text, "%d-%s", 42, "x");
    assert_int_equal(text.count, 8);
    assert_memory_equal(text.bytes, "ab\0c42-x", 9);
    char *taken = text_take(&text);
    assert_memory_equal(taken, "ab\0c42-x", 9);
    free(taken);
    assert_int_equal(text.count, 0);
    taken = text_take(&text);
    assert_string_equal(taken, "");
    free(taken);
    for (int i = 0; i < 1000; i++)
        text_print(&text, "%03d", i);
    assert_int_equal(text.count, 3000);
    assert_memory_equal(text.bytes + 2997, "999", 4);
    text_clear(&text);
    assert_null(text.bytes);
}

struct safe_case {
    const char *foreign;
    const char *safe;
};

static void test_foreign_text_is_made_harmless(void **state)
{
    (void)state;
    static const struct safe_case cases[] = {
        {"plain text", "plain text"},
        {"Grüße 世界 😀", "Grüße 世界 😀"},
        {"e\xcc\x81", "e\xcc\x81"},             /* combining acute */
        {"\x1b[31mred\x1b[0m", "?[31mred?[0m"}, /* escape */
        {"a\nb\tc\x7f", "a?b?c?"},              /* controls */
        {"\xc2\x9b"
         "31m",
         "?31m"},                                 /* C1: an escape of its own */
        {"\xc0\xaf", "??"},                       /* overlong '/' */
        {"\xe0\x80\xaf", "???"},                  /* overlong, three bytes */
        {"\xf0\x82\x82\xac", "????"},             /* overlong euro */
        {"\xed\xa0\x80", "???"},                  /* surrogate */
        {"\xf4\x90\x80\x80", "????"},             /* beyond U+10FFFF */
        {"\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd"}, /* U+10FFFD */
        {"\xf8\x88\x80\x80\x80", "?????"},        /* five bytes */
        {"abc\xe4\xb8", "abc??"},                 /* cut */
        {"\x80x\xff", "?x?"},                     /* lone bytes */
        {"\xe2\x80\xae"
         "gpj.exe",
         "?gpj.exe"}, /* right-to-left override */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char safe[64];
        text_make_safe(cases[i].foreign, safe, sizeof safe);
        assert_string_equal(safe, cases[i].safe);
    }
}

static void test_safe_text_is_cut_at_an_edge(void **state)
{
    (void)state;
    char safe[8];
    text_make_safe("1234世界", safe, sizeof safe); /* 世 just fits: 4 + 3 + NUL */
    assert_string_equal(safe, "1234世");
    text_make_safe("12345世界", safe, sizeof safe);
    assert_string_equal(safe, "12345");
    text_make_safe("x", safe, 1);
    assert_string_equal(safe, "");
    text_make_safe("x", NULL, 0);
}

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("abc"), 3);
    assert_int_equal(text_columns("Grüße"), 5);
    assert_int_equal(text_columns("世界"), 4);
    assert_int_equal(text_columns("ｆｕｌｌ"), 8);
    assert_int_equal(text_columns("😀"), 2);
    assert_int_equal(text_columns("한글"), 4);
    assert_int_equal(text_columns("e\xcc\x81"), 1); /* combining acute */
    assert_int_equal(text_columns("a\xe2\x80\x8d"
                                  "b"),
                     2); /* zero width joiner */
    assert_int_equal(text_columns("\xff\xfe"), 2);
    assert_int_equal(text_columns("─│┌"), 3);
}

struct cut_case {
    const char *text;
    int columns;
    const char *cut;
};

static void test_cut_in_the_middle(void **state)
{
    (void)state;
    static const struct cut_case cases[] = {
        {"std::vector<int>::push_back", 27, "std::vector<int>::push_back"},
        {"std::vector<int>::push_back", 100, "std::vector<int>::push_back"},
        {"std::vector<int>::push_back", 12, "std::.._back"},
        {"abcdefgh", 7, "abc..gh"},
        {"abcdefgh", 4, "a..h"},
        {"abcdefgh", 3, "abc"},
        {"abcdefgh", 1, "a"},
        {"abcdefgh", 0, ""},
        {"abcdefgh", -1, ""},
        {"世界世界世界", 8, "世..界"}, /* 3 columns a side hold one wide character */
        {"世界世界世界", 10, "世界..世界"},
        {"abe\xcc\x81xxxxxe\xcc\x81"
         "yz",
         8, "abe\xcc\x81..e\xcc\x81yz"},
        {"abcdxxxxxe\xcc\x81"
         "yz",
         6, "ab..yz"}, /* no accent without its letter */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char cut[64];
        text_cut_middle(cases[i].text, cases[i].columns, cut, sizeof cut);
        assert_string_equal(cut, cases[i].cut);
    }
    char tiny[5];
    text_cut_middle("世界", 9, tiny, sizeof tiny);
    assert_string_equal(tiny, "世");
}

static void test_cut_never_exceeds_its_columns(void **state)
{
    (void)state;
    const char *text = "a世\xcc\x81\xff界e\xcc\x81-\xe4\xb8ｆ😀zz";
    int whole = text_columns(text);
    for (int columns = 0; columns <= whole + 1; columns++) {
        char cut[128];
        text_cut_middle(text, columns, cut, sizeof cut);
        assert_true(text_columns(cut) <= columns);
    }
}

static void test_starts_ends_and_file_names(void **state)
{
    (void)state;
    assert_true(text_starts_with("abc", "ab"));
    assert_true(text_starts_with("abc", ""));
    assert_false(text_starts_with("ab", "abc"));
    assert_true(text_ends_with("a.seep", ".seep"));
    assert_true(text_ends_with("abc", ""));
    assert_false(text_ends_with("seep", "a.seep"));
    assert_string_equal(text_file_name("/usr/lib/libc.so.6"), "libc.so.6");
    assert_string_equal(text_file_name("plain"), "plain");
    assert_string_equal(text_file_name("folder/"), "");
}

struct glob_case {
    const char *text;
    const char *pattern;
    bool is_match;
};

static void test_globs(void **state)
{
    (void)state;
    static const struct glob_case cases[] = {
        {"", "", true},
        {"", "*", true},
        {"", "?", false},
        {"abc", "abc", true},
        {"abc", "ab", false},
        {"abc", "a?c", true},
        {"abc", "*", true},
        {"/usr/lib/x/y.so", "/usr/*", true},
        {"/usr/lib/x/y.so", "*.so", true},
        {"/usr/lib/x/y.so", "*/lib/*.so", true},
        {"/opt/lib/y.so.1", "*.so", false},
        {"aXbXc", "a*b*c", true},
        {"aXbX", "a*b*c", false},
        {"世界", "??", true},
        {"世界", "???", false},
        {"a*b", "a*b", true},
        {"abab", "*ab", true},
        {"abc", "***c**", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_matches_glob(cases[i].text, cases[i].pattern), cases[i].is_match);
    /* would take for ever with backtracking over all stars */
    assert_false(text_matches_glob("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                   "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_grows),
        cmocka_unit_test(test_foreign_text_is_made_harmless),
        cmocka_unit_test(test_safe_text_is_cut_at_an_edge),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_cut_in_the_middle),
        cmocka_unit_test(test_cut_never_exceeds_its_columns),
        cmocka_unit_test(test_starts_ends_and_file_names),
        cmocka_unit_test(test_globs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
