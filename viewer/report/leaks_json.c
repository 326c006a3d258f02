/* Leaks as JSON. What stands in it is described by schema/seep-leaks.json. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "base/text.h"
#include "report/json_parts.h"
#include "report/json_stacks.h"
#include "report/leaks_report.h"
#include "report/path_parts.h"

enum {
    DEFAULT_LIMIT = 1000
};

struct writing {
    struct json_stream stream;
    struct json_stacks stacks;
    const struct profile *profile;
    const struct leak_report *report;
    const struct leaks_report_options *options;
};

static json_t *make_sum(const struct leak_sum *sum)
{
    json_t *object = json_object();
    json_object_set_new(object, "blocks", json_number(sum->blocks));
    json_object_set_new(object, "bytes", json_number(sum->bytes));
    return object;
}

/* ---- the scan ---- */

static json_t *make_roots_off(uint64_t off)
{
    json_t *array = json_array();
    for (unsigned kind = 0; kind < SNAPSHOT_ROOT_KIND_COUNT; kind++)
        if (off >> kind & 1)
            json_array_append_new(
                array, json_string(snapshot_root_kind_name((enum snapshot_root_kind)kind)));
    return array;
}

static bool is_complete(const struct recording_snapshot *head)
{
    return !head->unreadable_bytes && !head->missing_threads && !head->unsure_blocks &&
           !head->roots_off && !head->note[0];
}

static void add_scan(struct json_stream *stream, const struct leak_report_process *process)
{
    const struct recording_snapshot *head = &process->head;
    bool is_done = process->is_done;
    char instant[40];
    snprintf(instant, sizeof instant, "snapshot:%" PRIu64, head->id);
    json_t *scan = json_object();
    json_object_set_new(scan, "done", json_boolean(is_done));
    json_object_set_new(scan, "reason", json_string(process->reason));
    json_object_set_new(scan, "instant", is_done ? json_string(instant) : json_null());
    json_object_set_new(scan, "complete", is_done ? json_boolean(is_complete(head)) : json_null());
    json_object_set_new(scan, "note",
                        json_text(process->has_head && head->note[0] ? head->note : NULL));
    json_object_set_new(scan, "time_ns", is_done ? json_number(head->time_ns) : json_null());
    json_object_set_new(scan, "stop_ns", is_done ? json_number(head->stop_ns) : json_null());
    json_object_set_new(scan, "scan_ns", is_done ? json_number(head->scan_ns) : json_null());
    json_object_set_new(scan, "copied", is_done ? json_boolean(head->is_copied) : json_null());
    json_object_set_new(scan, "resident_bytes",
                        is_done && head->resident_bytes != 0 ? json_number(head->resident_bytes)
                                                             : json_null());
    json_object_set_new(scan, "unreadable_bytes",
                        is_done ? json_number(head->unreadable_bytes) : json_null());
    json_object_set_new(scan, "missing_threads",
                        is_done ? json_number(head->missing_threads) : json_null());
    json_object_set_new(scan, "unsure_blocks",
                        is_done ? json_number(head->unsure_blocks) : json_null());
    json_object_set_new(scan, "roots_off", is_done ? make_roots_off(head->roots_off) : json_null());
    json_object_set_new(scan, "self_read",
                        is_done ? json_boolean(head->is_self_read) : json_null());
    json_stream_add(stream, "scan", scan);
}

static void add_summary(struct json_stream *stream, const struct leak_report_process *process)
{
    json_t *summary = json_object();
    for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++)
        json_object_set_new(summary, leak_kind_name(kind),
                            process->is_done ? make_sum(&process->leaks.kinds[kind]) : json_null());
    json_object_set_new(summary, "mapping_only",
                        process->is_done ? make_sum(&process->leaks.mapping_only) : json_null());
    json_stream_add(stream, "summary", summary);
}

/* ---- leaks ---- */

