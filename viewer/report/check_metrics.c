/* What was measured, without verdicts, for services that draw it over time: OpenMetrics
 * (openmetrics.io; Prometheus' textfile collector, GitLab's metrics reports), the Bencher Metric
 * Format (bencher.dev), and github-action-benchmark's customSmallerIsBetter. Of several runs it is
 * the mean. What was not measured is left out, and so is what only has bounds. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "report/check_report.h"
#include "report/json_stream.h"
#include "report/page.h"

static uint64_t figure_of(const struct gate_result *result)
{
    return result->figure.runs > 1 ? (uint64_t)(result->figure.mean + 0.5) : result->value;
}

/* "demo", "demo of src/a*", "demo:1": one series. Recordings of a folder that have the same program
 * are told apart by their order, and trees of processes from processes. */
static void add_series(const struct check_report *report, size_t entry,
                       const struct gate_result *result, struct text *out)
{
    const struct check_entry *of = &report->entries[entry];
    const char *name = profile_process_name(check_process(of, result));
    size_t earlier = 0;

    for (size_t i = 0; i < entry; i++)
        if (report->entries[i].gate.count > 0 &&
            strcmp(profile_process_name(
                       check_process(&report->entries[i], &report->entries[i].gate.results[0])),
                   profile_process_name(check_process(of, &of->gate.results[0]))) == 0)
            earlier++;
    page_make_safe(out, name);
    if (result->rank)
        text_print(out, ":%" PRIu32, result->rank);
    if (earlier)
        text_print(out, " #%zu", earlier + 1);
    if (report->options->is_tree)
        text_add(out, " (tree)");
    if (result->scope) {
        text_add(out, " of ");
        page_make_safe(out, result->scope->pattern);
    }
}

typedef void (*add_result)(void *context, const struct check_report *report, size_t entry,
                           const struct gate_result *result);

static void visit_results(const struct check_report *report, add_result add, void *context)
{
    for (size_t i = 0; i < report->count; i++)
        for (size_t j = 0; j < report->entries[i].gate.count; j++)
            if (report->entries[i].gate.results[j].has_value &&
                report->entries[i].gate.results[j].least ==
                    report->entries[i].gate.results[j].value)
                add(context, report, i, &report->entries[i].gate.results[j]);
}

static bool write_json(json_t *root, FILE *out, struct error *error)
{
    bool is_written = json_dumpf(root, out, JSON_INDENT(1)) == 0 && fputc('\n', out) != EOF;

    json_decref(root);
    return is_written || error_set(error, "cannot write JSON");
}

/* ---- github-action-benchmark: [{"name", "unit", "value"}] ---- */

static void add_benchmark(void *context, const struct check_report *report, size_t entry,
                          const struct gate_result *result)
{
    const struct gate_budget_info *budget = gate_budget_at(result->budget);
    json_t *object = json_object();
    struct text name = {0}, range = {0};

    add_series(report, entry, result, &name);
    text_print(&name, ": %s", budget->name);
    json_object_set_new(object, "name", json_text(text_get(&name)));
    json_object_set_new(object, "unit",
                        json_string(budget->is_rate    ? "bytes/min"
                                    : budget->is_bytes ? "bytes"
                                                       : "blocks"));
    json_object_set_new(object, "value", json_number(figure_of(result)));
    if (result->figure.runs > 1) {
        text_print(&range, "%.0f", gate_figure_deviation(&result->figure));
        json_object_set_new(object, "range", json_text(text_get(&range)));
    }
    json_array_append_new(context, object);
    text_clear(&name);
    text_clear(&range);
}

bool check_write_benchmark(const struct check_report *report, FILE *out, struct error *error)
{
    json_t *array = json_array();

    visit_results(report, add_benchmark, array);
    return write_json(array, out, error);
}

/* ---- Bencher: {"demo": {"peak-bytes": {"value": N, "lower_value": L, "upper_value": U}}} ---- */

static void add_measure(void *context, const struct check_report *report, size_t entry,
                        const struct gate_result *result)
{
    const struct gate_budget_info *budget = gate_budget_at(result->budget);
    json_t *measure = json_object(), *series;
    struct text name = {0}, key = {0};

    add_series(report, entry, result, &name);
    text_print(&key, "%s%s%s", budget->name, budget->is_bytes ? "-bytes" : "",
               budget->is_rate ? "-per-minute" : "");
    json_object_set_new(measure, "value", json_number(figure_of(result)));
    if (result->figure.runs > 1) {
        json_object_set_new(measure, "lower_value", json_number(result->figure.least));
        json_object_set_new(measure, "upper_value", json_number(result->figure.most));
    }
    series = json_object_get(context, text_get(&name));
    if (!series) {
        series = json_object();
        json_object_set_new(context, text_get(&name), series);
    }
    json_object_set_new(series, text_get(&key), measure);
    text_clear(&name);
    text_clear(&key);
}

bool check_write_bencher(const struct check_report *report, FILE *out, struct error *error)
{
    json_t *object = json_object();

    visit_results(report, add_measure, object);
    return write_json(object, out, error);
}

/* ---- OpenMetrics ---- */

struct family {
    const struct gate_budget_info *budget;
    FILE *out;
    bool is_begun;
};

static void begin_family(struct family *family, const char *name)
{
    if (family->is_begun)
        return;
    family->is_begun = true;
    fprintf(family->out, "# TYPE %s gauge\n", name);
    if (family->budget->is_bytes && !family->budget->is_rate)
        fprintf(family->out, "# UNIT %s bytes\n", name);
    fprintf(family->out, "# HELP %s Measured by seep check: %s.\n", name, family->budget->help);
}

static void add_sample(void *context, const struct check_report *report, size_t entry,
                       const struct gate_result *result)
{
    struct family *family = context;
    struct text name = {0}, label = {0};

    if (result->budget != family->budget->budget)
        return;
    text_print(&name, "seep_check_%s%s", family->budget->name,
               family->budget->is_rate    ? "_bytes_per_minute"
               : family->budget->is_bytes ? "_bytes"
                                          : "");
    for (char *at = name.bytes; *at; at++)
        *at = *at == '-' ? '_' : *at;
    begin_family(family, text_get(&name));
    add_series(report, entry, result, &label);
    fprintf(family->out, "%s{program=\"", text_get(&name));
    for (const char *at = text_get(&label); *at; at++) {
        if (*at == '"' || *at == '\\')
            fputc('\\', family->out);
        fputc(*at, family->out);
    }
    fprintf(family->out, "\"} %" PRIu64 "\n", figure_of(result));
    text_clear(&name);
    text_clear(&label);
}

bool check_write_openmetrics(const struct check_report *report, FILE *out, struct error *error)
{
    (void)error;
    for (size_t i = 0; gate_budget_at(i); i++) {
        struct family family = {.budget = gate_budget_at(i), .out = out};

        visit_results(report, add_sample, &family);
    }
    fputs("# EOF\n", out);
    return true;
}
