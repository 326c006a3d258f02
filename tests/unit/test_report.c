/* What golden files cannot say of all samples at once: lines that fit, summaries that are short, no
 * control bytes, sums in JSON that hold, arguments that stay out. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"
#include "profile_samples.h"
#include "analysis/place.h"
#include "report/page.h"
#include "report/report.h"
#include "report/summary.h"

static struct profile *load(const char *sample)
{
    struct profile_builder *builder = profile_sample_create(sample);
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

/* Caller frees. */
static char *write_report(const struct profile *profile, const char *format,
                          const struct report_options *options)
{
    char *bytes = NULL;
    size_t count = 0;
    struct error error = {""};
    FILE *out = open_memstream(&bytes, &count);
    if (!report_write(report_format_find(format), profile, options, out, &error))
        fail_msg("%s", error.message);
    fclose(out);
    return bytes;
}

static char *write_summary(const struct profile *profile)
{
    char *bytes = NULL;
    size_t count = 0;
    struct error error = {""};
    struct summary_options options = {.path = "demo.seep"};
    FILE *out = open_memstream(&bytes, &count);
    assert_true(summary_write(profile, &options, out, &error));
    fclose(out);
    return bytes;
}

/* Returns how many lines there are. */
static unsigned check_lines(char *text, int width)
{
    unsigned lines = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) && rest; lines++) {
        size_t length = strlen(line);
        if (width && text_columns(line) > width)
            fail_msg("%d columns: %s", text_columns(line), line);
        if (length && line[length - 1] == ' ')
            fail_msg("spaces at the end: \"%s\"", line);
        for (size_t i = 0; i < length; i++)
            if ((unsigned char)line[i] < 0x20)
                fail_msg("a control byte in \"%s\"", line);
    }
    return lines;
}

static void lines_fit(void **state)
{
    (void)state;
    static const int widths[] = {80, 100, 132, 0};
    for (size_t i = 0; profile_sample_name(i); i++) {
        struct profile *profile = load(profile_sample_name(i));
        for (size_t j = 0; j < sizeof widths / sizeof *widths; j++) {
            for (size_t grouping = 0; query_grouping_at(grouping); grouping++) {
                struct report_options options;
                report_options_init(&options);
                options.width = widths[j];
                options.has_grouping = true;
                options.query.sort = QUERY_ALLOCATIONS;
                options.query.grouping = query_grouping_at(grouping)->grouping;
                char *text = write_report(profile, "text", &options);
                check_lines(text, widths[j]);
                free(text);
                options.is_tree = true;
                text = write_report(profile, "text", &options);
                check_lines(text, widths[j]);
                free(text);
            }
        }
        char *summary = write_summary(profile);
        assert_in_range(check_lines(summary, 80), 3, SUMMARY_MAX_LINES);
        free(summary);
        profile_destroy(profile);
    }
}

static bool has_lists(const struct profile *profile)
{
    for (size_t i = 0; i < profile->site_count; i++)
        if (profile->sites[i].packed_lists)
            return true;
    return false;
}

/* What `seep run` prints at its end is made of a profile that leaves out what the summary does not
 * ask for. */
static void a_brief_profile_has_the_same_summary(void **state)
{
    (void)state;
    for (size_t i = 0; profile_sample_name(i); i++) {
        struct profile_builder *builder = profile_sample_create(profile_sample_name(i));
        struct profile *whole = profile_builder_load(builder);
        struct profile *brief = profile_builder_load_with(
            builder, &(struct profile_options){.is_brief = true});
        char *expected = write_summary(whole), *text = write_summary(brief);
        assert_string_equal(text, expected);
        assert_false(has_lists(brief));
        free(expected);
        free(text);
        profile_destroy(whole);
        profile_destroy(brief);
        profile_builder_destroy(builder);
    }
}

static uint64_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

static json_t *read_json(const char *text)
{
    json_error_t error;
    json_t *report = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!report)
        fail_msg("line %d: %s", error.line, error.text);
    return report;
}

