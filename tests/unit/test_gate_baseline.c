#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/gate_baseline.h"
#include "analysis/gate_baseline_text.h"
#include "profile_builder.h"

static const struct gate_baseline_writing writing = {.part = 0.05, .bytes = 1000};

static struct gate_baseline read_text(const char *text)
{
    struct gate_baseline baseline = {0};
    struct error error = {""};

    if (!gate_baseline_read_text(&baseline, text, "b", &error))
        fail_msg("%s", error.message);
    return baseline;
}

static void assert_written(const struct gate_baseline *baseline, const struct gate_baseline *old,
                           const char *wanted)
{
    struct text text = {0};
    const char *body;

    gate_baseline_write_text(baseline, old, &writing, &text);
    body = strstr(text_get(&text), "--baseline=FILE\n");
    assert_non_null(body);
    assert_string_equal(strchr(body, '\n') + 1, wanted);
    text_clear(&text);
}

/* Lines come back as they were, sorted; names with odd bytes too. */
static void test_text(void **state)
{
    static const char text[] =
        "# seep baseline 1\n"
        "demo total runs=5 peak=9000000+-4000 live=10 allocations=7 scanned\n"
        "demo fp1:00000000000000ff definite=200 peak=4096  # keep at a.c\n"
        "\n# a comment\r\n"
        "my%20p%3A%25:2 total runs=1 heap=5\n"
        "demo fp1:0000000000000011 peak=5000\n"
        "demo fp1:0000000000000011 peak=6000 live=1024\n";
    struct gate_baseline baseline = read_text(text), none = {0};
    const struct gate_baseline_process *demo = gate_baseline_find(&baseline, "demo", 0);
    const struct gate_baseline_site *site;

    (void)state;
    assert_int_equal(baseline.count, 2);
    assert_non_null(demo);
    assert_true(demo->is_scanned);
    assert_int_equal(demo->figures[GATE_PEAK].runs, 5);
    assert_int_equal((int)gate_figure_deviation(&demo->figures[GATE_PEAK]), 4000);
    assert_non_null(gate_baseline_find(&baseline, "my p:%", 2));
    assert_int_equal(gate_baseline_leaked(demo, 1u << LEAK_DEFINITE), 200);
    assert_int_equal(gate_baseline_leaked(demo, 1u << LEAK_POSSIBLE), 0);
    site = gate_baseline_find_site(demo, 0x11); /* of two lines the larger figures */
    assert_int_equal(site->values[GATE_PEAK], 6000);
    assert_int_equal(site->values[GATE_LIVE], 1024);
    assert_written(&baseline, &none,
                   "demo fp1:0000000000000011 peak=6000 live=1024\n"
                   "demo fp1:00000000000000ff definite=200 peak=4096  # keep at a.c\n"
                   "demo total runs=5 peak=9000000+-4000 live=10 allocations=7 scanned\n"
                   "my%20p%3A%25:2 total runs=1 heap=5\n");
    gate_baseline_clear(&baseline);
}

static void test_text_malformed(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {{"# seep baseline 2\n", "b: it is a baseline of a newer seep"},
                 {"# seep baseline 1\ndemo\n", "b:2: \"\" is no fingerprint"},
                 {"# seep baseline 1\ndemo fp1:12 peak=3\n", "b:2: \"fp1:12\" is no fingerprint"},
                 {"# seep baseline 1\n\ndemo total peak=x\n", "b:3: \"peak=x\" is no figure"},
                 {"# seep baseline 1\ndemo total speed=3\n", "b:2: \"speed=3\" is no figure"},
                 {"# seep baseline 1\ndemo total runs=0\n", "b:2: \"runs=0\" is no figure"},
                 {"# seep baseline 1\ndemo total peak=99999999999999999999\n",
                  "b:2: \"peak=99999999999999999999\" is no figure"},
                 {"# seep baseline 1\nde%zz total peak=1\n", "b:2: \"de%zz\" is no process"},
                 {"# seep baseline 1\n:4 total peak=1\n", "b:2: \"\" is no process"},
                 {"# seep baseline 1\n<<<<<<< HEAD\n", "b:2: \"HEAD\" is no fingerprint"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate_baseline baseline = {0};
        struct error error;

        assert_false(gate_baseline_read_text(&baseline, cases[i].text, "b", &error));
        assert_string_equal(error.message, cases[i].message);
        gate_baseline_clear(&baseline);
    }
}

/* What the tolerance covers keeps its line, and what was not measured again stays. */
static void test_update(void **state)
{
    struct gate_baseline old = read_text("# seep baseline 1\n"
                                         "demo total runs=1 peak=100000 live=50000\n"
                                         "demo fp1:0000000000000001 peak=70000  # steady\n"
                                         "demo fp1:0000000000000002 peak=20000  # grew\n"
                                         "demo fp1:0000000000000003 peak=9000  # went\n"
                                         "demo fp1:0000000000000004 definite=5  # leaks\n"
                                         "other total runs=1 peak=3\n");
    struct gate_baseline now = read_text("# seep baseline 1\n"
                                         "demo total runs=1 peak=104000 live=60000\n"
                                         "demo fp1:0000000000000001 peak=70500  # steady\n"
                                         "demo fp1:0000000000000002 peak=30000  # grew\n"
                                         "demo fp1:0000000000000004 definite=6  # leaks\n"
                                         "demo fp1:0000000000000005 peak=900  # small\n");

    (void)state;
    assert_written(&now, &old,
                   "demo fp1:0000000000000001 peak=70000  # steady\n"
                   "demo fp1:0000000000000002 peak=30000  # grew\n"
                   "demo fp1:0000000000000004 definite=6  # leaks\n"
                   "demo total runs=1 peak=100000 live=60000\n"
                   "other total runs=1 peak=3\n");
    gate_baseline_clear(&old);
    gate_baseline_clear(&now);
}

/* Two runs: figures have a mean, sites their largest values. */
static void test_recordings(void **state)
{
    struct gate_baseline baseline = {0};
    struct profile *profiles[2];
    const struct gate_baseline_process *demo;
    uint64_t fingerprint;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct profile_builder *builder = profile_builder_create();
        const struct gate_scan scan = {.reason = "off"};

        profile_builder_add_process(builder, PROFILE_BUILDER_PROGRAM);
        profile_builder_add_site(builder, 0, FUNCTION_MALLOC, "main@main.c:1;keep@a.c:2", 10,
                                 1000 + 200 * i, 0, 0);
        profiles[i] = profile_builder_load(builder);
        profile_builder_destroy(builder);
        gate_baseline_add_profile(&baseline, profiles[i], &scan);
    }
    fingerprint = profiles[0]->sites[0].fingerprint;
    demo = gate_baseline_find(&baseline, "demo", 0);
    assert_non_null(demo);
    assert_false(demo->is_scanned);
    assert_int_equal(demo->figures[GATE_LIVE].runs, 2);
    assert_int_equal((int)demo->figures[GATE_LIVE].mean, 1100);
    assert_int_equal(gate_baseline_find_site(demo, fingerprint)->values[GATE_LIVE], 1200);
    assert_string_equal(gate_baseline_find_site(demo, fingerprint)->place, "keep at a.c");
    gate_baseline_clear(&baseline);
    profile_destroy(profiles[0]);
    profile_destroy(profiles[1]);
}

