/* The table of offsets: known rows, and what CPython 3.13 says of itself. */
#include "wire/cpython_offsets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The first words of _PyRuntime as CPython 3.13.0 has them. */
static const uint64_t words_of_313[CPYTHON_DEBUG_WORDS] = {
    0x7970677562656478, 0x030d00f0, 0, 283320, 608, 632,
    /* interpreter_state */
    194968, 7272, 7264, 7344, 7400, 7656, 7640, 7648, 16, 7752, 0, 7768, 7760,
    /* thread_state */
    304, 0, 8, 16, 72, 152, 160, 232, 32,
    /* interpreter_frame */
    80, 8, 0, 56, 72, 70,
    /* code_object */
    208, 112, 120, 128, 136, 68, 52, 96, 104, 200,
    /* pyobject, type_object, tuple_object, list_object, dict_object, float_object, long_object */
    16, 8, 416, 24, 88, 168, 32, 24, 16, 40, 24, 16, 48, 32, 40, 24, 16, 32, 16, 24,
    /* bytes_object, unicode_object, gc */
    40, 16, 32, 64, 32, 16, 40, 240, 200};

/* The same of 3.14.8. */
static const uint64_t words_of_314[CPYTHON_DEBUG_WORDS] = {
    0x7970677562656478, 0x030e08f0, 0, 316616, 784, 808,
    /* interpreter_state */
    225864, 7280, 7272, 7344, 7360, 7408, 7688, 7672, 7680, 16, 7784, 0, 7800, 7792, 7992, 0,
    /* thread_state */
    832, 0, 8, 16, 72, 152, 160, 232, 32,
    /* interpreter_frame */
    88, 8, 0, 56, 80, 74, 64, 0,
    /* code_object */
    216, 112, 120, 128, 136, 68, 52, 96, 104, 208, 0,
    /* pyobject, type_object, tuple_object, list_object, set_object, dict_object, float_object */
    16, 8, 416, 24, 88, 168, 40, 32, 16, 40, 24, 16, 200, 24, 40, 32, 48, 32, 40, 24, 16,
    /* long_object, bytes_object, unicode_object, gc */
    32, 16, 24, 40, 16, 32, 64, 32, 16, 40, 264, 192};

static void test_finds_columns_by_version(void **state)
{
    (void)state;
    struct cpython_offsets offsets;
    assert_true(cpython_offsets_find(0x030812f0, &offsets)); /* 3.8.18 */
    assert_int_equal(offsets.minor, 8);
    assert_int_equal(offsets.thread_frame, 24);
    assert_int_equal(offsets.frame_instruction, 104);
    assert_int_equal(offsets.code_qualname, CPYTHON_NONE);
    assert_true(cpython_offsets_find(0x030b02f0, &offsets)); /* 3.11.2 */
    assert_int_equal(offsets.runtime_interpreters_head, 40);
    assert_int_equal(offsets.frame_is_entry, 68);
    assert_int_equal(offsets.string_compact_data, 72);
    assert_true(cpython_offsets_find(0x030e00f0, &offsets)); /* 3.14.0 */
    assert_int_equal(offsets.code_bytecode, 208);
}

static void test_refuses_versions_without_a_column(void **state)
{
    (void)state;
    struct cpython_offsets offsets;
    assert_false(cpython_offsets_find(0x030710f0, &offsets)); /* 3.7.16 */
    assert_false(cpython_offsets_find(0x030f00f0, &offsets)); /* 3.15.0 */
    assert_false(cpython_offsets_find(0x02070ff0, &offsets)); /* 2.7.15 */
    assert_false(cpython_offsets_find(0x030e00a7, &offsets)); /* 3.14.0a7 */
    assert_false(cpython_offsets_find(0x030e00b4, &offsets)); /* 3.14.0b4 */
    assert_true(cpython_offsets_find(0x030e00c1, &offsets));  /* 3.14.0rc1 */
    assert_false(cpython_offsets_find(0, &offsets));
}

static void test_agrees_with_what_a_process_says(void **state)
{
    (void)state;
    struct cpython_offsets offsets, before;
    assert_true(cpython_offsets_find(0x030d00f0, &offsets));
    before = offsets;
    const char *differing = "";
    assert_true(cpython_offsets_check(&offsets, words_of_313, &differing));
    assert_null(differing);
    assert_memory_equal(&offsets, &before, sizeof offsets);
    assert_true(cpython_offsets_find(0x030e08f0, &offsets));
    before = offsets;
    assert_true(cpython_offsets_check(&offsets, words_of_314, &differing));
    assert_null(differing);
    assert_memory_equal(&offsets, &before, sizeof offsets);
    assert_int_equal(offsets.tuple_items, 32);
}

static void test_takes_what_differs_from_the_process(void **state)
{
    (void)state;
    struct cpython_offsets offsets;
    assert_true(cpython_offsets_find(0x030d00f0, &offsets));
    uint64_t words[CPYTHON_DEBUG_WORDS];
    memcpy(words, words_of_313, sizeof words);
    words[10] = 7408; /* gc */
    const char *differing = NULL;
    assert_true(cpython_offsets_check(&offsets, words, &differing));
    assert_string_equal(differing, "interpreter_gc");
    assert_int_equal(offsets.interpreter_gc, 7408);
}

static void test_refuses_what_is_no_such_table(void **state)
{
    (void)state;
    struct cpython_offsets offsets;
    assert_true(cpython_offsets_find(0x030d00f0, &offsets));
    uint64_t words[CPYTHON_DEBUG_WORDS];
    memcpy(words, words_of_313, sizeof words);
    words[2] = 1; /* free-threaded */
    assert_false(cpython_offsets_check(&offsets, words, NULL));
    words[2] = 0;
    words[1] = 0x030e00f0;
    assert_false(cpython_offsets_check(&offsets, words, NULL));
    words[1] = words_of_313[1];
    words[0]++;
    assert_false(cpython_offsets_check(&offsets, words, NULL));
    words[0]--;
    words[23] = UINT64_C(1) << 40;
    assert_false(cpython_offsets_check(&offsets, words, NULL));
    assert_int_equal(offsets.thread_current_frame, 72);
    /* Before 3.13 there is nothing to compare with. */
    assert_true(cpython_offsets_find(0x030c01f0, &offsets));
    assert_true(cpython_offsets_check(&offsets, words, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_columns_by_version),
        cmocka_unit_test(test_refuses_versions_without_a_column),
        cmocka_unit_test(test_agrees_with_what_a_process_says),
        cmocka_unit_test(test_takes_what_differs_from_the_process),
        cmocka_unit_test(test_refuses_what_is_no_such_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
