/* info: facts about a recording itself, beside what it says about programs. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/quality.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/common_rows.h"
#include "cli/recording_argument.h"
#include "cli/terminal.h"
#include "report/exit_text.h"
#include "report/json_parts.h"
#include "report/page.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_store.h"

struct values {
    bool is_json;
    bool are_arguments_shown;
};

#define PLACE(field) .offset = offsetof(struct values, field)

/* clang-format off */
static const struct option_row rows[] = {
    ROW_JSON,
    ROW_ARGUMENTS,
};
/* clang-format on */

/* What a recording holds, by number. */
struct content {
    const char *name;
    uint64_t count;
};

enum {
    CONTENT_COUNT = 7
};

static void count_content(const struct profile *profile, struct content content[CONTENT_COUNT])
{
    uint64_t frames, unsymbolized;

    quality_count_frames(profile, &frames, &unsymbolized);
    const struct content counted[CONTENT_COUNT] = {
        {"processes", profile->process_count}, {"threads", profile->thread_count},
        {"sites", profile->site_count},        {"frames", frames},
        {"modules", profile->module_count},    {"mappings", profile->mapping_count},
        {"samples", profile->sample_count},
    };

    for (int i = 0; i < CONTENT_COUNT; i++)
        content[i] = counted[i];
}

/* --- text ---------------------------------------------------------------------------------- */

static void label(struct page *page, const char *name, struct text *line)
{
    page_label(page, name, text_get(line));
    line->count = 0;
    text_add(line, "");
}

static void print_file(struct page *page, const struct recording_info *info, struct text *line)
{
    char size[UNITS_TEXT_BYTES];

    page_make_safe(line, info->path);
    label(page, "Recording", line);
    text_print(line, "version %u.%u, %s in %" PRIu64 " chunks", info->major, info->minor,
               units_format_size(info->file_bytes, size), info->chunk_count);
    label(page, "Format", line);
    text_add(line, info->is_finished ? "finished" : "not finished");
    if (info->is_torn)
        text_print(line, ", torn: %s; %s can be read", info->damage,
                   units_format_size(info->usable_bytes, size));
    label(page, "State", line);
}

enum {
    MOST_MARKS = 50 /* named in the text */
};

static void print_marks(struct page *page, struct text *line)
{
    const struct profile *profile = page->profile;
    for (size_t i = 0; i < profile->mark_count && i < MOST_MARKS; i++) {
        char time[UNITS_TEXT_BYTES];

        text_add(line, "mark:");
        page_make_safe(line, profile->marks[i].name);
        text_print(line, " after %s", units_format_duration(profile->marks[i].time_ns, time));
        label(page, i == 0 ? "Marks" : "", line);
    }
    if (profile->mark_count > MOST_MARKS) {
        text_print(line, "and %zu more", profile->mark_count - MOST_MARKS);
        label(page, "", line);
    }
}

static void print_session(struct page *page, bool are_arguments_shown, struct text *line)
{
    const struct profile *profile = page->profile;
    const struct recording_session *session = &profile->session;
    time_t seconds = (time_t)(session->start_time_unix_ns / 1000000000);
    char duration[UNITS_TEXT_BYTES], when[64] = "time not known";
    struct tm utc;

    text_print(line, "%016" PRIx64 ", by seep ", profile->info.session_id);
    page_make_safe(line, session->tool_version);
    label(page, "Session", line);
    page_print_command(&session->command, are_arguments_shown, line);
    label(page, "Command", line);
    page_make_safe(line, session->working_folder);
    label(page, "Folder", line);
    page_make_safe(line, session->host);
    text_add(line, ", ");
    page_make_safe(line, session->kernel);
    label(page, "Host", line);
    if (seconds && gmtime_r(&seconds, &utc))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc);
    text_print(line, "%s, %s long", when, units_format_duration(profile->duration_ns, duration));
    label(page, "Recorded", line);
    text_print(line, "stacks of %" PRIu64 " frames, a checkpoint every %s", session->stack_depth,
               units_format_duration(session->checkpoint_ns, duration));
    label(page, "Settings", line);
}

/* "processes", or of one "process". */
static void add_noun(const char *plural, uint64_t count, struct text *line)
{
    size_t ending = text_ends_with(plural, "sses") ? strlen("es") : strlen("s");
    text_add_bytes(line, plural, strlen(plural) - (count == 1 ? ending : 0));
}

static void print_content(struct page *page, struct text *line)
{
    struct content content[CONTENT_COUNT];
    char number[UNITS_TEXT_BYTES];

    count_content(page->profile, content);
    for (int i = 0; i < CONTENT_COUNT; i++) {
        text_print(line, "%s%s ", i > 0 ? ", " : "", units_format_count(content[i].count, number));
        add_noun(content[i].name, content[i].count, line);
    }
    label(page, "Content", line);
}

