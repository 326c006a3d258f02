/* A report as one web page that needs nothing else: summary and quality, memory over time, a flame
 * graph that zooms, searches and switches its metric, sites, leaks with their stacks, what keeps
 * most alive, and what all memory is used for. The page is assets/report.html with its style and
 * script, and the figures as JSON in it; the script makes everything of them.
 *
 * What stands in a page must not end it: in the JSON each '<' is written \u003c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/fingerprint.h"
#include "analysis/leak_report.h"
#include "analysis/place.h"
#include "analysis/quality.h"
#include "base/memory.h"
#include "graph/graph_path.h"
#include "graph/graph_suspects.h"
#include "graph/process_graph.h"
#include "report/assets.h"
#include "report/exit_text.h"
#include "report/export_html_memory.h"
#include "report/export_parts.h"
#include "report/graph_report.h"
#include "report/json_stream.h"
#include "report/xml_text.h"

enum {
    MOST_SITES = 3000,  /* of a process, by any metric; a page is to stay a few megabytes */
    MOST_LEAKS = 500,   /* of a process */
    MOST_SAMPLES = 1000 /* of its timeline */
};

struct writing {
    const struct profile *profile;
    const struct export_options *options;
    struct export_sites sites;
    struct export_stack stack;
    uint32_t *frame_of_location; /* + 1, by position in profile.locations; 0 = not used */
    uint32_t frame_count;
    const struct profile_location **locations; /* by number in the page */
    const struct profile_frame **frames;
    size_t capacity, frame_capacity;
    struct leak_report leaks;
    struct snapshot_list snapshots;
    struct memory_uses memories;
    bool has_leaks;
    struct json_stream stream;
};

/* ---- stacks ---- */

static uint32_t number_of(struct writing *writing, const struct export_line *line)
{
    uint32_t *number = &writing->frame_of_location[line->location - writing->profile->locations];

    if (*number == 0) {
        size_t wanted = writing->frame_count + 1;

        writing->locations = memory_grow(writing->locations, &writing->capacity, wanted,
                                         sizeof(const struct profile_location *));
        writing->frames = memory_grow(writing->frames, &writing->frame_capacity, wanted,
                                      sizeof(const struct profile_frame *));
        writing->locations[writing->frame_count] = line->location;
        writing->frames[writing->frame_count] = line->frame;
        *number = ++writing->frame_count;
    }
    return *number - 1;
}

/* The library function that it called, which tells sites of one line apart; null: none. */
static json_t *called_of(const struct place *place)
{
    struct text name = {0};
    json_t *called;

    if (place->is_wrapper || !place->called)
        return json_null();
    place_shorten_name(place->called->function, &name);
    called = json_text(text_get(&name));
    text_clear(&name);
    return called;
}

/* "stack", "place": what the site is named after, and "via"; null without one. */
static void set_stack(struct writing *writing, json_t *object, uint32_t site)
{
    json_t *stack = json_array(), *named = NULL;
    const struct profile_location *location = NULL;
    struct place place = {0};

    if (site != QUERY_NO_SITE) {
        uint32_t node = writing->profile->sites[site].stack_node;

        place_find(writing->profile, node, PLACE_NAMED_CALLER, &place);
        location = place_named_location(&place);
        export_stack_read(&writing->stack, writing->profile, node);
        for (size_t i = 0; i < writing->stack.count; i++) {
            uint32_t number = number_of(writing, &writing->stack.lines[i]);

            json_array_append_new(stack, json_number(number));
            if (!named && writing->stack.lines[i].location == location)
                named = json_number(number);
        }
    }
    json_object_set_new(object, "place", named ? named : json_null());
    json_object_set_new(object, "via", called_of(&place));
    json_object_set_new(object, "stack", stack);
}

static void add_frames(struct writing *writing)
{
    const struct profile *profile = writing->profile;

    json_stream_begin_array(&writing->stream, "frames");
    for (uint32_t i = 0; i < writing->frame_count; i++) {
        const struct profile_location *location = writing->locations[i];
        uint32_t module = writing->frames[i]->module_plus_1;
        json_t *object = json_object();

        json_object_set_new(object, "name", json_text(location->function));
        json_object_set_new(object, "file", json_text(location->file));
        json_object_set_new(object, "line", json_number(location->line));
        json_object_set_new(object, "module",
                            json_text(module ? profile->modules[module - 1].name : NULL));
        json_stream_add(&writing->stream, NULL, object);
    }
    json_stream_end(&writing->stream);
}

