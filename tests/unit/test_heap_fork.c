#include "heap_script.h"

static struct heap_model *fork_at(struct heap_model *parent, uint64_t time)
{
    struct heap_model *child = heap_model_fork(parent, time);
    heap_model_add_thread(child, 200, "child", time);
    heap_model_add_thread(child, 201, "child", time);
    return child;
}

static void test_a_child_inherits(void **state)
{
    (void)state;
    struct heap_model *parent = new_model();
    birth(parent, 1, 0x1000, 100, 1);
    birth(parent, 2, 0x2000, 50, 2);
    birth(parent, 3, 0x3000, 7, 3);
    release(parent, 4, 0x3000);
    struct heap_model *child = fork_at(parent, 10);
    struct recording_totals totals = totals_of(child);
    assert_int_equal(totals.inherited_blocks, 2);
    assert_int_equal(totals.inherited_bytes, 150);
    assert_int_equal(totals.allocations, 0);
    assert_int_equal(totals.peak_bytes, 150);
    assert_int_equal(totals.peak_time_ns, 10);

    release(child, 15, 0x1000);
    birth(child, 16, 0x4000, 200, 2);
    release(parent, 17, 0x2000);
    struct records records = records_of(child, true);
    assert_int_equal(records.site_count, 2); /* site 3 has no live blocks */
    assert_int_equal(records.sites[0].inherited_bytes, 100);
    assert_int_equal(records.sites[0].frees, 1);
    assert_int_equal(records.sites[0].live_blocks, 0);
    assert_int_equal(records.lifetimes[0][0], 4); /* 14 ns, across the fork */
    assert_int_equal(records.sites[1].inherited_blocks, 1);
    assert_int_equal(records.sites[1].live_bytes, 250);
    assert_int_equal(records.sites[1].peak_bytes, 250);
    const uint64_t threads[] = {0, 1, 200, 0, 0, 1, 200};
    assert_int_equal(records.sites[0].threads.count, 0);
    assert_int_equal(records.sites[1].threads.count, 7);
    assert_memory_equal(records.threads[1], threads, sizeof threads);
    assert_int_equal(records.totals.temporary_allocations, 0);
    assert_int_equal(records.thread[0].frees, 1);

    struct heap_block block;
    assert_true(heap_model_find_block(child, 0x2000, &block)); /* released by the parent only */
    assert_int_equal(block.thread, HEAP_THREAD_INHERITED);
    assert_int_equal(block.birth_ns, 2);
    assert_int_equal(block.stack.index, 2);
    assert_true(heap_model_find_block(parent, 0x1000, &block));
    assert_int_equal(block.thread, MAIN);
    heap_model_destroy(parent);
    assert_true(heap_model_find_block(child, 0x2000, &block));
    release(child, 20, 0x2000);
    assert_int_equal(totals_of(child).live_bytes, 200);
    heap_model_settle(child);
    assert_int_equal(quality_of(child).unknown_frees, 0);
    heap_model_destroy(child);
}

