#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/query.h"
#include "profile_builder.h"

/* Five sites in a program with recursion, a library and two threads:
 *   main > walk > walk > leaf         300 live   (recursion)
 *   main > walk > leaf                200 live
 *   main > load > vendor (libvendor)  100 live
 *   main > load > strdup (libc)        50 live, own function load
 *   main > leaf                         0 live, 1000 allocated, 10 temporary
 */
static struct profile *profile;

static int build(void **state)
{
    (void)state;
    static const uint64_t first[] = {0, 3, 300, 0, 0, 3, 300};
    static const uint64_t last[] = {0, 4, 400, 4, 400, 0, 0, 1, 6, 600, 6, 600, 0, 0};
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_thread(builder, 0, "main");
    profile_builder_add_thread(builder, 0, "worker");
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@main.c:1;walk@walk.c:2;walk@walk.c:3;leaf@leaf.c:4", 3, 300, 0,
                             0)
        ->threads = (struct recording_list){first, 7};
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@main.c:1;walk@walk.c:2;leaf@leaf.c:4", 2, 200, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@main.c:5;load@load.c:6;vendor@vendor.c:7!/opt/libvendor.so.3", 1,
                             100, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@main.c:5;load@load.c:8;strdup!libc",
                             5, 50, 0, 0);
    struct recording_site *site = profile_builder_add_site(
        builder, 0, FUNCTION_CALLOC, "main@main.c:9;leaf@leaf.c:4", 10, 1000, 10, 1000);
    site->temporary_allocations = 10;
    site->threads = (struct recording_list){last, 14};
    profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    profile_destroy(profile);
    return 0;
}

static struct query_result run(struct query query)
{
    struct query_result result;
    struct error error = {""};
    if (!query_run(profile, &query, &result, &error))
        fail_msg("%s", error.message);
    return result;
}

static const struct query_row *find(const struct query_result *result, const char *name)
{
    for (size_t i = 0; i < result->row_count; i++)
        if (strcmp(result->rows[i].name, name) == 0)
            return &result->rows[i];
    fail_msg("no row \"%s\"", name);
    return NULL;
}

static void expect_figures(const struct query_result *result, const char *name, uint64_t self,
                           uint64_t inclusive)
{
    const struct query_row *row = find(result, name);
    assert_int_equal(row->self.values[QUERY_LIVE_BYTES], self);
    assert_int_equal(row->inclusive.values[QUERY_LIVE_BYTES], inclusive);
}

static void sites_sum_to_the_totals(void **state)
{
    (void)state;
    struct query_result result = run((struct query){.grouping = QUERY_BY_SITE, .process = 0});
    struct query_figures sum = {0};
    const struct recording_totals *totals = &profile->processes[0].totals;
    assert_int_equal(result.row_count, 5);
    for (size_t i = 0; i < result.row_count; i++)
        query_figures_add(&sum, &result.rows[i].self);
    assert_memory_equal(&sum, &result.total, sizeof sum);
    assert_memory_equal(&sum, &result.matched, sizeof sum);
    assert_int_equal(sum.values[QUERY_LIVE_BYTES], totals->live_bytes);
    assert_int_equal(sum.values[QUERY_ALLOCATIONS], totals->allocations);
    assert_int_equal(sum.values[QUERY_ALLOCATED_BYTES], totals->allocated_bytes);
    assert_int_equal(sum.values[QUERY_FREES], totals->frees);
    assert_int_equal(result.omitted_count, 0);
    assert_string_equal(result.rows[0].name, "leaf");
    assert_int_equal(result.rows[0].self.values[QUERY_LIVE_BYTES], 300);
    assert_string_equal(result.rows[2].name, "vendor");
    assert_string_equal(result.rows[3].name, "load"); /* behind strdup */
    assert_int_equal(result.rows[3].line, 8);
    query_result_clear(&result);
}

static void limits_say_what_they_leave_out(void **state)
{
    (void)state;
    struct query_result result = run((struct query){.process = 0, .limit = 2});
    assert_int_equal(result.row_count, 2);
    assert_int_equal(result.omitted_count, 3);
    assert_int_equal(result.omitted_bytes, 150);
    assert_int_equal(result.total.values[QUERY_LIVE_BYTES], 650);
    query_result_clear(&result);

    result = run((struct query){.process = 0, .min_bytes = 100});
    assert_int_equal(result.row_count, 3);
    assert_int_equal(result.omitted_bytes, 50);
    query_result_clear(&result);

    /* a count is judged by the bytes that belong to it */
    result = run((struct query){.process = 0, .sort = QUERY_ALLOCATIONS, .min_bytes = 300});
    assert_int_equal(result.row_count, 2);
    assert_int_equal(result.rows[0].self.values[QUERY_ALLOCATIONS], 10);
    assert_int_equal(result.omitted_bytes, 350);
    query_result_clear(&result);
}

