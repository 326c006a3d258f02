#include "heap_script.h"

/* Known answers: small scripts of events, and every figure that they must give. */

static void test_births_and_releases_add_up(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 10, 0x1000, 100, 1);
    birth(model, 20, 0x2000, 50, 2);
    birth(model, 30, 0x3000, 100, 1);
    release(model, 41, 0x1000);
    struct recording_totals totals = totals_of(model);
    assert_int_equal(totals.allocations, 3);
    assert_int_equal(totals.allocated_bytes, 250);
    assert_int_equal(totals.frees, 1);
    assert_int_equal(totals.freed_bytes, 100);
    assert_int_equal(totals.live_blocks, 2);
    assert_int_equal(totals.live_bytes, 150);
    assert_int_equal(totals.peak_bytes, 250);
    assert_int_equal(totals.peak_blocks, 3);
    assert_int_equal(totals.peak_time_ns, 30);
    assert_int_equal(totals.temporary_allocations, 0);

    struct records records = records_of(model, true);
    assert_int_equal(records.site_count, 2);
    struct recording_site *site = &records.sites[0];
    assert_int_equal(site->process_id, 7);
    assert_int_equal(site->id, 0);
    assert_int_equal(site->stack_node_id, 1);
    assert_int_equal(site->allocation_function, FUNCTION_MALLOC);
    assert_int_equal(site->allocations, 2);
    assert_int_equal(site->frees, 1);
    assert_int_equal(site->live_bytes, 100);
    assert_int_equal(site->peak_blocks, 2);
    assert_int_equal(site->peak_bytes, 200);
    assert_int_equal(site->first_ns, 10);
    assert_int_equal(site->last_ns, 30);
    assert_int_equal(site->size_histogram.count, 2);
    assert_int_equal(records.sizes[0][0], 7); /* 64 < 100 <= 128 */
    assert_int_equal(records.sizes[0][1], 2);
    assert_int_equal(site->lifetime_histogram.count, 2);
    assert_int_equal(records.lifetimes[0][0], 5); /* 16 < 31 <= 32 */
    const uint64_t threads[] = {MAIN, 2, 200, 1, 100, 1, 100};
    assert_int_equal(site->threads.count, 7);
    assert_memory_equal(records.threads[0], threads, sizeof threads);
    assert_int_equal(records.thread_count, 2);
    assert_string_equal(records.thread[0].name, "main");
    assert_int_equal(records.thread[0].allocations, 3);
    assert_int_equal(records.thread[0].freed_bytes, 100);

    struct heap_block block;
    assert_true(heap_model_find_block(model, 0x2000, &block));
    assert_int_equal(block.size, 50);
    assert_int_equal(block.birth_ns, 20);
    assert_int_equal(block.stack.index, 2);
    assert_int_equal(block.function, FUNCTION_MALLOC);
    assert_false(heap_model_find_block(model, 0x1000, &block));
    heap_model_destroy(model);
}

static void test_site_figures_at_the_peak(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0x1000, 10, 1);
    birth(model, 2, 0x2000, 20, 2);
    release(model, 3, 0x1000);
    birth(model, 4, 0x1000, 5, 1);
    birth(model, 5, 0x3000, 30, 3); /* the peak: 5 + 20 + 30 */
    release(model, 6, 0x2000);
    birth(model, 7, 0x2000, 20, 1); /* as high, but not higher */
    struct records records = records_of(model, true);
    assert_int_equal(records.totals.peak_bytes, 55);
    assert_int_equal(records.totals.peak_time_ns, 5);
    assert_int_equal(records.sites[0].peak_bytes, 5);
    assert_int_equal(records.sites[1].peak_bytes, 20);
    assert_int_equal(records.sites[2].peak_bytes, 30);
    heap_model_destroy(model);
}

static void test_temporary_blocks(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0x1000, 8, 1);
    release(model, 2, 0x1000); /* temporary */
    birth(model, 3, 0x1000, 8, 1);
    birth_by(model, OTHER, 4, 0x2000, 8, 1);
    release_by(model, OTHER, 5, 0x1000); /* temporary: MAIN has not allocated since */
    birth_by(model, OTHER, 6, 0x3000, 8, 1);
    release(model, 7, 0x2000); /* not: OTHER has */
    birth(model, 8, 0x4000, 8, 1);
    leave(model, 9, 0x4000);
    arrive(model, 10, 0x5000, 16, 2); /* not: a realloc */
    release(model, 11, 0x5000);       /* temporary */
    assert_int_equal(totals_of(model).temporary_allocations, 3);
    heap_model_destroy(model);
}

