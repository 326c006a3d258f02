/* JUnit XML in the dialect of Jenkins' schema (junit-10.xsd): a suite for each judged process, a
 * test case for each budget. Inconclusive is an error: it was not tested. */
#include "config.h"

#include "base/text.h"
#include "report/check_report.h"
#include "report/xml_text.h"

struct counts {
    size_t tests, failures, errors;
};

static void count(const struct gate_result *result, struct counts *counts)
{
    counts->tests++;
    counts->failures += result->verdict == GATE_FAIL;
    counts->errors += result->verdict == GATE_INCONCLUSIVE;
}

static bool write_frame(void *context, const struct profile_frame *frame,
                        const struct profile_location *location)
{
    FILE *out = context;

    (void)frame;
    fputs("\n  ", out);
    xml_write_text(out, location->function);
    if (location->file) {
        fputs(" at ", out);
        xml_write_text(out, location->file);
        fprintf(out, ":%u", location->line);
    }
    return true;
}

static void write_case(const struct check_report *report, const struct check_entry *entry,
                       const struct gate_result *result, FILE *out)
{
    struct text words = {0};
    const char *name = gate_budget_at(result->budget)->name;

    check_describe(result, report->options, &words);
    fprintf(out, "    <testcase name=\"%s\" classname=\"seep.", name);
    xml_write_text(out, profile_process_name(check_process(entry, result)));
    fputs("\" time=\"0\"", out);
    if (result->verdict == GATE_PASS) {
        fputs("/>\n", out);
    } else {
        const char *element = result->verdict == GATE_FAIL ? "failure" : "error";

        fprintf(out, ">\n      <%s type=\"%s\" message=\"", element, name);
        xml_write_text(out, text_get(&words));
        fputs("\">", out);
        xml_write_text(out, text_get(&words));
        if (result->culprit != QUERY_NO_SITE)
            profile_visit_stack(check_profile(entry, result),
                                check_profile(entry, result)->sites[result->culprit].stack_node,
                                write_frame, out);
        fprintf(out, "</%s>\n    </testcase>\n", element);
    }
    text_clear(&words);
}

/* The results of one process stand together. */
static size_t write_suite(const struct check_report *report, const struct check_entry *entry,
                          size_t first, FILE *out)
{
    const struct gate_result *results = entry->gate.results;
    struct counts counts = {0};
    size_t end = first;

    for (; end < entry->gate.count && results[end].process == results[first].process; end++)
        count(&results[end], &counts);
    fputs("  <testsuite name=\"", out);
    xml_write_text(out, profile_process_name(check_process(entry, &results[first])));
    fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"%.3f\">\n",
            counts.tests, counts.failures, counts.errors,
            (double)check_profile(entry, &results[first])->duration_ns / 1e9);
    for (size_t i = first; i < end; i++)
        write_case(report, entry, &results[i], out);
    fputs("  </testsuite>\n", out);
    return end;
}

bool check_write_junit(const struct check_report *report, FILE *out, struct error *error)
{
    struct counts counts = {0};

    (void)error;
    for (size_t i = 0; i < report->count; i++)
        for (size_t j = 0; j < report->entries[i].gate.count; j++)
            count(&report->entries[i].gate.results[j], &counts);
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"seep check\" "
            "tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
            counts.tests, counts.failures, counts.errors);
    for (size_t i = 0; i < report->count; i++)
        for (size_t j = 0; j < report->entries[i].gate.count;)
            j = write_suite(report, &report->entries[i], j, out);
    fputs("</testsuites>\n", out);
    return true;
}
