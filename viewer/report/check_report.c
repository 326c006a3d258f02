#include "report/check_report.h"

#include <errno.h>
#include <string.h>

#include "analysis/own_code.h"
#include "analysis/place.h"
#include "base/text.h"
#include "base/units.h"
#include "report/page.h"

const struct check_format check_text = {"text", "for people", check_write_text};
const struct check_format check_json = {"json", "for programs: seep/check", check_write_json};

static const struct check_format formats[] = {
    {"junit", "JUnit XML, for Jenkins, GitLab, Azure and others", check_write_junit},
    {"sarif", "SARIF 2.1.0, for code scanning and editors", check_write_sarif},
    {"gitlab", "GitLab's code quality report", check_write_gitlab},
    {"markdown", "a summary for people in Markdown", check_write_markdown},
    {"openmetrics", "OpenMetrics, for Prometheus and GitLab", check_write_openmetrics},
    {"benchmark", "github-action-benchmark's customSmallerIsBetter", check_write_benchmark},
    {"bencher", "Bencher Metric Format", check_write_bencher},
    {"valgrind-log", "leaks as Valgrind's log has them, for CTest", check_write_valgrind},
};

const struct check_format *check_format_at(size_t position)
{
    return position < sizeof formats / sizeof *formats ? &formats[position] : NULL;
}

bool check_write(const struct check_format *format, const struct check_report *report, FILE *out,
                 struct error *error)
{
    if (!format->write(report, out, error))
        return false;
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write %s", format->name);
}

const struct profile *check_profile(const struct check_entry *entry,
                                    const struct gate_result *result)
{
    return entry->runs[result->run].profile;
}

const struct profile_process *check_process(const struct check_entry *entry,
                                            const struct gate_result *result)
{
    return &check_profile(entry, result)->processes[result->process];
}

static void add_figure(const struct gate_result *result, uint64_t figure, struct text *out)
{
    char words[UNITS_TEXT_BYTES];

    text_add(out, gate_budget_at(result->budget)->is_bytes ? units_format_size(figure, words)
                                                           : units_format_count(figure, words));
    if (gate_budget_at(result->budget)->is_rate)
        text_add(out, "/min");
}

/* "(+11 %)", against a figure that is not 0. */
static void add_excess(uint64_t value, uint64_t against, struct text *out)
{
    double percent = against ? 100.0 * ((double)value - (double)against) / (double)against : 0;

    if (percent >= 1000)
        text_print(out, " (%.0f times)", percent / 100 + 1);
    else if (against)
        text_print(out, " (%+.*f %%)", percent < 10 && percent > -10 ? 1 : 0, percent);
}

/* " (worst of 5 runs, 8.2 MiB on average)" */
static void add_runs(const struct gate_result *result, struct text *out)
{
    text_print(out, " (worst of %llu runs, ", (unsigned long long)result->figure.runs);
    add_figure(result, (uint64_t)(result->figure.mean + 0.5), out);
    text_add(out, " on average)");
}

void check_describe(const struct gate_result *result, const struct gate_options *options,
                    struct text *out)
{
    bool is_range = result->least < result->value;

    text_add(out, gate_budget_at(result->budget)->name);
    if (result->scope)
        text_print(out, " of %s", result->scope->pattern);
    if (result->group.count > 1)
        text_print(out, " in %zu processes", result->group.count);
    if (!result->has_value) {
        text_print(out, ": %s", result->reason);
        if (*result->scan_reason)
            text_print(out, " (%s)", result->scan_reason);
        return;
    }
    text_add(out, " ");
    if (is_range) {
        add_figure(result, result->least, out);
        text_add(out, " to ");
    }
    add_figure(result, result->value, out);
    if (result->figure.runs > 1)
        add_runs(result, out);
    if (result->has_limit) {
        text_add(out, result->value > result->limit ? " > " : " <= ");
        add_figure(result, result->limit, out);
        if (result->value > result->limit && !is_range)
            add_excess(result->value, result->limit, out);
    }
    if (result->has_baseline) {
        text_add(out, result->has_limit ? "; baseline " : ", baseline ");
        add_figure(result, result->baseline, out);
        add_excess(result->figure.runs > 1 && !gate_budget_at(result->budget)->is_of_leaks
                       ? (uint64_t)result->figure.mean
                       : result->value,
                   result->baseline, out);
        if (result->margin >= 1) {
            text_add(out, ", chance up to ");
            add_figure(result, (uint64_t)result->margin, out);
        }
    } else if (options->baseline && options->is_new_leaks_only &&
               gate_budget_at(result->budget)->is_of_leaks) {
        text_add(out, ", new ones only");
    } else if (options->baseline && !result->scope) {
        text_add(out, ", not in the baseline");
    }
    if (result->verdict == GATE_INCONCLUSIVE)
        text_print(out, ": %s", result->reason);
}

/* The path below a folder; NULL when it is not there. */
static const char *below(const char *path, const char *folder)
{
    size_t length = folder ? strlen(folder) : 0;

    return length > 1 && strncmp(path, folder, length) == 0 && path[length] == '/'
               ? path + length + 1
               : NULL;
}

static void take_file(const struct check_report *report, const struct profile *profile,
                      const struct profile_location *location, struct check_place *place)
{
    const char *path;

    place->file = location->file;
    place->line = location->line;
    if (!place->file)
        return;
    path = below(place->file, report->source_root);
    if (!path)
        path = below(place->file, profile->session.working_folder);
    place->file = path ? path : place->file;
    place->is_in_tree = place->file[0] != '/' && strncmp(place->file, "../", 3) != 0;
}

void check_find_place(const struct check_report *report, const struct profile *profile,
                      uint32_t site, struct check_place *place)
{
    struct place found = {0};
    const struct profile_location *location;

    *place = (struct check_place){0};
    if (site == QUERY_NO_SITE)
        return;
    place_find(profile, profile->sites[site].stack_node, PLACE_NAMED_CALLER, &found);
    location = place_named_location(&found);
    if (!location)
        return;
    place->function = location->function;
    take_file(report, profile, location, place);
}

struct search {
    const struct check_report *report;
    const struct profile *profile;
    const char *from; /* the function whose file was not in the tree */
    struct check_place *place;
    bool is_behind; /* it was met */
};

static bool look_at(void *context, const struct profile_frame *frame,
                    const struct profile_location *location)
{
    struct search *search = context;
    struct check_place found = {.function = location->function};

    if (search->is_behind && own_code_is_own(search->profile, frame, location))
        take_file(search->report, search->profile, location, &found);
    search->is_behind = search->is_behind || location->function == search->from;
    if (found.is_in_tree)
        *search->place = found;
    return !found.is_in_tree;
}

void check_find_place_in_tree(const struct check_report *report, const struct profile *profile,
                              uint32_t site, struct check_place *place)
{
    struct search search = {.report = report, .profile = profile, .place = place};

    check_find_place(report, profile, site, place);
    search.from = place->function;
    if (place->function && !place->is_in_tree)
        profile_visit_stack(profile, profile->sites[site].stack_node, look_at, &search);
}
