#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/gate.h"
#include "profile_builder.h"

/* The program's own process, a tool under /usr, and one of its own that forked:
 *   0  /home/dev/demo/demo   main > keep 1000 live, main > churn 500 at the peak
 *   1  /usr/bin/sort         main > lines 70
 *   2  /home/dev/demo/demo   forked; main > keep 10 */
static struct profile *make(uint64_t kept, bool is_whole)
{
    struct profile_builder *builder = profile_builder_create();
    struct profile *profile;

    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM)->is_own_image = 1;
    profile_builder_add_process(builder, "/usr/bin/sort")->is_own_image = 1;
    profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM)->is_own_image = 0;
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@main.c:1;keep@a.c:2", 10, kept, 0,
                             0);
    profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@main.c:1;churn@a.c:3", 9, 500, 9,
                             500)
        ->peak_bytes = 500;
    profile_builder_add_site(builder, 1, FUNCTION_MALLOC, "main@sort.c:1;lines@sort.c:2", 1, 70, 0,
                             0);
    profile_builder_add_site(builder, 2, FUNCTION_MALLOC, "main@main.c:1;keep@a.c:2", 1, 10, 0, 0);
    profile_builder_totals(builder, 0)->peak_resident_bytes = 0;
    if (!is_whole)
        profile_builder_quality(builder, 0)->lost_events = 3;
    profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

static const struct gate_scan not_scanned[] = {
    {NULL, "off", NULL}, {NULL, "off", NULL}, {NULL, "off", NULL}};

static struct gate judge(const struct profile *profile, const struct gate_scan *scans,
                         struct gate_options options)
{
    const struct gate_run run = {profile, scans};
    struct gate gate;

    if (!options.leaked_kinds)
        options.leaked_kinds = 1u << LEAK_DEFINITE | 1u << LEAK_INDIRECT;
    gate_judge(&run, 1, &options, &gate);
    return gate;
}

static const char *culprit(const struct profile *profile, const struct gate_result *result)
{
    uint32_t node = profile->sites[result->culprit].stack_node;

    return profile->locations[profile->frames[profile->nodes[node].frame].first_location].function;
}

static void test_limits_and_choice(void **state)
{
    struct profile *profile = make(1000, true);
    struct gate gate = judge(
        profile, not_scanned,
        (struct gate_options){.limits.is_set[GATE_LIVE] = true, .limits.values[GATE_LIVE] = 999});

    (void)state;
    assert_int_equal(gate.verdict, GATE_FAIL);
    assert_string_equal(gate.reason, "live");
    assert_int_equal(gate.count, 2); /* not the one under /usr */
    assert_int_equal(gate.results[0].value, 1000);
    assert_int_equal(gate.results[0].verdict, GATE_FAIL);
    assert_string_equal(culprit(profile, &gate.results[0]), "keep");
    assert_int_equal(gate.results[1].process, 2);
    assert_int_equal(gate.results[1].verdict, GATE_PASS);
    gate_clear(&gate);
    gate = judge(
        profile, not_scanned,
        (struct gate_options){.limits.is_set[GATE_LIVE] = true, .limits.values[GATE_LIVE] = 1000});
    assert_int_equal(gate.verdict, GATE_PASS); /* exactly as much is within */
    gate_clear(&gate);
    gate = judge(profile, not_scanned,
                 (struct gate_options){.limits.is_set[GATE_LIVE] = true,
                                       .limits.values[GATE_LIVE] = 60,
                                       .only = (const char *const[]){"sort"},
                                       .only_count = 1});
    assert_int_equal(gate.count, 1);
    assert_int_equal(gate.results[0].process, 1);
    assert_int_equal(gate.verdict, GATE_FAIL);
    gate_clear(&gate);
    gate = judge(profile, not_scanned,
                 (struct gate_options){.limits.is_set[GATE_LIVE] = true,
                                       .skip = (const char *const[]){"/home/*"},
                                       .skip_count = 1});
    assert_int_equal(gate.verdict, GATE_INCONCLUSIVE); /* nothing was judged */
    assert_int_equal(gate.count, 0);
    gate_clear(&gate);
    profile_destroy(profile);
}

/* Id, parent's id, pid, image, from when to when it lived, executable, live bytes and peak:
 *   0  the program itself, until an exec
 *   1  its child under /usr
 *   2  that one's child
 *   3  what process 0 became by exec
 *   4  its child, after 2 had ended */
