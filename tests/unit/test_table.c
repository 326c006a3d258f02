/* Columns that fit, and a selection that stays where it can be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/table.h"

static const struct table_column columns[] = {
    {.title = "Live", .columns = 9, .is_right = true, .importance = 2, .sort_key = 7},
    {.title = "Peak", .columns = 9, .is_right = true, .importance = 1, .sort_key = 8},
    {.title = "Calls", .columns = 9, .is_right = true, .importance = 3, .sort_key = 9},
    {.title = "Name", .columns = 10, .is_flexible = true, .sort_key = TABLE_NO_SORT},
};

static struct table make_table(size_t rows)
{
    return (struct table){.columns = columns, .column_count = 4, .row_count = rows, .sort_key = 7};
}

static void gives_the_rest_to_the_name(void **state)
{
    struct table table = make_table(3);
    (void)state;
    table_lay_out(&table, 60);
    assert_int_equal(table_place(&table, 0).column, 1);
    assert_int_equal(table_place(&table, 3).column, 31);
    assert_int_equal(table_place(&table, 3).columns, 28);
    assert_int_equal(table_place(&table, 4).columns, 0); /* there is none */
}

static void drops_what_matters_least(void **state)
{
    struct table table = make_table(3);
    (void)state;
    table_lay_out(&table, 40); /* the name wants a third: 13 */
    assert_int_equal(table_place(&table, 1).columns, 0);
    assert_int_equal(table_place(&table, 0).columns, 9);
    assert_int_equal(table_place(&table, 2).columns, 9);
    table.sort_key = 8; /* what is sorted by stays */
    table_lay_out(&table, 24);
    assert_int_equal(table_place(&table, 0).columns, 0);
    assert_int_equal(table_place(&table, 1).columns, 9);
    assert_int_equal(table_place(&table, 2).columns, 0);
    assert_true(table_place(&table, 3).columns >= 10);
}

static void stays_in_bounds(void **state)
{
    struct table table = make_table(100);
    (void)state;
    table_move(&table, 1000);
    table_scroll_to_selected(&table, 10);
    assert_int_equal(table.selected, 99);
    assert_int_equal(table.top, 90);
    table_move(&table, -1000);
    table_scroll_to_selected(&table, 10);
    assert_int_equal(table.selected, 0);
    assert_int_equal(table.top, 0);
    table.row_count = 0;
    table_move(&table, 5);
    table_scroll_to_selected(&table, 10);
    table_scroll(&table, 3);
    assert_int_equal(table.selected, 0);
}

static void scrolls_with_the_selection_inside(void **state)
{
    struct table table = make_table(100);
    (void)state;
    table_scroll_to_selected(&table, 10);
    table_scroll(&table, 25);
    assert_int_equal(table.top, 25);
    assert_int_equal(table.selected, 25);
    table_scroll(&table, -20);
    assert_int_equal(table.top, 5);
    assert_int_equal(table.selected, 14);
    table_scroll(&table, 1000);
    assert_int_equal(table.top, 90);
}

/* In a window that is too small nothing was laid out or drawn yet. */
static void scrolls_before_it_is_drawn(void **state)
{
    struct table table = make_table(4);
    (void)state;
    table_scroll(&table, 3);
    assert_int_equal(table.selected, 3);
    table_scroll(&table, -30);
    assert_int_equal(table.selected, 0);
    table_move(&table, 1);
    assert_int_equal(table.selected, 1);
}

static bool is_third(const void *context, size_t row)
{
    (void)context;
    return row % 3 == 1;
}

static void steps_over_headings(void **state)
{
    struct table table = make_table(9); /* 1, 4 and 7 can be selected */
    (void)state;
    table.can_select = is_third;
    table_scroll_to_selected(&table, 5);
    assert_int_equal(table.selected, 1);
    table_move(&table, 1);
    assert_int_equal(table.selected, 4);
    table_move(&table, 50);
    assert_int_equal(table.selected, 7);
    table_move(&table, 1);
    assert_int_equal(table.selected, 7);
    table_move(&table, -1);
    assert_int_equal(table.selected, 4);
    table_move(&table, -50);
    assert_int_equal(table.selected, 1);
}

static void knows_sort_keys(void **state)
{
    struct table table = make_table(3);
    (void)state;
    table_lay_out(&table, 60);
    assert_int_equal(table_neighbour_sort_key(&table, 1), 8);
    assert_int_equal(table_neighbour_sort_key(&table, -1), TABLE_NO_SORT);
    table.sort_key = 9;
    assert_int_equal(table_neighbour_sort_key(&table, 1), TABLE_NO_SORT);
    assert_int_equal(table_sort_key_at(&table, 0), TABLE_NO_SORT);
    assert_int_equal(table_sort_key_at(&table, 1), 7);
    assert_int_equal(table_sort_key_at(&table, 9), 7);
    assert_int_equal(table_sort_key_at(&table, 10), TABLE_NO_SORT); /* the gap */
    assert_int_equal(table_sort_key_at(&table, 11), 8);
    assert_int_equal(table_sort_key_at(&table, 40), TABLE_NO_SORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_rest_to_the_name),
        cmocka_unit_test(drops_what_matters_least),
        cmocka_unit_test(stays_in_bounds),
        cmocka_unit_test(scrolls_with_the_selection_inside),
        cmocka_unit_test(scrolls_before_it_is_drawn),
        cmocka_unit_test(steps_over_headings),
        cmocka_unit_test(knows_sort_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
