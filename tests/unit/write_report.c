/* write_report SAMPLE FORMAT [by=G] [sort=M] [tree] [up] [process=N] [width=N] [limit=N]
 * [inclusive] [colour] [no-arguments]: writes the report of a sample recording (profile_samples.h)
 * to stdout, for golden files. FORMAT may also be "summary", or one of exports'.
 * With SAMPLE "leaks" FORMAT is one of those of leaks_report.h, and options are [process=N]
 * [width=N] [limit=N] [colour] [kinds=BITS] [snapshot=N] [since=N] [suppressed] (leak_samples.h).
 * With "base=SAMPLE" it is the difference from that sample. FORMAT "check-F" is that of `seep
 * check` named F (text, json, github or one of check_report.h's), where the first two sites of the
 * sample's first process leak, and only the first one of the base's. With SAMPLE a path to a
 * recording, reports that. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/diff.h"
#include "analysis/gate.h"
#include "leak_samples.h"
#include "profile_samples.h"
#include "recording/recording_reader.h"
#include "report/check_report.h"
#include "report/diff_report.h"
#include "report/export.h"
#include "report/report.h"
#include "report/summary.h"

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "write_report: %s: %s\n", what, why);
    exit(2);
}

static const char *value_of(const char *argument, const char *key)
{
    size_t length = strlen(key);
    return strncmp(argument, key, length) == 0 && argument[length] == '=' ? argument + length + 1
                                                                          : NULL;
}

static void read_option(struct report_options *options, const char *argument)
{
    const char *value;
    if ((value = value_of(argument, "by")) && query_grouping_find(value)) {
        options->has_grouping = true;
        options->query.grouping = query_grouping_find(value)->grouping;
    } else if ((value = value_of(argument, "sort")) && query_metric_find(value)) {
        options->query.sort = query_metric_find(value)->metric;
    } else if ((value = value_of(argument, "process"))) {
        options->query.process = (uint32_t)strtoul(value, NULL, 10);
    } else if ((value = value_of(argument, "width"))) {
        options->width = atoi(value);
    } else if ((value = value_of(argument, "limit"))) {
        options->has_limit = true;
        options->query.limit = strtoull(value, NULL, 10);
    } else if ((value = value_of(argument, "function"))) {
        options->query.filter.include_function = value;
    } else if (strcmp(argument, "tree") == 0) {
        options->is_tree = true;
    } else if (strcmp(argument, "up") == 0) {
        options->direction = CALL_TREE_BOTTOM_UP;
    } else if (strcmp(argument, "inclusive") == 0) {
        options->query.is_sorted_inclusive = true;
    } else if (strcmp(argument, "colour") == 0) {
        options->is_colour = true;
    } else if (strcmp(argument, "no-arguments") == 0) {
        options->are_arguments_shown = false;
    } else {
        fail(argument, "no such option");
    }
}

static struct profile *load(const char *sample)
{
    struct error error;
    struct profile_options options = {.with_timeline = false};
    struct profile_builder *builder = profile_sample_create(sample);
    if (builder) {
        struct profile *profile = profile_builder_load(builder);
        profile_builder_destroy(builder);
        return profile;
    }
    struct recording_reader *reader = recording_reader_open(sample, &error);
    struct profile *profile = reader ? profile_load(reader, &options, &error) : NULL;
    recording_reader_close(reader);
    if (!profile)
        fail(sample, error.message);
    return profile;
}

static bool write_difference(const struct profile *base, const struct profile *other,
                             const struct report_options *options, bool is_json,
                             struct error *error)
{
    struct diff_options diff_options = {.profiles = {base, other},
                                        .metric = options->query.sort,
                                        .filter = options->query.filter,
                                        .limit = options->has_limit ? options->query.limit : 0};
    struct diff_report_options report = {.paths = {"base.seep", "new.seep"},
                                         .instants = {"end", "end"},
                                         .are_arguments_shown = options->are_arguments_shown,
                                         .width = options->width,
                                         .stack_depth = options->stack_depth};
    struct diff diff;
    if (!diff_run(&diff_options, &diff, error))
        return false;
    bool is_written = is_json ? diff_write_json(&diff_options, &diff, &report, stdout, error)
                              : diff_write_text(&diff_options, &diff, &report, stdout, error);
    diff_clear(&diff);
    return is_written;
}

/* What is shared with other reports is in `shared` already; the rest is read here. */
static bool write_leaks(const char *format, const struct report_options *shared, int count,
                        char **arguments, struct error *error)
{
    struct leaks_report_options options = {.kinds = 1u << LEAK_DEFINITE | 1u << LEAK_POSSIBLE,
                                           .limit = shared->query.limit,
                                           .has_limit = shared->has_limit,
                                           .process = shared->query.process,
                                           .stack_depth = 8,
                                           .width = shared->width,
                                           .is_colour = shared->is_colour,
                                           .are_arguments_shown = shared->are_arguments_shown};
    uint64_t snapshot = LEAK_REPORT_DEFAULT, since = LEAK_REPORT_NONE;
    bool is_suppressed = false;
    for (int i = 0; i < count; i++) {
        const char *value;
        if ((value = value_of(arguments[i], "kinds")))
            options.kinds = (unsigned)strtoul(value, NULL, 0);
        else if ((value = value_of(arguments[i], "snapshot")))
            snapshot = strtoull(value, NULL, 10);
        else if ((value = value_of(arguments[i], "since")))
            since = strtoull(value, NULL, 10);
        else if (strcmp(arguments[i], "suppressed") == 0)
            is_suppressed = true;
    }
    if (since != LEAK_REPORT_NONE)
        options.since = "snapshot:0";
    return leak_sample_write(format, &options, is_suppressed, snapshot, since, error);
}