static struct profile *make_tree(void)
{
    static const struct {
        uint64_t parent_id_plus_1, pid, image, start_ns, end_ns;
        const char *executable;
        uint64_t live, peak;
    } rows[] = {{0, 50, 0, 0, 100, "/home/dev/a", 1, 1000},
                {1, 51, 0, 10, 190, "/usr/bin/sort", 10000, 100000},
                {2, 52, 0, 20, 150, "/home/dev/b", 20, 400},
                {0, 50, 1, 100, 200, "/home/dev/c", 300, 700},
                {4, 53, 0, 160, 180, "/home/dev/b", 4000, 500}};
    struct profile_builder *builder = profile_builder_create();
    struct profile *profile;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct recording_process *process = profile_builder_add_process(builder,
                                                                        rows[i].executable);

        process->parent_id_plus_1 = rows[i].parent_id_plus_1;
        process->pid = rows[i].pid;
        process->image = rows[i].image;
        process->start_ns = rows[i].start_ns;
        process->end_ns = rows[i].end_ns;
        profile_builder_add_site(builder, i, FUNCTION_MALLOC, "main@main.c:1;keep@a.c:2", 1,
                                 rows[i].live, 0, 0)
            ->peak_bytes = rows[i].peak;
        profile_builder_totals(builder, i)->common_peak_bytes = rows[i].peak;
    }
    profile = profile_builder_load(builder);
    profile_builder_destroy(builder);
    return profile;
}

static const struct gate_scan no_scans[5];

/* Together at most 1000 + 400 before the exec, 700 + 500 or 700 + 400 after it. */
static void test_tree(void **state)
{
    static const struct {
        uint64_t limit;
        enum gate_verdict verdict;
    } rows[] = {
        {1400, GATE_PASS}, {1399, GATE_INCONCLUSIVE}, {1000, GATE_INCONCLUSIVE}, {999, GATE_FAIL}};
    struct profile *profile = make_tree();
    struct gate_options options = {.is_tree = true,
                                   .limits.is_set = {[GATE_PEAK] = true, [GATE_LIVE] = true}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gate gate;

        options.limits.values[GATE_PEAK] = rows[i].limit;
        options.limits.values[GATE_LIVE] = 4321;
        gate = judge(profile, no_scans, options);
        assert_int_equal(gate.count, 2);
        assert_int_equal(gate.verdict, rows[i].verdict);
        assert_int_equal(gate.results[0].group.count, 4); /* not the one under /usr */
        assert_int_equal(gate.results[0].least, 1000);
        assert_int_equal(gate.results[0].value, 1400);
        assert_int_equal(gate.results[0].culprit_value, 1000); /* of the largest alone */
        assert_int_equal(gate.results[1].verdict, GATE_PASS);
        assert_int_equal(gate.results[1].least, 4321);
        assert_int_equal(gate.results[1].value, 4321);
        gate_clear(&gate);
    }
    profile_destroy(profile);
}

/* What is not known of a tree is refused. */
static void test_tree_limits(void **state)
{
    struct gate_scope scope = {.limits.is_set[GATE_PEAK] = true};
    struct gate_options options = {.limits.is_set[GATE_GROWTH] = true};
    struct gate_baseline baseline = {0};
    struct error error;

    (void)state;
    assert_true(gate_options_check(&options, &error));
    options.is_tree = true;
    assert_false(gate_options_check(&options, &error));
    options = (struct gate_options){.is_tree = true, .scopes = &scope, .scope_count = 1};
    assert_false(gate_options_check(&options, &error));
    scope.limits = (struct gate_limits){.is_set[GATE_LIVE] = true};
    assert_true(gate_options_check(&options, &error));
    options.baseline = &baseline;
    assert_false(gate_options_check(&options, &error));
}

