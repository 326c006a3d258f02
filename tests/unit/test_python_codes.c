/* Code objects as targets tell them, places that they share, and what hostile targets would tell.
 */
#include "record/python_codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire_format.h"

static void add_code(struct python_codes *codes, uint32_t number, const char *name,
                     const char *file, uint32_t line_bytes)
{
    struct {
        struct wire_python_code code;
        char texts[256];
    } record = {.code = {.number = number,
                         .first_line = 10,
                         .version_minor = 9,
                         .line_bytes = line_bytes,
                         .name_bytes = (uint16_t)strlen(name),
                         .file_bytes = (uint16_t)strlen(file)}};
    memcpy(record.texts, name, strlen(name));
    memcpy(record.texts + strlen(name), file, strlen(file));
    python_codes_add(codes, &record.code);
}

/* `unit` of the code, as a frame's word has it; -1: before its first. */
static uint64_t word_of(uint64_t number, int unit)
{
    return WIRE_FRAME_PYTHON | number << WIRE_PYTHON_NUMBER_SHIFT | (uint64_t)(unit + 1);
}

static const uint8_t lines[] = {2, 1, 4, 2}; /* unit 0: line 10, 1: 11, 3: 13 */

static void test_names_places(void **state)
{
    (void)state;
    struct python_codes *codes = python_codes_create();
    add_code(codes, 7, "work", "/app/w.py", sizeof lines);
    python_codes_add_lines(codes, 7, 0, lines, 2);
    python_codes_add_lines(codes, 7, 2, lines + 2, 2);
    struct python_place place = python_codes_place(codes,
                                                   python_codes_find_place(codes, word_of(7, 3)));
    assert_string_equal(place.function, "work");
    assert_string_equal(place.file, "/app/w.py");
    assert_int_equal(place.line, 13);
    place = python_codes_place(codes, python_codes_find_place(codes, word_of(7, 2)));
    assert_int_equal(place.line, 11);
    place = python_codes_place(codes, python_codes_find_place(codes, word_of(7, -1)));
    assert_int_equal(place.line, 10);
    python_codes_destroy(codes);
}

static void test_equal_places_are_one(void **state)
{
    (void)state;
    struct python_codes *codes = python_codes_create();
    add_code(codes, 1, "work", "w.py", sizeof lines);
    add_code(codes, 2, "work", "w.py", sizeof lines); /* another worker's */
    add_code(codes, 3, "work", "v.py", sizeof lines);
    for (uint32_t number = 1; number <= 3; number++)
        python_codes_add_lines(codes, number, 0, lines, sizeof lines);
    uint32_t place = python_codes_find_place(codes, word_of(1, 0));
    assert_int_not_equal(place, 0);
    assert_int_equal(python_codes_find_place(codes, word_of(2, 0)), place);
    assert_int_equal(python_codes_find_place(codes, word_of(2, -1)), place); /* the same line */
    assert_int_not_equal(python_codes_find_place(codes, word_of(2, 1)), place);
    assert_int_not_equal(python_codes_find_place(codes, word_of(3, 0)), place);
    python_codes_destroy(codes);
}

static void test_unknown_codes_have_no_place(void **state)
{
    (void)state;
    struct python_codes *codes = python_codes_create();
    assert_int_equal(python_codes_find_place(codes, word_of(1, 0)), 0);
    struct python_place none = python_codes_place(codes, 0);
    assert_string_equal(none.function, "");
    none = python_codes_place(codes, 12345);
    assert_int_equal(none.line, 0);
    python_codes_destroy(codes);
}

static void test_what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    struct python_codes *codes = python_codes_create();
    add_code(codes, 1, "first", "w.py", 2);
    add_code(codes, 1, "second", "w.py", 2);                  /* the number is taken */
    python_codes_add_lines(codes, 1, 2, lines, 2);            /* not the next part */
    python_codes_add_lines(codes, 1, 0, lines, sizeof lines); /* more than there are */
    python_codes_add_lines(codes, 9, 0, lines, 2);            /* of nobody */
    struct python_place place = python_codes_place(codes,
                                                   python_codes_find_place(codes, word_of(1, 3)));
    assert_string_equal(place.function, "first");
    assert_int_equal(place.line, 10);
    add_code(codes, 2, "large", "w.py", UINT32_MAX);
    python_codes_add_lines(codes, 2, 0, lines, sizeof lines);
    add_code(codes, 3, "", "", 0);
    place = python_codes_place(codes, python_codes_find_place(codes, word_of(3, 1)));
    assert_string_equal(place.function, "");
    python_codes_destroy(codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_places),
        cmocka_unit_test(test_equal_places_are_one),
        cmocka_unit_test(test_unknown_codes_have_no_place),
        cmocka_unit_test(test_what_does_not_fit_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
