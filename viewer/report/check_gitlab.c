/* GitLab's code quality report: an array of findings with a place each. What has no place in the
 * project's files is left out, since GitLab shows nothing without one. */
#include "config.h"

#include "analysis/fingerprint.h"
#include "base/text.h"
#include "report/check_report.h"
#include "report/json_stream.h"

static void add_issue(json_t *issues, const struct check_report *report,
                      const struct check_entry *entry, const struct gate_result *result,
                      uint32_t site, const char *description)
{
    json_t *issue = json_object(), *location = json_object(), *lines = json_object();
    char print[FINGERPRINT_TEXT_BYTES];
    struct check_place place;
    struct text fingerprint = {0};

    check_find_place_in_tree(report, check_profile(entry, result), site, &place);
    if (!place.file || !place.is_in_tree) {
        json_decref(issue);
        json_decref(location);
        json_decref(lines);
        return;
    }
    text_print(&fingerprint, "%s:%s",
               fingerprint_format(check_profile(entry, result)->sites[site].fingerprint, print),
               gate_budget_at(result->budget)->name);
    json_object_set_new(issue, "description", json_text(description));
    json_object_set_new(issue, "check_name", json_text(gate_budget_at(result->budget)->name));
    json_object_set_new(issue, "fingerprint", json_text(text_get(&fingerprint)));
    json_object_set_new(issue, "severity",
                        json_string(result->verdict == GATE_FAIL ? "major" : "info"));
    json_object_set_new(location, "path", json_text(place.file));
    json_object_set_new(lines, "begin", json_number(place.line ? place.line : 1));
    json_object_set_new(location, "lines", lines);
    json_object_set_new(issue, "location", location);
    json_array_append_new(issues, issue);
    text_clear(&fingerprint);
}

bool check_write_gitlab(const struct check_report *report, FILE *out, struct error *error)
{
    json_t *issues = json_array();
    bool is_written;

    for (size_t i = 0; i < report->count; i++)
        for (size_t j = 0; j < report->entries[i].gate.count; j++) {
            const struct check_entry *entry = &report->entries[i];
            const struct gate_result *result = &entry->gate.results[j];
            struct text words = {0};

            if (result->verdict == GATE_PASS)
                continue;
            check_describe(result, report->options, &words);
            add_issue(issues, report, entry, result, result->culprit, text_get(&words));
            text_clear(&words);
        }
    is_written = json_dumpf(issues, out, JSON_INDENT(1)) == 0 && fputc('\n', out) != EOF;
    json_decref(issues);
    return is_written || error_set(error, "cannot write the code quality report");
}
