/* Patterns and the file names that they give. */
#define _GNU_SOURCE
#include "record/recording_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* 2026-01-31 23:59:59 in the zone that set_up makes the local one. */
static struct recording_name_facts facts = {"/usr/local/bin/server", 4711,
                                            UINT64_C(1769903999) * 1000000000 + 999999999};

static int set_up(void **state)
{
    (void)state;
    setenv("TZ", "UTC0", 1);
    tzset();
    return 0;
}

static void expect(const char *pattern, const char *name)
{
    char *expanded = recording_name_expand(pattern, &facts);
    assert_string_equal(expanded, name);
    free(expanded);
}

static void test_patterns(void **state)
{
    (void)state;
    facts.executable = "/usr/local/bin/server";
    expect(RECORDING_NAME_DEFAULT, "seep.server.20260131-235959.4711.seep");
    expect("", "");
    expect("plain.seep", "plain.seep");
    expect("/tmp/%e/%p", "/tmp/server/4711");
    expect("%%e%%%p%%", "%e%4711%");
    expect("%p%p", "47114711");
}

static void test_other_percents_stay(void **state)
{
    (void)state;
    expect("100%", "100%");
    expect("%x-%E-% -%", "%x-%E-% -%");
}

static void test_host(void **state)
{
    (void)state;
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    char *name = recording_name_expand("%h", &facts);
    if (strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
        strlen(host))
        assert_string_equal(name, host);
    assert_null(strchr(name, '/'));
    free(name);
}

/* Names come from a command line: they must not lead elsewhere, nor speak to the terminal. */
static void test_names_are_made_harmless(void **state)
{
    (void)state;
    facts.executable = "./a.out";
    expect("%e", "a.out");
    facts.executable = "plain";
    expect("%e", "plain");
    facts.executable = "/bin/two words";
    expect("%e", "two words");
    facts.executable = "/bin/\033[31mred\n";
    char *name = recording_name_expand("%e", &facts);
    assert_null(strchr(name, '\033'));
    assert_null(strchr(name, '\n'));
    free(name);
    facts.executable = "/bin/";
    name = recording_name_expand("x%e", &facts);
    assert_null(strchr(name, '/'));
    free(name);
    char longest[5000];
    memset(longest, 'n', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    facts.executable = longest;
    name = recording_name_expand("%e", &facts);
    assert_in_range(strlen(name), 1, 255);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_other_percents_stay),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_names_are_made_harmless),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