/* What was not measured never passes, and what is over its limit fails all the same. */
static void test_doubts(void **state)
{
    struct profile *profile = make(1000, false);
    struct gate gate = judge(
        profile, not_scanned,
        (struct gate_options){.limits.is_set[GATE_LIVE] = true, .limits.values[GATE_LIVE] = 5000});

    (void)state;
    assert_int_equal(gate.verdict, GATE_INCONCLUSIVE);
    assert_string_equal(gate.reason, "events were lost");
    gate_clear(&gate);
    gate = judge(
        profile, not_scanned,
        (struct gate_options){.limits.is_set[GATE_LIVE] = true, .limits.values[GATE_LIVE] = 5});
    assert_int_equal(gate.verdict, GATE_FAIL);
    gate_clear(&gate);
    profile_destroy(profile);
    profile = make(1000, true);
    gate = judge(profile, not_scanned,
                 (struct gate_options){.limits.is_set[GATE_RESIDENT] = true,
                                       .limits.values[GATE_RESIDENT] = 1 << 30});
    assert_int_equal(gate.results[0].verdict, GATE_INCONCLUSIVE);
    assert_string_equal(gate.results[0].reason, "not measured");
    gate_clear(&gate);
    gate = judge(profile, not_scanned, (struct gate_options){.limits.is_set[GATE_LEAKED] = true});
    assert_int_equal(gate.count, 1); /* the forked one is not scanned by design */
    assert_int_equal(gate.results[0].verdict, GATE_INCONCLUSIVE);
    assert_string_equal(gate.results[0].scan_reason, "off");
    gate_clear(&gate);
    profile_destroy(profile);
}

static uint32_t site_of(const struct profile *profile, const char *function)
{
    for (uint32_t i = 0; i < profile->site_count; i++)
        if (strcmp(culprit(profile, &(struct gate_result){.culprit = i}), function) == 0)
            return i;
    return QUERY_NO_SITE;
}

static void test_leaks(void **state)
{
    struct profile *profile = make(1000, true);
    struct leak items[] = {
        {.kind = LEAK_DEFINITE, .site = site_of(profile, "keep"), .blocks = 2, .bytes = 200},
        {.kind = LEAK_INDIRECT, .site = site_of(profile, "churn"), .blocks = 1, .bytes = 50},
        {.kind = LEAK_POSSIBLE, .site = site_of(profile, "churn"), .blocks = 1, .bytes = 7}};
    struct leaks leaks = {
        .kinds = {[LEAK_DEFINITE] = {2, 200}, [LEAK_INDIRECT] = {1, 50}, [LEAK_POSSIBLE] = {1, 7}},
        .items = items,
        .count = 3};
    struct leaks none = {0},
                 before = {.kinds = {[LEAK_DEFINITE] = {1, 100}}, .items = items, .count = 1};
    const struct gate_scan scans[] = {{&leaks, "", NULL}, {&none, "", NULL}, {&none, "", NULL}};
    struct gate_baseline baseline = {0};
    const struct gate_scan base_scans[] = {
        {&before, "", NULL}, {&none, "", NULL}, {&none, "", NULL}};
    struct gate gate = judge(profile, scans,
                             (struct gate_options){.limits.is_set[GATE_LEAKED] = true});

    (void)state;
    assert_int_equal(gate.verdict, GATE_FAIL);
    assert_int_equal(gate.results[0].value, 250);
    assert_int_equal(gate.results[0].finding_count, 2);
    assert_int_equal(gate.results[0].findings[0].bytes, 200);
    assert_int_equal(gate.results[0].findings[0].state, GATE_FINDING_NEW);
    assert_string_equal(culprit(profile, &gate.results[0]), "keep");
    gate_clear(&gate);
    gate = judge(profile, scans,
                 (struct gate_options){.limits.is_set[GATE_LEAKED_PER_SITE] = true,
                                       .limits.values[GATE_LEAKED_PER_SITE] = 200,
                                       .leaked_kinds = LEAK_KINDS_LOST});
    assert_int_equal(gate.verdict, GATE_PASS);
    assert_int_equal(gate.results[0].value, 200);
    gate_clear(&gate);
    /* The baseline leaks at `keep`, too: what is new is at `churn`. */
    gate_baseline_add_profile(&baseline, profile, base_scans);
    gate = judge(profile, scans,
                 (struct gate_options){.limits.is_set[GATE_LEAKED] = true,
                                       .limits.values[GATE_LEAKED] = 50,
                                       .baseline = &baseline,
                                       .is_new_leaks_only = true});
    assert_int_equal(gate.verdict, GATE_PASS);
    assert_int_equal(gate.results[0].value, 50);
    gate_clear(&gate);
    gate_baseline_clear(&baseline);
    profile_destroy(profile);
}