/* Few of many sites are found without making rows of all: the same rows, the same omissions. */
static void first_sites_are_the_first_of_all(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, "/bin/server");
    for (unsigned i = 0; i < 300; i++) {
        char stack[64];
        snprintf(stack, sizeof stack, "main@m.c:1;f%u@f.c:%u", i, i + 1);
        uint64_t calls = 1 + i * 7919 % 40;
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, calls, calls * 16, calls / 2,
                                 calls / 2 * 16);
    }
    struct profile *many = profile_builder_load(builder);
    profile_builder_destroy(builder);
    struct error error;
    for (size_t metric = 0; metric < QUERY_METRIC_COUNT; metric++) {
        for (uint64_t limit = 1; limit < 310; limit += 44) {
            struct query query = {.sort = (enum query_metric)metric, .min_bytes = 100};
            struct query_result all, first;
            assert_true(query_run(many, &query, &all, &error));
            query.limit = limit;
            assert_true(query_run(many, &query, &first, &error));
            assert_int_equal(first.row_count, limit < all.row_count ? limit : all.row_count);
            uint64_t bytes = all.omitted_bytes;
            for (size_t i = 0; i < all.row_count; i++) {
                if (i < first.row_count)
                    assert_int_equal(first.rows[i].site, all.rows[i].site);
                else
                    bytes += all.rows[i].self.values[query_metric_at(metric)->bytes_metric];
            }
            assert_int_equal(first.omitted_count + first.row_count, 300);
            assert_int_equal(first.omitted_bytes, bytes);
            query_result_clear(&all);
            query_result_clear(&first);
        }
    }
    profile_destroy(many);
}

static void functions_count_each_stack_once(void **state)
{
    (void)state;
    struct query_result result = run((struct query){.grouping = QUERY_BY_FUNCTION, .process = 0});
    expect_figures(&result, "main", 0, 650);
    expect_figures(&result, "walk", 0, 500); /* recursion: 300 once */
    expect_figures(&result, "leaf", 500, 500);
    expect_figures(&result, "load", 50, 150);
    expect_figures(&result, "vendor", 100, 100);
    expect_figures(&result, "strdup", 0, 50);
    assert_int_equal(result.row_count, 6);
    assert_int_equal(find(&result, "leaf")->self.values[QUERY_ALLOCATIONS], 15);
    assert_int_equal(find(&result, "leaf")->site_count, 3);
    assert_int_equal(find(&result, "leaf")->line, 4);
    assert_int_equal(find(&result, "main")->line, 0); /* several */
    query_result_clear(&result);

    result = run((struct query){
        .grouping = QUERY_BY_FUNCTION, .process = 0, .is_sorted_inclusive = true, .limit = 2});
    assert_string_equal(result.rows[0].name, "main");
    assert_string_equal(result.rows[1].name, "leaf"); /* 500 as walk: by name */
    query_result_clear(&result);
}

static void files_and_modules(void **state)
{
    (void)state;
    struct query_result result = run((struct query){.grouping = QUERY_BY_FILE, .process = 0});
    expect_figures(&result, "load.c", 50, 150);
    expect_figures(&result, "walk.c", 0, 500);
    expect_figures(&result, "libc.so.6 (no line numbers)", 0, 50);
    query_result_clear(&result);
    result = run((struct query){.grouping = QUERY_BY_MODULE, .process = 0});
    expect_figures(&result, "demo", 550, 650);
    expect_figures(&result, "libvendor.so.3", 100, 100);
    expect_figures(&result, "libc.so.6", 0, 50);
    assert_int_equal(result.row_count, 3);
    query_result_clear(&result);
}