/* Between the heap that the child was given and the fork itself other threads went on. */
static void test_a_window_before_the_fork(void **state)
{
    (void)state;
    struct heap_model *parent = new_model();
    birth(parent, 1, 0x1000, 100, 1);
    birth(parent, 2, 0x2000, 50, 2);
    birth(parent, 3, 0x5000, 8, 2);
    struct heap_model *child = fork_at(parent, 10), *silent = fork_at(parent, 10);
    heap_model_expect_fork(silent);
    heap_model_expect_fork(child);
    birth(parent, 11, 0x3000, 70, 3);
    release(parent, 12, 0x1000);
    birth(parent, 13, 0x1000, 60, 2);
    release(parent, 14, 0x2000);
    birth(parent, 15, 0x6000, 9, 3);
    release(parent, 16, 0x3000);
    heap_model_end_fork(child);
    heap_model_end_fork(child);
    birth(parent, 17, 0x4000, 1000, 1);

    assert_int_equal(totals_of(child).inherited_bytes, 158);
    release(child, 20, 0x3000); /* it was there */
    assert_int_equal(totals_of(child).inherited_bytes, 158 + 70);
    assert_int_equal(totals_of(child).freed_bytes, 70);
    birth(child, 21, 0x2000, 10, 4); /* and that was not */
    assert_int_equal(totals_of(child).inherited_bytes, 108 + 70);
    assert_int_equal(totals_of(child).live_bytes, 108 + 10);
    release(child, 22, 0x2000);
    leave(child, 23, 0x6000);
    arrive(child, 24, 0x6000, 19, 4);
    assert_int_equal(totals_of(child).inherited_blocks, 4);
    assert_int_equal(totals_of(child).live_bytes, 108 + 19);
    release(child, 25, 0x1000); /* which of the two is not known: no reason to complain */
    struct records records = records_of(child, true);
    assert_int_equal(records.sites[2].inherited_blocks, 2); /* those of 0x3000 and 0x6000 */
    heap_model_settle(child);
    assert_int_equal(quality_of(child).unknown_frees, 0);
    assert_int_equal(quality_of(child).missed_frees, 0);
    assert_int_equal(heap_model_misuse_count(child), 0);

    release(child, 30, 0x3000); /* again */
    release(child, 31, 0x7000);
    heap_model_settle(child);
    assert_int_equal(quality_of(child).unknown_frees, 1);
    assert_int_equal(heap_model_misuse_count(child), 1);
    heap_model_destroy(parent); /* with a window open */
    release(silent, 40, 0x6000);
    assert_int_equal(totals_of(silent).inherited_bytes, 158 + 9);
    heap_model_destroy(silent);
    heap_model_destroy(child);
}

static void test_a_realloc_across_the_fork(void **state)
{
    (void)state;
    struct heap_model *parent = new_model();
    birth(parent, 1, 0x1000, 100, 1);
    birth(parent, 2, 0x2000, 30, 1);
    leave(parent, 3, 0x1000);
    struct heap_model *child = fork_at(parent, 4);
    struct heap_block block;
    assert_true(heap_model_find_block(child, 0x1000, &block)); /* never arrives in the child */
    arrive(parent, 5, 0x3000, 200, 2);
    assert_true(heap_model_find_block(child, 0x1000, &block));
    assert_false(heap_model_find_block(child, 0x3000, &block));
    assert_int_equal(totals_of(child).live_bytes, 130);
    leave(child, 6, 0x2000); /* an inherited one */
    arrive(child, 7, 0x2000, 60, 3);
    assert_int_equal(totals_of(child).live_bytes, 160);
    assert_int_equal(totals_of(child).reallocations, 1);
    heap_model_destroy(child);
    heap_model_destroy(parent);
}

/* Another thread's malloc returned before the fork but was stamped after it. */
static void test_a_block_born_around_the_fork(void **state)
{
    (void)state;
    struct heap_model *parent = new_model();
    birth(parent, 1000, 0x1000, 10, 1);
    struct heap_model *child = fork_at(parent, 2000);
    birth_by(parent, OTHER, 2050, 0x2000, 40, 5);
    birth(child, 2500, 0x9000, 3, 5);
    release(child, 3000, 0x2000);
    heap_model_settle(child);
    struct records records = records_of(child, true);
    assert_int_equal(records.totals.inherited_blocks, 2);
    assert_int_equal(records.totals.inherited_bytes, 50);
    assert_int_equal(records.totals.frees, 1);
    assert_int_equal(records.totals.live_bytes, 13);
    assert_int_equal(records.sites[1].inherited_bytes, 40);
    assert_int_equal(records.sites[1].freed_bytes, 40);
    const uint64_t threads[] = {0, 1, 3, 0, 0, 1, 3};
    assert_memory_equal(records.threads[1], threads, sizeof threads);
    assert_int_equal(quality_of(child).unknown_frees, 0);
    totals_of(child);

    birth_by(parent, OTHER, 900000000, 0x3000, 40, 5); /* long after: not the child's */
    release(child, 900000100, 0x3000);
    heap_model_settle(child);
    assert_int_equal(quality_of(child).unknown_frees, 1);
    heap_model_destroy(parent);
    release(child, 900000200, 0x4000);
    heap_model_settle(child);
    assert_int_equal(quality_of(child).unknown_frees, 2);
    heap_model_destroy(child);
}