/* Both the part and the bytes must be exceeded. */
static void test_baseline(void **state)
{
    struct profile *base = make(1000, true), *other = make(1200, true);
    struct gate_baseline baseline = {0};
    struct gate_options options = {.limits.is_set[GATE_LIVE] = true,
                                   .limits.values[GATE_LIVE] = UINT64_MAX,
                                   .baseline = &baseline};
    const struct {
        double tolerance;
        uint64_t min_delta;
        enum gate_verdict verdict;
    } cases[] = {{0.05, 100, GATE_FAIL}, {0.25, 100, GATE_PASS}, {0.05, 200, GATE_PASS},
                 {0.05, 199, GATE_FAIL}, {0.2, 0, GATE_PASS},    {0.19, 0, GATE_FAIL}};

    (void)state;
    gate_baseline_add_profile(&baseline, base, not_scanned);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        options.tolerance = cases[i].tolerance;
        options.min_delta = cases[i].min_delta;
        struct gate gate = judge(other, not_scanned, options);

        assert_int_equal(gate.results[0].baseline, 1000);
        assert_int_equal(gate.results[0].verdict, cases[i].verdict);
        if (cases[i].verdict == GATE_FAIL) {
            assert_int_equal(gate.results[0].finding_count, 1);
            assert_int_equal(gate.results[0].findings[0].base_bytes, 1000);
            assert_string_equal(culprit(other, &gate.results[0]), "keep");
        }
        gate_clear(&gate);
    }
    gate_baseline_clear(&baseline);
    gate_baseline_get(&baseline, "renamed", 0);
    struct gate gate = judge(other, not_scanned, options);
    assert_int_equal(gate.verdict, GATE_INCONCLUSIVE); /* nothing was compared */
    gate_clear(&gate);
    gate_baseline_clear(&baseline);
    profile_destroy(base);
    profile_destroy(other);
}

/* Three runs of the heap at 900, 1000, 1100: mean 1000, deviation 100. */
static void test_runs(void **state)
{
    static const uint64_t kept[] = {900, 1000, 1100};
    struct profile *profiles[3], *grown;
    struct gate_run runs[3], one;
    struct gate_baseline baseline = {0};
    struct gate_options options = {
        .limits.is_set[GATE_LIVE] = true, .limits.values[GATE_LIVE] = 1100, .tolerance = 0.05};
    struct gate gate;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        profiles[i] = make(kept[i], true);
        runs[i] = (struct gate_run){profiles[i], not_scanned};
        gate_baseline_add_profile(&baseline, profiles[i], not_scanned);
    }
    gate_judge(runs, 3, &options, &gate);
    assert_int_equal(gate.verdict, GATE_PASS);
    assert_int_equal(gate.results[0].value, 1100); /* the worst */
    assert_int_equal(gate.results[0].run, 2);
    assert_int_equal(gate.results[0].figure.runs, 3);
    assert_int_equal((int)gate.results[0].figure.mean, 1000);
    assert_int_equal((int)gate_figure_deviation(&gate.results[0].figure), 100);
    gate_clear(&gate);
    options.limits.values[GATE_LIVE] = 1099;
    gate_judge(runs, 3, &options, &gate);
    assert_int_equal(gate.verdict, GATE_FAIL);
    gate_clear(&gate);

    /* Of a fourth run at 3000 chance explains as much as t(0.999; 2) = 22.327 times 100 times
     * sqrt(1 + 1/3), which is 2578; not so of one at 4000. */
    options.limits.values[GATE_LIVE] = UINT64_MAX;
    options.baseline = &baseline;
    for (unsigned i = 0; i < 2; i++) {
        grown = make(3000 + 1000 * i, true);
        one = (struct gate_run){grown, not_scanned};
        gate_judge(&one, 1, &options, &gate);
        assert_int_equal((int)gate.results[0].margin, 2578);
        assert_int_equal(gate.results[0].verdict, i == 0 ? GATE_PASS : GATE_FAIL);
        gate_clear(&gate);
        profile_destroy(grown);
    }
    gate_baseline_clear(&baseline);
    for (size_t i = 0; i < 3; i++)
        profile_destroy(profiles[i]);
}

