/* Leaks of two processes as one list, by each figure; and the sums of kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/leak_list.h"
#include "analysis/query.h"
#include "base/text.h"

/* A leak is known by its site. Those of process 4 were found at 100 ns, of process 2 at 50. */
static struct leak first[] = {
    {.kind = LEAK_DEFINITE,
     .site = 1,
     .bytes = 100,
     .blocks = 2,
     .indirect_bytes = 50,
     .oldest_ns = 90},
    {.kind = LEAK_DEFINITE, .site = 2, .bytes = 120, .blocks = 9, .oldest_ns = 10},
    {.kind = LEAK_POSSIBLE, .site = 3, .bytes = 1, .blocks = 1},
};
static struct leak second[] = {
    {.kind = LEAK_DEFINITE,
     .site = 5,
     .bytes = 120,
     .blocks = 1,
     .indirect_bytes = 70,
     .oldest_ns = 20},
    {.kind = LEAK_DEFINITE, .site = LEAKS_NO_SITE, .bytes = 120, .blocks = 1, .oldest_ns = 70},
};
static struct leak_report_process processes[] = {
    {.process = 4,
     .is_done = true,
     .head.time_ns = 100,
     .leaks = {.items = first, .count = 3, .kinds[LEAK_DEFINITE] = {11, 220}}},
    {.process = 2,
     .is_done = true,
     .head.time_ns = 50,
     .leaks = {.items = second, .count = 2, .kinds[LEAK_DEFINITE] = {2, 240}}},
    {.process = 3},
};
static const struct leak_report report = {.processes = processes, .process_count = 3};

static void expect(uint32_t process, enum leak_kind kind, enum leak_order order,
                   const uint8_t *is_kept, const char *expected)
{
    struct leak_list list;
    struct text text = {0};
    leak_list_build(&report, process, kind, order, is_kept, &list);
    for (size_t i = 0; i < list.count; i++)
        text_print(&text, "%d ", (int)leak_line_leak(&list.items[i])->site);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
    leak_list_clear(&list);
}

static void orders_by_figures(void **state)
{
    (void)state;
    expect(QUERY_ALL_PROCESSES, LEAK_DEFINITE, LEAKS_BY_BYTES, NULL, "5 1 -1 2 ");
    expect(QUERY_ALL_PROCESSES, LEAK_DEFINITE, LEAKS_BY_BLOCKS, NULL, "2 1 5 -1 ");
    expect(QUERY_ALL_PROCESSES, LEAK_DEFINITE, LEAKS_BY_INDIRECT, NULL, "5 1 -1 2 ");
    /* 30, 0 (found before it was born), 10, 90 ns old */
    expect(QUERY_ALL_PROCESSES, LEAK_DEFINITE, LEAKS_BY_AGE, NULL, "2 5 1 -1 ");
}

static void takes_what_is_asked(void **state)
{
    static const uint8_t is_kept[6] = {[2] = 1, [3] = 1};
    (void)state;
    expect(QUERY_ALL_PROCESSES, LEAK_POSSIBLE, LEAKS_BY_BYTES, NULL, "3 ");
    expect(QUERY_ALL_PROCESSES, LEAK_REACHABLE, LEAKS_BY_BYTES, NULL, "");
    expect(4, LEAK_DEFINITE, LEAKS_BY_BYTES, NULL, "1 2 ");
    expect(3, LEAK_DEFINITE, LEAKS_BY_BYTES, NULL, "");
    expect(QUERY_ALL_PROCESSES, LEAK_DEFINITE, LEAKS_BY_BYTES, is_kept, "2 ");
}

static void sums_kinds(void **state)
{
    (void)state;
    assert_int_equal(leak_list_sum(&report, QUERY_ALL_PROCESSES, LEAK_DEFINITE).bytes, 460);
    assert_int_equal(leak_list_sum(&report, 2, LEAK_DEFINITE).bytes, 240);
    assert_int_equal(leak_list_sum(&report, 2, LEAK_DEFINITE).blocks, 2);
    assert_int_equal(leak_list_sum(&report, 9, LEAK_DEFINITE).bytes, 0);
    assert_int_equal(leak_report_age_ns(&processes[0], &first[1]), 90);
    assert_int_equal(leak_report_age_ns(&processes[1], &second[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_by_figures),
        cmocka_unit_test(takes_what_is_asked),
        cmocka_unit_test(sums_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