/* ---- sites ---- */

static void add_site(struct writing *writing, uint32_t position)
{
    const struct profile_site *site = &writing->profile->sites[position];
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    json_t *object = json_object(), *values = json_array();

    json_object_set_new(object, "fingerprint",
                        json_string(fingerprint_format(site->fingerprint, fingerprint)));
    json_object_set_new(object, "function", json_string(profile_function_name(site->function)));
    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++)
        json_array_append_new(values, json_number(query_site_value(site, (enum query_metric)i)));
    json_object_set_new(object, "values", values);
    set_stack(writing, object, position);
    json_stream_add(&writing->stream, NULL, object);
}

static bool add_sites(struct writing *writing, uint32_t process, struct error *error)
{
    uint8_t *is_chosen = memory_allocate_zeroed(writing->profile->site_count, 1);
    bool is_good = query_choose_largest_sites(writing->profile, process, &writing->options->filter,
                                              MOST_SITES, is_chosen, error);
    size_t omitted = 0;

    json_stream_begin_array(&writing->stream, "sites");
    for (size_t i = 0; is_good && i < writing->sites.count; i++) {
        uint32_t position = writing->sites.positions[i];

        if (writing->profile->sites[position].process != process)
            continue;
        if (is_chosen[position])
            add_site(writing, position);
        else
            omitted++;
    }
    json_stream_end(&writing->stream);
    json_stream_add_number(&writing->stream, "omitted", omitted);
    free(is_chosen);
    return is_good;
}

/* ---- leaks ---- */

static const struct leak_report_process *find_leaks(const struct writing *writing, uint32_t process)
{
    for (size_t i = 0; writing->has_leaks && i < writing->leaks.process_count; i++)
        if (writing->leaks.processes[i].process == process)
            return &writing->leaks.processes[i];
    return NULL;
}

static void add_leak(struct writing *writing, const struct leak *leak)
{
    json_t *object = json_object();

    json_object_set_new(object, "kind", json_string(leak_kind_name(leak->kind)));
    json_object_set_new(object, "blocks", json_number(leak->blocks));
    json_object_set_new(object, "bytes", json_number(leak->bytes));
    json_object_set_new(object, "indirect_bytes", json_number(leak->indirect_bytes));
    set_stack(writing, object, leak->site);
    json_stream_add(&writing->stream, NULL, object);
}

static void add_leaks(struct writing *writing, uint32_t process)
{
    const struct leak_report_process *found = find_leaks(writing, process);
    struct json_stream *stream = &writing->stream;
    size_t count = 0;

    if (!found || !found->is_done) {
        const char *otherwise = writing->profile->whole ? "leaks are known at snapshots" : "off";

        json_stream_add(stream, "leaks", NULL);
        json_stream_add(stream, "scan", json_text(found ? found->reason : otherwise));
        return;
    }
    json_stream_add_number(stream, "leaked_bytes", leaks_leaked(&found->leaks).bytes);
    json_stream_begin_array(stream, "leaks");
    for (size_t i = 0; i < found->leaks.count && count < MOST_LEAKS; i++)
        if (LEAK_KINDS_LOST >> found->leaks.items[i].kind & 1) {
            add_leak(writing, &found->leaks.items[i]);
            count++;
        }
    json_stream_end(stream);
}

/* ---- what keeps most alive ---- */

/* "sessions.table: std::map<int, Session>". */
static json_t *make_step(const struct graph_path_element *element)
{
    bool has_member = element->member && *element->member;
    struct text step = {0};
    json_t *made;

    text_add(&step, element->name ? element->name : "an unknown function");
    if (has_member)
        text_print(&step, "%s%s", *element->member == '[' ? "" : ".", element->member);
    if (element->type)
        text_print(&step, ": %s", element->type);
    made = json_text(text_get(&step));
    text_clear(&step);
    return made;
}

