#include "config.h"

#include "report/diff_report.h"

#include <errno.h>

#include "analysis/fingerprint.h"
#include "report/json_parts.h"
#include "report/json_stacks.h"
#include "report/memory_report.h"

static json_t *make_figures(const struct diff_options *options, enum diff_side side,
                            const struct query_figures *figures)
{
    json_t *object = json_object();

    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++)
        json_object_set_new(object, query_metric_at(i)->key,
                            diff_knows(options, side, query_metric_at(i)->metric)
                                ? json_number(figures->values[i])
                                : json_null());
    return object;
}

static void add_row(struct json_stream *stream, struct json_stacks *stacks,
                    const struct diff_options *options, const struct diff_row *row)
{
    const struct profile_site *site = &options->profiles[row->side]->sites[row->site];
    char fingerprint[FINGERPRINT_TEXT_BYTES];

    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "fingerprint",
                    json_string(fingerprint_format(row->fingerprint, fingerprint)));
    json_stream_add(stream, "state", json_string(diff_state_name(row->state)));
    json_stream_add(stream, "allocation_function",
                    json_string(profile_function_name(site->function)));
    json_stream_add(stream, "change",
                    json_integer(diff_change(row->values[DIFF_BASE], row->values[DIFF_OTHER])));
    json_stream_add(stream, "base",
                    row->has_side[DIFF_BASE]
                        ? make_figures(options, DIFF_BASE, &row->figures[DIFF_BASE])
                        : NULL);
    json_stream_add(stream, "new",
                    row->has_side[DIFF_OTHER]
                        ? make_figures(options, DIFF_OTHER, &row->figures[DIFF_OTHER])
                        : NULL);
    json_stacks_add(&stacks[row->side], stream, "stack", site->stack_node);
    json_stream_end(stream);
}

static json_t *make_metric(const struct diff_options *options)
{
    json_t *object = json_object();

    json_object_set_new(
        object, "base",
        json_string(query_metric_at(diff_metric(options, DIFF_BASE, options->metric))->key));
    json_object_set_new(
        object, "new",
        json_string(query_metric_at(diff_metric(options, DIFF_OTHER, options->metric))->key));
    return object;
}

bool diff_write_json(const struct diff_options *options, const struct diff *diff,
                     const struct diff_report_options *report, FILE *out, struct error *error)
{
    struct profile head = *options->profiles[DIFF_OTHER];
    struct json_stacks stacks[DIFF_SIDES];
    struct json_stream stream;
    json_t *omitted = json_object();

    json_stream_init(&stream, out);
    for (int side = 0; side < DIFF_SIDES; side++)
        json_stacks_init(&stacks[side], options->profiles[side]);
    /* A difference is as complete as both are. */
    head.is_complete = head.is_complete && options->profiles[DIFF_BASE]->is_complete;
    json_begin_report(&stream, &head, "seep/diff", "1.0", report->instants[DIFF_OTHER],
                      report->are_arguments_shown);
    json_add_base(&stream, options->profiles[DIFF_BASE], report->instants[DIFF_BASE],
                  report->are_arguments_shown);
    json_stream_add(&stream, "metric", make_metric(options));
    json_stream_begin_object(&stream, "totals");
    json_stream_add(&stream, "base", make_figures(options, DIFF_BASE, &diff->totals[DIFF_BASE]));
    json_stream_add(&stream, "new", make_figures(options, DIFF_OTHER, &diff->totals[DIFF_OTHER]));
    json_stream_end(&stream);
    json_add_states(&stream, diff->state_counts, diff->state_changes);
    json_stream_begin_array(&stream, "sites");
    for (size_t i = 0; i < diff->row_count; i++)
        add_row(&stream, stacks, options, &diff->rows[i]);
    json_stream_end(&stream);
    json_object_set_new(omitted, "count", json_number(diff->omitted_count));
    json_object_set_new(omitted, "change", json_integer(diff->omitted_change));
    json_stream_add(&stream, "omitted", omitted);
    memory_add_diff_json(&stream, options->profiles, report->memory);
    json_stream_end(&stream);
    for (int side = 0; side < DIFF_SIDES; side++)
        json_stacks_clear(&stacks[side]);
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
}
