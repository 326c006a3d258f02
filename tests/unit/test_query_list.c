/* Rows that are made one by one are those that query_run makes all at once, wherever one begins to
 * look: 5000 sites, so that several parts are sorted, with few different figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/query_list.h"
#include "profile_builder.h"

enum {
    SITES = 5000
};

static int make_profile(void **state)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, "/bin/server");
    for (unsigned i = 0; i < SITES; i++) {
        char stack[64];
        snprintf(stack, sizeof stack, "main@m.c:1;f%u@f%u.c:%u", i, i % 7, i + 1);
        uint64_t calls = 1 + i * 7919 % 40;
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, calls, calls * 16, calls / 2,
                                 calls / 2 * 16);
    }
    *state = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return 0;
}

static int drop_profile(void **state)
{
    profile_destroy(*state);
    return 0;
}

static void check_row(struct query_list *list, const struct query_result *all, size_t position)
{
    const struct query_row *wanted = &all->rows[position];
    struct query_row row;
    query_list_row(list, position, &row);
    assert_int_equal(row.site, wanted->site);
    assert_string_equal(row.name, wanted->name);
    assert_string_equal(row.file, wanted->file);
    assert_int_equal(row.line, wanted->line);
    assert_int_equal(row.fingerprint, wanted->fingerprint);
    assert_memory_equal(row.self.values, wanted->self.values, sizeof row.self.values);
}

static void check(const struct profile *profile, const struct query *query)
{
    struct query_result all;
    struct error error;
    assert_true(query_list_fits(profile, query));
    assert_true(query_run(profile, query, &all, &error));
    struct query_list *list = query_list_create(profile, query, &error);
    assert_non_null(list);
    assert_int_equal(query_list_count(list), all.row_count);
    assert_int_equal(query_list_total(list), all.total.values[query->sort]);
    assert_int_equal(query_list_matched(list), all.matched.values[query->sort]);
    size_t count = all.row_count;
    for (size_t i = 0; i < count && i < 3; i++) {
        check_row(list, &all, i * (count - 1) / 2); /* the first, one amidst, the last */
        check_row(list, &all, i * 7919 % count);
    }
    for (size_t i = 0; i < count; i++)
        check_row(list, &all, i);
    query_list_destroy(list);
    query_result_clear(&all);
}

static void rows_are_those_of_the_query(void **state)
{
    for (int metric = 0; metric < QUERY_METRIC_COUNT; metric++) {
        check(*state, &(struct query){.sort = (enum query_metric)metric});
        check(*state, &(struct query){.sort = (enum query_metric)metric,
                                      .process = QUERY_ALL_PROCESSES,
                                      .filter = {.include_file = "f[1-3]"}});
    }
}

static void none_and_one(void **state)
{
    check(*state, &(struct query){.filter = {.include_function = "nowhere"}});
    check(*state, &(struct query){.filter = {.include_function = "^f4999$"}});
}

static void only_some_sites(void **state)
{
    const struct profile *profile = *state;
    uint8_t *is_wanted = calloc(profile->site_count, 1);
    for (size_t i = 0; i < profile->site_count; i += 3)
        is_wanted[i] = 1;
    check(profile, &(struct query){.sort = QUERY_FREES, .only_sites = is_wanted});
    free(is_wanted);
}

static void what_is_refused(void **state)
{
    struct error error;
    const struct query malformed = {.filter = {.include_function = "("}};
    assert_null(query_list_create(*state, &malformed, &error));
    const struct query unknown = {.sort = QUERY_NET_BYTES};
    assert_null(query_list_create(*state, &unknown, &error));
    assert_false(query_list_fits(*state, &(struct query){.grouping = QUERY_BY_FILE}));
    assert_false(query_list_fits(*state, &(struct query){.limit = 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_the_query),
        cmocka_unit_test(none_and_one),
        cmocka_unit_test(only_some_sites),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, make_profile, drop_profile);
}