static void add_suspect(struct writing *writing, const struct process_graph *graph,
                        const struct graph_suspect *suspect)
{
    json_t *object = json_object(), *names = json_array();
    struct text sentence = {0};
    struct graph_path path;

    graph_describe_suspect(graph, suspect, &sentence);
    json_object_set_new(object, "text", json_text(text_get(&sentence)));
    json_object_set_new(object, "retained_bytes", json_number(suspect->retained_bytes));
    graph_path_find_dominators(graph, suspect->gathering, &path);
    for (size_t i = 0; i < path.count; i++)
        json_array_append_new(names, make_step(&path.elements[i]));
    graph_path_clear(&path);
    json_object_set_new(object, "path", names);
    json_stream_add(&writing->stream, NULL, object);
    text_clear(&sentence);
}

static void add_graph(struct writing *writing, uint32_t process, const struct snapshot *snapshot)
{
    const struct symbolizer_options defaults = {0};
    const struct symbolizer_options *symbols = writing->options->symbols ? writing->options->symbols
                                                                         : &defaults;
    struct process_graph graph;
    struct graph_suspect *suspects;
    size_t count;

    process_graph_build(writing->profile, process, snapshot, symbols, &graph);
    process_graph_find_types(&graph, symbols);
    suspects = process_graph_suspects(&graph, GRAPH_REPORT_SUSPECT_SHARE, &count);
    for (size_t i = 0; i < count; i++)
        add_suspect(writing, &graph, &suspects[i]);
    free(suspects);
    process_graph_clear(&graph);
}

static void add_suspects(struct writing *writing, uint32_t process)
{
    uint64_t id = writing->profile->processes[process].about.id;
    const struct recording_snapshot *head = process_graph_choose(&writing->snapshots, id);
    struct snapshot snapshot;
    struct error error;

    json_stream_begin_array(&writing->stream, "suspects");
    snapshot_init(&snapshot);
    if (head && writing->options->reader &&
        process_graph_read(writing->options->reader, head, &snapshot, &error))
        add_graph(writing, process, &snapshot);
    snapshot_clear(&snapshot);
    json_stream_end(&writing->stream);
}

/* ---- processes ---- */

static void add_totals(struct writing *writing, const struct profile_process *process)
{
    const struct recording_totals *totals = &process->totals;
    const struct {
        const char *key;
        uint64_t value;
        bool is_of_whole; /* not known of intervals */
    } figures[] = {{"peak_bytes", totals->peak_bytes, true},
                   {"peak_time_ns", totals->peak_time_ns, true},
                   {"common_peak_bytes", totals->common_peak_bytes, true},
                   {"peak_resident_bytes", totals->peak_resident_bytes, true},
                   {"live_bytes", totals->live_bytes, false},
                   {"live_blocks", totals->live_blocks, false},
                   {"allocated_bytes", totals->allocated_bytes, false},
                   {"allocations", totals->allocations, false},
                   {"temporary_allocations", totals->temporary_allocations, true}};
    json_t *object = NULL;

    if (process->has_totals && process->about.observed) {
        object = json_object();
        for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
            json_object_set_new(object, figures[i].key,
                                figures[i].is_of_whole && writing->profile->whole
                                    ? json_null()
                                    : json_number(figures[i].value));
    }
    json_stream_add(&writing->stream, "totals", object);
}

/* Of many samples every so many, and the last one. */
static void add_samples(struct writing *writing, const struct profile_process *process)
{
    uint32_t step = process->sample_count / MOST_SAMPLES + 1;

    json_stream_begin_array(&writing->stream, "samples");
    for (uint32_t i = 0; i < process->sample_count; i++) {
        const struct recording_sample *sample =
            &writing->profile->samples[process->first_sample + i];
        json_t *figures;

        if (i % step != 0 && i + 1 < process->sample_count)
            continue;
        figures = json_array();
        json_array_append_new(figures, json_number(sample->time_ns));
        json_array_append_new(figures, json_number(sample->heap_bytes));
        json_array_append_new(figures, json_number(sample->mapped_bytes));
        json_array_append_new(figures, json_number(sample->resident_bytes));
        json_stream_add(&writing->stream, NULL, figures);
    }
    json_stream_end(&writing->stream);
}