static void test_realloc_is_a_free_and_an_allocation(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0x1000, 100, 1);
    leave(model, 2, 0x1000);
    assert_int_equal(totals_of(model).live_bytes, 100);
    birth_by(model, OTHER, 3, 0x1000, 10, 3); /* gets the address in between */
    arrive(model, 4, 0x2000, 300, 2);
    struct recording_totals totals = totals_of(model);
    assert_int_equal(totals.allocations, 3);
    assert_int_equal(totals.frees, 1);
    assert_int_equal(totals.reallocations, 1);
    assert_int_equal(totals.live_bytes, 310);
    assert_int_equal(totals.peak_bytes, 310); /* never 410 */
    struct heap_block block;
    assert_true(heap_model_find_block(model, 0x1000, &block));
    assert_int_equal(block.thread, OTHER);
    assert_true(heap_model_find_block(model, 0x2000, &block));
    assert_int_equal(block.stack.index, 2);
    assert_int_equal(block.function, FUNCTION_REALLOC);

    leave(model, 5, 0x2000);
    undo(model, 6);
    assert_true(heap_model_find_block(model, 0x2000, &block));
    assert_int_equal(block.birth_ns, 4);
    assert_int_equal(totals_of(model).failed_allocations, 1);
    leave(model, 7, 0x2000);
    arrive(model, 8, 0, 0, 2); /* realloc(p, 0) */
    totals = totals_of(model);
    assert_int_equal(totals.frees, 2);
    assert_int_equal(totals.reallocations, 1);
    assert_int_equal(totals.live_bytes, 10);
    assert_int_equal(totals.failed_allocations, 1);
    assert_int_equal(quality_of(model).unknown_frees + quality_of(model).missed_frees, 0);
    heap_model_destroy(model);
}

static void test_nested_reallocs_pair_last_in_first_out(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0x1000, 1, 1);
    birth(model, 2, 0x2000, 2, 1);
    leave(model, 3, 0x1000);
    leave(model, 4, 0x2000); /* a signal handler's */
    arrive(model, 5, 0x3000, 20, 2);
    undo(model, 6);
    struct heap_block block;
    assert_true(heap_model_find_block(model, 0x1000, &block));
    assert_false(heap_model_find_block(model, 0x2000, &block));
    assert_int_equal(totals_of(model).live_bytes, 21);
    heap_model_destroy(model);
}

static void test_settling_puts_back_what_left(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    struct heap_block block;
    birth(model, 1, 0x1000, 100, 1);
    leave(model, 2, 0x1000);
    assert_false(heap_model_find_block(model, 0x1000, &block));
    heap_model_settle(model);
    assert_true(heap_model_find_block(model, 0x1000, &block));
    arrive(model, 3, 0x2000, 50, 2); /* the stop ended */
    assert_false(heap_model_find_block(model, 0x1000, &block));
    assert_int_equal(totals_of(model).live_bytes, 50);
    assert_int_equal(totals_of(model).frees, 1);

    leave(model, 4, 0x2000);
    heap_model_settle(model);
    birth_by(model, OTHER, 5, 0x2000, 7, 1); /* the realloc had moved it before the stop */
    arrive(model, 6, 0x3000, 60, 2);
    heap_model_settle(model);
    assert_int_equal(totals_of(model).live_bytes, 67);
    assert_int_equal(quality_of(model).missed_frees, 0);
    heap_model_destroy(model);
}