static void print_process(struct page *page, const struct recording_process *about)
{
    char exit_text[EXIT_TEXT_BYTES];

    page_add(page, "  %4" PRIu64 "  pid %-8" PRIu64, about->id, about->pid);
    page_add_foreign(page, about->executable, 0);
    page_add(page, ", %s", exit_text_format(about, exit_text));
    if (about->observed)
        page_add(page, ", %s", about->allocator_name[0] ? "observed" : "allocator not known");
    else
        page_add(page, ", not observed");
    if (about->allocator_name[0]) {
        page_add(page, ", ");
        page_add_foreign(page, about->allocator_name, 0);
    }
    if (about->reason[0]) {
        page_add(page, ": ");
        page_add_foreign(page, about->reason, 0);
    }
    page_end_line(page);
}

/* The instants that FILE@snapshot:N and --at know, and those that came to nothing. */
static void print_snapshots(struct page *page, const struct snapshot_list *snapshots)
{
    char time[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES], held[UNITS_TEXT_BYTES];

    if (snapshots->count == 0)
        return;
    page_heading(page, "Snapshots");
    for (size_t i = 0; i < snapshots->count; i++) {
        const struct recording_snapshot *head = &snapshots->heads[i];
        page_add(page, "  snapshot:%-4" PRIu64 "  process %-4" PRIu64 "  %10s  ", head->id,
                 head->process_id, units_format_duration(head->time_ns, time));
        if (head->end == SNAPSHOT_DONE) {
            page_add(page, "%s, %s block%s, held for %s%s%s",
                     snapshot_reason_name((enum snapshot_reason)head->reason),
                     units_format_count(head->block_count, blocks), units_plural(head->block_count),
                     units_format_duration(head->stop_ns, held),
                     head->is_copied ? " and copied" : "",
                     head->is_self_read ? ", read by itself" : "");
            if (head->note[0])
                page_add(page, "; incomplete: ");
        } else {
            page_add(page, "not scanned: %s%s", snapshot_end_name((enum snapshot_end)head->end),
                     head->note[0] ? ": " : "");
        }
        page_add_foreign(page, head->note, 0);
        page_end_line(page);
    }
}

static void print_modules(struct page *page)
{
    static const char *const symbols[] = {"not looked at", "none", "names", "names and lines"};
    const struct profile *profile = page->profile;

    page_heading(page, "Modules");
    for (size_t i = 0; i < profile->module_count; i++) {
        const struct profile_module *module = &profile->modules[i];
        page_add(page, "  %-40s  %-15s  ", module->build_id[0] ? module->build_id : "no build-id",
                 module->has_symbols < 4 ? symbols[module->has_symbols] : "?");
        page_add_foreign(page, module->path, 0);
        page_end_line(page);
    }
}

