/* SARIF 2.1.0 (OASIS): a result for each failed or inconclusive budget and for each leak behind it,
 * with its whole stack. GitHub shows a result only with a place in the project, so the place is the
 * first frame of the program's own code whose file lies in the folder of the run. */
#include "config.h"

#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "base/text.h"
#include "base/units.h"
#include "report/check_report.h"
#include "report/json_stream.h"

enum {
    MOST_RESULTS = 5000 /* GitHub keeps no more */
};

static json_t *make_text(const char *text)
{
    json_t *object = json_object();

    json_object_set_new(object, "text", json_text(text));
    return object;
}

static json_t *make_rule(const struct gate_budget_info *budget)
{
    json_t *rule = json_object(), *configuration = json_object();
    char *id = NULL;
    struct text name = {0};

    text_print(&name, "seep/%s", budget->name);
    id = text_take(&name);
    json_object_set_new(rule, "id", json_text(id));
    json_object_set_new(rule, "shortDescription", make_text(budget->help));
    json_object_set_new(configuration, "level", json_string("error"));
    json_object_set_new(rule, "defaultConfiguration", configuration);
    free(id);
    return rule;
}

static json_t *make_tool(void)
{
    json_t *tool = json_object(), *driver = json_object(), *rules = json_array();

    for (size_t i = 0; gate_budget_at(i); i++)
        json_array_append_new(rules, make_rule(gate_budget_at(i)));
    json_object_set_new(driver, "name", json_string(PACKAGE_NAME));
    json_object_set_new(driver, "version", json_string(PACKAGE_VERSION));
    json_object_set_new(driver, "rules", rules);
    json_object_set_new(tool, "driver", driver);
    return tool;
}

static json_t *make_location(const char *function, const char *file, uint32_t line, bool is_in_tree)
{
    json_t *location = json_object();

    if (file) {
        json_t *physical = json_object(), *artifact = json_object(), *region = json_object();
        struct text uri = {0};

        if (file[0] == '/')
            text_add(&uri, "file://");
        text_add(&uri, file);
        json_object_set_new(artifact, "uri", json_text(text_get(&uri)));
        text_clear(&uri);
        if (is_in_tree)
            json_object_set_new(artifact, "uriBaseId", json_string("SRCROOT"));
        json_object_set_new(physical, "artifactLocation", artifact);
        json_object_set_new(region, "startLine", json_number(line ? line : 1));
        json_object_set_new(physical, "region", region);
        json_object_set_new(location, "physicalLocation", physical);
    }
    if (function) {
        json_t *logical = json_array(), *entry = json_object();

        json_object_set_new(entry, "fullyQualifiedName", json_text(function));
        json_object_set_new(entry, "kind", json_string("function"));
        json_array_append_new(logical, entry);
        json_object_set_new(location, "logicalLocations", logical);
    }
    return location;
}

struct frames {
    const struct profile *profile;
    json_t *array;
};

static bool add_frame(void *context, const struct profile_frame *frame,
                      const struct profile_location *location)
{
    struct frames *frames = context;
    const struct profile_module *module = frame->module_plus_1
                                              ? &frames->profile->modules[frame->module_plus_1 - 1]
                                              : NULL;
    json_t *object = json_object();

    json_object_set_new(object, "location",
                        make_location(location->function, location->file, location->line,
                                      location->file != NULL && location->file[0] != '/'));
    if (module)
        json_object_set_new(object, "module", json_text(module->name));
    json_array_append_new(frames->array, object);
    return true;
}

static json_t *make_stacks(const struct profile *profile, uint32_t site)
{
    struct frames frames = {profile, json_array()};
    json_t *stacks = json_array(), *stack = json_object();

    profile_visit_stack(profile, profile->sites[site].stack_node, add_frame, &frames);
    json_object_set_new(stack, "message", make_text("allocated here"));
    json_object_set_new(stack, "frames", frames.array);
    json_array_append_new(stacks, stack);
    return stacks;
}