static void test_scopes(void **state)
{
    static const struct {
        const char *text;
        uint64_t value; /* of process 0 */
        enum gate_verdict verdict;
    } cases[] = {{"keep: live 999", 1000, GATE_FAIL},   {"keep: live 1000", 1000, GATE_PASS},
                 {"a.c: live 1k", 1000, GATE_PASS},     {"ma*: peak 1499", 1500, GATE_FAIL},
                 {"nothing::*: peak 0", 0, GATE_PASS},  {"*demo: allocations 19", 19, GATE_PASS},
                 {"churn: allocations 8", 9, GATE_FAIL}};
    struct profile *profile = make(1000, true);
    struct error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate_scopes scopes = {0};
        assert_true(gate_scopes_parse(&scopes, cases[i].text, &error));
        struct gate gate = judge(
            profile, not_scanned,
            (struct gate_options){.scopes = scopes.items, .scope_count = scopes.count});
        assert_int_equal(gate.count, 2);
        assert_int_equal(gate.results[0].value, cases[i].value);
        assert_int_equal(gate.verdict, cases[i].verdict);
        gate_clear(&gate);
        gate_scopes_clear(&scopes);
    }
    profile_destroy(profile);
}

/* Growing sites count, others do not, and a run too short to tell says so. */
static void test_growth(void **state)
{
    struct profile *profile = make(1000, true);
    struct growth_site sites[] = {
        {.site = site_of(profile, "keep"), .verdict = TREND_GROWING, .bytes_per_minute = 3000},
        {.site = site_of(profile, "churn"), .verdict = TREND_UNCLEAR, .bytes_per_minute = 9000}};
    struct growth growth = {.sites = sites, .count = 2, .growing_count = 1, .has_timeline = true};
    const struct gate_scan scans[] = {
        {NULL, "off", &growth}, {NULL, "off", &growth}, {NULL, "off", &growth}};
    struct gate_options options = {.limits.is_set[GATE_GROWTH] = true,
                                   .limits.values[GATE_GROWTH] = 3000};
    struct gate gate = judge(profile, scans, options);

    (void)state;
    assert_int_equal(gate.verdict, GATE_PASS);
    assert_int_equal(gate.results[0].value, 3000);
    gate_clear(&gate);
    options.limits.values[GATE_GROWTH] = 2999;
    gate = judge(profile, scans, options);
    assert_int_equal(gate.verdict, GATE_FAIL);
    assert_string_equal(culprit(profile, &gate.results[0]), "keep");
    gate_clear(&gate);
    growth.is_too_short = true;
    gate = judge(profile, scans, options);
    assert_int_equal(gate.verdict, GATE_INCONCLUSIVE);
    gate_clear(&gate);
    profile_destroy(profile);
}

static void test_budget_file(void **state)
{
    static const char *const bad[] = {"peak",         "peak 1x",       "speed 3",
                                      "a.c: heap 3",  ": peak 3",      "a.c: peak",
                                      "peak 1, live", "growth 1M/day", "peak 1M/min"};
    struct gate_limits limits = {0};
    struct gate_scopes scopes = {0};
    struct error error;

    (void)state;
    assert_true(gate_budgets_read("# all of it\npeak 64M, leaked 0\n\n"
                                  "  ns::parse*: peak 8 MiB  # the parser\n"
                                  "ns::parse*: leaked 0, peak 9M\nallocations 10\n"
                                  "growth 60k/h",
                                  "budgets", &limits, &scopes, &error));
    assert_true(limits.is_set[GATE_PEAK] && limits.is_set[GATE_LEAKED]);
    assert_false(limits.is_set[GATE_HEAP]);
    assert_int_equal(limits.values[GATE_PEAK], 64 << 20);
    assert_int_equal(limits.values[GATE_ALLOCATIONS], 10);
    assert_int_equal(limits.values[GATE_GROWTH], 1024);
    assert_int_equal(scopes.count, 1);
    assert_string_equal(scopes.items[0].pattern, "ns::parse*");
    assert_int_equal(scopes.items[0].limits.values[GATE_PEAK], 9 << 20);
    assert_true(scopes.items[0].limits.is_set[GATE_LEAKED]);
    gate_scopes_clear(&scopes);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(gate_budgets_read(bad[i], "budgets", &limits, &scopes, &error));
        assert_memory_equal(error.message, "budgets:1: ", 11);
    }
    gate_scopes_clear(&scopes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_and_choice),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_tree_limits),
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_leaks),
        cmocka_unit_test(test_baseline),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_budget_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