static void threads_sum_to_the_totals(void **state)
{
    (void)state;
    struct query_result result = run(
        (struct query){.grouping = QUERY_BY_THREAD, .sort = QUERY_ALLOCATED_BYTES, .process = 0});
    const struct query_row *main_thread = find(&result, "main"), *worker = find(&result, "worker");
    assert_int_equal(main_thread->self.values[QUERY_ALLOCATED_BYTES], 700);
    assert_int_equal(main_thread->self.values[QUERY_LIVE_BYTES], 300);
    assert_int_equal(worker->self.values[QUERY_ALLOCATED_BYTES], 600);
    assert_int_equal(worker->self.values[QUERY_FREES], 6);
    const struct query_row *rest = find(&result, "[no thread known]");
    assert_int_equal(rest->self.values[QUERY_ALLOCATED_BYTES], 350);
    assert_true(rest->thread_id == UINT64_MAX);
    assert_int_equal(result.row_count, 3);
    assert_false(result.known_metrics >> QUERY_PEAK_BYTES & 1);
    query_result_clear(&result);

    struct error error;
    struct query unknown = {.grouping = QUERY_BY_THREAD, .sort = QUERY_PEAK_BYTES, .process = 0};
    assert_false(query_run(profile, &unknown, &result, &error));
}

static uint64_t matched_bytes(struct query_filter filter)
{
    struct query_result result = run((struct query){.process = 0, .filter = filter});
    uint64_t bytes = result.matched.values[QUERY_LIVE_BYTES];
    assert_int_equal(result.total.values[QUERY_LIVE_BYTES], 650);
    query_result_clear(&result);
    return bytes;
}

/* The sites behind a row sum to its figures, by itself and inclusive, for every row there is. */
static void rows_are_sums_of_their_sites(void **state)
{
    (void)state;
    uint8_t is_member[16];
    assert_in_range(profile->site_count, 1, sizeof is_member);
    for (size_t grouping = QUERY_BY_FUNCTION; query_grouping_at(grouping); grouping++) {
        struct query_result all = run((struct query){.grouping = (enum query_grouping)grouping});
        for (size_t i = 0; i < all.row_count; i++) {
            const struct query_row *row = &all.rows[i];
            for (int is_inclusive = 0; is_inclusive < 2 && row->thread_id == UINT64_MAX;
                 is_inclusive++) {
                query_find_group(profile, (enum query_grouping)grouping, row, is_inclusive,
                                 is_member);
                struct query_result sites = run((struct query){.only_sites = is_member});
                const struct query_figures *figures = is_inclusive ? &row->inclusive : &row->self;
                if (grouping != QUERY_BY_THREAD)
                    assert_memory_equal(&sites.matched, figures, sizeof *figures);
                query_result_clear(&sites);
            }
            if (row->thread_id == UINT64_MAX)
                continue;
            query_find_group(profile, QUERY_BY_THREAD, row, false, is_member);
            struct query_result sites = run((struct query){.only_sites = is_member});
            assert_int_equal(sites.row_count, row->site_count);
            query_result_clear(&sites);
        }
        query_result_clear(&all);
    }
}

/* Who wraps malloc has nothing by itself, unless there is nobody else. */
static void wrappers_are_passed_over(void **state)
{
    (void)state;
    struct profile *usual = profile;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@main.c:1;parse@parse.c:2;xmalloc@memory.c:3", 1, 100, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@main.c:1;my_strdup@text.c:2;~xmalloc@memory.c:3;strdup!libc", 1,
                             20, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "thread_alloc@thread.c:1", 1, 3, 0, 0);
    profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    struct query_result result = run((struct query){.grouping = QUERY_BY_FUNCTION});
    expect_figures(&result, "main", 20, 120);
    expect_figures(&result, "parse", 100, 100);
    expect_figures(&result, "xmalloc", 0, 120);
    expect_figures(&result, "my_strdup", 0, 20);
    expect_figures(&result, "thread_alloc", 3, 3);
    query_result_clear(&result);
    result = run((struct query){.grouping = QUERY_BY_FILE});
    expect_figures(&result, "main.c", 20, 120);
    expect_figures(&result, "memory.c", 0, 120);
    query_result_clear(&result);
    rows_are_sums_of_their_sites(state);
    profile_destroy(profile);
    profile = usual;
}

static void filters_look_at_whole_stacks(void **state)
{
    (void)state;
    assert_int_equal(matched_bytes((struct query_filter){.include_function = "^walk$"}), 500);
    assert_int_equal(matched_bytes((struct query_filter){.include_function = "wal|load"}), 650);
    assert_int_equal(matched_bytes((struct query_filter){.exclude_function = "walk"}), 150);
    assert_int_equal(matched_bytes((struct query_filter){.include_file = "load\\.c"}), 150);
    assert_int_equal(
        matched_bytes((struct query_filter){.include_file = "load", .exclude_file = "vendor"}), 50);
    assert_int_equal(matched_bytes((struct query_filter){.include_module = "libvendor"}), 100);
    assert_int_equal(matched_bytes((struct query_filter){.exclude_module = "/demo$"}), 0);
    assert_int_equal(matched_bytes((struct query_filter){.include_function = "nowhere"}), 0);
    struct query broken = {.process = 0, .filter = {.include_file = "a(b"}};
    struct query_result result;
    struct error error;
    assert_false(query_run(profile, &broken, &result, &error));
    assert_non_null(strstr(error.message, "a(b"));
    struct query nobody = {.process = 1};
    assert_false(query_run(profile, &nobody, &result, &error));
}

