/* The same for people: a line of totals, and the sites that do most. */
#include "analysis/place.h"
#include "analysis/query.h"
#include "base/units.h"
#include "report/page.h"
#include "report/top_report.h"

enum {
    COUNT_COLUMNS = 8,
    SIZE_COLUMNS = 10,
    SLOPE_COLUMNS = 11
};

static uint64_t whole(double value)
{
    return value < 0 ? 0 : value > 9e18 ? INT64_MAX : (uint64_t)value;
}

static int64_t signed_whole(double value)
{
    return value > 9e18 ? INT64_MAX : value < -9e18 ? INT64_MIN : (int64_t)value;
}

static void write_totals(struct page *page, const struct rates *rates)
{
    const struct rates_change *total = &rates->total;
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];

    page_add(page, "  Heap       %s in %s block%s",
             units_format_size(total->counts.live_bytes, size),
             units_format_count(total->counts.live_blocks, count),
             units_plural(total->counts.live_blocks));
    if (rates->has_mark)
        page_add(page, ", %s since the first look",
                 units_format_signed_size(total->grown_bytes, size));
    page_end_line(page);
    page_add(page, "  Allocated  %s in %s call%s",
             units_format_size(total->counts.allocated_bytes, size),
             units_format_count(total->counts.allocations, count),
             units_plural(total->counts.allocations));
    if (rates->has_speed)
        page_add(page, ", now %s/s in %s calls/s",
                 units_format_size(whole(total->speed.allocated_bytes), size),
                 units_format_short_count(whole(total->speed.allocations), count));
    page_end_line(page);
}

/* `is_judged`: it is known what grows. */
static void write_titles(struct page *page, const struct rates *rates, bool is_judged)
{
    page_set_style(page, PAGE_DIM);
    if (rates->has_speed) {
        page_add_right(page, COUNT_COLUMNS, "calls/s");
        page_add_right(page, SIZE_COLUMNS, "bytes/s");
    }
    page_add_right(page, SIZE_COLUMNS, "live");
    if (rates->has_mark)
        page_add_right(page, SIZE_COLUMNS, "grown");
    if (is_judged)
        page_add_right(page, SLOPE_COLUMNS, "a minute");
    page_add(page, is_judged ? "  verdict   site" : "  site");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static void write_site(struct page *page, const struct rates *rates, const struct rates_row *row,
                       bool is_judged)
{
    const struct growth_site *growth = row->growth;
    const struct rates_change *change = &row->change;
    char cell[UNITS_TEXT_BYTES];
    struct place place;

    if (rates->has_speed) {
        page_add_right(page, COUNT_COLUMNS,
                       units_format_short_count(whole(change->speed.allocations), cell));
        page_add_right(page, SIZE_COLUMNS,
                       units_format_size(whole(change->speed.allocated_bytes), cell));
    }
    page_add_right(page, SIZE_COLUMNS, units_format_size(change->counts.live_bytes, cell));
    if (rates->has_mark)
        page_add_right(page, SIZE_COLUMNS, units_format_signed_size(change->grown_bytes, cell));
    if (is_judged)
        page_add_right(
            page, SLOPE_COLUMNS,
            growth ? units_format_signed_size(signed_whole(growth->bytes_per_minute), cell) : "-");
    if (is_judged)
        page_add(page, "  %-8s", growth ? trend_verdict_name(growth->verdict) : "-");
    page_add(page, "  ");
    place_find(page->profile, page->profile->sites[row->site].stack_node, PLACE_NAMED_CALLER,
               &place);
    page_add_place(page, &place);
    page_end_line(page);
}

static void write_process(struct page *page, const struct live_picture *picture,
                          const struct top_report_options *options, uint32_t process)
{
    const struct profile_process *of = &picture->profile->processes[process];
    const struct growth *growth = &picture->growths[process];
    bool is_judged = growth->has_timeline && !growth->is_too_short;
    struct rates_question question = options->question;
    char time[UNITS_TEXT_BYTES];
    struct rates rates;

    question.process = process;
    question.growths = picture->growths;
    rates_find(picture->profile, picture->reading, &question, &rates);
    page_set_program(page, process);
    page_heading(page, "%s (pid %llu), %s after %s", profile_process_name(of),
                 (unsigned long long)of->about.pid,
                 of->about.exit_kind == RECORDING_EXIT_RUNNING && picture->profile->is_live
                     ? "running"
                     : "ended",
                 units_format_duration(of->about.end_ns - of->about.start_ns, time));
    write_totals(page, &rates);
    if (is_judged)
        page_add(page, "  Growing    %zu site%s", rates.growing_count,
                 rates.growing_count == 1 ? "" : "s");
    else
        page_add(page, "  Growing    not known yet: programs grow while they begin");
    page_end_line(page);
    page_end_line(page);
    write_titles(page, &rates, is_judged);
    for (size_t i = 0; i < rates.row_count && (!options->limit || i < options->limit); i++)
        write_site(page, &rates, &rates.rows[i], is_judged);
    rates_clear(&rates);
}

bool top_write_text(const struct live_picture *picture, const struct top_report_options *options,
                    FILE *out, struct error *error)
{
    uint32_t asked = options->question.process;
    struct page page;

    page_init(&page, picture->profile, out, options->width, options->is_colour);
    for (uint32_t i = 0; i < picture->profile->process_count; i++)
        if (asked == QUERY_ALL_PROCESSES || asked == i)
            write_process(&page, picture, options, i);
    page_clear(&page);
    fflush(out);
    return !ferror(out) || error_set(error, "cannot write the report");
}