static void test_json(void **state)
{
    static const char report[] =
        "{\"schema\": \"seep/report\", \"schema_version\": \"1.3\", \"processes\": ["
        "{\"executable\": \"/x/demo\", \"totals\": {\"common_peak_bytes\": 70, \"live_bytes\": "
        "null},"
        " \"sites\": [{\"fingerprint\": \"fp1:0000000000000001\", \"peak_bytes\": 30}]},"
        "{\"executable\": \"/x/demo\", \"totals\": {\"common_peak_bytes\": 80}, \"new\": 1}]}";
    static const char leaks[] =
        "{\"schema\": \"seep/leaks\", \"schema_version\": \"1.0\", \"processes\": ["
        "{\"executable\": \"/x/demo\", \"scan\": {\"done\": true}, \"leaks\": ["
        "{\"kind\": \"indirect\", \"fingerprint\": \"fp1:0000000000000001\", \"bytes\": 9}]}]}";
    static const char check[] =
        "{\"schema\": \"seep/check\", \"schema_version\": \"1.0\", \"results\": ["
        "{\"executable\": \"/x/tool\", \"rank\": 1, \"budget\": \"heap\", \"value\": 5, \"scope\": "
        "null},"
        "{\"executable\": \"/x/tool\", \"rank\": 1, \"budget\": \"leaked\", \"value\": 7, "
        "\"scope\": null,"
        " \"findings\": [{\"fingerprint\": \"fp1:0000000000000002\", \"state\": \"new\","
        " \"kind\": \"definite\", \"bytes\": 7}]},"
        "{\"executable\": \"/x/tool\", \"rank\": 1, \"budget\": \"heap\", \"value\": 1, \"scope\": "
        "\"a*\"}]}";
    static const char *const bad[] = {"{", "{}", "[]", "{\"schema\": \"seep/report\"}",
                                      "{\"schema\": \"seep/graph\", \"schema_version\": \"1.0\"}"};
    struct gate_baseline baseline = {0};
    const struct gate_baseline_process *process;
    struct error error;

    (void)state;
    assert_true(gate_baseline_read_json(&baseline, report, "r", &error));
    assert_true(gate_baseline_read_json(&baseline, leaks, "l", &error));
    assert_true(gate_baseline_read_json(&baseline, check, "c", &error));
    assert_int_equal(baseline.count, 3);
    process = gate_baseline_find(&baseline, "demo", 0);
    assert_int_equal((int)process->figures[GATE_PEAK].mean, 70);
    assert_int_equal(process->figures[GATE_LIVE].runs, 0); /* null is not 0 */
    assert_true(process->is_scanned);
    assert_int_equal(gate_baseline_leaked(process, LEAK_KINDS_LOST), 9);
    assert_int_equal(gate_baseline_find_site(process, 1)->values[GATE_PEAK], 30);
    process = gate_baseline_find(&baseline, "demo", 1);
    assert_int_equal((int)process->figures[GATE_PEAK].mean, 80);
    assert_false(process->is_scanned);
    process = gate_baseline_find(&baseline, "tool", 1);
    assert_int_equal(process->figures[GATE_HEAP].runs, 1);
    assert_int_equal((int)process->figures[GATE_HEAP].mean, 5);
    assert_int_equal(gate_baseline_leaked(process, LEAK_KINDS_LOST), 7);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(gate_baseline_read_json(&baseline, bad[i], "b", &error));
    gate_baseline_clear(&baseline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),   cmocka_unit_test(test_text_malformed),
        cmocka_unit_test(test_update), cmocka_unit_test(test_recordings),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
