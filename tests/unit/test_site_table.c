#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "heap/site_table.h"

static void test_ids_are_dense_and_stay(void **state)
{
    (void)state;
    struct site_table table = {0};
    uint32_t id;
    assert_null(site_table_find(&table, 1, 2, &id));
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(site_table_add(&table, i / 2, (uint8_t)(i % 2)), i);
    struct site *first = site_table_at(&table, 0);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(site_table_add(&table, i / 2, (uint8_t)(i % 2)), i);
        struct site *site = site_table_find(&table, i / 2, (uint8_t)(i % 2), &id);
        assert_non_null(site);
        assert_int_equal(id, i);
        assert_int_equal(site->stack, i / 2);
        assert_int_equal(site->function, i % 2);
    }
    assert_null(site_table_find(&table, 9, 7, &id));
    assert_ptr_equal(site_table_at(&table, 0), first);
    assert_int_equal(site_table_add(&table, UINT32_MAX, 255), 5000);
    assert_int_equal(site_table_at(&table, 5000)->stack, UINT32_MAX);
    site_table_clear(&table);
}

static void test_expected_sites_and_more(void **state)
{
    static const uint32_t expected[] = {0, 1, 95, 96, 97, 3000};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct site_table table = {0};
        uint32_t id;
        site_table_expect(&table, expected[i]);
        assert_null(site_table_find(&table, 1, 2, &id));
        uint64_t *index = table.index;
        for (uint32_t stack = 0; stack < expected[i]; stack++)
            assert_int_equal(site_table_add(&table, stack, 1), stack);
        assert_ptr_equal(table.index, index);
        site_table_expect(&table, 1 << 20); /* it is too late */
        for (uint32_t stack = 0; stack < 5000; stack++)
            assert_int_equal(site_table_add(&table, stack, 1), stack);
        assert_int_equal(table.count, 5000);
        site_table_clear(&table);
    }
}

static void test_id_sets(void **state)
{
    (void)state;
    struct id_set set = {0};
    uint32_t id = 0;
    assert_false(id_set_next(&set, &id));
    const uint32_t members[] = {0, 63, 64, 1000, 65536};
    for (size_t i = 5; i-- > 0;)
        id_set_add(&set, members[i]);
    id_set_add(&set, 5);
    id_set_remove(&set, 5);
    id_set_remove(&set, 1 << 30);
    assert_false(id_set_has(&set, 5));
    assert_false(id_set_has(&set, 1 << 30));
    size_t seen = 0;
    for (id = 0; id_set_next(&set, &id); id++) {
        assert_true(id_set_has(&set, id));
        assert_int_equal(id, members[seen++]);
    }
    assert_int_equal(seen, 5);
    assert_int_equal(id_set_count(&set), 5);
    id_set_clear(&set);
}

/* As the ledger does it. */
static void allocate(struct site_table *table, struct site *site, uint32_t thread)
{
    site_threads_birth(site, thread, (struct weight){1, 10}, &table->thread_entry_count);
    site->allocations++;
    site->allocated_bytes += 10;
}

static void test_one_thread_needs_no_list(void **state)
{
    (void)state;
    struct site_table table = {0};
    struct site *site = site_table_at(&table, site_table_add(&table, 1, 1));
    allocate(&table, site, 3);
    allocate(&table, site, 3);
    assert_null(site->threads.list);
    assert_int_equal(site_threads_count(site), 1);
    assert_int_equal(site_threads_at(site, 0).thread, 3);
    assert_int_equal(site_threads_at(site, 0).allocated_bytes, 20);
    allocate(&table, site, 1);
    assert_int_equal(site_threads_count(site), 2);
    assert_int_equal(site_threads_at(site, 0).thread, 1);
    assert_int_equal(site_threads_at(site, 1).allocations, 2);
    assert_int_equal(table.thread_entry_count, 2);
    site_table_clear(&table);
}

static void test_threads_beyond_the_limit_share_the_last_entry(void **state)
{
    (void)state;
    struct site_table table = {0};
    struct site *site = site_table_at(&table, site_table_add(&table, 1, 1));
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t thread = 0; thread < 2000; thread++)
            allocate(&table, site, thread);
    for (uint32_t thread = 0; thread < 2000; thread++)
        site_threads_release(site, thread, (struct weight){1, 10});
    assert_int_equal(site_threads_count(site), SITE_THREADS_MAX);
    uint64_t allocations = 0, frees = 0;
    for (uint32_t i = 0; i < SITE_THREADS_MAX; i++) {
        struct site_thread thread = site_threads_at(site, i);
        assert_int_equal(thread.thread, i);
        allocations += thread.allocations;
        frees += thread.frees;
        assert_true(thread.frees <= thread.allocations);
    }
    assert_int_equal(allocations, 4000);
    assert_int_equal(frees, 2000);
    site_table_clear(&table);
}

static void test_inherited_blocks_belong_to_no_thread(void **state)
{
    (void)state;
    struct site_table table = {0};
    struct site *site = site_table_at(&table, site_table_add(&table, 1, 1));
    site->inherited_blocks = 2;
    site_threads_release(site, BLOCK_THREAD_INHERITED, (struct weight){1, 5});
    assert_int_equal(site_threads_count(site), 0);
    allocate(&table, site, 0);
    site_threads_release(site, BLOCK_THREAD_INHERITED, (struct weight){1, 5});
    assert_int_equal(site_threads_at(site, 0).frees, 0);
    assert_int_equal(site_threads_at(site, 0).allocations, 1);
    site_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_dense_and_stay),
        cmocka_unit_test(test_expected_sites_and_more),
        cmocka_unit_test(test_id_sets),
        cmocka_unit_test(test_one_thread_needs_no_list),
        cmocka_unit_test(test_threads_beyond_the_limit_share_the_last_entry),
        cmocka_unit_test(test_inherited_blocks_belong_to_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
