/* Expected fingerprints were computed from the algorithm in fingerprint.h by a separate program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/fingerprint.h"
#include "analysis/own_code.h"
#include "profile_builder.h"

static void expect_simplified(const char *name, const char *expected)
{
    struct text text = {0};
    fingerprint_simplify_name(name, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void names_lose_what_compilers_add(void **state)
{
    (void)state;
    expect_simplified("main", "main");
    expect_simplified(" spaced(int) ", "spaced(int)");
    expect_simplified("parse.isra.0", "parse");
    expect_simplified("parse.part.0.cold", "parse");
    expect_simplified("parse.constprop.12.isra.3", "parse");
    expect_simplified("parse(char const*) [clone .isra.0] [clone .cold]", "parse(char const*)");
    expect_simplified("name[abi:cxx11](int)", "name(int)");
    expect_simplified("file.c", "file.c");
    expect_simplified("party.partial", "party.partial");
    expect_simplified("open [clone .x", "open");
}

static void names_lose_template_arguments(void **state)
{
    (void)state;
    expect_simplified("Box<int>::Box(int)", "Box::Box(int)");
    expect_simplified("std::map<std::string, Box<int> >::operator[](std::string const&)",
                      "std::map::operator[](std::string const&)");
    expect_simplified("void sort<Less<(1 > 2)> >(std::vector<int>&)", "void sort(std::vector&)");
    expect_simplified("call<decltype (x->y)>()", "call()");
    expect_simplified("operator<(A, B)", "operator<(A, B)");
    expect_simplified("operator<< <char>(B)", "operator<<(B)");
    expect_simplified("A<int>::operator-><int>()", "A::operator->()");
    expect_simplified("std::operator+<char, std::traits>(A)", "std::operator+(A)");
    expect_simplified("operator!=(A<int>, B)", "operator!=(A, B)");
    expect_simplified("operator&& <int>(A)", "operator&&(A)");
    expect_simplified("A::operator()<int>(int) const", "A::operator()(int) const");
    expect_simplified("operator<=><int>(A, A)", "operator<=>(A, A)");
    expect_simplified("<alloc::vec::Vec<T> as core::iter::Iterator>::next",
                      "<alloc::vec::Vec as core::iter::Iterator>::next");
    expect_simplified("broken<int", "broken<int");
    expect_simplified("", "");
}

static void expect_reduced(const char *name, const char *expected)
{
    struct text text = {0};
    fingerprint_reduce_name(name, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void names_are_the_same_inlined_and_not(void **state)
{
    (void)state;
    expect_reduced("main", "main");
    expect_reduced("open_session(int)", "open_session");
    expect_reduced("(anonymous namespace)::Cache::grow(unsigned long) const", "grow");
    expect_reduced("void fill<int>(int*)", "fill");
    expect_reduced("Box<int>::Box(int)", "Box");
    expect_reduced("Box::~Box()", "~Box");
    expect_reduced("A::operator()(int) const", "operator()");
    expect_reduced("operator<<(B)", "operator<<");
    expect_reduced("A::operator bool() const", "operator bool");
    expect_reduced("A::operator new(unsigned long)", "operator new");
    expect_reduced("main::{lambda(int)#1}::operator()(int) const", "operator()");
    expect_reduced("main::$_0::operator()(int) const", "operator()");
    expect_reduced("run(int)::{lambda()#2}", "{lambda}");
    expect_reduced("run(int)::$_1", "{lambda}");
    expect_reduced("<alloc::vec::Vec<T> as core::iter::Iterator>::next", "next");
    expect_reduced("ns::f(", "f");
    expect_reduced("", "");
}

static void text_and_number(void **state)
{
    (void)state;
    char text[FINGERPRINT_TEXT_BYTES];
    uint64_t value;
    assert_string_equal(fingerprint_format(0x1f, text), "fp1:000000000000001f");
    assert_true(fingerprint_parse("fp1:296c964c2171c1b9", &value));
    assert_true(value == 0x296c964c2171c1b9);
    assert_false(fingerprint_parse("fp2:296c964c2171c1b9", &value));
    assert_false(fingerprint_parse("fp1:21c5df1daba2ea5", &value));
    assert_false(fingerprint_parse("fp1:21C5df1daba2ea52", &value));
    assert_false(fingerprint_parse("fp1:296c964c2171c1b9 ", &value));
}

static void expect_fingerprint(enum function_kind function, const char *stack, const char *expected)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, function, stack, 1, 1, 0, 0);
    struct profile *profile = profile_builder_load(builder);
    char text[FINGERPRINT_TEXT_BYTES];
    assert_string_equal(fingerprint_format(profile->sites[0].fingerprint, text), expected);
    profile_destroy(profile);
    profile_builder_destroy(builder);
}

static void own_frames_make_it(void **state)
{
    (void)state;
    const char *expected = "fp1:296c964c2171c1b9"; /* read_lines lines.c, main main.c */
    expect_fingerprint(FUNCTION_MALLOC, "main@main.c:1;read_lines@lines.c:2", expected);
    /* lines, folders, libc, start code and compiler suffixes do not matter */
    expect_fingerprint(FUNCTION_MALLOC,
                       "_start;__libc_start_main!libc;main@/src/main.c:77;"
                       "read_lines.constprop.0@/a/b/lines.c:5;strdup!libc",
                       expected);
    /* nor does what is inlined, and how often a function calls itself */
    expected = "fp1:ce186d5685da14e9"; /* copy lines.h, read_lines lines.c, main main.c */
    expect_fingerprint(FUNCTION_MALLOC,
                       "main@main.c:1;read_lines@lines.c:2;copy(char const*)@lines.h:3", expected);
    expect_fingerprint(FUNCTION_MALLOC, "main@main.c:1;read_lines@lines.c:2;~copy@lines.h:3",
                       expected);
    expect_fingerprint(FUNCTION_MALLOC,
                       "main@main.c:1;read_lines@lines.c:2;read_lines@lines.c:9;ns::copy@lines.h:3",
                       expected);
    expect_fingerprint(FUNCTION_NEW,
                       "main@/src/main.cpp:3;Box<char>::Box(int)@/src/box.hpp:8;"
                       "void std::vector<char>::resize<int>(int)@/usr/include/stl_vector.h:3;"
                       "std::__detail::grow!libstdc++",
                       "fp1:4e9ebf5a2df27b82");
}

