#include "config.h"

#include "report/type_report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/units.h"
#include "report/graph_report.h"
#include "report/json_parts.h"
#include "report/python_report.h"
#include "report/text_parts.h"

enum {
    MOST_EXACT_TYPES = 50 /* whose retained sizes are worked out unless --limit asks for more */
};

/* The rows of a process, and what they leave out. */
struct type_selection {
    struct graph_type_row *rows;
    size_t count;
    uint64_t omitted_count, omitted_bytes;
    uint64_t unknown_blocks, unknown_bytes; /* of no known type */
};

/* ---- rows ---- */

static void write_titles(struct page *page)
{
    page_set_style(page, PAGE_DIM);
    page_add(page, "%11s%8s%11s%11s%11s  %s", "Retained", "%", "Own", "Blocks", "Elements", "Type");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

/* "client[] (dwarf, likely)"; what is not sure says so. */
static void add_type(const struct process_graph *graph, uint32_t position, struct text *out)
{
    const struct type_group *group = position == TYPE_NO_GROUP ? NULL
                                                               : &graph->types->groups[position];

    if (!group) {
        text_add(out, "not known");
        return;
    }
    text_print(out, "%s (%s", group->name, type_source_name(type_group_source(group)));
    if (type_group_confidence(group) != TYPE_SURE)
        text_print(out, ", %s", type_confidence_name(type_group_confidence(group)));
    text_add(out, ")");
}

void type_write_rows(struct page *page, const struct process_graph *graph,
                     const struct graph_type_row *rows, size_t count)
{
    uint64_t total = graph->graph.retained_bytes[OBJECT_GRAPH_WHOLE];
    char cell[UNITS_TEXT_BYTES];

    write_titles(page);
    for (size_t i = 0; i < count; i++) {
        struct text name = {0};

        page_add_right(page, 11, units_format_size(rows[i].retained_bytes, cell));
        text_add_percent(page, 8, rows[i].retained_bytes, total);
        page_add_right(page, 11, units_format_size(rows[i].bytes, cell));
        page_add_right(page, 11, units_format_count(rows[i].blocks, cell));
        page_add_right(page, 11,
                       rows[i].are_known ? units_format_count(rows[i].elements, cell) : "");
        add_type(graph, rows[i].group, &name);
        page_add(page, "  ");
        if (page->width > 0 && name.count > (size_t)page_left(page, 1)) { /* names are long */
            page_end_line(page);
            page_add(page, "    ");
        }
        page_add_foreign(page, text_get(&name), page_left(page, 20));
        page_end_line(page);
        text_clear(&name);
    }
}

json_t *type_make_json(const struct process_graph *graph, const struct graph_type_row *row)
{
    const struct type_group *group = &graph->types->groups[row->group];
    json_t *object = json_object();

    json_object_set_new(object, "name", json_text(group->name));
    json_object_set_new(object, "source", json_string(type_source_name(type_group_source(group))));
    json_object_set_new(object, "blocks", json_number(row->blocks));
    json_object_set_new(object, "bytes", json_number(row->bytes));
    json_object_set_new(object, "retained_bytes", json_number(row->retained_bytes));
    json_object_set_new(object, "retained_blocks", json_number(row->retained_blocks));
    json_object_set_new(object, "confidence",
                        json_string(type_confidence_name(type_group_confidence(group))));
    json_object_set_new(object, "elements",
                        row->are_known ? json_number(row->elements) : json_null());
    return object;
}

/* ---- by type ---- */

static int compare_bytes(const void *left, const void *right)
{
    const struct graph_type_row *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->group < b->group ? -1 : a->group > b->group;
}

static int compare_blocks(const void *left, const void *right)
{
    const struct graph_type_row *a = left, *b = right;

    if (a->blocks != b->blocks)
        return a->blocks < b->blocks ? 1 : -1;
    return compare_bytes(left, right);
}

/* Every type that any block counts for, and all their bytes; then the rows are taken off. */
static void sum_all(const struct process_graph *graph, struct type_selection *selection)
{
    uint8_t *is_seen = memory_allocate_zeroed(graph->types->group_count + 1, 1);

    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        uint32_t group = graph->types->group_of_block[i];
        uint64_t bytes = graph->snapshot->blocks[i].bytes;

        if (graph->is_wanted && !graph->is_wanted[i])
            continue;
        if (group == TYPE_NO_GROUP) {
            selection->unknown_blocks++;
            selection->unknown_bytes += bytes;
            continue;
        }
        selection->omitted_count += !is_seen[group];
        selection->omitted_bytes += bytes;
        is_seen[group] = 1;
    }
    free(is_seen);
}

