#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "heap/stack_table.h"
#include "recording/recording_records.h"

static struct frame_id add(struct stack_table *table, uint32_t module_plus_1, uint64_t offset)
{
    struct frame frame = {.offset = offset, .module_id_plus_1 = module_plus_1};
    return stack_table_add_frame(table, &frame);
}

static void test_frames_are_interned(void **state)
{
    (void)state;
    struct stack_table *table = stack_table_create();
    struct frame_id a = add(table, 1, 0x10);
    struct frame_id b = add(table, 2, 0x10);
    assert_int_equal(a.index, 0);
    assert_int_equal(b.index, 1);
    assert_int_equal(add(table, 1, 0x10).index, 0);
    struct frame exact = {.offset = 0x10, .module_id_plus_1 = 1, .is_exact = 1};
    assert_int_equal(stack_table_add_frame(table, &exact).index, 2);
    struct frame omitted = {.offset = 0x10, .module_id_plus_1 = 1, .kind = RECORDING_FRAME_OMITTED};
    assert_int_equal(stack_table_add_frame(table, &omitted).index, 3);
    assert_int_equal(stack_table_frame_count(table), 4);
    assert_int_equal(stack_table_frame(table, b).module_id_plus_1, 2);
    stack_table_destroy(table);
}

static void test_stacks_share_their_outer_ends(void **state)
{
    (void)state;
    struct stack_table *table = stack_table_create();
    struct frame_id main_frame = add(table, 1, 1), work = add(table, 1, 2), leaf = add(table, 1, 3);
    struct frame_id deep[] = {leaf, work, main_frame};
    struct frame_id flat[] = {leaf, main_frame};
    struct stack_id a = stack_table_add(table, deep, 3);
    struct stack_id b = stack_table_add(table, flat, 2);
    assert_int_equal(stack_table_node_count(table), 5); /* root, main, work, leaf, leaf */
    assert_int_not_equal(a.index, b.index);
    assert_int_equal(stack_table_add(table, deep, 3).index, a.index);
    assert_int_equal(stack_table_node_frame(table, a).index, leaf.index);
    struct stack_id up = stack_table_parent(table, a);
    assert_int_equal(stack_table_node_frame(table, up).index, work.index);
    up = stack_table_parent(table, up);
    assert_int_equal(stack_table_node_frame(table, up).index, main_frame.index);
    assert_int_equal(up.index, stack_table_parent(table, b).index);
    assert_int_equal(stack_table_parent(table, up).index, 0);
    stack_table_destroy(table);
}

static void test_root_and_foreign_ids(void **state)
{
    (void)state;
    struct stack_table *table = stack_table_create();
    assert_int_equal(stack_table_add(table, NULL, 0).index, 0);
    struct stack_id root = {0}, far = {99};
    assert_int_equal(stack_table_node_frame(table, root).index, STACK_TABLE_NO_FRAME);
    assert_int_equal(stack_table_parent(table, far).index, 0);
    struct frame_id none = {STACK_TABLE_NO_FRAME};
    assert_int_equal(stack_table_add(table, &none, 1).index, 0);
    assert_int_equal(stack_table_frame(table, none).kind, RECORDING_FRAME_UNKNOWN);
    stack_table_destroy(table);
    stack_table_destroy(NULL);
}

static void test_parents_come_before_children(void **state)
{
    (void)state;
    struct stack_table *table = stack_table_create();
    for (uint32_t i = 0; i < 20000; i++) {
        struct frame_id frames[4];
        for (uint32_t j = 0; j < 4; j++)
            frames[j] = add(table, 1, (i * 7919u >> (3 * j)) % 97);
        stack_table_add(table, frames, 4);
    }
    for (uint32_t i = 1; i < stack_table_node_count(table); i++)
        assert_true(stack_table_parent(table, (struct stack_id){i}).index < i);
    assert_true(stack_table_frame_count(table) <= 97);
    assert_true(stack_table_own_bytes(table) > stack_table_node_count(table) * 8);
    stack_table_destroy(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_interned),
        cmocka_unit_test(test_stacks_share_their_outer_ends),
        cmocka_unit_test(test_root_and_foreign_ids),
        cmocka_unit_test(test_parents_come_before_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
