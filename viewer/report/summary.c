#include "config.h"

#include "report/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "analysis/quality.h"
#include "analysis/query.h"
#include "analysis/scan_text.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/exit_text.h"
#include "report/growth_text.h"
#include "report/page.h"
#include "report/summary_sites.h"

/* Lines that are always kept for the end: recording, how to open it. */
enum {
    LAST_LINES = 2,
    TOP_SITES = 5,
    QUALITY_LINES = 4,
    GROWING_SITES = 3
};

static void write_first_line(struct page *page)
{
    const struct profile *profile = page->profile;
    char exit[EXIT_TEXT_BYTES] = "not known", duration[UNITS_TEXT_BYTES];
    if (profile->process_count)
        exit_text_format(&profile->processes[0].about, exit);
    const struct recording_text_list *command = &profile->session.command;
    page_set_style(page, PAGE_BOLD);
    page_add(page, "seep: ");
    page_add_foreign(page, command->count ? text_file_name(command->items[0]) : "?", 30);
    page_set_style(page, PAGE_PLAIN);
    page_add(page, ", %s, after %s", exit, units_format_duration(profile->duration_ns, duration));
    if (profile->process_count > 1)
        page_add(page, ", %zu processes", profile->process_count);
    page_end_line(page);
}

/* The process that held most: what the reader most likely came for. */
static uint32_t find_largest(const struct profile *profile)
{
    uint32_t largest = 0;
    for (uint32_t i = 1; i < profile->process_count; i++)
        if (profile->processes[i].totals.peak_bytes > profile->processes[largest].totals.peak_bytes)
            largest = i;
    return largest;
}

static void label_blocks(struct page *page, const char *label, uint64_t bytes, uint64_t blocks,
                         const char *extra)
{
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct text line = {0};
    text_print(&line, "%s in %s block%s%s", units_format_size(bytes, size),
               units_format_count(blocks, count), blocks == 1 ? "" : "s", extra);
    page_label(page, label, text_get(&line));
    text_clear(&line);
}

static void write_figures(struct page *page, uint32_t process)
{
    const struct profile_process *from = &page->profile->processes[process];
    const struct recording_totals *totals = &from->totals;
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES], extra[96] = "";
    if (!from->about.observed || !from->has_totals) {
        page_label(page, "Peak", "not known: the allocations were not seen");
        return;
    }
    if (totals->peak_resident_bytes)
        snprintf(extra, sizeof extra, "; resident at most %s",
                 units_format_size(totals->peak_resident_bytes, size));
    label_blocks(page, "Peak", totals->peak_bytes, totals->peak_blocks, extra);
    label_blocks(page, "Live", totals->live_bytes, totals->live_blocks, " at the end");
    struct text line = {0};
    text_print(&line, "%s in %s call%s", units_format_size(totals->allocated_bytes, size),
               units_format_count(totals->allocations, count), units_plural(totals->allocations));
    if (totals->allocations)
        text_print(&line, ", %s temporary",
                   units_format_percent(totals->temporary_allocations, totals->allocations, count));
    page_label(page, "Allocated", text_get(&line));
    text_clear(&line);
}

static void print_sum(struct text *line, struct leak_sum sum)
{
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    text_print(line, "%s in %s block%s", units_format_size(sum.bytes, size),
               units_format_count(sum.blocks, count), sum.blocks == 1 ? "" : "s");
}

/* How many processes of their own were scanned, and the first that was not. */
static size_t count_scanned(const struct leak_report *leaks,
                            const struct leak_report_process **unscanned)
{
    size_t count = 0;
    *unscanned = NULL;
    for (size_t i = 0; i < leaks->process_count; i++) {
        count += leaks->processes[i].is_done;
        if (!leaks->processes[i].is_done && !*unscanned)
            *unscanned = &leaks->processes[i];
    }
    return count;
}

/* "48 B in 2 blocks definite, 96 B in 3 blocks lost with them; 8 B in 1 block possible". */
static void write_leaks(struct page *page, const struct leak_report *leaks)
{
    const struct leak_report_process *unscanned;
    struct text line = {0};
    size_t scanned = leaks ? count_scanned(leaks, &unscanned) : 0;
    if (!scanned) {
        if (leaks && unscanned)
            scan_text_describe(unscanned, &line);
        page_label(page, "Leaks", line.count ? text_get(&line) : "not scanned");
        text_clear(&line);
        return;
    }
    struct leak_sum definite = leak_report_sum(leaks, LEAK_DEFINITE);
    struct leak_sum indirect = leak_report_sum(leaks, LEAK_INDIRECT);
    struct leak_sum possible = leak_report_sum(leaks, LEAK_POSSIBLE);
    if (definite.blocks) {
        print_sum(&line, definite);
        text_add(&line, " definite");
    } else {
        text_add(&line, "none definite");
    }
    if (indirect.blocks) {
        text_add(&line, ", ");
        print_sum(&line, indirect);
        text_add(&line, " lost with them");
    }
    if (possible.blocks) {
        text_add(&line, "; ");
        print_sum(&line, possible);
        text_add(&line, " possible");
    }
    if (scanned < leaks->process_count)
        text_print(&line, " (%zu of %zu processes scanned)", scanned, leaks->process_count);
    page_label(page, "Leaks", text_get(&line));
    text_clear(&line);
}

