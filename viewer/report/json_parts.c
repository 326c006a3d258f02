#include "config.h"

#include "report/json_parts.h"

#include <string.h>

#include "analysis/quality.h"
#include "analysis/query.h"
#include "base/text.h"

void json_add_omitted(struct json_stream *stream, const char *key, uint64_t count, uint64_t bytes,
                      const char *metric)
{
    json_t *object = json_object();
    json_object_set_new(object, "count", json_number(count));
    bool is_signed = strcmp(metric, query_metric_at(QUERY_NET_BYTES)->key) == 0;
    json_object_set_new(object, "bytes",
                        is_signed ? json_integer((json_int_t)bytes) : json_number(bytes));
    json_object_set_new(object, "metric", json_string(metric));
    json_stream_add(stream, key, object);
}

/* ---- the head of a report ---- */

static json_t *make_words(const struct recording_text_list *words, bool are_arguments_shown)
{
    json_t *array = json_array();
    for (size_t i = 0; i < words->count && (i == 0 || are_arguments_shown); i++)
        json_array_append_new(array, json_text(words->items[i]));
    return array;
}

static json_t *make_session(const struct profile *profile, bool are_arguments_shown)
{
    const struct recording_session *session = &profile->session;
    json_t *object = json_object();
    json_object_set_new(object, "command", make_words(&session->command, are_arguments_shown));
    json_object_set_new(object, "start_time_unix_ns",
                        session->start_time_unix_ns ? json_number(session->start_time_unix_ns)
                                                    : json_null());
    json_object_set_new(object, "duration_ns", json_number(profile->duration_ns));
    json_object_set_new(object, "recorded_by", json_text(session->tool_version));
    return object;
}

