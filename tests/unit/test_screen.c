/* The picture that views draw: widths, cuts, foreign bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/screen.h"

static void expect_row(const struct screen *screen, int row, const char *expected)
{
    struct text text = {0};
    screen_row_text(screen, row, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void puts_and_cuts(void **state)
{
    struct screen screen;
    (void)state;
    screen_init(&screen, 3, 10, true);
    assert_int_equal(screen_put(&screen, 0, 2, 5, STYLE_TEXT, "abcdefgh"), 5);
    expect_row(&screen, 0, "  abcde");
    assert_int_equal(screen_put(&screen, 1, 8, 50, STYLE_TEXT, "abc"), 2);
    expect_row(&screen, 1, "        ab");
    assert_int_equal(screen_put_right(&screen, 2, 1, 6, STYLE_TEXT, "12"), 6);
    expect_row(&screen, 2, "     12");
    screen_erase(&screen);
    screen_put_cut(&screen, 0, 0, 8, STYLE_TEXT, "beginning_and_end");
    expect_row(&screen, 0, "beg..end");
    screen_clear(&screen);
}

static void ignores_what_is_outside(void **state)
{
    struct screen screen;
    (void)state;
    screen_init(&screen, 2, 4, true);
    screen_put(&screen, -1, 0, 4, STYLE_TEXT, "x");
    screen_put(&screen, 2, 0, 4, STYLE_TEXT, "x");
    screen_put(&screen, 0, 9, 4, STYLE_TEXT, "x");
    screen_put(&screen, 0, 0, -3, STYLE_TEXT, "x");
    screen_put_cut(&screen, 0, 3, -3, STYLE_TEXT, "x");
    screen_put_bar(&screen, 1, 2, 40, STYLE_TEXT, 7.0);
    screen_box(&screen, (struct area){-1, -1, 9, 9}, STYLE_TEXT);
    screen_restyle(&screen, (struct area){0, 0, 100, 100}, STYLE_TEXT);
    expect_row(&screen, 0, "");
    screen_clear(&screen);
}

static void keeps_wide_characters_whole(void **state)
{
    struct screen screen;
    (void)state;
    screen_init(&screen, 1, 8, true);
    assert_int_equal(screen_put(&screen, 0, 0, 5, STYLE_TEXT, "データ"), 4);
    expect_row(&screen, 0, "デー");
    screen_put(&screen, 0, 1, 1, STYLE_TEXT, "x"); /* on the second half of the first */
    expect_row(&screen, 0, " xー");
    screen_put(&screen, 0, 2, 1, STYLE_TEXT, "y"); /* on the first half of the second */
    expect_row(&screen, 0, " xy");
    screen_clear(&screen);
}

static void keeps_marks_on_their_characters(void **state)
{
    struct screen screen;
    (void)state;
    screen_init(&screen, 1, 8, true);
    assert_int_equal(screen_put(&screen, 0, 0, 8, STYLE_TEXT, "a\xcc\x88z"), 2);
    expect_row(&screen, 0, "a\xcc\x88z");
    screen_clear(&screen);
}

static void makes_foreign_bytes_harmless(void **state)
{
    struct screen screen;
    (void)state;
    screen_init(&screen, 1, 40, true);
    screen_put(&screen, 0, 0, 40, STYLE_TEXT,
               "a\033[31mb\x01\x7f\xff\xc3.\xed\xa0\x80|\xe2\x80\xae");
    expect_row(&screen, 0, "a?[31mb????.?|?");
    screen_clear(&screen);
    screen_init(&screen, 1, 40, false);
    screen_put(&screen, 0, 0, 40, STYLE_TEXT, "größe");
    expect_row(&screen, 0, "gr??e");
    screen_clear(&screen);
}

static void draws_bars(void **state)
{
    struct screen screen;
    (void)state;
    screen_init(&screen, 3, 10, true);
    screen_put_bar(&screen, 0, 0, 4, STYLE_TEXT, 0.5);
    expect_row(&screen, 0, "██");
    screen_put_bar(&screen, 1, 0, 4, STYLE_TEXT, 0.0001);
    expect_row(&screen, 1, "▏");
    screen_put_bar(&screen, 2, 0, 4, STYLE_TEXT, 0.0);
    expect_row(&screen, 2, "");
    screen_clear(&screen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_and_cuts),
        cmocka_unit_test(ignores_what_is_outside),
        cmocka_unit_test(keeps_wide_characters_whole),
        cmocka_unit_test(keeps_marks_on_their_characters),
        cmocka_unit_test(makes_foreign_bytes_harmless),
        cmocka_unit_test(draws_bars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
