#include "config.h"

#include "report/diff_report.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/quality.h"
#include "base/units.h"
#include "report/memory_report.h"
#include "report/page.h"
#include "report/text_parts.h"

enum {
    VALUE_COLUMNS = 12
};

/* "+1.2 MiB", "-300": 0 has no sign. */
static void add_change(struct page *page, enum query_metric metric, int64_t change)
{
    char size[UNITS_TEXT_BYTES], cell[UNITS_TEXT_BYTES + 1];
    uint64_t distance = change < 0 ? 0 - (uint64_t)change : (uint64_t)change;

    snprintf(cell, sizeof cell, "%s%s",
             change > 0   ? "+"
             : change < 0 ? "-"
                          : "",
             query_metric_at(metric)->is_bytes ? units_format_size(distance, size)
                                               : units_format_count(distance, size));
    page_add_right(page, VALUE_COLUMNS, cell);
}

/* ---- which two ---- */

static void write_side(struct page *page, const struct diff_report_options *report,
                       const struct diff_options *options, enum diff_side side)
{
    const struct profile *profile = options->profiles[side];
    struct text line = {0};

    page_make_safe(&line, report->paths[side]);
    if (!report->intervals[side])
        text_print(&line, " at %s: ", report->instants[side]);
    else if (report->intervals[side]->is_from_start)
        text_print(&line, " at %s: ", report->intervals[side]->to);
    else
        text_print(&line, ", %s to %s: ", report->intervals[side]->from,
                   report->intervals[side]->to);
    page_print_command(&profile->session.command, report->are_arguments_shown, &line);
    page_label(page, side == DIFF_BASE ? "Base" : "New", text_get(&line));
    text_clear(&line);
}

/* A difference is as good as the worse of the two. */
static void write_quality(struct page *page, const struct profile *profile, const char *label)
{
    struct quality quality;
    struct text line = {0};

    quality_judge(profile, QUERY_ALL_PROCESSES, &quality);
    quality_describe_state(&quality, &line);
    page_label(page, label, text_get(&line));
    quality_clear(&quality);
    text_clear(&line);
}

static void write_total(struct page *page, const struct diff_options *options,
                        const struct diff *diff, enum query_metric metric)
{
    uint64_t base = diff->totals[DIFF_BASE].values[diff_metric(options, DIFF_BASE, metric)];
    uint64_t other = diff->totals[DIFF_OTHER].values[diff_metric(options, DIFF_OTHER, metric)];

    page_add(page, "  %-10s", query_metric_at(metric)->title);
    text_add_metric(page, VALUE_COLUMNS, metric, base);
    text_add_metric(page, VALUE_COLUMNS, metric, other);
    add_change(page, metric, diff_change(base, other));
    text_add_percent(page, VALUE_COLUMNS, other, base);
    page_end_line(page);
}

static void write_totals(struct page *page, const struct diff_options *options,
                         const struct diff *diff)
{
    static const enum query_metric metrics[] = {QUERY_LIVE_BYTES,  QUERY_LIVE_BLOCKS,
                                                QUERY_PEAK_BYTES,  QUERY_ALLOCATED_BYTES,
                                                QUERY_ALLOCATIONS, QUERY_TEMPORARY};

    page_end_line(page);
    page_set_style(page, PAGE_DIM);
    page_add(page, "%-12s%*s%*s%*s%*s", "", VALUE_COLUMNS, "Base", VALUE_COLUMNS, "New",
             VALUE_COLUMNS, "Change", VALUE_COLUMNS, "New / base");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (diff_knows(options, DIFF_BASE, metrics[i]) &&
            diff_knows(options, DIFF_OTHER, metrics[i]))
            write_total(page, options, diff, metrics[i]);
}

/* ---- sites ---- */

static void write_heading(struct page *page, const struct diff_options *options,
                          const struct diff *diff)
{
    static const enum diff_state told[] = {DIFF_NEW, DIFF_GROWN, DIFF_SHRUNK, DIFF_GONE};
    char number[UNITS_TEXT_BYTES];
    struct text counts = {0};

    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (diff->state_counts[told[i]])
            text_print(&counts, "%s%s %s", counts.count ? ", " : "",
                       units_format_count(diff->state_counts[told[i]], number),
                       diff_state_name(told[i]));
    page_heading(page, "Sites by change of %s: %s", query_metric_at(options->metric)->name,
                 counts.count ? text_get(&counts) : "none changed");
    page_end_line(page);
    text_clear(&counts);
}

static void write_row(struct page *page, const struct diff_options *options,
                      const struct diff_row *row, const struct diff_report_options *report)
{
    const struct profile *profile = options->profiles[row->side];
    const struct profile_site *site = &profile->sites[row->site];
    struct report_options stack_options;

    report_options_init(&stack_options);
    stack_options.stack_depth = report->stack_depth;
    page->profile = profile;
    page_set_program(page, site->process);
    add_change(page, options->metric, diff_change(row->values[DIFF_BASE], row->values[DIFF_OTHER]));
    for (int side = 0; side < DIFF_SIDES; side++)
        text_add_metric(page, VALUE_COLUMNS, options->metric, row->values[side]);
    page_add(page, "  %-8s", diff_state_name(row->state));
    page_add_foreign(page, profile_function_name(site->function), page_left(page, 8));
    page_end_line(page);
    text_write_stack(page, &stack_options, site->stack_node);
    page_end_line(page);
}

static void write_rows(struct page *page, const struct diff_options *options,
                       const struct diff *diff, const struct diff_report_options *report)
{
    char number[UNITS_TEXT_BYTES];

    if (diff->row_count > 0) {
        page_set_style(page, PAGE_DIM);
        page_add(page, "%*s%*s%*s  %-8s%s", VALUE_COLUMNS, "Change", VALUE_COLUMNS, "Base",
                 VALUE_COLUMNS, "New", "State", "By");
        page_set_style(page, PAGE_PLAIN);
        page_end_line(page);
    }
    for (size_t i = 0; i < diff->row_count; i++)
        write_row(page, options, &diff->rows[i], report);
    if (diff->omitted_count == 0)
        return;
    page_add(page, "  and %s more, together", units_format_count(diff->omitted_count, number));
    page_add(page, " ");
    add_change(page, options->metric, diff->omitted_change);
    page_end_line(page);
}

bool diff_write_text(const struct diff_options *options, const struct diff *diff,
                     const struct diff_report_options *report, FILE *out, struct error *error)
{
    struct page page;

    page_init(&page, options->profiles[DIFF_OTHER], out, report->width, report->is_colour);
    page_set_style(&page, PAGE_BOLD);
    page_add(&page, "Difference of two recordings");
    page_set_style(&page, PAGE_PLAIN);
    page_end_line(&page);
    page_end_line(&page);
    write_side(&page, report, options, DIFF_BASE);
    write_quality(&page, options->profiles[DIFF_BASE], "");
    write_side(&page, report, options, DIFF_OTHER);
    write_quality(&page, options->profiles[DIFF_OTHER], "");
    write_totals(&page, options, diff);
    memory_write_diff_text(&page, options->profiles, report->memory);
    write_heading(&page, options, diff);
    write_rows(&page, options, diff, report);
    page_clear(&page);
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
}