static void check_sums(const json_t *process)
{
    static const char *const keys[] = {"allocations",     "frees",           "allocated_bytes",
                                       "freed_bytes",     "live_blocks",     "live_bytes",
                                       "inherited_bytes", "inherited_blocks"};
    const json_t *totals = json_object_get(process, "totals");
    const json_t *sites = json_object_get(process, "sites");
    assert_int_equal(number(json_object_get(process, "omitted"), "count"), 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint64_t sum = 0;
        for (size_t j = 0; j < json_array_size(sites); j++)
            sum += number(json_array_get(sites, j), keys[i]);
        assert_int_equal(sum, number(totals, keys[i]));
    }
    assert_int_equal(number(totals, "inherited_bytes") + number(totals, "allocated_bytes"),
                     number(totals, "live_bytes") + number(totals, "freed_bytes"));
}

static void sites_in_json_sum_to_the_totals(void **state)
{
    (void)state;
    static const char *const samples[] = {"simple", "cxx", "several"};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct profile *profile = load(samples[i]);
        struct report_options options;
        report_options_init(&options);
        char *text = write_report(profile, "json", &options);
        json_t *report = read_json(text);
        const json_t *processes = json_object_get(report, "processes");
        assert_int_equal(json_array_size(processes), profile->process_count);
        for (size_t j = 0; j < json_array_size(processes); j++) {
            const json_t *process = json_array_get(processes, j);
            if (json_is_true(json_object_get(process, "observed")))
                check_sums(process);
            else
                assert_true(json_is_null(
                    json_object_get(json_object_get(process, "totals"), "live_bytes")));
        }
        json_decref(report);
        free(text);
        profile_destroy(profile);
    }
}

static void json_holds_a_thousand_sites_unless_told(void **state)
{
    (void)state;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    for (unsigned i = 0; i < 1100; i++) {
        char stack[64];
        snprintf(stack, sizeof stack, "main@m.c:1;f%u@f.c:%u", i, i + 1);
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, stack, 1, i + 1, 0, 0);
    }
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    struct report_options options;
    report_options_init(&options);
    char *text = write_report(profile, "json", &options);
    json_t *report = read_json(text);
    const json_t *process = json_array_get(json_object_get(report, "processes"), 0);
    assert_int_equal(json_array_size(json_object_get(process, "sites")), 1000);
    assert_int_equal(number(json_object_get(process, "omitted"), "count"), 100);
    assert_int_equal(number(json_object_get(process, "omitted"), "bytes"), 100 * 101 / 2);
    json_decref(report);
    free(text);
    options.has_limit = true; /* 0 = all */
    text = write_report(profile, "json", &options);
    report = read_json(text);
    process = json_array_get(json_object_get(report, "processes"), 0);
    assert_int_equal(json_array_size(json_object_get(process, "sites")), 1100);
    json_decref(report);
    free(text);
    profile_destroy(profile);
}

static void arguments_stay_out_when_told(void **state)
{
    (void)state;
    struct profile *profile = load("simple");
    struct report_options options;
    report_options_init(&options);
    for (size_t i = 0; report_format_at(i); i++) {
        options.are_arguments_shown = true;
        char *text = write_report(profile, report_format_at(i)->name, &options);
        assert_non_null(strstr(text, "--verbose"));
        free(text);
        options.are_arguments_shown = false;
        text = write_report(profile, report_format_at(i)->name, &options);
        assert_null(strstr(text, "--verbose"));
        free(text);
    }
    profile_destroy(profile);
}

static void colour_changes_nothing_else(void **state)
{
    (void)state;
    struct profile *profile = load("cxx");
    struct report_options options;
    report_options_init(&options);
    char *plain = write_report(profile, "text", &options);
    options.is_colour = true;
    char *coloured = write_report(profile, "text", &options);
    char *kept = coloured;
    for (const char *at = coloured; *at; at++) {
        if (*at == '\033')
            at = strchr(at, 'm');
        else
            *kept++ = *at;
    }
    assert_true(*kept); /* something was there */
    *kept = 0;
    assert_string_equal(plain, coloured);
    free(plain);
    free(coloured);
    profile_destroy(profile);
}