static void add_result(json_t *results, const struct check_report *report,
                       const struct check_entry *entry, const struct gate_result *result,
                       uint32_t site, uint64_t fingerprint, const char *message)
{
    json_t *object = json_object(), *prints = json_object(), *locations = json_array();
    char print[FINGERPRINT_TEXT_BYTES];
    struct check_place place;
    struct text rule = {0};

    check_find_place_in_tree(report, check_profile(entry, result), site, &place);
    text_print(&rule, "seep/%s", gate_budget_at(result->budget)->name);
    json_object_set_new(object, "ruleId", json_text(text_get(&rule)));
    json_object_set_new(object, "ruleIndex", json_integer(result->budget));
    json_object_set_new(object, "level",
                        json_string(result->verdict == GATE_FAIL ? "error" : "warning"));
    json_object_set_new(object, "message", make_text(message));
    if (place.function)
        json_array_append_new(
            locations, make_location(place.function, place.file, place.line, place.is_in_tree));
    json_object_set_new(object, "locations", locations);
    if (site != QUERY_NO_SITE)
        json_object_set_new(object, "stacks", make_stacks(check_profile(entry, result), site));
    json_object_set_new(prints, "seepStack/v1",
                        json_string(fingerprint_format(fingerprint, print)));
    json_object_set_new(object, "partialFingerprints", prints);
    json_array_append_new(results, object);
    text_clear(&rule);
}

static void add_findings(json_t *results, const struct check_report *report,
                         const struct check_entry *entry, const struct gate_result *result)
{
    for (size_t i = 0; i < result->finding_count && json_array_size(results) < MOST_RESULTS; i++) {
        const struct gate_finding *finding = &result->findings[i];
        struct text message = {0};

        if (finding->state == GATE_FINDING_FIXED)
            continue;
        text_print(&message, "%llu bytes in %llu block%s", (unsigned long long)finding->bytes,
                   (unsigned long long)finding->blocks, units_plural(finding->blocks));
        if (gate_budget_at(result->budget)->is_rate) {
            text_clear(&message);
            text_print(&message, "grows by %llu bytes a minute",
                       (unsigned long long)finding->bytes);
        } else if (finding->leak_kind >= 0)
            text_print(&message, " leaked (%s)", leak_kind_name((unsigned)finding->leak_kind));
        else
            text_print(&message, " where the baseline has %llu",
                       (unsigned long long)finding->base_bytes);
        add_result(results, report, entry, result, finding->site, finding->fingerprint,
                   text_get(&message));
        text_clear(&message);
    }
}

static json_t *make_results(const struct check_report *report)
{
    json_t *results = json_array();

    for (size_t i = 0; i < report->count; i++)
        for (size_t j = 0; j < report->entries[i].gate.count; j++) {
            const struct check_entry *entry = &report->entries[i];
            const struct gate_result *result = &entry->gate.results[j];
            struct text message = {0};

            if (result->verdict == GATE_PASS)
                continue;
            text_print(&message, "%s: ", profile_process_name(check_process(entry, result)));
            check_describe(result, report->options, &message);
            add_result(results, report, entry, result, result->culprit,
                       result->culprit == QUERY_NO_SITE
                           ? 0
                           : check_profile(entry, result)->sites[result->culprit].fingerprint,
                       text_get(&message));
            text_clear(&message);
            if (result->verdict == GATE_FAIL)
                add_findings(results, report, entry, result);
        }
    return results;
}

bool check_write_sarif(const struct check_report *report, FILE *out, struct error *error)
{
    json_t *sarif = json_object(), *runs = json_array(), *run = json_object();
    json_t *details = json_object();
    bool is_written;

    json_object_set_new(sarif, "$schema",
                        json_string("https://json.schemastore.org/sarif-2.1.0.json"));
    json_object_set_new(sarif, "version", json_string("2.1.0"));
    json_object_set_new(run, "tool", make_tool());
    json_object_set_new(details, "id", json_string("seep/check/"));
    json_object_set_new(run, "automationDetails", details);
    json_object_set_new(run, "columnKind", json_string("utf16CodeUnits"));
    json_object_set_new(run, "results", make_results(report));
    json_array_append_new(runs, run);
    json_object_set_new(sarif, "runs", runs);
    is_written = json_dumpf(sarif, out, JSON_INDENT(1)) == 0 && fputc('\n', out) != EOF;
    json_decref(sarif);
    return is_written || error_set(error, "cannot write sarif");
}
