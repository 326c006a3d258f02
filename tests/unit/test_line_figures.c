/* What lines hold, by themselves and with what they call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "analysis/line_figures.h"
#include "profile_builder.h"

static int make_profile(void **state)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    /* main calls a at line 3 and b at line 4; b calls itself at line 9, and a at line 8. */
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:3;a@m.c:20", 1, 100, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:4;b@m.c:8;a@m.c:20", 1, 20, 0,
                             0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@m.c:4;b@m.c:9;b@m.c:9;b@m.c:8;a@m.c:20", 1, 3, 0, 0);
    /* Inlined into main, and in another file. */
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:5;~c@m.c:30;d@other.c:20", 1,
                             5000, 0, 0);
    profile_builder_add_site(builder, 1, FUNCTION_MALLOC, "main@m.c:3;a@m.c:20", 1, 70000, 0, 0);
    *state = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return 0;
}

static int drop_profile(void **state)
{
    profile_destroy(*state);
    return 0;
}

static void check_line(const struct line_figures *figures, size_t line, uint64_t self,
                       uint64_t inclusive)
{
    assert_true(line < figures->line_count);
    assert_int_equal(figures->self[line], self);
    assert_int_equal(figures->inclusive[line], inclusive);
}

static void lines_of_a_process(void **state)
{
    struct line_figures figures;
    struct error error;
    assert_true(line_figures_find(*state, &(struct query){.process = 0}, "m.c", &figures, &error));
    assert_int_equal(figures.line_count, 31);
    assert_int_equal(figures.total, 5123);
    check_line(&figures, 3, 0, 100);
    check_line(&figures, 4, 0, 23);
    check_line(&figures, 5, 0, 5000);
    check_line(&figures, 8, 0, 23);
    check_line(&figures, 9, 0, 3); /* twice on one stack, and counted once */
    check_line(&figures, 20, 123, 123);
    check_line(&figures, 30, 0, 5000);
    line_figures_clear(&figures);
}

static void lines_of_all_and_filtered(void **state)
{
    struct line_figures figures;
    struct error error;
    const struct query query = {.process = QUERY_ALL_PROCESSES,
                                .filter = {.exclude_function = "^b$"}};
    assert_true(line_figures_find(*state, &query, "m.c", &figures, &error));
    check_line(&figures, 20, 70100, 70100);
    check_line(&figures, 8, 0, 0);
    line_figures_clear(&figures);
    assert_true(line_figures_find(*state, &query, "other.c", &figures, &error));
    check_line(&figures, 20, 5000, 5000);
    line_figures_clear(&figures);
}

static void files_that_are_not_there(void **state)
{
    struct line_figures figures;
    struct error error;
    assert_true(line_figures_find(*state, &(struct query){.process = 0}, "no.c", &figures, &error));
    assert_int_equal(figures.line_count, 1);
    line_figures_clear(&figures);
    assert_false(line_figures_find(*state, &(struct query){.process = 7}, "m.c", &figures, &error));
    line_figures_clear(&figures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_process),
        cmocka_unit_test(lines_of_all_and_filtered),
        cmocka_unit_test(files_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, make_profile, drop_profile);
}
