/* Sets of addresses, against one flag an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "snapshot/range_list.h"

enum {
    ADDRESSES = 300
};

static uint32_t next_random(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}

static void assert_is_sorted(const struct range_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        assert_true(list->items[i].start < list->items[i].end);
        if (i > 0)
            assert_true(list->items[i - 1].end < list->items[i].start);
    }
}

/* The gaps, from front to back, must be what no flag is set of. */
static void assert_gaps(const struct range_list *list, const char *flags)
{
    struct address_range gap;
    char found[ADDRESSES];
    size_t position = 0;
    memset(found, 1, sizeof found);
    for (uint64_t at = 0; range_list_next_gap(list, &position, at, ADDRESSES, &gap); at = gap.end)
        memset(found + gap.start, 0, gap.end - gap.start);
    assert_memory_equal(found, flags, sizeof found);
}

/* From anywhere, with a position that is right, or of another question. */
static void assert_answers(const struct range_list *list, const char *flags, uint32_t *random)
{
    uint64_t start = next_random(random) % ADDRESSES;
    size_t position = next_random(random) % (list->count + 3);
    struct address_range gap, same = {0};
    bool is_there = range_list_next_gap(list, &position, start, ADDRESSES, &gap);
    assert_int_equal(range_list_gap(list, start, ADDRESSES, &same), is_there);
    uint64_t at = start;
    while (at < ADDRESSES && flags[at])
        at++;
    assert_int_equal(is_there, at < ADDRESSES);
    if (!is_there)
        return;
    assert_int_equal(gap.start, at);
    while (at < ADDRESSES && !flags[at])
        at++;
    assert_int_equal(gap.end, at);
    assert_int_equal(same.start, gap.start);
    assert_int_equal(same.end, gap.end);
}

static void add(struct range_list *list, char *flags, uint64_t start, uint64_t bytes)
{
    uint64_t end = start + bytes < ADDRESSES ? start + bytes : ADDRESSES;
    range_list_add(list, start, end);
    memset(flags + start, 1, end - start);
}

/* Steps as they come in practice: some in order, some not, each sorted before it is asked. */
static void test_steps(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 300; round++) {
        struct range_list list = {0};
        char flags[ADDRESSES] = {0};
        for (int step = 0; step < 6; step++) {
            bool is_in_order = next_random(&random) % 2 == 0;
            uint64_t at = 0, count = next_random(&random) % 20;
            for (uint64_t i = 0; i < count; i++) {
                at = is_in_order ? at + next_random(&random) % 16
                                 : next_random(&random) % ADDRESSES;
                if (at < ADDRESSES)
                    add(&list, flags, at, next_random(&random) % 8);
            }
            range_list_sort(&list);
            assert_is_sorted(&list);
            assert_gaps(&list, flags);
            for (int i = 0; i < 20; i++)
                assert_answers(&list, flags, &random);
        }
        range_list_clear(&list);
    }
}

static void test_known(void **state)
{
    (void)state;
    struct range_list list = {0};
    struct address_range gap;
    range_list_sort(&list);
    assert_true(range_list_gap(&list, 5, 9, &gap));
    assert_int_equal(gap.start, 5);
    assert_int_equal(gap.end, 9);
    assert_null(range_list_overlap(&list, 0, UINT64_MAX));
    range_list_add(&list, 40, 50);
    range_list_add(&list, 10, 20);
    range_list_add(&list, 20, 30); /* side by side: one */
    range_list_add(&list, 7, 7);   /* nothing */
    range_list_sort(&list);
    assert_int_equal(list.count, 2);
    assert_false(range_list_gap(&list, 12, 30, &gap));
    assert_true(range_list_gap(&list, 12, 60, &gap));
    assert_int_equal(gap.start, 30);
    assert_int_equal(gap.end, 40);
    assert_int_equal(range_list_overlap(&list, 30, 41)->start, 40);
    assert_null(range_list_overlap(&list, 30, 40));
    range_list_add(&list, 29, 41); /* what was between is gone */
    range_list_sort(&list);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].start, 10);
    assert_int_equal(list.items[0].end, 50);
    range_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
