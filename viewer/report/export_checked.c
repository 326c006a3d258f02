/* SARIF and JUnit, for services that show problems beside the code: what leaks, as `seep check`
 * without a budget judges it and writes it into files. */
#include "config.h"

#include <stdlib.h>

#include "analysis/gate_scans.h"
#include "analysis/suppressions.h"
#include "report/check_report.h"
#include "report/export.h"

static bool write_judged(const struct profile *profile, const struct leak_report *leaks,
                         const char *source_root,
                         bool (*write)(const struct check_report *report, FILE *out,
                                       struct error *error),
                         FILE *out, struct error *error)
{
    struct gate_scan *scans = gate_scans_make(profile, leaks);
    const struct gate_options options = {.limits.is_set[GATE_LEAKED] = true,
                                         .leaked_kinds = 1u << LEAK_DEFINITE | 1u << LEAK_INDIRECT};
    const struct gate_run run = {profile, scans};
    const char *path = profile->info.path;
    struct check_entry entry = {.runs = &run, .paths = &path, .run_count = 1};
    gate_judge(&run, 1, &options, &entry.gate);
    const struct check_report report = {.entries = &entry,
                                        .count = 1,
                                        .options = &options,
                                        .verdict = entry.gate.verdict,
                                        .reason = entry.gate.reason,
                                        .source_root = source_root};
    bool is_written = write(&report, out, error);
    gate_clear(&entry.gate);
    free(scans);
    return is_written;
}

static bool write_checked(const struct profile *profile, const struct export_options *options,
                          bool (*write)(const struct check_report *report, FILE *out,
                                        struct error *error),
                          FILE *out, struct error *error)
{
    struct suppressions suppressions;
    const struct leak_report_options wanted = {.suppressions = &suppressions,
                                               .process = QUERY_ALL_PROCESSES,
                                               .snapshot = LEAK_REPORT_DEFAULT,
                                               .since = LEAK_REPORT_NONE};
    struct leak_report leaks;
    if (query_filter_is_given(&options->filter) || options->process != QUERY_ALL_PROCESSES)
        return error_set(error, "all leaks are judged: they cannot be filtered");
    if (!options->reader)
        return error_set(error, "there is no recording to read leaks from");
    suppressions_init(&suppressions);
    suppressions_add_built_in(&suppressions);
    bool is_good = leak_report_build(profile, options->reader, &wanted, &leaks, error);
    if (is_good) {
        is_good = write_judged(profile, &leaks, options->source_root, write, out, error);
        leak_report_clear(&leaks);
    }
    suppressions_clear(&suppressions);
    return is_good;
}

bool export_write_sarif(const struct profile *profile, const struct export_options *options,
                        FILE *out, struct error *error)
{
    return write_checked(profile, options, check_write_sarif, out, error);
}

bool export_write_junit(const struct profile *profile, const struct export_options *options,
                        FILE *out, struct error *error)
{
    return write_checked(profile, options, check_write_junit, out, error);
}
