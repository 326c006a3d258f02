#include "heap_script.h"

#include "heap/misuse.h"

static void call(struct heap_model *model, uint8_t kind, uint64_t address, uint64_t size,
                 uint32_t stack, uint8_t function)
{
    apply(model, (struct heap_event){.kind = kind,
                                     .time_ns = 5,
                                     .address = address,
                                     .size = size,
                                     .stack = {stack},
                                     .function = function});
}

static void test_who_may_release_what(void **state)
{
    (void)state;
    static const struct {
        enum function_kind allocation, release;
        bool is_pair;
    } CASES[] = {
        {FUNCTION_MALLOC, FUNCTION_FREE, true},
        {FUNCTION_CALLOC, FUNCTION_CFREE, true},
        {FUNCTION_MALLOC, FUNCTION_REALLOC, true},
        {FUNCTION_REALLOCARRAY, FUNCTION_FREE_SIZED, true},
        {FUNCTION_ALIGNED_ALLOC, FUNCTION_FREE, true},
        {FUNCTION_ALIGNED_ALLOC, FUNCTION_FREE_ALIGNED_SIZED, true},
        {FUNCTION_POSIX_MEMALIGN, FUNCTION_FREE, true},
        {FUNCTION_PVALLOC, FUNCTION_REALLOC, true},
        {FUNCTION_NEW, FUNCTION_DELETE, true},
        {FUNCTION_NEW_ARRAY, FUNCTION_DELETE_ARRAY, true},
        {FUNCTION_NEW_ALIGNED, FUNCTION_DELETE_ALIGNED, true},
        {FUNCTION_NEW_ARRAY_ALIGNED, FUNCTION_DELETE_ARRAY_ALIGNED, true},
        {FUNCTION_CUSTOM, FUNCTION_FREE, true},
        {FUNCTION_NONE, FUNCTION_DELETE, true},
        {FUNCTION_NEW, FUNCTION_NONE, true},
        {FUNCTION_NEW, FUNCTION_FREE, false},
        {FUNCTION_NEW_ARRAY, FUNCTION_FREE, false},
        {FUNCTION_NEW_ARRAY, FUNCTION_DELETE, false},
        {FUNCTION_NEW, FUNCTION_DELETE_ARRAY, false},
        {FUNCTION_NEW, FUNCTION_REALLOC, false},
        {FUNCTION_NEW_ALIGNED, FUNCTION_DELETE, false},
        {FUNCTION_NEW, FUNCTION_DELETE_ALIGNED, false},
        {FUNCTION_MALLOC, FUNCTION_DELETE, false},
        {FUNCTION_CALLOC, FUNCTION_DELETE_ARRAY, false},
        {FUNCTION_MEMALIGN, FUNCTION_FREE_SIZED, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(misuse_is_pair(CASES[i].allocation, CASES[i].release), CASES[i].is_pair);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_false(misuse_is_wrong_size(8, 0));
    assert_false(misuse_is_wrong_size(8, 8));
    assert_true(misuse_is_wrong_size(8, 16));
    assert_false(misuse_is_wrong_size(0, 1));
    assert_true(misuse_is_wrong_size(0, 2));
    assert_true(misuse_is_wrong_size(1, 8));
}

static void test_mismatch_is_counted_by_stacks(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    for (uint32_t i = 0; i < 3; i++) {
        call(model, HEAP_EVENT_BIRTH, 0x1000, 24, 10, FUNCTION_NEW_ARRAY);
        call(model, HEAP_EVENT_RELEASE, 0x1000, 0, 20 + (i == 2), FUNCTION_FREE);
    }
    call(model, HEAP_EVENT_BIRTH, 0x2000, 24, 11, FUNCTION_NEW);
    call(model, HEAP_EVENT_RELEASE, 0x2000, 32, 22, FUNCTION_DELETE);
    call(model, HEAP_EVENT_BIRTH, 0x3000, 24, 12, FUNCTION_NEW);
    call(model, HEAP_EVENT_LEAVE, 0x3000, 0, 0, FUNCTION_REALLOC);
    call(model, HEAP_EVENT_ARRIVE, 0x3000, 48, 23, FUNCTION_REALLOC);
    assert_int_equal(heap_model_misuse_count(model), 5);
    struct records records = records_of(model, false);
    assert_int_equal(records.misuse_count, 4);
    struct recording_misuse *misuse = records.misuses;
    assert_int_equal(misuse[0].kind, RECORDING_MISUSE_MISMATCH);
    assert_int_equal(misuse[0].count, 2);
    assert_int_equal(misuse[0].address, 0x1000);
    assert_int_equal(misuse[0].size, 24);
    assert_int_equal(misuse[0].function, FUNCTION_FREE);
    assert_int_equal(misuse[0].stack_node_id, 20);
    assert_int_equal(misuse[0].allocation_function, FUNCTION_NEW_ARRAY);
    assert_int_equal(misuse[0].allocation_stack_node_id, 10);
    assert_int_equal(misuse[1].stack_node_id, 21);
    assert_int_equal(misuse[2].kind, RECORDING_MISUSE_WRONG_SIZE);
    assert_int_equal(misuse[2].allocation_stack_node_id, 11);
    assert_int_equal(misuse[3].kind, RECORDING_MISUSE_MISMATCH);
    assert_int_equal(misuse[3].function, FUNCTION_REALLOC);
    assert_int_equal(misuse[3].stack_node_id, 23);

    call(model, HEAP_EVENT_BIRTH, 0x1000, 24, 10, FUNCTION_NEW_ARRAY);
    call(model, HEAP_EVENT_RELEASE, 0x1000, 0, 20, FUNCTION_FREE);
    records = records_of(model, false); /* records add up: only what is new */
    assert_int_equal(records.misuse_count, 1);
    assert_int_equal(records.misuses[0].count, 1);
    records = records_of(model, true);
    assert_int_equal(records.misuse_count, 4);
    assert_int_equal(records.misuses[0].count, 3);
    heap_model_destroy(model);
}

static void test_double_and_foreign_frees(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0x1000, 24, 10);
    release(model, 2, 0x1000);
    call(model, HEAP_EVENT_RELEASE, 0x1000, 0, 20, FUNCTION_FREE); /* double */
    call(model, HEAP_EVENT_RELEASE, 0x7000, 0, 30, FUNCTION_FREE); /* foreign, with a stack */
    release(model, 6, 0x8000);                                     /* unknown, without one */
    assert_int_equal(heap_model_misuse_count(model), 0);           /* a birth might still come */
    heap_model_settle(model);
    struct records records = records_of(model, true);
    assert_int_equal(records.misuse_count, 2);
    assert_int_equal(records.misuses[0].kind, RECORDING_MISUSE_DOUBLE_FREE);
    assert_int_equal(records.misuses[0].stack_node_id, 20);
    assert_int_equal(records.misuses[0].allocation_stack_node_id, 10);
    assert_int_equal(records.misuses[0].allocation_function, FUNCTION_MALLOC);
    assert_int_equal(records.misuses[0].size, 24);
    assert_int_equal(records.misuses[1].kind, RECORDING_MISUSE_FOREIGN_FREE);
    assert_int_equal(records.misuses[1].allocation_function, FUNCTION_NONE);
    assert_int_equal(quality_of(model).unknown_frees, 2);
    assert_int_equal(totals_of(model).frees, 1);
    heap_model_destroy(model);
}

/* What was lost may be the birth between two releases, or a release and a birth before a third. */
static void test_losses_explain_everything(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0x1000, 24, 10);
    release(model, 2, 0x1000);
    call(model, HEAP_EVENT_RELEASE, 0x1000, 0, 20, FUNCTION_FREE);
    call(model, HEAP_EVENT_BIRTH, 0x2000, 24, 11, FUNCTION_NEW_ARRAY);
    call(model, HEAP_EVENT_BIRTH, 0x3000, 24, 11, FUNCTION_NEW_ARRAY);
    heap_model_note_losses(model);
    call(model, HEAP_EVENT_RELEASE, 0x2000, 0, 21, FUNCTION_FREE);
    call(model, HEAP_EVENT_RELEASE, 0x7000, 0, 30, FUNCTION_FREE);
    struct heap_model *child = heap_model_fork(model, 6);
    call(child, HEAP_EVENT_RELEASE, 0x3000, 0, 31, FUNCTION_FREE);
    heap_model_settle(model);
    heap_model_settle(child);
    assert_int_equal(heap_model_misuse_count(model), 0);
    assert_int_equal(heap_model_misuse_count(child), 0);
    assert_int_equal(quality_of(model).unknown_frees, 2);
    assert_int_equal(totals_of(model).frees, 2);
    heap_model_destroy(child);
    heap_model_destroy(model);
}

static void test_the_first_distinct_ones_are_kept(void **state)
{
    (void)state;
    struct misuses misuses = {0};
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 3000; i++) {
            struct misuse misuse = {.kind = RECORDING_MISUSE_MISMATCH, .stack = i};
            misuses_add(&misuses, &misuse);
        }
    assert_int_equal(misuses.total_count, 6000);
    assert_int_equal(misuses.count, MISUSE_MAX);
    assert_int_equal(misuses.items[999].stack, 999);
    assert_int_equal(misuses.items[999].count, 2);
    misuses_clear(&misuses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_may_release_what),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_mismatch_is_counted_by_stacks),
        cmocka_unit_test(test_double_and_foreign_frees),
        cmocka_unit_test(test_losses_explain_everything),
        cmocka_unit_test(test_the_first_distinct_ones_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