static bool add_process(struct writing *writing, uint32_t position, struct error *error)
{
    const struct profile_process *process = &writing->profile->processes[position];
    char ended[EXIT_TEXT_BYTES];
    struct text name = {0}, note = {0};
    bool is_good;

    export_add_process_name(&name, process);
    text_print(&note, "%s; exit: %s", process->about.executable,
               exit_text_format(&process->about, ended));
    json_stream_begin_object(&writing->stream, NULL);
    json_stream_add(&writing->stream, "name", json_text(text_get(&name)));
    json_stream_add(&writing->stream, "note", json_text(text_get(&note)));
    add_totals(writing, process);
    add_samples(writing, process);
    is_good = add_sites(writing, position, error);
    add_leaks(writing, position);
    add_suspects(writing, position);
    json_stream_add(&writing->stream, "memory",
                    export_html_memory(memory_uses_of(&writing->memories, position)));
    json_stream_end(&writing->stream);
    text_clear(&name);
    text_clear(&note);
    return is_good;
}

static bool add_processes(struct writing *writing, struct error *error)
{
    bool is_good = true;
    uint64_t largest = 0;
    size_t count = 0, first = 0;

    json_stream_begin_array(&writing->stream, "processes");
    for (uint32_t i = 0; is_good && i < writing->profile->process_count; i++) {
        const struct profile_process *process = &writing->profile->processes[i];

        if (!export_has_process(writing->options, i))
            continue;
        if (process->totals.peak_bytes > largest) {
            largest = process->totals.peak_bytes;
            first = count;
        }
        is_good = add_process(writing, i, error);
        count++;
    }
    json_stream_end(&writing->stream);
    json_stream_add_number(&writing->stream, "first", first); /* shown at first */
    return is_good;
}

/* ---- the page ---- */

/* What was at the peak, unless something else was asked for, or nobody knows. */
static enum query_metric first_metric(const struct writing *writing)
{
    if (writing->options->has_metric)
        return writing->options->metric;
    if (!writing->profile->whole)
        return QUERY_PEAK_BYTES;
    return writing->profile->interval.is_from_start ? QUERY_LIVE_BYTES : QUERY_ALLOCATED_BYTES;
}

static void add_metrics(struct writing *writing)
{
    static const enum query_metric columns[] = {QUERY_LIVE_BYTES, QUERY_PEAK_BYTES,
                                                QUERY_ALLOCATED_BYTES, QUERY_ALLOCATIONS,
                                                QUERY_TEMPORARY};

    json_stream_add_number(&writing->stream, "metric", first_metric(writing));
    json_stream_begin_array(&writing->stream, "metrics");
    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++) {
        const struct query_metric_info *metric = query_metric_at(i);
        json_t *object = json_object();

        json_object_set_new(object, "title", json_string(metric->title));
        json_object_set_new(object, "help", json_string(metric->help));
        json_object_set_new(object, "is_bytes", json_boolean(metric->is_bytes));
        json_object_set_new(object, "is_known",
                            json_boolean(export_knows(writing->profile, metric->metric)));
        json_stream_add(&writing->stream, NULL, object);
    }
    json_stream_end(&writing->stream);
    json_stream_begin_array(&writing->stream, "columns");
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (export_knows(writing->profile, columns[i]))
            json_stream_add_number(&writing->stream, NULL, columns[i]);
    json_stream_end(&writing->stream);
}

static bool write_data(struct writing *writing, FILE *out, struct error *error)
{
    bool is_good;

    json_stream_init(&writing->stream, out);
    json_stream_begin_object(&writing->stream, NULL);
    add_metrics(writing);
    is_good = add_processes(writing, error);
    add_frames(writing);
    json_stream_end(&writing->stream);
    return is_good;
}

