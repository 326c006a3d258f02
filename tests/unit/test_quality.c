/* What is wrong with a recording, in the order in which it matters, and in which words. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/quality.h"
#include "analysis/query.h"
#include "base/text.h"
#include "profile_builder.h"

static struct profile *load_and_forget(struct profile_builder *builder)
{
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

/* The state and every problem that it does not tell, a line each. */
static void expect_lines(const struct profile *profile, uint32_t process, const char *expected)
{
    struct quality quality;
    struct text lines = {0};
    quality_judge(profile, process, &quality);
    quality_describe_state(&quality, &lines);
    for (size_t i = quality_first_untold(&quality); i < quality.problem_count; i++) {
        text_add(&lines, "\n");
        quality_describe_problem(&quality.problems[i], &lines);
    }
    assert_string_equal(text_get(&lines), expected);
    text_clear(&lines);
    quality_clear(&quality);
}

static struct profile_builder *build_process(void)
{
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1", 3, 30, 1, 10);
    return builder;
}

static void all_is_well(void **state)
{
    (void)state;
    struct profile *profile = load_and_forget(build_process());
    expect_lines(profile, QUERY_ALL_PROCESSES, "complete: 4 events, nothing lost");
    profile_destroy(profile);
}

static void problems_come_in_order(void **state)
{
    (void)state;
    struct profile_builder *builder = build_process();
    struct recording_quality *quality = profile_builder_quality(builder, 0);
    quality->events = 9;
    quality->lost_events = 1;
    quality->bad_records = 2;
    quality->unknown_frees = 3;
    quality->missed_frees = 1;
    quality->failed_unwinds = 1;
    quality->truncated_stacks = 12345;
    struct profile *profile = load_and_forget(builder);
    expect_lines(profile, QUERY_ALL_PROCESSES,
                 "incomplete: 1 of 10 events was lost: the figures are too low\n"
                 "2 records of the target were malformed and left out\n"
                 "3 frees of blocks whose allocation was not seen\n"
                 "1 free was missed: the address was allocated again\n"
                 "1 stack ends early: it could not be unwound further\n"
                 "12,345 stacks are cut in their middle by the depth limit");
    profile_destroy(profile);
}

static void an_early_end_is_told(void **state)
{
    (void)state;
    struct profile_builder *builder = build_process();
    profile_builder_end(builder)->is_complete = 0;
    struct profile *profile = load_and_forget(builder);
    expect_lines(profile, 0, "incomplete: the recorder had to stop early");
    profile_destroy(profile);

    builder = build_process();
    profile_builder_set_unfinished(builder);
    profile = load_and_forget(builder);
    struct quality quality;
    quality_judge(profile, 0, &quality);
    assert_false(quality.is_complete);
    assert_int_equal(quality.problem_count, 1);
    assert_int_equal(quality.problems[0].kind, QUALITY_TORN);
    quality_clear(&quality);
    profile_destroy(profile);
}

static void other_processes_count(void **state)
{
    (void)state;
    struct profile_builder *builder = build_process();
    profile_builder_add_process(builder, "/bin/other");
    profile_builder_quality(builder, 1)->lost_events = 5;
    struct profile *profile = load_and_forget(builder);
    expect_lines(profile, 0, "incomplete: events of other processes were lost");
    expect_lines(profile, 1, "incomplete: 5 of 5 events were lost: the figures are too low");
    expect_lines(profile, QUERY_ALL_PROCESSES,
                 "incomplete: 5 of 9 events were lost: the figures are too low");
    profile_destroy(profile);
}

static void processes_with_one_reason_are_one_line(void **state)
{
    (void)state;
    struct profile_builder *builder = build_process();
    static const char *const reasons[] = {"statically linked", "setuid", "statically linked", ""};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct recording_process *about = profile_builder_add_process(builder, "/bin/tool");
        about->observed = 0;
        about->reason = reasons[i];
    }
    profile_builder_add_process(builder, "/bin/half")->reason = "it became another user";
    struct profile *profile = load_and_forget(builder);
    expect_lines(profile, QUERY_ALL_PROCESSES,
                 "complete: 4 events, nothing lost\n"
                 "process 4 (tool): its allocations were not seen\n"
                 "process 2 (tool): its allocations were not seen: setuid\n"
                 "2 processes, the first of them 1 (tool): their allocations were not seen: "
                 "statically linked\n"
                 "process 5 (half): it became another user");
    expect_lines(profile, 2,
                 "nothing was observed\n"
                 "process 2 (tool): its allocations were not seen: setuid");
    profile_destroy(profile);
}

static void missing_symbols_are_ranked(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@m.c:1;!/lib/few.so", 1, 1, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC,
                             "main@m.c:1;@a.c:1!/lib/many.so;!/lib/few.so;@a.c:2!/lib/many.so", 1,
                             1, 0, 0);
    struct profile *profile = load_and_forget(builder);
    struct quality quality;
    struct text line = {0};
    quality_judge(profile, QUERY_ALL_PROCESSES, &quality);
    assert_int_equal(quality.frame_count - quality.unsymbolized_frame_count, 1);
    assert_int_equal(quality.unsymbolized_frame_count, 3);
    assert_int_equal(quality.missing_count, 2);
    assert_string_equal(quality.missing[0]->name, "many.so");
    assert_int_equal(quality.problem_count, 1);
    assert_string_equal(quality_kind_name(quality.problems[0].kind), "no_symbols");
    struct profile_module module = {
        .name = "libx.so", .build_id = "0123456789abcdef0123", .unsymbolized_frame_count = 5284};
    quality_describe_missing(&module, &line);
    assert_string_equal(text_get(&line), "5,284 in libx.so (build-id 0123456789ab)");
    text_clear(&line);
    quality_clear(&quality);
    profile_destroy(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_well),
        cmocka_unit_test(problems_come_in_order),
        cmocka_unit_test(an_early_end_is_told),
        cmocka_unit_test(other_processes_count),
        cmocka_unit_test(processes_with_one_reason_are_one_line),
        cmocka_unit_test(missing_symbols_are_ranked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