static json_t *make_cycle(const struct writing *writing, const struct leak_report_cycle *cycle)
{
    if (!cycle)
        return NULL;
    json_t *object = json_object(), *steps = json_array();
    for (size_t i = 0; i < cycle->length && i < LEAK_REPORT_STEPS; i++) {
        const struct leak_report_step *step = &cycle->steps[i];
        char fingerprint[FINGERPRINT_TEXT_BYTES];
        bool has_site = step->site != LEAKS_NO_SITE;
        json_t *entry = json_object();
        if (has_site)
            fingerprint_format(writing->profile->sites[step->site].fingerprint, fingerprint);
        json_object_set_new(entry, "fingerprint",
                            has_site ? json_string(fingerprint) : json_null());
        json_object_set_new(entry, "bytes", json_number(step->bytes));
        json_object_set_new(
            entry, "offset",
            step->slot == SNAPSHOT_FAR_SLOT ? json_null() : json_number(8 * (uint64_t)step->slot));
        json_object_set_new(entry, "interior", json_boolean(step->kind == SNAPSHOT_INTERIOR));
        json_array_append_new(steps, entry);
    }
    json_object_set_new(object, "blocks", json_number(cycle->length));
    json_object_set_new(object, "steps", steps);
    return object;
}

static json_t *make_entry(const struct suppression *entry)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_text(entry->name));
    json_object_set_new(object, "file", json_text(entry->origin));
    json_object_set_new(object, "line", entry->origin ? json_number(entry->line) : json_null());
    return object;
}

/* NULL: not seen. */
static json_t *make_last_seen(const struct last_seen *seen)
{
    char instant[32];
    json_t *object;
    if (!seen)
        return NULL;
    object = json_object();
    snprintf(instant, sizeof instant, "snapshot:%" PRIu64, seen->snapshot);
    json_object_set_new(object, "instant", json_string(instant));
    json_object_set_new(object, "time_ns", json_number(seen->time_ns));
    json_object_set_new(object, "blocks", json_number(seen->blocks));
    json_object_set_new(object, "path", path_make_json(&seen->path));
    return object;
}

static json_t *make_thread(const struct recording_thread *thread)
{
    json_t *object;
    if (!thread)
        return NULL;
    object = json_object();
    json_object_set_new(object, "id", json_number(thread->id));
    json_object_set_new(object, "tid", thread->tid ? json_number(thread->tid) : json_null());
    json_object_set_new(object, "name", json_text(*thread->name ? thread->name : NULL));
    return object;
}

/* When its blocks were born, and by whom. */
static void add_birth(struct writing *writing, const struct leak_report_process *process,
                      const struct leak *leak)
{
    struct json_stream *stream = &writing->stream;
    json_stream_add_number(stream, "age_ns", leak_report_age_ns(process, leak));
    json_stream_add_number(stream, "least_age_ns", leak_report_least_age_ns(process, leak));
    json_stream_add(stream, "thread",
                    make_thread(leak_report_find_thread(writing->profile, process, leak)));
    json_stream_add(stream, "several_threads", json_boolean(leak->thread == LEAKS_SEVERAL_THREADS));
}

static void add_leak(struct writing *writing, const struct leak_report_process *process,
                     size_t position)
{
    const struct leak *leak = &process->leaks.items[position];
    const struct suppressions *list = writing->options->suppressions;
    struct json_stream *stream = &writing->stream;
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    const struct profile_site *site = leak->site == LEAKS_NO_SITE
                                          ? NULL
                                          : &writing->profile->sites[leak->site];
    if (site)
        fingerprint_format(site->fingerprint, fingerprint);
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "kind", json_string(leak_kind_name(leak->kind)));
    json_stream_add(stream, "fingerprint", site ? json_string(fingerprint) : NULL);
    json_stream_add_number(stream, "blocks", leak->blocks);
    json_stream_add_number(stream, "bytes", leak->bytes);
    json_stream_add_number(stream, "indirect_blocks", leak->indirect_blocks);
    json_stream_add_number(stream, "indirect_bytes", leak->indirect_bytes);
    json_stream_add(stream, "cycle", json_boolean(leak->cycles > 0));
    json_stream_add_number(stream, "allocated_by",
                           writing->profile->processes[process->process].about.id);
    add_birth(writing, process, leak);
    json_stream_add(stream, "allocation_function",
                    site ? json_string(profile_function_name(site->function)) : NULL);
    if (site)
        json_stacks_add(&writing->stacks, stream, "stack", site->stack_node);
    else
        json_stream_add(stream, "stack", json_array());
    json_stream_add(stream, "cycle_path",
                    make_cycle(writing, leak_report_find_cycle(process, position)));
    json_stream_add(stream, "suppression",
                    list && leak->suppression != LEAKS_NO_SUPPRESSION
                        ? make_entry(&list->items[leak->suppression])
                        : NULL);
    json_stream_add(
        stream, "last_seen",
        make_last_seen(last_seens_of(writing->options->seens,
                                     (size_t)(process - writing->report->processes), position)));
    json_stream_end(stream);
}

