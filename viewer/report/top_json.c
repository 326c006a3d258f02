/* seep/top: what a program that runs does, process by process; schema/seep-top.json describes it.
 * What only two pictures can tell is null with one. */
#include "analysis/fingerprint.h"
#include "analysis/query.h"
#include "report/json_parts.h"
#include "report/json_stacks.h"
#include "report/top_report.h"

struct writing {
    struct json_stream stream;
    struct json_stacks stacks;
    const struct live_picture *picture;
    const struct top_report_options *options;
};

static json_t *whole(double value)
{
    return json_integer(value > 9e18 ? INT64_MAX : value < -9e18 ? INT64_MIN : (json_int_t)value);
}

static void add_change(struct json_stream *stream, const struct rates *rates,
                       const struct rates_change *change)
{
    const struct rates_speed *speed = &change->speed;
    json_t *object = NULL;

    json_stream_add_number(stream, "allocations", change->counts.allocations);
    json_stream_add_number(stream, "frees", change->counts.frees);
    json_stream_add_number(stream, "allocated_bytes", change->counts.allocated_bytes);
    json_stream_add_number(stream, "freed_bytes", change->counts.freed_bytes);
    json_stream_add_number(stream, "live_blocks", change->counts.live_blocks);
    json_stream_add_number(stream, "live_bytes", change->counts.live_bytes);
    if (rates->has_speed) {
        object = json_object();
        json_object_set_new(object, "allocations", whole(speed->allocations));
        json_object_set_new(object, "frees", whole(speed->frees));
        json_object_set_new(object, "allocated_bytes", whole(speed->allocated_bytes));
        json_object_set_new(object, "freed_bytes", whole(speed->freed_bytes));
    }
    json_stream_add(stream, "per_second", object);
    object = NULL;
    if (rates->has_mark) {
        object = json_object();
        json_object_set_new(object, "blocks", json_integer(change->grown_blocks));
        json_object_set_new(object, "bytes", json_integer(change->grown_bytes));
    }
    json_stream_add(stream, "grown", object);
}

static json_t *make_growth(const struct growth_site *growth)
{
    json_t *object = NULL;

    if (!growth)
        return NULL;
    object = json_object();
    json_object_set_new(object, "bytes_per_minute", whole(growth->bytes_per_minute));
    json_object_set_new(object, "low", whole(growth->low));
    json_object_set_new(object, "high", whole(growth->high));
    json_object_set_new(object, "verdict", json_string(trend_verdict_name(growth->verdict)));
    return object;
}

static void add_site(struct writing *writing, const struct rates *rates,
                     const struct rates_row *row)
{
    const struct profile_site *site = &writing->picture->profile->sites[row->site];
    struct json_stream *stream = &writing->stream;
    char fingerprint[FINGERPRINT_TEXT_BYTES];

    json_stream_begin_object(stream, NULL);
    json_stream_add(stream, "fingerprint",
                    json_string(fingerprint_format(site->fingerprint, fingerprint)));
    json_stream_add(stream, "allocation_function",
                    json_string(profile_function_name(site->function)));
    add_change(stream, rates, &row->change);
    json_stream_add(stream, "growth", make_growth(row->growth));
    json_stacks_add(&writing->stacks, stream, "stack", site->stack_node);
    json_stream_end(stream);
}

static void add_process(struct writing *writing, uint32_t process)
{
    const struct live_picture *picture = writing->picture;
    const struct profile_process *about = &picture->profile->processes[process];
    struct rates_question question = writing->options->question;
    struct json_stream *stream = &writing->stream;
    uint64_t limit = writing->options->limit, omitted_bytes = 0;
    struct rates rates;

    question.process = process;
    question.growths = picture->growths;
    rates_find(picture->profile, picture->reading, &question, &rates);
    json_stream_begin_object(stream, NULL);
    json_add_process(stream, picture->profile, process, writing->options->are_arguments_shown);
    json_stream_begin_object(stream, "totals");
    add_change(stream, &rates, &rates.total);
    json_stream_add(stream, "peak_bytes",
                    about->has_totals ? json_number(about->totals.peak_bytes) : NULL);
    json_stream_end(stream);
    json_stream_add(stream, "interval_ns", rates.has_speed ? whole(rates.seconds * 1e9) : NULL);
    json_stream_add(stream, "growing_sites",
                    picture->growths[process].has_timeline &&
                            !picture->growths[process].is_too_short
                        ? json_number(rates.growing_count)
                        : NULL);
    json_stream_begin_array(stream, "sites");
    for (size_t i = 0; i < rates.row_count; i++)
        if (!limit || i < limit)
            add_site(writing, &rates, &rates.rows[i]);
        else
            omitted_bytes += rates.rows[i].change.counts.live_bytes;
    json_stream_end(stream);
    json_add_omitted(stream, "omitted",
                     limit && rates.row_count > limit ? rates.row_count - limit : 0, omitted_bytes,
                     "live_bytes");
    json_stream_end(stream);
    rates_clear(&rates);
}

bool top_write_json(const struct live_picture *picture, const struct top_report_options *options,
                    FILE *out, struct error *error)
{
    struct writing writing = {.picture = picture, .options = options};
    uint32_t asked = options->question.process;

    json_stream_init(&writing.stream, out);
    json_stacks_init(&writing.stacks, picture->profile);
    json_begin_report(&writing.stream, picture->profile, "seep/top", "1.0",
                      picture->profile->is_live ? "now" : "end", options->are_arguments_shown);
    json_stream_add(&writing.stream, "live", json_boolean(picture->profile->is_live));
    json_stream_add(&writing.stream, "recording", json_text(picture->profile->info.path));
    json_stream_add_number(&writing.stream, "time_ns", picture->reading->time_ns);
    json_stream_add(&writing.stream, "mark_ns",
                    options->question.mark ? json_number(options->question.mark->time_ns) : NULL);
    json_stream_begin_array(&writing.stream, "processes");
    for (uint32_t i = 0; i < picture->profile->process_count; i++)
        if (asked == QUERY_ALL_PROCESSES || asked == i)
            add_process(&writing, i);
    json_stream_end(&writing.stream);
    json_stream_end(&writing.stream);
    json_stacks_clear(&writing.stacks);
    fflush(out);
    return !ferror(out) || error_set(error, "cannot write the report");
}