/* ---- seep check ---- */

/* The first sites of the first process, each as a leak of 100 and 50 bytes. */
static void make_leaks(struct leak *items, size_t count, struct leaks *leaks)
{
    *leaks = (struct leaks){.items = items, .count = count};
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct leak){.kind = i == 0 ? LEAK_DEFINITE : LEAK_INDIRECT,
                                 .site = (uint32_t)i,
                                 .blocks = 1 + i,
                                 .bytes = 100 / (1 + i),
                                 .suppression = LEAKS_NO_SUPPRESSION};
        leaks->kinds[items[i].kind].blocks += items[i].blocks;
        leaks->kinds[items[i].kind].bytes += items[i].bytes;
    }
}

static struct gate_scan *make_scans(const struct profile *profile, const struct leaks *leaks)
{
    struct gate_scan *scans = calloc(profile->process_count, sizeof *scans);

    for (size_t i = 0; i < profile->process_count; i++)
        scans[i] = (struct gate_scan){.leaks = i == 0 ? leaks : NULL,
                                      .reason = i == 0 ? "exit" : "killed"};
    return scans;
}

static bool write_check(const char *format, const struct profile *profile,
                        const struct profile *base, struct error *error)
{
    static const struct check_format github = {"github", "", check_write_github};
    static const char *const path = "app.seep";
    char pattern[] = "*.c*";
    struct gate_scope scope = {
        .pattern = pattern, .limits.is_set[GATE_LIVE] = true, .limits.values[GATE_LIVE] = 1};
    struct leak items[2], base_items[1];
    struct leaks leaks, base_leaks;
    struct gate_scan *scans, *base_scans = NULL;
    struct gate_baseline baseline = {0};
    struct gate_options options = {
        .scopes = &scope, .scope_count = 1, .leaked_kinds = LEAK_KINDS_LOST, .tolerance = 0.05};
    struct check_report report = {.count = 1, .options = &options};
    const struct check_format *chosen = strcmp(format, "text") == 0     ? &check_text
                                        : strcmp(format, "json") == 0   ? &check_json
                                        : strcmp(format, "github") == 0 ? &github
                                                                        : NULL;

    for (size_t i = 0; !chosen && check_format_at(i); i++)
        if (strcmp(check_format_at(i)->name, format) == 0)
            chosen = check_format_at(i);
    if (!chosen)
        fail(format, "no such format");
    make_leaks(items, profile->site_count < 2 ? profile->site_count : 2, &leaks);
    scans = make_scans(profile, &leaks);
    if (base) {
        make_leaks(base_items, 1, &base_leaks);
        base_scans = make_scans(base, &base_leaks);
        gate_baseline_add_profile(&baseline, base, base_scans);
        options.baseline = &baseline;
    }
    for (int budget = 0; budget < GATE_BUDGET_COUNT; budget++) {
        options.limits.is_set[budget] = true;
        options.limits.values[budget] = budget % 2 ? UINT64_MAX : 1000;
    }
    options.limits.values[GATE_LEAKED] = 120;
    struct gate_run run = {profile, scans};
    struct check_entry entry = {.runs = &run, .paths = &path, .run_count = 1};
    gate_judge(&run, 1, &options, &entry.gate);
    report.entries = &entry;
    report.verdict = entry.gate.verdict;
    report.reason = entry.gate.reason;
    bool is_written = check_write(chosen, &report, stdout, error);
    gate_clear(&entry.gate);
    gate_baseline_clear(&baseline);
    free(scans);
    free(base_scans);
    return is_written;
}

static bool is_for_leaks(const char *argument)
{
    return value_of(argument, "kinds") || value_of(argument, "snapshot") ||
           value_of(argument, "since") || strcmp(argument, "suppressed") == 0;
}

int main(int count, char **arguments)
{
    const char *base = NULL;
    struct report_options options;
    struct error error;
    if (count < 3)
        fail("usage", "SAMPLE FORMAT [option...]");
    report_options_init(&options);
    for (int i = 3; i < count; i++)
        if (value_of(arguments[i], "base"))
            base = value_of(arguments[i], "base");
        else if (!is_for_leaks(arguments[i]))
            read_option(&options, arguments[i]);
    if (strcmp(arguments[1], "leaks") == 0) {
        if (!write_leaks(arguments[2], &options, count - 3, arguments + 3, &error))
            fail(arguments[1], error.message);
        return 0;
    }
    struct profile *profile = load(arguments[1]);
    bool is_written;
    if (strncmp(arguments[2], "check-", 6) == 0) {
        struct profile *base_profile = base ? load(base) : NULL;
        is_written = write_check(arguments[2] + 6, profile, base_profile, &error);
        profile_destroy(base_profile);
    } else if (base) {
        struct profile *base_profile = load(base);
        is_written = write_difference(base_profile, profile, &options,
                                      strcmp(arguments[2], "json") == 0, &error);
        profile_destroy(base_profile);
    } else if (strcmp(arguments[2], "summary") == 0) {
        struct summary_options summary = {.width = options.width};
        is_written = summary_write(profile, &summary, stdout, &error);
    } else {
        const struct report_format *format = report_format_find(arguments[2]);
        const struct export_format *export = export_format_find(arguments[2]);
        struct export_options export_options = {.metric = options.query.sort,
                                                .process = options.query.process,
                                                .filter = options.query.filter,
                                                .are_arguments_shown = options.are_arguments_shown};
        if (!format && !export)
            fail(arguments[2], "no such format");
        is_written = format ? report_write(format, profile, &options, stdout, &error)
                            : export_write(export, profile, &export_options, stdout, &error);
    }
    profile_destroy(profile);
    if (!is_written)
        fail(arguments[1], error.message);
    return 0;
}