static void add_leaks(struct writing *writing, const struct leak_report_process *process)
{
    const struct leaks_report_options *options = writing->options;
    uint64_t limit = options->has_limit ? options->limit : DEFAULT_LIMIT;
    uint64_t written = 0, omitted = 0, omitted_bytes = 0;
    json_stream_begin_array(&writing->stream, "leaks");
    for (size_t i = 0; i < process->leaks.count; i++) {
        if (!leaks_report_is_listed(options, &process->leaks.items[i]))
            continue;
        if (limit && written == limit) {
            omitted++;
            omitted_bytes += process->leaks.items[i].bytes;
            continue;
        }
        written++;
        add_leak(writing, process, i);
    }
    json_stream_end(&writing->stream);
    json_t *object = json_object();
    json_object_set_new(object, "count", json_number(omitted));
    json_object_set_new(object, "bytes", json_number(omitted_bytes));
    json_stream_add(&writing->stream, "omitted", object);
}

/* ---- suppressions ---- */

static void add_uses(struct writing *writing)
{
    static const char *const states[] = {[LEAK_USE_UNUSED] = "unused",
                                         [LEAK_USE_USED] = "used",
                                         [LEAK_USE_EXPIRED] = "expired",
                                         [LEAK_USE_EXCEEDED] = "exceeded"};
    const struct suppressions *list = writing->options->suppressions;
    json_stream_begin_array(&writing->stream, "suppressions");
    for (size_t i = 0; list && i < list->count; i++) {
        const struct suppression *entry = &list->items[i];
        const struct leak_use *use = &writing->report->uses[i];
        if (!entry->origin && use->state == LEAK_USE_UNUSED)
            continue;
        json_t *object = make_entry(entry);
        json_object_set_new(object, "state", json_string(states[use->state]));
        json_object_set_new(object, "blocks", json_number(use->sum.blocks));
        json_object_set_new(object, "bytes", json_number(use->sum.bytes));
        json_object_set_new(object, "reason", json_text(entry->reason));
        json_object_set_new(object, "expires", json_text(entry->expires));
        json_object_set_new(object, "max_bytes",
                            entry->has_max_bytes ? json_number(entry->max_bytes) : json_null());
        json_stream_add(&writing->stream, NULL, object);
    }
    json_stream_end(&writing->stream);
}

bool leaks_write_json(const struct profile *profile, const struct leak_report *report,
                      const struct leaks_report_options *options, FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .report = report, .options = options};
    struct json_stream *stream = &writing.stream;
    (void)error;
    json_stream_init(stream, out);
    json_stacks_init(&writing.stacks, profile);
    json_begin_report(stream, profile, "seep/leaks", "1.0", options->instant,
                      options->are_arguments_shown);
    json_stream_begin_array(stream, "processes");
    for (size_t i = 0; i < report->process_count; i++) {
        const struct leak_report_process *process = &report->processes[i];
        json_stream_begin_object(stream, NULL);
        json_add_process(stream, profile, process->process, options->are_arguments_shown);
        add_scan(stream, process);
        add_summary(stream, process);
        add_leaks(&writing, process);
        json_stream_end(stream);
    }
    json_stream_end(stream);
    json_stream_add(stream, "since", json_text(options->since));
    add_uses(&writing);
    json_stream_end(stream);
    json_stacks_clear(&writing.stacks);
    return true;
}