static json_t *make_missing_symbols(const struct quality *quality)
{
    json_t *array = json_array();
    for (size_t i = 0; i < quality->missing_count; i++) {
        const struct profile_module *module = quality->missing[i];
        json_t *object = json_object();
        json_object_set_new(object, "module", json_text(module->path));
        json_object_set_new(object, "build_id",
                            json_text(module->build_id[0] ? module->build_id : NULL));
        json_object_set_new(object, "frames", json_number(module->unsymbolized_frame_count));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *make_problems(const struct quality *quality)
{
    json_t *array = json_array();
    struct text text = {0};
    for (size_t i = 0; i < quality->problem_count; i++) {
        const struct quality_problem *problem = &quality->problems[i];
        json_t *object = json_object();
        text.count = 0;
        quality_describe_problem(problem, &text);
        json_object_set_new(object, "kind", json_string(quality_kind_name(problem->kind)));
        json_object_set_new(object, "count",
                            problem->count ? json_number(problem->count) : json_null());
        json_object_set_new(object, "process_id",
                            problem->process ? json_number(problem->process->about.id)
                                             : json_null());
        json_object_set_new(object, "text", json_text(text_get(&text)));
        json_array_append_new(array, object);
    }
    text_clear(&text);
    return array;
}

static void add_quality(struct json_stream *stream, const struct profile *profile)
{
    struct quality quality;
    quality_judge(profile, QUERY_ALL_PROCESSES, &quality);
    const struct recording_quality sum = quality.sum;
    bool is_known = quality.is_known;
    const struct {
        const char *key;
        uint64_t value;
        bool is_known;
    } entries[] = {
        {"events", sum.events, is_known},
        {"lost_events", sum.lost_events, is_known},
        {"unknown_frees", sum.unknown_frees, is_known},
        {"failed_unwinds", sum.failed_unwinds, is_known},
        {"truncated_stacks", sum.truncated_stacks, is_known},
        {"frames", quality.frame_count, true},
        {"unsymbolized_frames", quality.unsymbolized_frame_count, true},
        {"own_bytes", sum.own_bytes, is_known},
        {"missed_frees", sum.missed_frees, is_known},
        {"repaired_events", sum.repaired_events, is_known},
        {"remote_unwinds", sum.remote_unwinds, is_known},
        {"bad_records", sum.bad_records, is_known},
        {"dropped_records", profile->dropped_records, true},
        {"wait_ns", sum.wait_ns, is_known},
        {"recorder_cpu_ns", profile->recorder.cpu_ns, profile->is_finished},
        {"recorder_peak_resident_bytes", profile->recorder.peak_resident_bytes,
         profile->is_finished},
    };
    json_stream_begin_object(stream, "quality");
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        json_stream_add(stream, entries[i].key,
                        entries[i].is_known ? json_number(entries[i].value) : NULL);
    json_stream_add(stream, "finished", json_boolean(profile->is_finished));
    json_stream_add(stream, "damage",
                    json_text(profile->info.damage[0] ? profile->info.damage : NULL));
    json_stream_add(stream, "missing_symbols", make_missing_symbols(&quality));
    json_stream_add(stream, "problems", make_problems(&quality));
    json_stream_add(stream, "approximate_stacks",
                    is_known ? json_number(sum.approximate_stacks) : NULL);
    json_stream_end(stream);
    quality_clear(&quality);
}

void json_begin_report(struct json_stream *stream, const struct profile *profile,
                       const char *schema, const char *schema_version, const char *instant,
                       bool are_arguments_shown)
{
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "schema", json_string(schema));
    json_stream_add(stream, "schema_version", json_string(schema_version));
    json_t *tool = json_object();
    json_object_set_new(tool, "name", json_string(PACKAGE_NAME));
    json_object_set_new(tool, "version", json_string(PACKAGE_VERSION));
    json_stream_add(stream, "tool", tool);
    json_stream_add(stream, "complete", json_boolean(profile->is_complete));
    json_stream_add(stream, "instant", json_text(instant));
    json_t *sampling = NULL;
    if (profile->session.sample_bytes) {
        sampling = json_object();
        json_object_set_new(sampling, "bytes_per_sample",
                            json_number(profile->session.sample_bytes));
    }
    json_stream_add(stream, "sampling", sampling);
    json_stream_add(stream, "session", make_session(profile, are_arguments_shown));
    add_quality(stream, profile);
}

/* ---- processes ---- */

static json_t *make_exit(const struct recording_process *process)
{
    json_t *object = json_object();
    switch (process->exit_kind) {
    case RECORDING_EXIT_STATUS:
        json_object_set_new(object, "status", json_number(process->exit_value));
        break;
    case RECORDING_EXIT_SIGNAL:
        json_object_set_new(object, "signal", json_number(process->exit_value));
        break;
    case RECORDING_EXIT_EXEC:
        json_object_set_new(object, "exec", json_true());
        break;
    case RECORDING_EXIT_RUNNING:
        json_object_set_new(object, "running", json_true());
        break;
    default:
        json_object_set_new(object, "unknown", json_true());
    }
    return object;
}

void json_add_process(struct json_stream *stream, const struct profile *profile, uint32_t process,
                      bool are_arguments_shown)
{
    const struct recording_process *about = &profile->processes[process].about;
    json_stream_add(stream, "id", json_number(about->id));
    json_stream_add(stream, "parent_id",
                    about->parent_id_plus_1 ? json_number(about->parent_id_plus_1 - 1) : NULL);
    json_stream_add(stream, "pid", json_number(about->pid));
    json_stream_add(stream, "image", json_number(about->image));
    json_stream_add(stream, "executable", json_text(about->executable));
    json_stream_add(stream, "arguments",
                    are_arguments_shown ? make_words(&about->arguments, true) : NULL);
    json_stream_add(stream, "start_time_unix_ns",
                    about->start_time_unix_ns ? json_number(about->start_time_unix_ns) : NULL);
    json_stream_add(stream, "duration_ns",
                    about->end_ns >= about->start_ns && about->end_ns
                        ? json_number(about->end_ns - about->start_ns)
                        : NULL);
    json_stream_add(stream, "exit", make_exit(about));
    json_stream_add(stream, "observed", json_boolean(about->observed != 0));
    json_stream_add(stream, "reason", json_text(about->reason[0] ? about->reason : NULL));
    json_t *allocator = json_object();
    json_object_set_new(allocator, "name",
                        json_text(about->allocator_name[0] ? about->allocator_name : NULL));
    json_object_set_new(allocator, "linkage",
                        json_text(about->allocator_linkage[0] ? about->allocator_linkage : NULL));
    json_stream_add(stream, "allocator", allocator);
    json_stream_add(stream, "forked", json_boolean(!about->is_own_image));
}

/* ---- of differences ---- */

void json_add_base(struct json_stream *stream, const struct profile *profile, const char *instant,
                   bool are_arguments_shown)
{
    uint64_t start_ns = profile->session.start_time_unix_ns;

    json_stream_begin_object(stream, "base");
    json_stream_add(stream, "complete", json_boolean(profile->is_complete));
    json_stream_add(stream, "instant", json_text(instant));
    json_stream_add(stream, "command", make_words(&profile->session.command, are_arguments_shown));
    json_stream_add(stream, "start_time_unix_ns", start_ns ? json_number(start_ns) : NULL);
    json_stream_add(stream, "duration_ns", json_number(profile->duration_ns));
    json_stream_end(stream);
}

void json_add_states(struct json_stream *stream, const uint64_t counts[DIFF_STATE_COUNT],
                     const int64_t changes[DIFF_STATE_COUNT])
{
    json_stream_begin_object(stream, "states");
    for (int state = DIFF_NEW; state < DIFF_STATE_COUNT; state++) {
        json_t *object = json_object();

        json_object_set_new(object, "count", json_number(counts[state]));
        json_object_set_new(object, "change", json_integer(changes[state]));
        json_stream_add(stream, diff_state_name((enum diff_state)state), object);
    }
    json_stream_end(stream);
}