static void write_text(const struct recording_argument *argument,
                       const struct snapshot_list *snapshots, bool are_arguments_shown,
                       const struct invocation *invocation)
{
    const struct profile *profile = argument->profile;
    struct text line = {0};
    struct page page;

    page_init(&page, profile, stdout, terminal_width(stdout),
              terminal_has_colour(stdout, invocation->common));
    print_file(&page, &profile->info, &line);
    print_session(&page, are_arguments_shown, &line);
    print_content(&page, &line);
    print_marks(&page, &line);
    page_heading(&page, "Processes");
    for (size_t i = 0; i < profile->process_count; i++)
        print_process(&page, &profile->processes[i].about);
    print_snapshots(&page, snapshots);
    print_modules(&page);
    page_clear(&page);
    text_clear(&line);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void add_file(struct json_stream *stream, const struct recording_info *info)
{
    char session[32];

    snprintf(session, sizeof session, "%016" PRIx64, info->session_id);
    json_stream_begin_object(stream, "file");
    json_stream_add(stream, "format_major", json_number(info->major));
    json_stream_add(stream, "format_minor", json_number(info->minor));
    json_stream_add(stream, "session_id", json_text(session));
    json_stream_add(stream, "bytes", json_number(info->file_bytes));
    json_stream_add(stream, "usable_bytes", json_number(info->usable_bytes));
    json_stream_add(stream, "chunks", json_number(info->chunk_count));
    json_stream_add(stream, "finished", json_boolean(info->is_finished));
    json_stream_add(stream, "torn", json_boolean(info->is_torn));
    json_stream_add(stream, "damage", json_text(info->damage[0] ? info->damage : NULL));
    json_stream_end(stream);
}

static void add_origin(struct json_stream *stream, const struct recording_session *session)
{
    json_stream_begin_object(stream, "origin");
    json_stream_add(stream, "host", json_text(session->host));
    json_stream_add(stream, "kernel", json_text(session->kernel));
    json_stream_add(stream, "folder", json_text(session->working_folder));
    json_stream_add(stream, "stack_depth", json_number(session->stack_depth));
    json_stream_add(stream, "checkpoint_ns", json_number(session->checkpoint_ns));
    json_stream_end(stream);
}

static void add_content(struct json_stream *stream, const struct profile *profile)
{
    struct content content[CONTENT_COUNT];

    count_content(profile, content);
    json_stream_begin_object(stream, "content");
    for (int i = 0; i < CONTENT_COUNT; i++)
        json_stream_add(stream, content[i].name, json_number(content[i].count));
    json_stream_end(stream);
}

static void add_modules(struct json_stream *stream, const struct profile *profile)
{
    static const char *const symbols[] = {NULL, "none", "names", "lines"};

    json_stream_begin_array(stream, "modules");
    for (size_t i = 0; i < profile->module_count; i++) {
        const struct profile_module *module = &profile->modules[i];
        json_stream_begin_object(stream, NULL);
        json_stream_add(stream, "path", json_text(module->path));
        json_stream_add(stream, "build_id",
                        json_text(module->build_id[0] ? module->build_id : NULL));
        json_stream_add(stream, "symbols",
                        json_text(module->has_symbols < 4 ? symbols[module->has_symbols] : NULL));
        json_stream_end(stream);
    }
    json_stream_end(stream);
}

static void add_snapshots(struct json_stream *stream, const struct snapshot_list *snapshots)
{
    json_stream_begin_array(stream, "snapshots");
    for (size_t i = 0; i < snapshots->count; i++) {
        const struct recording_snapshot *head = &snapshots->heads[i];
        bool is_done = head->end == SNAPSHOT_DONE;
        json_stream_begin_object(stream, NULL);
        json_stream_add(stream, "id", json_number(head->id));
        json_stream_add(stream, "process_id", json_number(head->process_id));
        json_stream_add(stream, "time_ns", json_number(head->time_ns));
        json_stream_add(stream, "taken",
                        json_text(snapshot_reason_name((enum snapshot_reason)head->reason)));
        json_stream_add(stream, "result",
                        json_text(snapshot_end_name((enum snapshot_end)head->end)));
        json_stream_add(stream, "note", json_text(head->note[0] ? head->note : NULL));
        json_stream_add(stream, "stop_ns", is_done ? json_number(head->stop_ns) : json_null());
        json_stream_add(stream, "blocks", is_done ? json_number(head->block_count) : json_null());
        json_stream_end(stream);
    }
    json_stream_end(stream);
}

static void write_json(const struct recording_argument *argument,
                       const struct snapshot_list *snapshots, bool are_arguments_shown)
{
    const struct profile *profile = argument->profile;
    struct json_stream stream;

    json_stream_init(&stream, stdout);
    json_begin_report(&stream, profile, "seep/info", "1.0", argument->instant_text,
                      are_arguments_shown);
    add_file(&stream, &profile->info);
    add_origin(&stream, &profile->session);
    add_content(&stream, profile);
    json_stream_begin_array(&stream, "processes");
    for (size_t i = 0; i < profile->process_count; i++) {
        json_stream_begin_object(&stream, NULL);
        json_add_process(&stream, profile, (uint32_t)i, are_arguments_shown);
        json_stream_end(&stream);
    }
    json_stream_end(&stream);
    add_modules(&stream, profile);
    add_snapshots(&stream, snapshots);
    json_stream_end(&stream);
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    bool are_arguments_shown = values->are_arguments_shown || !terminal_is_ci();
    struct recording_argument argument = {0};
    struct snapshot_list snapshots = {0};
    struct error error;
    bool is_good = recording_argument_load(&argument, &invocation->operands, NULL,
                                           &(struct profile_options){0}, &error) &&
                   snapshot_list_read(&snapshots, argument.reader, &error);

    if (!is_good)
        log_error("%s", error.message);
    else if (values->is_json)
        write_json(&argument, &snapshots, are_arguments_shown);
    else
        write_text(&argument, &snapshots, are_arguments_shown, invocation);
    snapshot_list_clear(&snapshots);
    recording_argument_close(&argument);
    return is_good ? 0 : EXIT_TROUBLE;
}

const struct command cli_command_info = {
    .name = "info",
    .summary = "facts about a recording: format, origin, processes, snapshots, modules",
    .synopsis = "[options] [FILE]",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .operands = OPERANDS_RECORDING,
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