/* `exact` types, one more for what has none, which may be among the largest. */
static void select_types(const struct process_graph *graph, const struct report_options *options,
                         uint64_t limit, struct type_selection *selection)
{
    uint64_t exact = limit ? limit : graph->types->group_count;
    size_t count, kept = 0;

    *selection = (struct type_selection){0};
    sum_all(graph, selection);
    selection->rows = process_graph_types(graph, (size_t)exact + 1, &count);
    for (size_t i = 0; i < count; i++) {
        const struct graph_type_row row = selection->rows[i];

        if (row.group == TYPE_NO_GROUP || row.bytes < options->query.min_bytes)
            continue;
        selection->rows[kept++] = row;
    }
    if (kept > 0 && options->is_type_sort_given)
        qsort(selection->rows, kept, sizeof *selection->rows,
              options->query.sort == QUERY_LIVE_BLOCKS ? compare_blocks : compare_bytes);
    selection->count = limit && kept > limit ? (size_t)limit : kept;
    for (size_t i = 0; i < selection->count; i++) {
        selection->omitted_count--;
        selection->omitted_bytes -= selection->rows[i].bytes;
    }
}

static void write_process(struct page *page, const struct report_options *options,
                          const struct graph_report_process *process)
{
    const struct process_graph *graph = process->graph;
    char when[UNITS_TEXT_BYTES], size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct type_selection selection;

    page_heading(page, "By type, at snapshot %" PRIu64 ", %s after the start", process->head->id,
                 units_format_duration(graph->snapshot->time_ns, when));
    select_types(graph, options, text_limit(options), &selection);
    type_write_rows(page, graph, selection.rows, selection.count);
    text_write_omitted(page, selection.omitted_count, selection.omitted_bytes);
    if (selection.unknown_blocks > 0) {
        page_add(page, "  of no known type: %s in %s block%s",
                 units_format_size(selection.unknown_bytes, size),
                 units_format_count(selection.unknown_blocks, count),
                 selection.unknown_blocks == 1 ? "" : "s");
        page_end_line(page);
    }
    free(selection.rows);
}

void type_write_report_text(struct page *page, const struct report_options *options)
{
    for (size_t i = 0; i < options->type_count; i++) {
        const struct graph_report_process *process = &options->types[i];
        const struct profile_process *about = &page->profile->processes[process->process];

        if (!process->graph)
            continue;
        page_set_program(page, process->process);
        if (page->profile->process_count > 1)
            page_heading(page, "Process %" PRIu64 ": %s, pid %" PRIu64, about->about.id,
                         profile_process_name(about), about->about.pid);
        write_process(page, options, process);
        const struct process_python *python = python_heaps_of(options->pythons, process->process);
        if (python)
            python_write_types(page, python, text_limit(options));
    }
}

static const struct graph_report_process *find_process(const struct report_options *options,
                                                       uint32_t process)
{
    for (size_t i = 0; i < options->type_count; i++)
        if (options->types[i].process == process && options->types[i].graph)
            return &options->types[i];
    return NULL;
}

void type_add_report_json(struct json_stream *stream, const struct report_options *options,
                          uint32_t process, uint64_t limit)
{
    const struct graph_report_process *found = find_process(options, process);
    struct type_selection selection = {0};
    json_t *unknown = NULL;

    if (found)
        select_types(found->graph, options,
                     options->has_limit || limit < MOST_EXACT_TYPES ? limit : MOST_EXACT_TYPES,
                     &selection);
    json_stream_begin_object(stream, "by");
    json_stream_add(stream, "grouping", json_string("type"));
    json_stream_add(stream, "snapshot", found ? json_number(found->head->id) : NULL);
    json_stream_add(stream, "time_ns", found ? json_number(found->graph->snapshot->time_ns) : NULL);
    json_stream_begin_array(stream, "rows");
    for (size_t i = 0; i < selection.count; i++)
        json_stream_add(stream, NULL, type_make_json(found->graph, &selection.rows[i]));
    json_stream_end(stream);
    json_add_omitted(stream, "omitted", selection.omitted_count, selection.omitted_bytes,
                     query_metric_at(QUERY_LIVE_BYTES)->key);
    if (found) {
        unknown = json_object();
        json_object_set_new(unknown, "blocks", json_number(selection.unknown_blocks));
        json_object_set_new(unknown, "bytes", json_number(selection.unknown_bytes));
    }
    json_stream_add(stream, "unknown", unknown);
    json_stream_end(stream);
    free(selection.rows);
}
