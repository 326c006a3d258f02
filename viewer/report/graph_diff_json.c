#include "config.h"

#include <errno.h>

#include "analysis/fingerprint.h"
#include "report/graph_diff_report.h"
#include "report/json_parts.h"
#include "report/json_stacks.h"

/* Of a snapshot, only what is live is known. */
static json_t *make_figures(const struct graph_diff_sum *sum)
{
    json_t *object = json_object();

    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++) {
        const struct query_metric_info *metric = query_metric_at(i);

        json_object_set_new(object, metric->key,
                            metric->metric == QUERY_LIVE_BYTES    ? json_number(sum->bytes)
                            : metric->metric == QUERY_LIVE_BLOCKS ? json_number(sum->blocks)
                                                                  : json_null());
    }
    return object;
}

static json_t *make_sum(const struct graph_diff *diff, const struct graph_diff_sum *sum)
{
    json_t *object;

    if (!diff->are_blocks_known)
        return json_null();
    object = json_object();
    json_object_set_new(object, "blocks", json_number(sum->blocks));
    json_object_set_new(object, "bytes", json_number(sum->bytes));
    return object;
}

static void add_moves(struct json_stream *stream, const struct graph_diff *diff,
                      const struct graph_diff_row *row)
{
    json_stream_add(stream, "added", make_sum(diff, &row->added));
    json_stream_add(stream, "freed", make_sum(diff, &row->freed));
    json_stream_add(stream, "survived", make_sum(diff, &row->survived));
}

static json_t *make_change(const struct graph_diff_row *row)
{
    return json_integer(diff_change(row->held[DIFF_BASE].bytes, row->held[DIFF_OTHER].bytes));
}

static enum diff_state state_of(const struct graph_diff_row *row)
{
    if (!row->has_side[DIFF_BASE])
        return DIFF_NEW;
    if (!row->has_side[DIFF_OTHER])
        return DIFF_GONE;
    if (row->held[DIFF_OTHER].bytes == row->held[DIFF_BASE].bytes)
        return DIFF_SAME;
    return row->held[DIFF_OTHER].bytes > row->held[DIFF_BASE].bytes ? DIFF_GROWN : DIFF_SHRUNK;
}

static void add_states(struct json_stream *stream, const struct graph_diff *diff)
{
    uint64_t counts[DIFF_STATE_COUNT] = {0};
    int64_t changes[DIFF_STATE_COUNT] = {0};

    for (size_t i = 0; i < diff->site_count; i++) {
        enum diff_state state = state_of(&diff->sites[i]);

        counts[state]++;
        changes[state] += diff_change(diff->sites[i].held[DIFF_BASE].bytes,
                                      diff->sites[i].held[DIFF_OTHER].bytes);
    }
    json_add_states(stream, counts, changes);
}

static void add_site(struct json_stream *stream, struct json_stacks *stacks,
                     const struct graph_diff *diff, const struct graph_diff_row *row)
{
    const struct profile_site *site = &diff->graphs[row->side]->profile->sites[row->site];
    char fingerprint[FINGERPRINT_TEXT_BYTES];

    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "fingerprint",
                    json_string(fingerprint_format(row->fingerprint, fingerprint)));
    json_stream_add(stream, "state", json_string(diff_state_name(state_of(row))));
    json_stream_add(stream, "allocation_function",
                    json_string(profile_function_name(site->function)));
    json_stream_add(stream, "change", make_change(row));
    json_stream_add(stream, "base",
                    row->has_side[DIFF_BASE] ? make_figures(&row->held[DIFF_BASE]) : NULL);
    json_stream_add(stream, "new",
                    row->has_side[DIFF_OTHER] ? make_figures(&row->held[DIFF_OTHER]) : NULL);
    json_stacks_add(&stacks[row->side], stream, "stack", site->stack_node);
    add_moves(stream, diff, row);
    json_stream_end(stream);
}

/* Those that did not change are left out, and sites that nobody knows. */
static void add_sites(struct json_stream *stream, struct json_stacks *stacks,
                      const struct graph_diff *diff, uint64_t limit)
{
    json_t *omitted = json_object();
    uint64_t written = 0, count = 0;
    int64_t change = 0;

    json_stream_begin_array(stream, "sites");
    for (size_t i = 0; i < diff->site_count; i++) {
        const struct graph_diff_row *row = &diff->sites[i];

        if (row->site == GRAPH_NO_SITE || state_of(row) == DIFF_SAME)
            continue;
        if (limit && written >= limit) {
            count++;
            change += diff_change(row->held[DIFF_BASE].bytes, row->held[DIFF_OTHER].bytes);
            continue;
        }
        written++;
        add_site(stream, stacks, diff, row);
    }
    json_stream_end(stream);
    json_object_set_new(omitted, "count", json_number(count));
    json_object_set_new(omitted, "change", json_integer(change));
    json_stream_add(stream, "omitted", omitted);
}