static void processes_share_sites(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, "/bin/server");
    profile_builder_add_process(builder, "/bin/server");
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1", 1, 10, 0, 0);
    profile_builder_add_site(builder, 1, FUNCTION_MALLOC, "main@m.c:1", 2, 25, 0, 0);
    profile_builder_add_site(builder, 1, FUNCTION_CALLOC, "main@m.c:1", 1, 5, 0, 0);
    struct profile *both = profile_builder_load(builder);
    profile_builder_destroy(builder);
    struct query query = {.process = QUERY_ALL_PROCESSES};
    struct query_result result;
    struct error error;
    assert_true(query_run(both, &query, &result, &error));
    assert_int_equal(result.row_count, 2);
    assert_int_equal(result.rows[0].self.values[QUERY_LIVE_BYTES], 35);
    assert_int_equal(result.rows[0].process, QUERY_ALL_PROCESSES);
    assert_int_equal(result.rows[0].site_count, 2);
    assert_int_equal(both->sites[result.rows[0].site].process, 1); /* the larger part */
    assert_int_equal(result.rows[1].process, 1);
    query_result_clear(&result);
    query.process = 0;
    assert_true(query_run(both, &query, &result, &error));
    assert_int_equal(result.row_count, 1);
    assert_int_equal(result.total.values[QUERY_LIVE_BYTES], 10);
    query_result_clear(&result);
    profile_destroy(both);
}

/* One by each metric: live and peak bytes of the first site, allocated bytes, calls and temporary
 * ones of the last. */
static void largest_sites_are_so_by_some_metric(void **state)
{
    (void)state;
    struct query_filter all = {0}, vendor = {.include_function = "vendor"};
    struct error error;

    for (size_t most = 0; most < 9; most++) {
        uint8_t is_chosen[5] = {0};
        assert_int_equal(profile->site_count, 5);
        assert_true(query_choose_largest_sites(profile, 0, &all, most, is_chosen, &error));
        for (uint32_t i = 0; i < 5; i++)
            assert_int_equal(is_chosen[i], profile->sites[i].figures.live_bytes == 300 ||
                                               profile->sites[i].figures.allocated_bytes == 1000);
    }
    uint8_t is_chosen[5] = {0};
    assert_true(query_choose_largest_sites(profile, 0, &vendor, 100, is_chosen, &error));
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(is_chosen[i], profile->sites[i].figures.live_bytes == 100);
}

static void tables_know_their_names(void **state)
{
    (void)state;
    for (size_t i = 0; query_grouping_at(i); i++) {
        assert_int_equal(query_grouping_at(i)->grouping, i);
        assert_ptr_equal(query_grouping_find(query_grouping_at(i)->name), query_grouping_at(i));
    }
    for (size_t i = 0; query_metric_at(i); i++) {
        assert_int_equal(query_metric_at(i)->metric, i);
        assert_ptr_equal(query_metric_find(query_metric_at(i)->name), query_metric_at(i));
        assert_true(query_metric_at(query_metric_at(i)->bytes_metric)->is_bytes);
    }
    assert_null(query_grouping_find("colour"));
    assert_null(query_metric_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_sum_to_the_totals),
        cmocka_unit_test(limits_say_what_they_leave_out),
        cmocka_unit_test(first_sites_are_the_first_of_all),
        cmocka_unit_test(functions_count_each_stack_once),
        cmocka_unit_test(files_and_modules),
        cmocka_unit_test(threads_sum_to_the_totals),
        cmocka_unit_test(rows_are_sums_of_their_sites),
        cmocka_unit_test(wrappers_are_passed_over),
        cmocka_unit_test(filters_look_at_whole_stacks),
        cmocka_unit_test(processes_share_sites),
        cmocka_unit_test(largest_sites_are_so_by_some_metric),
        cmocka_unit_test(tables_know_their_names),
    };
    return cmocka_run_group_tests(tests, build, forget);
}
