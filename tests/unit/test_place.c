/* Which functions only pass on requests for memory, whose memory it then is, and what the summary
 * makes of sites that would all have the same name. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/place.h"
#include "base/text.h"
#include "profile_builder.h"
#include "report/summary.h"

static void wrappers_are_known_by_name(void **state)
{
    (void)state;
    static const char *const wrappers[] = {
        "zmalloc",         "zmalloc_usable",    "zcalloc_num",
        "xmalloc",         "xrealloc",          "os::malloc(unsigned long, MEMFLAGS)",
        "PyMem_RawMalloc", "_PyObject_Realloc", "sqlite3Malloc",
        "CRYPTO_zalloc",   "ngx_palloc",        "Arena::Allocate(unsigned int)",
        "bfd_alloc",       "xstrdup",           "T* pool<T>::allocate<int>(int)",
        "g_malloc0_n",     "mallocWithAlarm",   "__rust_alloc",
    };
    static const char *const others[] = {
        "main",
        "createClient",
        "allocate_buffers",
        "allocator_init",
        "operator new",
        "PyList_New",
        "alloc_init(int)",
        "malloc_t::grow()",
        "",
        "f<malloc>(int)",
    };
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (!place_is_wrapper(wrappers[i]))
            fail_msg("%s is a wrapper", wrappers[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (place_is_wrapper(others[i]))
            fail_msg("%s is no wrapper", others[i]);
}

static struct profile *load_stack(const char *stack)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, 1, 8, 0, 0);
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

static void expect_place(const char *stack, enum place_callers callers, bool is_wrapper,
                         const char *location, const char *caller, const char *called)
{
    struct profile *profile = load_stack(stack);
    struct place place;
    place_find(profile, profile->sites[0].stack_node, callers, &place);
    assert_int_equal(place.is_wrapper, is_wrapper);
    assert_string_equal(place.location ? place.location->function : "-", location);
    assert_string_equal(place.caller ? place.caller->function : "-", caller);
    assert_string_equal(place.called ? place.called->function : "-", called);
    profile_destroy(profile);
}

static void callers_are_found_beyond_wrappers(void **state)
{
    (void)state;
    expect_place("main@m.c:1;load@m.c:2", PLACE_ANY_CALLER, false, "load", "main", "-");
    expect_place("main@m.c:1;load@m.c:2;xmalloc@x.c:3", PLACE_ANY_CALLER, true, "xmalloc", "load",
                 "-");
    expect_place("main@m.c:1;load@m.c:2;xcalloc@x.c:9;xmalloc@x.c:3;strdup!libc", PLACE_ANY_CALLER,
                 true, "xmalloc", "load", "strdup");
    expect_place("main@m.c:1;!/lib/libp.so;xmalloc@x.c:3", PLACE_NAMED_CALLER, true, "xmalloc",
                 "main", "-");
    expect_place("__libc_start_main!libc;xmalloc@x.c:3", PLACE_ANY_CALLER, false, "xmalloc", "-",
                 "-");
    expect_place("main@m.c:1;std::vector<int>::push_back(int)@v.h:1", PLACE_ANY_CALLER, false,
                 "main", "-", "std::vector<int>::push_back(int)");
    expect_place("", PLACE_ANY_CALLER, false, "-", "-", "-");
}

static void expect_called(const char *stack, int columns, const char *told)
{
    struct profile *profile = load_stack(stack);
    struct place place;
    struct text text = {0};
    place_find(profile, profile->sites[0].stack_node, PLACE_ANY_CALLER, &place);
    place_add_called(&place, columns, &text);
    assert_string_equal(text_get(&text), told);
    text_clear(&text);
    profile_destroy(profile);
}

static void what_a_library_did_is_told_in_few_columns(void **state)
{
    (void)state;
    const char *push = "main@m.c:1;std::vector<int>::push_back(int)@v.h:1";
    expect_called(push, 26, "via std::vector::push_back");
    expect_called(push, 25, "via push_back");
    expect_called(push, 0, "via push_back");
    expect_called("main@m.c:1;strdup!libc", 3, "via strdup");
    expect_called("main@m.c:1", 80, "");
}

/* An interpreter's own tables, which no Python function is behind. */
static void stacks_without_own_code_are_named_beyond_wrappers(void **state)
{
    (void)state;
    expect_place("_start!libc;arena_map_get!libc;PyMem_RawCalloc!libc", PLACE_ANY_CALLER, true,
                 "PyMem_RawCalloc", "arena_map_get", "-");
    expect_place("_start!libc;opendir!libc;__alloc_dir!libc", PLACE_ANY_CALLER, false,
                 "__alloc_dir", "-", "-");
    expect_place("fopen!libc;__strdup!libc;!libc;__malloc!libc", PLACE_NAMED_CALLER, true,
                 "__malloc", "fopen", "-");
    expect_place("__strdup!libc;__malloc!libc", PLACE_ANY_CALLER, false, "__malloc", "-", "-");
}