static void test_mappings(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    struct heap_event map = {.kind = HEAP_EVENT_MAP,
                             .address = 0x10000,
                             .size = 0x7fff, /* whole pages count */
                             .stack = {1},
                             .function = FUNCTION_MMAP,
                             .flags = HEAP_EVENT_ANONYMOUS};
    apply(model, map);
    birth(model, 1, 0x1000, 100, 1);
    struct heap_event unmap = {.kind = HEAP_EVENT_UNMAP, .address = 0x12000, .size = 0x2000};
    apply(model, unmap);
    map = (struct heap_event){.kind = HEAP_EVENT_MAP,
                              .address = 0x17000,
                              .size = 0x4000,
                              .stack = {2},
                              .function = FUNCTION_MMAP};
    apply(model, map); /* a file over the end */
    struct heap_event grow = {
        .kind = HEAP_EVENT_BREAK, .address = 0x500100, .size = 0x500000, .function = FUNCTION_SBRK};
    apply(model, grow);
    struct records records = records_of(model, true);
    assert_int_equal(records.totals.mapped_bytes, 0x5100);
    assert_int_equal(records.totals.mapped_peak_bytes, 0x8000);
    assert_int_equal(records.totals.common_peak_bytes, 0x8000 + 100);
    assert_int_equal(records.totals.common_peak_time_ns, 1);
    assert_int_equal(records.mapping_count, 3);
    assert_int_equal(records.mappings[0].count, 1);
    assert_int_equal(records.mappings[0].live_count, 1);
    assert_int_equal(records.mappings[0].live_bytes, 0x5000);
    assert_int_equal(records.mappings[1].live_bytes, 0x4000);
    assert_int_equal(records.mappings[1].is_anonymous, 0);
    assert_int_equal(records.mappings[2].live_bytes, 0x100);
    grow.address = 0x500000;
    grow.size = 0x500100;
    apply(model, grow);
    records = records_of(model, false);
    assert_int_equal(records.mapping_count, 1);
    assert_int_equal(records.mappings[0].id, 2);
    assert_int_equal(records.mappings[0].live_count, 0);
    heap_model_destroy(model);
}

static void test_events_that_make_no_sense(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0, 8, 1);
    birth(model, 2, UINT64_MAX, 8, 1);
    birth(model, 3, 0x1000, UINT64_MAX, 1);
    birth_by(model, 99, 4, 0x1000, 8, 1);
    apply(model, (struct heap_event){.kind = 200, .address = 0x1000});
    undo(model, 5);
    birth(model, UINT64_MAX, 0x1000, 8, UINT32_MAX);
    apply(model, (struct heap_event){.kind = HEAP_EVENT_FAILED});
    assert_int_equal(quality_of(model).bad_records, 5);
    assert_int_equal(quality_of(model).events, 8);
    assert_int_equal(totals_of(model).allocations, 1);
    assert_int_equal(totals_of(model).failed_allocations, 1);
    heap_model_end_thread(model, 99, 0);
    heap_model_name_thread(model, 99, "x");
    heap_model_destroy(model);
    heap_model_destroy(NULL);
}

static void test_only_changes_are_written(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    birth(model, 1, 0x1000, 10, 1);
    birth(model, 2, 0x2000, 20, 2);
    assert_int_equal(records_of(model, false).site_count, 2);
    struct records records = records_of(model, false);
    assert_int_equal(records.site_count, 0);
    assert_int_equal(records.thread_count, 0);
    release(model, 3, 0x2000);
    birth(model, 4, 0x2000, 5, 2);
    records = records_of(model, false);
    assert_int_equal(records.site_count, 1);
    assert_int_equal(records.sites[0].id, 1);
    assert_int_equal(records.sites[0].peak_bytes, 20);
    assert_int_equal(records.thread_count, 1);
    birth(model, 5, 0x3000, 100, 1); /* a new peak: site 1 has not changed, its peak has */
    records = records_of(model, false);
    assert_int_equal(records.site_count, 2);
    assert_int_equal(records.sites[1].peak_bytes, 5);
    assert_int_equal(records_of(model, true).site_count, 2);
    assert_int_equal(records_of(model, false).site_count, 0);
    heap_model_destroy(model);
}

static void test_a_fresh_model_is_small(void **state)
{
    (void)state;
    struct heap_model *model = new_model();
    for (uint64_t i = 0; i < 50; i++)
        birth(model, i, 0x1000 + 16 * i, 16, (uint32_t)i);
    assert_true(heap_model_own_bytes(model) < 50 * 1024);
    heap_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_births_and_releases_add_up),
        cmocka_unit_test(test_site_figures_at_the_peak),
        cmocka_unit_test(test_temporary_blocks),
        cmocka_unit_test(test_realloc_is_a_free_and_an_allocation),
        cmocka_unit_test(test_nested_reallocs_pair_last_in_first_out),
        cmocka_unit_test(test_settling_puts_back_what_left),
        cmocka_unit_test(test_mappings),
        cmocka_unit_test(test_events_that_make_no_sense),
        cmocka_unit_test(test_only_changes_are_written),
        cmocka_unit_test(test_a_fresh_model_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