static void what_cannot_be_asked_fails(void **state)
{
    (void)state;
    struct profile *profile = load("simple");
    for (size_t i = 0; report_format_at(i); i++) {
        struct report_options options;
        struct error error = {""};
        FILE *out = tmpfile();
        report_options_init(&options);
        options.query.filter.include_function = "(";
        assert_false(report_write(report_format_at(i), profile, &options, out, &error));
        assert_non_null(strstr(error.message, "regular expression"));
        report_options_init(&options);
        options.query.process = 9;
        assert_false(report_write(report_format_at(i), profile, &options, out, &error));
        fclose(out);
        report_options_init(&options);
        out = fopen("/dev/full", "w");
        assert_false(report_write(report_format_at(i), profile, &options, out, &error));
        assert_non_null(strstr(error.message, "cannot write"));
        fclose(out);
    }
    assert_null(report_format_find("pigeon"));
    profile_destroy(profile);
}

static void expect_short(const char *function, const char *expected)
{
    struct text text = {0};
    place_shorten_name(function, &text);
    assert_string_equal(text_get(&text), expected);
    text_clear(&text);
}

static void long_names_keep_what_matters(void **state)
{
    (void)state;
    expect_short("main", "main");
    expect_short("f(int)", "f");
    expect_short("std::pair<int, int> std::map<int, int>::emplace<int>(int&&)",
                 "std::map::emplace");
    expect_short("A::operator()(int) const", "A::operator()");
    expect_short("operator()", "operator()");
    expect_short("(anonymous namespace)::f(int)", "(anonymous namespace)::f");
    expect_short("a::(anonymous namespace)::f<int>(int)", "a::(anonymous namespace)::f");
    expect_short("", "");
}

/* Of text and JSON alike: who pipes a report gets all of it or nothing. */
/* Of a stack that has own code only that is told. */
static void callers_without_own_code_are_told(void **state)
{
    (void)state;
    struct report_options options;
    struct profile_builder *builder = profile_builder_create();
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
    profile_builder_add_site(builder, 0, FUNCTION_CALLOC,
                             "_start!libc;new_arena!libc;arena_map_get!libc;PyMem_RawCalloc!libc",
                             1, 512, 0, 0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "start_thread!libc;main@m.c:1;load@m.c:2",
                             1, 256, 0, 0);
    struct profile *profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    report_options_init(&options);
    char *text = write_report(profile, "text", &options);
    const char *told = strstr(text, "    PyMem_RawCalloc < arena_map_get");
    assert_non_null(told);
    assert_non_null(strstr(told, "\n      < new_arena"));
    assert_non_null(strstr(told, "\n      < _start"));
    assert_non_null(strstr(text, "    load at m.c:2\n      < main at m.c:1\n"));
    assert_null(strstr(text, "start_thread"));
    free(text);
    profile_destroy(profile);
}

static void what_cannot_be_asked_writes_nothing(void **state)
{
    (void)state;
    struct profile *profile = load("several");
    for (size_t i = 0; report_format_at(i); i++) {
        for (int wrong = 0; wrong < 3; wrong++) {
            char *bytes = NULL;
            size_t count = 0;
            struct error error = {""};
            struct report_options options;
            report_options_init(&options);
            options.query.filter.include_function = wrong == 0 ? "(" : NULL;
            options.query.process = wrong == 1 ? 4 : QUERY_ALL_PROCESSES;
            options.has_grouping = wrong == 2;
            options.query.grouping = wrong == 2 ? QUERY_BY_THREAD : QUERY_BY_SITE;
            FILE *out = open_memstream(&bytes, &count);
            assert_false(report_write(report_format_at(i), profile, &options, out, &error));
            assert_true(error.message[0]);
            fclose(out);
            assert_int_equal(count, 0);
            free(bytes);
        }
    }
    profile_destroy(profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_fit),
        cmocka_unit_test(a_brief_profile_has_the_same_summary),
        cmocka_unit_test(sites_in_json_sum_to_the_totals),
        cmocka_unit_test(json_holds_a_thousand_sites_unless_told),
        cmocka_unit_test(arguments_stay_out_when_told),
        cmocka_unit_test(colour_changes_nothing_else),
        cmocka_unit_test(callers_without_own_code_are_told),
        cmocka_unit_test(what_cannot_be_asked_fails),
        cmocka_unit_test(long_names_keep_what_matters),
        cmocka_unit_test(what_cannot_be_asked_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