/* As in a stripped libsqlite3: sqlite3MemMalloc is static, sqlite3Malloc is exported. */
static void nameless_parts_of_wrappers_are_wrappers(void **state)
{
    (void)state;
    struct profile *profile = load_stack(
        "main;parse;sqlite3Malloc!/usr/lib/libsqlite3.so.0;!/usr/lib/libsqlite3.so.0");
    struct place place;
    place_find(profile, profile->sites[0].stack_node, PLACE_ANY_CALLER, &place);
    assert_true(place.is_wrapper);
    assert_false(place.location->is_symbolized);
    assert_string_equal(place.caller->function, "parse");
    profile_destroy(profile);
}

static void callers_without_a_name_are_callers(void **state)
{
    (void)state;
    struct profile *profile = load_stack("main@m.c:1;!/lib/libp.so;xmalloc@x.c:3");
    struct place place;
    place_find(profile, profile->sites[0].stack_node, PLACE_ANY_CALLER, &place);
    assert_false(place.caller->is_symbolized);
    assert_int_equal(place.caller_depth, 1);
    profile_destroy(profile);
    profile = load_stack("!/lib/libp.so;xmalloc@x.c:3");
    place_find(profile, profile->sites[0].stack_node, PLACE_NAMED_CALLER, &place);
    assert_true(place.is_wrapper);
    assert_false(place.caller->is_symbolized);
    profile_destroy(profile);
}

/* 10 + 5 from one line through two wrappers, 8 from another line of it, 4 without a wrapper. */
static struct profile *load_wrapped(void)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    static const struct {
        const char *stack;
        uint64_t bytes;
    } sites[] = {
        {"main@m.c:1;createClient@net.c:20;zmalloc@z.c:1", 10},
        {"main@m.c:2;createClient@net.c:20;zcalloc@z.c:5;zmalloc@z.c:2", 5},
        {"main@m.c:1;createClient@net.c:30;zmalloc@z.c:1", 8},
        {"main@m.c:1;init@net.c:3", 4},
    };
    for (size_t i = 0; i < sizeof sites / sizeof *sites; i++)
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, sites[i].stack, 1, sites[i].bytes, 0,
                                 0);
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

static void sums_are_by_place(void **state)
{
    (void)state;
    struct profile *profile = load_wrapped();
    struct place_sums sums;
    place_sums_init(&sums, profile, 0, QUERY_PEAK_BYTES);
    assert_int_equal(sums.count, 3);
    assert_int_equal(sums.total.values[QUERY_PEAK_BYTES], 27);
    assert_int_equal(sums.items[0].figures.values[QUERY_PEAK_BYTES], 15);
    assert_int_equal(sums.items[0].figures.values[QUERY_ALLOCATIONS], 2);
    assert_int_equal(sums.items[0].site_count, 2);
    assert_int_equal(sums.items[1].figures.values[QUERY_PEAK_BYTES], 8);
    assert_int_equal(sums.items[1].place.caller->line, 30);
    assert_int_equal(sums.items[2].figures.values[QUERY_PEAK_BYTES], 4);
    assert_string_equal(sums.items[2].place.caller->function, "main");
    place_sums_clear(&sums);
    profile_destroy(profile);
}

/* Caller frees. */
static char *write_summary(const struct profile *profile)
{
    char *bytes = NULL;
    size_t count = 0;
    struct error error = {""};
    struct summary_options options = {.path = "demo.seep"};
    FILE *out = open_memstream(&bytes, &count);
    assert_true(summary_write(profile, &options, out, &error));
    fclose(out);
    return bytes;
}

static void the_summary_tells_places_apart(void **state)
{
    (void)state;
    struct profile *profile = load_wrapped();
    char *text = write_summary(profile);
    assert_non_null(strstr(text, "15 B  55.6 %  zmalloc < createClient at net.c:20\n"));
    assert_non_null(strstr(text, " 8 B  29.6 %  zmalloc < createClient at net.c:30\n"));
    assert_non_null(strstr(text, " 4 B  14.8 %  init at net.c:3 < main\n"));
    free(text);
    profile_destroy(profile);
}

/* Names so long that only their cut forms stand in the lines: those are the same, so one line. */
static void lines_that_look_the_same_are_one(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    char stack[512];
    for (int i = 0; i < 3; i++) {
        snprintf(stack, sizeof stack, "main@m.c:1;a_function_with_%050d_%d_%050d", 0, i, 0);
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, 1, 100, 0, 0);
    }
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    char *text = write_summary(profile);
    assert_non_null(strstr(text, "300 B 100.0 %  a_function_with_"));
    assert_null(strstr(text, "100 B  33"));
    free(text);
    profile_destroy(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrappers_are_known_by_name),
        cmocka_unit_test(callers_are_found_beyond_wrappers),
        cmocka_unit_test(what_a_library_did_is_told_in_few_columns),
        cmocka_unit_test(stacks_without_own_code_are_named_beyond_wrappers),
        cmocka_unit_test(nameless_parts_of_wrappers_are_wrappers),
        cmocka_unit_test(callers_without_a_name_are_callers),
        cmocka_unit_test(sums_are_by_place),
        cmocka_unit_test(the_summary_tells_places_apart),
        cmocka_unit_test(lines_that_look_the_same_are_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
