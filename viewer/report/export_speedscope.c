/* speedscope's JSON (https://www.speedscope.app/file-format-schema.json): a list of frames, and a
 * "sampled" profile for each process and metric, whose samples are stacks from main inwards and
 * whose weights are the metric. Metrics that are 0 everywhere are left out. */
#include "config.h"

#include <stdlib.h>

#include "base/memory.h"
#include "report/export_parts.h"
#include "report/json_stream.h"

struct writing {
    const struct profile *profile;
    const struct export_options *options;
    struct export_sites sites;
    struct export_stack stack;
    uint32_t *frame_of_location; /* + 1, by position in profile.locations; 0 = not used */
    struct json_stream stream;
};

static uint32_t position_of(const struct writing *writing, const struct export_line *line)
{
    return (uint32_t)(line->location - writing->profile->locations);
}

static void add_frame(struct writing *writing, const struct profile_location *location)
{
    json_t *object = json_object();

    json_object_set_new(object, "name", json_text(location->function));
    if (location->file)
        json_object_set_new(object, "file", json_text(location->file));
    if (location->line)
        json_object_set_new(object, "line", json_number(location->line));
    json_stream_add(&writing->stream, NULL, object);
}

static void add_frames(struct writing *writing)
{
    uint32_t count = 0;

    json_stream_begin_object(&writing->stream, "shared");
    json_stream_begin_array(&writing->stream, "frames");
    for (size_t i = 0; i < writing->sites.count; i++) {
        const struct profile_site *site = &writing->profile->sites[writing->sites.positions[i]];

        export_stack_read(&writing->stack, writing->profile, site->stack_node);
        for (size_t j = writing->stack.count; j-- > 0;) {
            uint32_t *frame =
                &writing->frame_of_location[position_of(writing, &writing->stack.lines[j])];
            if (*frame == 0) {
                *frame = ++count;
                add_frame(writing, writing->stack.lines[j].location);
            }
        }
    }
    json_stream_end(&writing->stream);
    json_stream_end(&writing->stream);
}

static void add_sample(struct writing *writing, uint32_t node)
{
    json_t *sample = json_array();

    export_stack_read(&writing->stack, writing->profile, node);
    for (size_t j = writing->stack.count; j-- > 0;) {
        uint32_t position = position_of(writing, &writing->stack.lines[j]);
        json_array_append_new(sample, json_number(writing->frame_of_location[position] - 1));
    }
    json_stream_add(&writing->stream, NULL, sample);
}

static void add_profile(struct writing *writing, uint32_t process,
                        const struct query_metric_info *metric, uint64_t total)
{
    const struct profile *profile = writing->profile;
    struct json_stream *stream = &writing->stream;
    struct text name = {0};

    if (export_process_count(profile, writing->options) > 1) {
        export_add_process_name(&name, &profile->processes[process]);
        text_add(&name, ": ");
    }
    text_add(&name, writing->options->metric_help ? writing->options->metric_help : metric->help);
    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "type", json_string("sampled"));
    json_stream_add(stream, "name", json_text(text_get(&name)));
    json_stream_add(stream, "unit", json_string(metric->is_bytes ? "bytes" : "none"));
    json_stream_add_number(stream, "startValue", 0);
    json_stream_add_number(stream, "endValue", total);
    for (int is_weights = 0; is_weights < 2; is_weights++) {
        json_stream_begin_array(stream, is_weights ? "weights" : "samples");
        for (size_t i = 0; i < writing->sites.count; i++) {
            const struct profile_site *site = &profile->sites[writing->sites.positions[i]];
            uint64_t value = query_site_value(site, metric->metric);

            if (site->process != process || value == 0)
                continue;
            if (is_weights)
                json_stream_add_number(stream, NULL, value);
            else
                add_sample(writing, site->stack_node);
        }
        json_stream_end(stream);
    }
    json_stream_end(stream);
    text_clear(&name);
}

static uint64_t sum_of(const struct writing *writing, uint32_t process, enum query_metric metric)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < writing->sites.count; i++) {
        const struct profile_site *site = &writing->profile->sites[writing->sites.positions[i]];
        sum += site->process == process ? query_site_value(site, metric) : 0;
    }
    return sum;
}

static void add_profiles(struct writing *writing)
{
    const struct export_options *options = writing->options;

    json_stream_begin_array(&writing->stream, "profiles");
    for (uint32_t process = 0; process < writing->profile->process_count; process++)
        for (int pass = 0; pass < 2; pass++) /* the metric that was asked for, or leads, first */
            for (size_t i = 0; i < QUERY_METRIC_COUNT; i++) {
                const struct query_metric_info *metric = query_metric_at(i);
                uint64_t total;

                if ((metric->metric == options->metric) != (pass == 0) ||
                    (pass == 1 && options->has_metric) || !export_has_process(options, process))
                    continue;
                total = sum_of(writing, process, metric->metric);
                if (total > 0)
                    add_profile(writing, process, metric, total);
            }
    json_stream_end(&writing->stream);
}

bool export_write_speedscope(const struct profile *profile, const struct export_options *options,
                             FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .options = options};
    struct text name = {0};

    if (!export_sites_select(profile, options, &writing.sites, error))
        return false;
    writing.frame_of_location = memory_allocate_zeroed(profile->location_count, sizeof(uint32_t));
    export_add_command(&name, profile, options);
    json_stream_init(&writing.stream, out);
    json_stream_begin_object(&writing.stream, NULL);
    json_stream_add(&writing.stream, "$schema",
                    json_string("https://www.speedscope.app/file-format-schema.json"));
    json_stream_add(&writing.stream, "name", json_text(text_get(&name)));
    json_stream_add(&writing.stream, "exporter", json_string(PACKAGE_NAME "@" PACKAGE_VERSION));
    json_stream_add_number(&writing.stream, "activeProfileIndex", 0);
    add_frames(&writing);
    add_profiles(&writing);
    json_stream_end(&writing.stream);
    text_clear(&name);
    free(writing.frame_of_location);
    export_stack_clear(&writing.stack);
    export_sites_clear(&writing.sites);
    return true;
}