/* A line that is too long ends at the last of its parts that fits. */
static void add_start(struct page *page, char *line)
{
    enum {
        LEAST = 24
    };
    int left = page_left(page, LEAST);
    if (text_columns(line) > left) {
        size_t end = 0;
        for (size_t at = LEAST; line[at] && at < (size_t)left; at++)
            if (strchr(":,;", line[at]) || (line[at] == ' ' && line[at + 1] == '('))
                end = at;
        if (end)
            line[end] = 0;
    }
    page_add_foreign(page, line, left);
}

static void write_quality_line(struct page *page, const char *label, struct text *line)
{
    page_add(page, "  %-11s", label);
    add_start(page, line->bytes);
    page_end_line(page);
    text_clear(line);
}

static void write_quality(struct page *page)
{
    struct quality quality;
    struct text line = {0};
    unsigned first_line = page->line_count;
    quality_judge(page->profile, QUERY_ALL_PROCESSES, &quality);
    quality_describe_state(&quality, &line);
    write_quality_line(page, "Quality", &line);
    for (size_t i = quality_first_untold(&quality); i < quality.problem_count; i++) {
        const struct quality_problem *problem = &quality.problems[i];
        if (page->line_count - first_line >= QUALITY_LINES) {
            page_label(page, "", "and more, see seep report");
            break;
        }
        quality_describe_problem(problem, &line);
        if (problem->kind == QUALITY_NO_SYMBOLS && quality.missing_count) {
            text_add(&line, ": ");
            quality_describe_missing(quality.missing[0], &line);
        }
        write_quality_line(page, "", &line);
    }
    quality_clear(&quality);
}

static void write_process_line(struct page *page, uint32_t process)
{
    const struct recording_process *about = &page->profile->processes[process].about;
    struct text line = {0};
    text_print(&line, "%" PRIu64 " ", about->id);
    page_make_safe(&line, profile_process_name(&page->profile->processes[process]));
    text_print(&line, ", pid %" PRIu64 ", which had the highest peak", about->pid);
    page_add(page, "  %-11s", "Process");
    page_add_foreign(page, text_get(&line), page_left(page, 20));
    page_end_line(page);
    text_clear(&line);
}

static void write_last_lines(struct page *page, const char *path)
{
    char size[UNITS_TEXT_BYTES];
    page_add(page, "  %-11s", "Recording");
    page_add_foreign(page, path, 0);
    page_add(page, " (%s)", units_format_size(page->profile->info.file_bytes, size));
    page_end_line(page);
    page_add(page, "  %-11sseep view ", "Open it");
    page_add_foreign(page, path, 0);
    page_end_line(page);
}

/* Of the process that the summary is about. */
static void write_growth(struct page *page, const struct process_growths *growths, uint32_t process)
{
    const struct process_growth *growth = growths ? process_growths_of(growths, process) : NULL;
    page_set_program(page, process);
    if (growth)
        growth_write_summary(page, growth, GROWING_SITES);
}

bool summary_write(const struct profile *profile, const struct summary_options *options, FILE *out,
                   struct error *error)
{
    struct page page;
    page_init(&page, profile, out, options->width ? options->width : 80, options->is_colour);
    write_first_line(&page);
    if (profile->process_count) {
        uint32_t process = find_largest(profile);
        if (profile->process_count > 1)
            write_process_line(&page, process);
        write_figures(&page, process);
        write_leaks(&page, options->leaks);
        write_growth(&page, options->growths, process);
        write_quality(&page);
        unsigned left = SUMMARY_MAX_LINES - LAST_LINES - page.line_count;
        page_set_program(&page, process);
        summary_write_sites(&page, process, left < TOP_SITES ? left : TOP_SITES);
    }
    write_last_lines(&page, options->path ? options->path : profile->info.path);
    page_clear(&page);
    errno = 0;
    if (fflush(out) == 0 && !ferror(out))
        return true;
    return error_set_errno(error, errno ? errno : EIO, "cannot write the summary");
}