static void write_quality(const struct writing *writing, FILE *out)
{
    struct quality quality;
    struct text state = {0};

    quality_judge(writing->profile, writing->options->process, &quality);
    quality_describe_state(&quality, &state);
    fprintf(out, "<p%s>Recording ", quality.is_complete ? "" : " class=\"bad\"");
    xml_write_text(out, text_get(&state));
    fputs("</p>\n<ul class=\"problems soft\">\n", out);
    for (size_t i = quality_first_untold(&quality); i < quality.problem_count; i++) {
        struct text problem = {0};

        quality_describe_problem(&quality.problems[i], &problem);
        fputs("<li>", out);
        xml_write_text(out, text_get(&problem));
        fputs("</li>\n", out);
        text_clear(&problem);
    }
    fputs("</ul>\n", out);
    text_clear(&state);
    quality_clear(&quality);
}

/* What the page is of, where that is not the whole. */
static void write_interval(const struct profile *profile, FILE *out)
{
    const struct profile_interval *interval = &profile->interval;

    if (!profile->whole)
        return;
    fputs(interval->is_from_start ? "<p>At " : "<p>Between ", out);
    if (!interval->is_from_start) {
        xml_write_text(out, interval->from);
        fputs(" and ", out);
    }
    xml_write_text(out, interval->to);
    fputs("</p>\n", out);
}

static void write_head(const struct writing *writing, FILE *out)
{
    struct text command = {0};

    export_add_command(&command, writing->profile, writing->options);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>Memory of ",
          out);
    xml_write_text(out, text_get(&command));
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header>\n<h1>Memory of <code>",
            asset_report_css);
    xml_write_text(out, text_get(&command));
    fputs("</code></h1>\n", out);
    write_interval(writing->profile, out);
    write_quality(writing, out);
    fputs("<noscript><p class=\"bad\">This page draws itself: it needs JavaScript.</p></noscript>\n"
          "</header>\n",
          out);
    text_clear(&command);
}

static bool write_page(struct writing *writing, FILE *out, struct error *error)
{
    char *data = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&data, &bytes);
    bool is_good = memory && write_data(writing, memory, error);

    if (!memory)
        return error_set(error, "no memory for the page");
    if (fclose(memory) != 0)
        is_good = error_set(error, "no memory for the page");
    if (is_good) {
        write_head(writing, out);
        fputs(asset_report_html, out);
        fputs("<script type=\"application/json\" id=\"data\">\n", out);
        for (const char *at = data; at < data + bytes; at++)
            if (*at == '<')
                fputs("\\u003c", out);
            else
                fputc(*at, out);
        fprintf(out,
                "</script>\n<footer class=\"soft\">Made by %s %s</footer>\n<script>\n%s</script>\n"
                "</body>\n</html>\n",
                PACKAGE_NAME, PACKAGE_VERSION, asset_report_js);
    }
    free(data);
    return is_good;
}

static void read_snapshots(struct writing *writing)
{
    struct suppressions suppressions;
    const struct leak_report_options options = {.suppressions = &suppressions,
                                                .process = writing->options->process,
                                                .snapshot = LEAK_REPORT_DEFAULT,
                                                .since = LEAK_REPORT_NONE};
    struct error error;

    if (!writing->options->reader || profile_is_sampled(writing->profile) ||
        writing->profile->whole)
        return;
    suppressions_init(&suppressions);
    suppressions_add_built_in(&suppressions);
    writing->has_leaks = leak_report_build(writing->profile, writing->options->reader, &options,
                                           &writing->leaks, &error);
    suppressions_clear(&suppressions);
    if (!snapshot_list_read(&writing->snapshots, writing->options->reader, &error))
        snapshot_list_clear(&writing->snapshots);
    if (!memory_uses_find(&writing->memories, writing->profile, writing->options->reader, &error))
        memory_uses_clear(&writing->memories);
}

bool export_write_html(const struct profile *profile, const struct export_options *options,
                       FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .options = options};
    bool is_good;

    if (!export_sites_select(profile, options, &writing.sites, error))
        return false;
    writing.frame_of_location = memory_allocate_zeroed(profile->location_count, sizeof(uint32_t));
    read_snapshots(&writing);
    is_good = write_page(&writing, out, error);
    if (writing.has_leaks)
        leak_report_clear(&writing.leaks);
    snapshot_list_clear(&writing.snapshots);
    memory_uses_clear(&writing.memories);
    free(writing.locations);
    free(writing.frames);
    free(writing.frame_of_location);
    export_stack_clear(&writing.stack);
    export_sites_clear(&writing.sites);
    return is_good;
}
