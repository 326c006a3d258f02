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

static void fill(struct site_table *table, uint32_t count)
{
    for (uint32_t stack = 0; stack < count; stack++) {
        struct site *site = site_table_at(table, site_table_add(table, stack, 1));
        site->allocations = stack + 5;
        site->allocated_bytes = (stack + 5) * 10;
        site->frees = 2;
        site->freed_bytes = 20;
        if (stack % 3 != 0)
            id_set_add(&table->live, stack);
    }
}

static void assert_inherited(const struct site_table *table, uint32_t id)
{
    uint32_t stack = id / 2 * 3 + id % 2 + 1; /* those that 3 does not divide */
    struct site untouched;
    const struct site *site = site_table_look(table, id, &untouched);
    assert_int_equal(site->stack, stack);
    assert_int_equal(site->function, 1);
    assert_int_equal(site->inherited_blocks, stack + 3);
    assert_int_equal(site->inherited_bytes, (stack + 3) * 10);
    assert_int_equal(site_live_blocks(site), stack + 3);
    assert_int_equal(site->is_changed, id_set_has(&table->changed, id));
    assert_int_equal(site->written_peak_bytes, site->is_changed ? 0 : (stack + 3) * 10);
}

static void test_a_child_touches_few_of_what_it_inherits(void **state)
{
    static const uint32_t counts[] = {0, 1, 95, 96, 97, 3000};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct site_table parent = {0}, child = {0}, grandchild = {0};
        uint32_t id, many = counts[i] - (counts[i] + 2) / 3;
        struct site untouched;
        fill(&parent, counts[i]);
        site_table_inherit(&child, &parent);
        site_table_clear(&parent);
        assert_int_equal(child.count, many);
        assert_int_equal(id_set_count(&child.live), many);
        assert_int_equal(id_set_count(&child.changed), many);
        id_set_remove(&child.changed, 1); /* as if it was written */
        for (id = 0; id < many; id++) {
            assert_inherited(&child, id);
            assert_ptr_equal(site_table_look(&child, id, &untouched), &untouched);
        }
        if (many > 2) {
            struct site *touched = site_table_at(&child, 2);
            assert_ptr_equal(site_table_look(&child, 2, &untouched), touched);
            touched->allocations = 1;
            assert_ptr_equal(site_table_find(&child, touched->stack, 1, &id), touched);
            assert_int_equal(id, 2);
            touched->allocations = 0;
        }
        site_table_inherit(&grandchild, &child);
        for (uint32_t stack = 10000; stack < 12000; stack++)
            assert_int_equal(site_table_add(&child, stack, 1), many + stack - 10000);
        for (id = 0; id < many; id++) {
            assert_inherited(&child, id);
            assert_inherited(&grandchild, id);
            assert_non_null(site_table_at(&child, id));
            assert_inherited(&child, id);
        }
        assert_true(site_table_own_bytes(&child) > site_table_own_bytes(&grandchild));
        site_table_clear(&child);
        site_table_clear(&grandchild);
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
        cmocka_unit_test(test_a_child_touches_few_of_what_it_inherits),
        cmocka_unit_test(test_id_sets),
        cmocka_unit_test(test_one_thread_needs_no_list),
        cmocka_unit_test(test_threads_beyond_the_limit_share_the_last_entry),
        cmocka_unit_test(test_inherited_blocks_belong_to_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
