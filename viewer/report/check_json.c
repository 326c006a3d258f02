/* seep/check, see schema/seep-check.json. */
#include "config.h"

#include "analysis/fingerprint.h"
#include "report/check_report.h"
#include "report/json_stacks.h"
#include "report/json_stream.h"

static json_t *make_number(bool is_known, uint64_t number)
{
    return is_known ? json_number(number) : json_null();
}

static json_t *make_culprit(const struct check_report *report, const struct profile *profile,
                            uint32_t site)
{
    struct check_place place;
    json_t *object;

    check_find_place(report, profile, site, &place);
    if (!place.function)
        return json_null();
    object = json_object();
    json_object_set_new(object, "function", json_text(place.function));
    json_object_set_new(object, "file", json_text(place.file));
    json_object_set_new(object, "line", make_number(place.line != 0, place.line));
    return object;
}

/* Words for the frames of the profile that was asked for last: results come run by run. */
struct stacks {
    struct json_stacks words;
    bool is_filled;
};

static struct json_stacks *stacks_of(struct stacks *stacks, const struct profile *profile)
{
    if (stacks->is_filled && stacks->words.profile == profile)
        return &stacks->words;
    if (stacks->is_filled)
        json_stacks_clear(&stacks->words);
    json_stacks_init(&stacks->words, profile);
    stacks->is_filled = true;
    return &stacks->words;
}

static json_t *make_processes(const struct check_entry *entry, const struct gate_result *result)
{
    const struct profile *profile = check_profile(entry, result);
    json_t *array = json_array();

    for (size_t i = 0; i < result->group.count; i++)
        json_array_append_new(array,
                              json_number(profile->processes[result->group.members[i]].about.id));
    return array;
}

static json_t *make_runs(const struct gate_result *result)
{
    json_t *object;

    if (result->figure.runs < 2)
        return json_null();
    object = json_object();
    json_object_set_new(object, "count", json_number(result->figure.runs));
    json_object_set_new(object, "least", json_number(result->figure.least));
    json_object_set_new(object, "mean", json_number((uint64_t)(result->figure.mean + 0.5)));
    json_object_set_new(object, "most", json_number(result->figure.most));
    return object;
}

static void add_finding(struct json_stream *stream, const struct check_report *report,
                        struct stacks *stacks, const struct gate_finding *finding)
{
    static const char *const states[] = {"new", "known", "fixed"};
    char fingerprint[FINGERPRINT_TEXT_BYTES];

    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "fingerprint",
                    json_string(fingerprint_format(finding->fingerprint, fingerprint)));
    json_stream_add(stream, "state", json_string(states[finding->state]));
    json_stream_add(
        stream, "kind",
        finding->leak_kind < 0 ? NULL : json_string(leak_kind_name((unsigned)finding->leak_kind)));
    json_stream_add_number(stream, "bytes", finding->bytes);
    json_stream_add(stream, "baseline_bytes",
                    make_number(report->options->baseline != NULL, finding->base_bytes));
    json_stream_add_number(stream, "blocks", finding->blocks);
    if (finding->site == QUERY_NO_SITE || !finding->profile)
        json_stream_add(stream, "stack", json_array());
    else
        json_stacks_add(stacks_of(stacks, finding->profile), stream, "stack",
                        finding->profile->sites[finding->site].stack_node);
    json_stream_end(stream);
}

static void add_result(struct json_stream *stream, const struct check_report *report,
                       const struct check_entry *entry, const struct gate_result *result,
                       struct stacks *stacks)
{
    const struct profile_process *process = check_process(entry, result);

    json_stream_begin_object(stream, NULL);
    json_stream_add_number(stream, "process_id", process->about.id);
    json_stream_add(stream, "executable", json_text(process->about.executable));
    json_stream_add(stream, "recording", json_text(entry->paths[result->run]));
    json_stream_add(stream, "budget", json_string(gate_budget_at(result->budget)->name));
    json_stream_add(stream, "limit", make_number(result->has_limit, result->limit));
    json_stream_add(stream, "value", make_number(result->has_value, result->value));
    json_stream_add(stream, "baseline", make_number(result->has_baseline, result->baseline));
    json_stream_add(stream, "verdict", json_string(gate_verdict_name(result->verdict)));
    json_stream_add(stream, "reason", *result->reason ? json_text(result->reason) : NULL);
    json_stream_add(stream, "scan_reason",
                    *result->scan_reason ? json_text(result->scan_reason) : NULL);
    json_stream_add(stream, "culprit",
                    make_culprit(report, check_profile(entry, result), result->culprit));
    json_stream_add(stream, "scope", result->scope ? json_text(result->scope->pattern) : NULL);
    json_stream_add(stream, "rank", json_number(result->rank));
    json_stream_add(stream, "runs", make_runs(result));
    json_stream_add(stream, "margin",
                    make_number(result->has_baseline, (uint64_t)(result->margin + 0.5)));
    json_stream_add(stream, "processes", make_processes(entry, result));
    json_stream_add(stream, "least_value", make_number(result->has_value, result->least));
    json_stream_begin_array(stream, "findings");
    for (size_t i = 0; i < result->finding_count; i++)
        add_finding(stream, report, stacks, &result->findings[i]);
    json_stream_end(stream);
    json_stream_end(stream);
}

static json_t *make_command(const struct check_report *report)
{
    json_t *object;

    if (report->command == CHECK_NO_COMMAND)
        return json_null();
    object = json_object();
    json_object_set_new(object, report->command == CHECK_COMMAND_STATUS ? "status" : "signal",
                        json_integer(report->command_value));
    return object;
}

static json_t *make_tool(void)
{
    json_t *tool = json_object();

    json_object_set_new(tool, "name", json_string(PACKAGE_NAME));
    json_object_set_new(tool, "version", json_string(PACKAGE_VERSION));
    return tool;
}

bool check_write_json(const struct check_report *report, FILE *out, struct error *error)
{
    struct stacks stacks = {.is_filled = false};
    struct json_stream stream;
    bool is_complete = report->count > 0;

    (void)error;
    for (size_t i = 0; i < report->count; i++)
        for (size_t run = 0; run < report->entries[i].run_count; run++)
            is_complete = is_complete && report->entries[i].runs[run].profile->is_complete;
    json_stream_init(&stream, out);
    json_stream_begin_object(&stream, NULL);
    json_stream_add(&stream, "schema", json_string("seep/check"));
    json_stream_add(&stream, "schema_version", json_string("1.0"));
    json_stream_add(&stream, "tool", make_tool());
    json_stream_add(&stream, "complete", json_boolean(is_complete));
    json_stream_add(&stream, "verdict", json_string(gate_verdict_name(report->verdict)));
    json_stream_add(&stream, "reason", *report->reason ? json_text(report->reason) : NULL);
    json_stream_add(&stream, "command", make_command(report));
    json_stream_add(&stream, "per", json_string(report->options->is_tree ? "tree" : "process"));
    json_stream_begin_array(&stream, "results");
    for (size_t i = 0; i < report->count; i++) {
        const struct check_entry *entry = &report->entries[i];

        for (size_t j = 0; j < entry->gate.count; j++)
            add_result(&stream, report, entry, &entry->gate.results[j], &stacks);
    }
    json_stream_end(&stream);
    json_stream_end(&stream);
    if (stacks.is_filled)
        json_stacks_clear(&stacks.words);
    return true;
}