static void without_symbols_the_offset_counts(void **state)
{
    (void)state;
    /* the builder's second frame stands at 0x1010 */
    expect_fingerprint(FUNCTION_MALLOC, "main@main.c:1;!/x/libvendor.so.3", "fp1:9983dcf3fcfd8f87");
}

static void only_eight_frames_count(void **state)
{
    (void)state;
    expect_fingerprint(FUNCTION_MALLOC, "f1;f2;f3;f4;f5;f6;f7;f8;f9;f10;f11;f12",
                       "fp1:5fd618ebe0cdbc73");
    expect_fingerprint(FUNCTION_MALLOC, "other;f3;f4;f5;f6;f7;f8;f9;f10;f11;f12",
                       "fp1:5fd618ebe0cdbc73");
}

static void library_frames_serve_where_there_are_no_others(void **state)
{
    (void)state;
    expect_fingerprint(FUNCTION_MALLOC, "", "fp1:bbb8f2e37b6a0350");
    expect_fingerprint(FUNCTION_CALLOC, "_start!ld.so;_dl_init!ld.so", "fp1:7ce15b68cc0d95d5");
}

static void system_modules(void **state)
{
    (void)state;
    assert_true(own_code_is_system_module("libc.so.6"));
    assert_true(own_code_is_system_module("libc-2.31.so"));
    assert_true(own_code_is_system_module("ld-linux-x86-64.so.2"));
    assert_true(own_code_is_system_module("libstdc++.so.6.0.30"));
    assert_true(own_code_is_system_module("libseep-preload.so"));
    assert_true(own_code_is_system_module("[vdso]"));
    assert_true(own_code_is_interpreter_module("/usr/bin/python3.11"));
    assert_true(own_code_is_interpreter_module("/opt/lib/libpython3.8.so.1.0"));
    assert_true(own_code_is_interpreter_module("/usr/lib/python3.11/lib-dynload/_json.cpython-311.so"));
    assert_false(own_code_is_interpreter_module("/usr/lib/python3/dist-packages/numpy/_umath.so"));
    assert_false(own_code_is_interpreter_module("/usr/bin/python-tool"));
    assert_false(own_code_is_system_module("libcurl.so.4"));
    assert_false(own_code_is_system_module("libmine.so"));
    assert_false(own_code_is_system_module("demo"));
}

static void library_functions(void **state)
{
    (void)state;
    assert_true(own_code_is_library_function("std::vector<int>::push_back(int&&)"));
    assert_true(own_code_is_library_function("void std::__fill<int*>(int*, int*)"));
    assert_true(own_code_is_library_function("std::pair<int, int> std::make_pair<int>(int)"));
    assert_true(own_code_is_library_function("__gnu_cxx::new_allocator<int>::allocate(int)"));
    assert_true(own_code_is_library_function("operator new(unsigned long)"));
    assert_false(own_code_is_library_function("main"));
    assert_false(own_code_is_library_function("Box<std::string>::Box(std::string)"));
    assert_false(own_code_is_library_function("std::string Config::read(int)"));
    assert_false(own_code_is_library_function("std::string read<int>(int)"));
    assert_false(own_code_is_library_function("(anonymous namespace)::std_like(std::string)"));
    assert_false(own_code_is_library_function("stdlike::f()"));
    assert_false(own_code_is_library_function(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lose_what_compilers_add),
        cmocka_unit_test(names_lose_template_arguments),
        cmocka_unit_test(names_are_the_same_inlined_and_not),
        cmocka_unit_test(text_and_number),
        cmocka_unit_test(own_frames_make_it),
        cmocka_unit_test(without_symbols_the_offset_counts),
        cmocka_unit_test(only_eight_frames_count),
        cmocka_unit_test(library_frames_serve_where_there_are_no_others),
        cmocka_unit_test(system_modules),
        cmocka_unit_test(library_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
