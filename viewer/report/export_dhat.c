/* DHAT's JSON, version 2 (Valgrind's dhat/dh_main.c, "File format notes"), for its viewer
 * dh_view.html and the Firefox Profiler: what each stack allocated, held at the peak and at the
 * end, and how long its blocks lived. One process: the file has room for no more.
 *
 * Of lifetimes a histogram was recorded, by powers of two: a block counts with the middle of its
 * bucket, and one that is not freed with half of the run. The most that a stack ever held was not
 * recorded; the larger one of peak and end stands for it. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/site_lists.h"
#include "base/memory.h"
#include "report/export_parts.h"
#include "report/json_stream.h"

struct writing {
    const struct profile *profile;
    struct export_sites sites;
    struct export_stack stack;
    struct json_stream stream;
    uint32_t *frame_of_location; /* number in "ftbl", by position in profile.locations; 0 = none */
    uint32_t frame_of_function[FUNCTION_KIND_COUNT]; /* the same, by allocation function */
    json_t *frames;                                  /* "ftbl" */
    struct site_lists lists;                         /* of the site that is being written */
    uint64_t run_us;
};

static json_t *make_frame(const struct export_line *line)
{
    struct text text = {0};
    json_t *frame;

    text_print(&text, "0x%" PRIX64 ": ", line->frame->offset);
    export_add_name(&text, line->location->function, "", ' ');
    if (line->location->file) {
        text_add(&text, " (");
        export_add_name(&text, text_file_name(line->location->file), "()", '_');
        text_print(&text, ":%" PRIu32 ")", line->location->line);
    }
    frame = json_text(text_get(&text));
    text_clear(&text);
    return frame;
}

/* The allocation function is the innermost frame, as Valgrind has it: no two sites are alike then,
 * which the viewer insists on. */
static json_t *make_function(struct writing *writing, enum function_kind function)
{
    bool is_known = (unsigned)function < FUNCTION_KIND_COUNT; /* else forged */
    uint32_t *number = &writing->frame_of_function[is_known ? function : 0];
    struct text text = {0};

    if (*number == 0) {
        *number = (uint32_t)json_array_size(writing->frames);
        text_print(&text, "0x0: %s", profile_function_name(function));
        json_array_append_new(writing->frames, json_text(text_get(&text)));
        text_clear(&text);
    }
    return json_number(*number);
}

static json_t *make_stack(struct writing *writing, enum function_kind function, uint32_t node)
{
    json_t *array = json_array();

    json_array_append_new(array, make_function(writing, function));
    export_stack_read(&writing->stack, writing->profile, node);
    for (size_t i = 0; i < writing->stack.count; i++) {
        const struct export_line *line = &writing->stack.lines[i];
        uint32_t *number =
            &writing->frame_of_location[line->location - writing->profile->locations];

        if (*number == 0) {
            *number = (uint32_t)json_array_size(writing->frames);
            json_array_append_new(writing->frames, make_frame(line));
        }
        json_array_append_new(array, json_number(*number));
    }
    return array;
}

static uint64_t lifetimes_us(struct writing *writing, const struct profile_site *site)
{
    double sum = (double)site->figures.live_blocks * (double)writing->run_us / 2;
    const struct recording_list *lifetimes = &writing->lists.lifetime_histogram;

    site_lists_read(&writing->lists, site);
    for (size_t i = 0; i < profile_bucket_count(lifetimes); i++) {
        struct profile_bucket bucket = profile_bucket_at(lifetimes, i);

        sum += (double)bucket.blocks * (double)bucket.end * 0.75 / 1000;
    }
    return sum < 9e15 ? (uint64_t)sum : UINT64_C(9000000000000000);
}

static void add_site(struct writing *writing, const struct profile_site *site)
{
    const struct profile_figures *figures = &site->figures;
    bool is_peak_larger = figures->peak_bytes >= figures->live_bytes;
    const struct {
        const char *key;
        uint64_t value;
    } fields[] = {{"tb", figures->allocated_bytes},
                  {"tbk", figures->allocations},
                  {"tl", lifetimes_us(writing, site)},
                  {"mb", is_peak_larger ? figures->peak_bytes : figures->live_bytes},
                  {"mbk", is_peak_larger ? figures->peak_blocks : figures->live_blocks},
                  {"gb", figures->peak_bytes},
                  {"gbk", figures->peak_blocks},
                  {"eb", figures->live_bytes},
                  {"ebk", figures->live_blocks}};
    json_t *point = json_object();

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        json_object_set_new(point, fields[i].key, json_number(fields[i].value));
    json_object_set_new(point, "fs", make_stack(writing, site->function, site->stack_node));
    json_stream_add(&writing->stream, NULL, point);
}

static void write_document(struct writing *writing, const struct export_options *options,
                           uint32_t position)
{
    const struct profile_process *process = &writing->profile->processes[position];
    struct json_stream *stream = &writing->stream;
    struct text command = {0};
    uint64_t start = process->about.start_ns, peak = process->totals.peak_time_ns;

    export_add_command(&command, writing->profile, options);
    json_stream_begin_object(stream, NULL);
    json_stream_add_number(stream, "dhatFileVersion", 2);
    json_stream_add(stream, "mode", json_string("heap"));
    json_stream_add(stream, "verb", json_string("Allocated"));
    json_stream_add(stream, "bklt", json_true());
    json_stream_add(stream, "bkacc", json_false());
    json_stream_add(stream, "tu", json_string("µs"));
    json_stream_add(stream, "Mtu", json_string("s"));
    json_stream_add_number(stream, "tuth", 10);
    json_stream_add(stream, "cmd", json_text(text_get(&command)));
    json_stream_add_number(stream, "pid", process->about.pid);
    json_stream_add_number(stream, "te", writing->run_us);
    json_stream_add_number(stream, "tg", peak > start ? (peak - start) / 1000 : 0);
    json_stream_begin_array(stream, "pps");
    for (size_t i = 0; i < writing->sites.count; i++)
        if (writing->profile->sites[writing->sites.positions[i]].process == position)
            add_site(writing, &writing->profile->sites[writing->sites.positions[i]]);
    json_stream_end(stream);
    json_stream_add(stream, "ftbl", writing->frames);
    json_stream_end(stream);
    text_clear(&command);
}

bool export_write_dhat(const struct profile *profile, const struct export_options *options,
                       FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile};
    const struct recording_process *about;
    uint32_t process;

    if (!export_choose_process(profile, options, "dhat", &process, error) ||
        !export_sites_select(profile, options, &writing.sites, error))
        return false;
    about = &profile->processes[process].about;
    writing.run_us = about->end_ns > about->start_ns ? (about->end_ns - about->start_ns) / 1000 : 1;
    writing.frames = json_array();
    json_array_append_new(writing.frames, json_string("[root]"));
    writing.frame_of_location = memory_allocate_zeroed(profile->location_count, sizeof(uint32_t));
    json_stream_init(&writing.stream, out);
    write_document(&writing, options, process);
    free(writing.frame_of_location);
    site_lists_clear(&writing.lists);
    export_stack_clear(&writing.stack);
    export_sites_clear(&writing.sites);
    return true;
}