static void test_generations(void **state)
{
    (void)state;
    struct heap_model *first = new_model();
    birth(first, 1, 0x1000, 1, 1);
    struct heap_model *second = fork_at(first, 10);
    birth(second, 11, 0x2000, 2, 2);
    struct heap_model *third = fork_at(second, 20);
    birth(third, 21, 0x3000, 4, 3);
    assert_int_equal(totals_of(third).inherited_bytes, 3);
    assert_int_equal(totals_of(third).live_bytes, 7);
    heap_model_destroy(second);
    release(first, 30, 0x1000);
    release(third, 31, 0x1000);
    release(third, 32, 0x2000);
    assert_int_equal(totals_of(third).live_bytes, 4);
    heap_model_destroy(first);
    heap_model_settle(third);
    assert_int_equal(quality_of(third).unknown_frees, 0);
    heap_model_destroy(third);
}

static void test_children_go_in_any_order(void **state)
{
    (void)state;
    struct heap_model *parent = new_model();
    birth(parent, 1, 0x1000, 1, 1);
    struct heap_model *children[4];
    for (uint64_t i = 0; i < 4; i++) {
        children[i] = fork_at(parent, 10 + i * 10);
        birth(parent, 15 + i * 10, 0x2000 + i * 16, 1, 1);
    }
    heap_model_destroy(children[2]);
    heap_model_destroy(children[3]);
    heap_model_destroy(children[0]);
    release(parent, 99, 0x1000);
    struct heap_block block;
    assert_true(heap_model_find_block(children[1], 0x1000, &block));
    assert_true(heap_model_find_block(children[1], 0x2000, &block));
    assert_false(heap_model_find_block(children[1], 0x2010, &block));
    heap_model_destroy(parent);
    heap_model_destroy(children[1]);
}

static void test_a_fork_costs_little(void **state)
{
    (void)state;
    struct heap_model *parent = new_model();
    for (uint64_t i = 0; i < 200000; i++)
        birth(parent, i, 0x100000 + i * 16, 16, (uint32_t)(i % 10));
    struct heap_model *child = fork_at(parent, 200000);
    assert_true(heap_model_own_bytes(child) < 50 * 1024);
    assert_int_equal(totals_of(child).live_blocks, 200000);
    heap_model_destroy(child);
    heap_model_destroy(parent);
}

static void test_a_retired_child_keeps_its_figures(void **state)
{
    (void)state;
    struct heap_model *parent = new_model();
    for (uint64_t i = 0; i < 100000; i++)
        birth(parent, i, 0x100000 + i * 16, 16, 1);
    struct heap_model *child = fork_at(parent, 100000);
    struct heap_model *grandchild = fork_at(child, 100001); /* copies */
    release(child, 100002, 0x100000);
    heap_model_retire(child);
    assert_true(heap_model_own_bytes(child) < 50 * 1024);
    struct records records = records_of(child, true);
    assert_int_equal(records.totals.live_blocks, 99999);
    assert_int_equal(records.sites[0].live_bytes, 99999 * 16);
    struct heap_block block;
    assert_false(heap_model_find_block(child, 0x100010, &block));
    assert_true(heap_model_find_block(grandchild, 0x100000, &block));
    birth(child, 100003, 0x100000, 16, 1);
    assert_int_equal(quality_of(child).bad_records, 1);
    struct heap_model *late = fork_at(child, 100004);
    assert_int_equal(totals_of(late).live_blocks, 0);
    heap_model_destroy(late);
    heap_model_destroy(grandchild);
    heap_model_destroy(child);
    heap_model_destroy(parent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_child_inherits),
        cmocka_unit_test(test_a_window_before_the_fork),
        cmocka_unit_test(test_a_realloc_across_the_fork),
        cmocka_unit_test(test_a_block_born_around_the_fork),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_children_go_in_any_order),
        cmocka_unit_test(test_a_fork_costs_little),
        cmocka_unit_test(test_a_retired_child_keeps_its_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