static void add_type(struct json_stream *stream, const struct graph_diff *diff,
                     const struct graph_diff_row *row)
{
    const struct type_group *group = &diff->graphs[row->side]->types->groups[row->group];

    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "name", json_text(group->name));
    json_stream_add(stream, "source", json_string(type_source_name(type_group_source(group))));
    json_stream_add(stream, "confidence",
                    json_string(type_confidence_name(type_group_confidence(group))));
    json_stream_add(stream, "state", json_string(diff_state_name(state_of(row))));
    json_stream_add(stream, "change", make_change(row));
    json_stream_add_number(stream, "base_blocks", row->held[DIFF_BASE].blocks);
    json_stream_add_number(stream, "base_bytes", row->held[DIFF_BASE].bytes);
    json_stream_add_number(stream, "new_blocks", row->held[DIFF_OTHER].blocks);
    json_stream_add_number(stream, "new_bytes", row->held[DIFF_OTHER].bytes);
    add_moves(stream, diff, row);
    json_stream_end(stream);
}

/* What has no known type is left out. */
static void add_types(struct json_stream *stream, const struct graph_diff *diff, uint64_t limit)
{
    uint64_t written = 0;

    json_stream_begin_array(stream, "types");
    for (size_t i = 0; i < diff->type_count && (!limit || written < limit); i++)
        if (diff->types[i].group != TYPE_NO_GROUP) {
            add_type(stream, diff, &diff->types[i]);
            written++;
        }
    json_stream_end(stream);
}

static json_t *make_gathering(const struct graph_diff *diff, const struct graph_diff_row *row)
{
    const struct process_graph *graph = diff->graphs[DIFF_OTHER];
    json_t *object;
    uint32_t block;

    if (row->gathering == OBJECT_GRAPH_NONE ||
        !object_graph_is_block(&graph->graph, row->gathering))
        return json_null();
    block = object_graph_block(&graph->graph, row->gathering);
    object = json_object();
    json_object_set_new(
        object, "name",
        json_text(process_graph_class_name(graph, process_graph_class(graph, block))));
    json_object_set_new(object, "bytes", json_number(graph->snapshot->blocks[block].bytes));
    json_object_set_new(object, "retained_bytes",
                        json_number(graph->graph.retained_bytes[row->gathering]));
    return object;
}

static void add_root(struct json_stream *stream, const struct graph_diff *diff,
                     const struct graph_diff_row *row)
{
    const struct process_graph *graph = diff->graphs[row->side];
    bool is_shared = row->root == OBJECT_GRAPH_WHOLE;

    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "kind",
                    json_string(is_shared ? "shared" : process_graph_root_kind(graph, row->root)));
    json_stream_add(stream, "name",
                    is_shared ? NULL : json_text(process_graph_root_likeness(graph, row->root)));
    json_stream_add(stream, "module",
                    is_shared ? NULL : json_text(process_graph_root_module(graph, row->root)));
    json_stream_add(stream, "change", make_change(row));
    json_stream_add_number(stream, "base_retained_bytes", row->held[DIFF_BASE].bytes);
    json_stream_add_number(stream, "new_retained_bytes", row->held[DIFF_OTHER].bytes);
    json_stream_add_number(stream, "base_retained_blocks", row->held[DIFF_BASE].blocks);
    json_stream_add_number(stream, "new_retained_blocks", row->held[DIFF_OTHER].blocks);
    add_moves(stream, diff, row);
    json_stream_add(stream, "gathers_at", make_gathering(diff, row));
    json_stream_end(stream);
}

bool graph_diff_write_json(const struct graph_diff *diff, const struct diff_report_options *report,
                           uint64_t limit, FILE *out, struct error *error)
{
    struct profile head = *diff->graphs[DIFF_OTHER]->profile;
    struct json_stacks stacks[DIFF_SIDES];
    struct json_stream stream;
    json_t *metric = json_object();

    json_stream_init(&stream, out);
    for (int side = 0; side < DIFF_SIDES; side++)
        json_stacks_init(&stacks[side], diff->graphs[side]->profile);
    head.is_complete = head.is_complete && diff->graphs[DIFF_BASE]->profile->is_complete;
    json_begin_report(&stream, &head, "seep/diff", "1.0", report->instants[DIFF_OTHER],
                      report->are_arguments_shown);
    json_add_base(&stream, diff->graphs[DIFF_BASE]->profile, report->instants[DIFF_BASE],
                  report->are_arguments_shown);
    json_object_set_new(metric, "base", json_string(query_metric_at(QUERY_LIVE_BYTES)->key));
    json_object_set_new(metric, "new", json_string(query_metric_at(QUERY_LIVE_BYTES)->key));
    json_stream_add(&stream, "metric", metric);
    json_stream_begin_object(&stream, "totals");
    json_stream_add(&stream, "base", make_figures(&diff->total.held[DIFF_BASE]));
    json_stream_add(&stream, "new", make_figures(&diff->total.held[DIFF_OTHER]));
    add_moves(&stream, diff, &diff->total);
    json_stream_end(&stream);
    add_states(&stream, diff);
    add_sites(&stream, stacks, diff, limit);
    json_stream_begin_array(&stream, "roots");
    for (size_t i = 0; i < diff->root_count && (!limit || i < limit); i++)
        add_root(&stream, diff, &diff->roots[i]);
    json_stream_end(&stream);
    add_types(&stream, diff, limit);
    json_stream_end(&stream);
    for (int side = 0; side < DIFF_SIDES; side++)
        json_stacks_clear(&stacks[side]);
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
}
