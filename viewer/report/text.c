/* The report for people: what ran and how far the figures can be trusted, the totals, then the
 * sites that matter. Several processes come as a table first, then the biggest ones. */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/quality.h"
#include "base/memory.h"
#include "base/units.h"
#include "report/exit_text.h"
#include "report/formats.h"
#include "report/page.h"
#include "report/growth_text.h"
#include "report/memory_report.h"
#include "report/python_report.h"
#include "report/text_parts.h"
#include "report/type_report.h"

enum {
    DETAILED_PROCESSES = 3
};

uint64_t text_limit(const struct report_options *options)
{
    return options->has_limit ? options->query.limit : TEXT_DEFAULT_LIMIT;
}

/* ---- what ran ---- */

static void write_command(struct page *page, const struct report_options *options)
{
    struct text command = {0};
    page_print_command(&page->profile->session.command, options->are_arguments_shown, &command);
    page_label(page, "Command", text_get(&command));
    text_clear(&command);
}

/* Of an interval where its figures stand, too. */
static void write_instant(struct page *page, const struct report_options *options)
{
    const struct profile *profile = page->profile;
    const struct profile_interval *interval = &profile->interval;
    struct text line = {0};
    if (!profile->whole)
        text_add(&line, options->instant);
    else if (interval->is_from_start)
        text_add(&line, interval->to);
    else
        text_print(&line, "%s to %s", interval->from, interval->to);
    page_label(page, profile->whole && !interval->is_from_start ? "Interval" : "Instant",
               text_get(&line));
    text_clear(&line);
}

static void write_when(struct page *page, const struct report_options *options)
{
    const struct profile *profile = page->profile;
    char duration[UNITS_TEXT_BYTES], when[64] = "";
    time_t seconds = (time_t)(profile->session.start_time_unix_ns / 1000000000u);
    struct tm utc;
    if (seconds && gmtime_r(&seconds, &utc))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc);
    struct text line = {0};
    text_print(&line, "%s, %s long", when[0] ? when : "time not known",
               units_format_duration(profile->duration_ns, duration));
    page_label(page, "Recorded", text_get(&line));
    text_clear(&line);
    write_instant(page, options);
}

static void label_line(struct page *page, const char *label, struct text *line)
{
    page_label(page, label, text_get(line));
    text_clear(line);
}

/* A line for each module, so that build-ids can be found. */
/* Where it is worth the trouble. */
static void write_remedy(struct page *page, const struct quality *quality)
{
    struct text line = {0};
    if (quality->unsymbolized_frame_count < quality->frame_count / 10)
        return;
    text_add(&line, "(seep symbolize adds them, given -dbgsym packages)");
    label_line(page, "", &line);
}

static void write_missing_symbols(struct page *page, const struct quality *quality)
{
    enum {
        NAMED_MODULES = 3
    };
    uint64_t left = quality->unsymbolized_frame_count;
    struct text line = {0};
    for (size_t i = 0; i < quality->missing_count && i < NAMED_MODULES; i++) {
        text_add(&line, "- ");
        quality_describe_missing(quality->missing[i], &line);
        left -= quality->missing[i]->unsymbolized_frame_count;
        label_line(page, "", &line);
    }
    if (quality->missing_count <= NAMED_MODULES)
        return;
    char number[UNITS_TEXT_BYTES];
    text_print(&line, "- %s in %zu more", units_format_count(left, number),
               quality->missing_count - NAMED_MODULES);
    label_line(page, "", &line);
}

static void write_quality(struct page *page, const struct quality *quality)
{
    struct text line = {0};
    quality_describe_state(quality, &line);
    label_line(page, "Quality", &line);
    for (size_t i = quality_first_untold(quality); i < quality->problem_count; i++) {
        quality_describe_problem(&quality->problems[i], &line);
        if (quality->problems[i].kind == QUALITY_NO_SYMBOLS && quality->missing_count)
            text_add(&line, ":");
        label_line(page, "", &line);
        if (quality->problems[i].kind != QUALITY_NO_SYMBOLS)
            continue;
        write_missing_symbols(page, quality);
        write_remedy(page, quality);
    }
}

static void write_cost(struct page *page, const struct recording_quality *sum)
{
    char own[UNITS_TEXT_BYTES], cpu[UNITS_TEXT_BYTES], wait[UNITS_TEXT_BYTES];
    struct text line = {0};
    text_print(&line, "%s in the target", units_format_size(sum->own_bytes, own));
    if (sum->wait_ns)
        text_print(&line, ", %s of waiting for seep", units_format_duration(sum->wait_ns, wait));
    if (page->profile->is_finished) /* what seep itself took is told at the end */
        text_print(&line, ", %s of CPU time beside it",
                   units_format_duration(page->profile->recorder.cpu_ns, cpu));
    label_line(page, "Overhead", &line);
}

static void write_exit(struct page *page, uint32_t process)
{
    char exit[EXIT_TEXT_BYTES];
    exit_text_format(&page->profile->processes[process].about, exit);
    page_label(page, "Exit", exit);
}

static void write_which(struct page *page, uint32_t process)
{
    const struct recording_process *about = &page->profile->processes[process].about;
    struct text line = {0};
    text_print(&line, "%" PRIu64 ", pid %" PRIu64, about->id, about->pid);
    label_line(page, "Process", &line);
}

void text_write_header(struct page *page, const char *title, const struct report_options *options)
{
    uint32_t process = options->query.process;
    page_set_style(page, PAGE_BOLD);
    page_add(page, "%s of ", title);
    const struct profile *profile = page->profile;
    const char *name = process != QUERY_ALL_PROCESSES
                           ? profile_process_name(&profile->processes[process])
                       : profile->session.command.count
                           ? text_file_name(profile->session.command.items[0])
                           : "";
    page_add_foreign(page, name, 30);
    page_set_style(page, PAGE_PLAIN);
    page_add(page, ", from ");
    page_add_foreign(page, profile->info.path, page_left(page, 20));
    page_end_line(page);
    page_end_line(page);
    write_command(page, options);
    write_when(page, options);
    if (process != QUERY_ALL_PROCESSES && profile->process_count > 1)
        write_which(page, process);
    if (process != QUERY_ALL_PROCESSES || profile->process_count == 1)
        write_exit(page, process != QUERY_ALL_PROCESSES ? process : 0);
    struct quality quality;
    quality_judge(profile, process, &quality);
    write_quality(page, &quality);
    if (quality.is_known)
        write_cost(page, &quality.sum);
    quality_clear(&quality);
}

/* ---- totals ---- */

/* In a sampled recording, " (2.1 MiB to 3.4 MiB)". */
static void add_bounds(struct page *page, const struct query_figures *figures,
                       enum query_metric metric, struct text *line)
{
    char low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES];
    if (!profile_is_sampled(page->profile))
        return;
    struct estimate_interval bounds = query_figures_interval(page->profile, figures, metric, 0);
    if (query_metric_at(metric)->is_bytes)
        text_print(line, " (%s to %s)", units_format_size(bounds.low, low),
                   units_format_size(bounds.high, high));
    else
        text_print(line, " (%s to %s)", units_format_count(bounds.low, low),
                   units_format_count(bounds.high, high));
}

/* Bytes and what they are in: blocks, or calls. */
static void label_pair(struct page *page, const char *label, const struct query_figures *figures,
                       enum query_metric bytes, enum query_metric count, const char *unit,
                       const char *extra)
{
    char number[UNITS_TEXT_BYTES];
    struct text line = {0};
    text_add(&line, units_format_size(figures->values[bytes], number));
    add_bounds(page, figures, bytes, &line);
    text_print(&line, " in %s", units_format_count(figures->values[count], number));
    add_bounds(page, figures, count, &line);
    text_print(&line, " %s%s%s", unit, figures->values[count] == 1 ? "" : "s", extra);
    page_label(page, label, text_get(&line));
    text_clear(&line);
}

static void label_inherited(struct page *page, const struct recording_totals *totals)
{
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct text line = {0};
    if (!totals->inherited_blocks)
        return;
    text_print(&line, "%s in %s block%s from its parent",
               units_format_size(totals->inherited_bytes, size),
               units_format_count(totals->inherited_blocks, count),
               totals->inherited_blocks == 1 ? "" : "s");
    page_label(page, "Inherited", text_get(&line));
    text_clear(&line);
}

static void label_peak(struct page *page, const struct recording_totals *totals,
                       const struct query_figures *figures)
{
    char time[UNITS_TEXT_BYTES], resident[UNITS_TEXT_BYTES], extra[128] = "";
    if (totals->peak_bytes)
        snprintf(extra, sizeof extra, ", after %s",
                 units_format_duration(totals->peak_time_ns, time));
    if (totals->peak_resident_bytes)
        snprintf(extra + strlen(extra), sizeof extra - strlen(extra), "; resident at most %s",
                 units_format_size(totals->peak_resident_bytes, resident));
    label_pair(page, "Peak", figures, QUERY_PEAK_BYTES, QUERY_PEAK_BLOCKS, "block", extra);
}

static void label_temporary(struct page *page, const struct recording_totals *totals)
{
    char count[UNITS_TEXT_BYTES], percent[UNITS_TEXT_BYTES];
    struct text line = {0};
    if (!totals->allocations)
        return;
    text_print(&line, "%s of the allocations, %s",
               units_format_percent(totals->temporary_allocations, totals->allocations, percent),
               units_format_count(totals->temporary_allocations, count));
    page_label(page, "Temporary", text_get(&line));
    text_clear(&line);
}

static void label_failed(struct page *page, const struct recording_totals *totals)
{
    char count[UNITS_TEXT_BYTES];
    struct text line = {0};
    if (!totals->failed_allocations)
        return;
    text_print(&line, "%s call%s returned no memory",
               units_format_count(totals->failed_allocations, count),
               totals->failed_allocations == 1 ? "" : "s");
    page_label(page, "Failed", text_get(&line));
    text_clear(&line);
}

static void label_mapped(struct page *page, const struct recording_totals *totals)
{
    char live[UNITS_TEXT_BYTES], peak[UNITS_TEXT_BYTES], common[UNITS_TEXT_BYTES];
    struct text line = {0};
    if (!totals->mapped_peak_bytes)
        return;
    text_print(&line, "%s anonymous, at most %s (%s with the heap)",
               units_format_size(totals->mapped_bytes, live),
               units_format_size(totals->mapped_peak_bytes, peak),
               units_format_size(totals->common_peak_bytes, common));
    page_label(page, "Mapped", text_get(&line));
    text_clear(&line);
}

bool text_is_at_peak(const struct report_options *options)
{
    return strcmp(options->instant, "peak") == 0;
}

/* How far an interval changed what there was. */
static void label_change(struct page *page, const struct profile_process *process,
                         const struct query_figures *figures)
{
    const struct profile_interval *interval = &page->profile->interval;
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct text line = {0};
    text_print(&line, "%s, %s block%s",
               query_metric_format(QUERY_NET_BYTES, figures->values[QUERY_NET_BYTES], size),
               query_metric_format(QUERY_NET_BLOCKS, figures->values[QUERY_NET_BLOCKS], count),
               units_plural(figures->values[QUERY_NET_BLOCKS]));
    page_label(page, "Net", text_get(&line));
    text_clear(&line);
    if (process->has_survivors)
        label_pair(page, "Survived", figures, QUERY_SURVIVED_BYTES, QUERY_SURVIVED_BLOCKS, "block",
                   " born since the first instant");
    else if (interval->survivors_unknown)
        text_print(&line, "not known: %s", interval->survivors_unknown);
    if (line.count)
        page_label(page, "Survived", text_get(&line));
    text_clear(&line);
}

static void write_interval_totals(struct page *page, uint32_t process)
{
    const struct profile_process *from = &page->profile->processes[process];
    const struct recording_totals *totals = &from->totals;
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    struct query_figures figures = {0};
    struct text line = {0};
    query_figures_add_totals(&figures, totals);
    query_figures_add_survivors(&figures, page->profile, process);
    label_pair(page, "Live", &figures, QUERY_LIVE_BYTES, QUERY_LIVE_BLOCKS, "block",
               page->profile->interval.is_from_start ? "" : " at the second instant");
    text_print(&line, "%s in %s block%s live at the first instant",
               units_format_size(totals->inherited_bytes, size),
               units_format_count(totals->inherited_blocks, count),
               totals->inherited_blocks == 1 ? "" : "s");
    if (!page->profile->interval.is_from_start)
        page_label(page, "Before", text_get(&line));
    else
        label_inherited(page, totals);
    text_clear(&line);
    label_pair(page, "Allocated", &figures, QUERY_ALLOCATED_BYTES, QUERY_ALLOCATIONS, "call", "");
    label_pair(page, "Freed", &figures, QUERY_FREED_BYTES, QUERY_FREES, "call", "");
    if (!page->profile->interval.is_from_start)
        label_change(page, from, &figures);
}

static void write_totals(struct page *page, uint32_t process, const struct report_options *options)
{
    const struct profile_process *from = &page->profile->processes[process];
    const struct recording_totals *totals = &from->totals;
    page_end_line(page);
    if (!from->about.observed || !from->has_totals) {
        page_label(page, "Totals", "not known: its allocations were not seen");
        return;
    }
    if (page->profile->whole) {
        write_interval_totals(page, process);
        return;
    }
    struct query_figures figures = {0};
    query_figures_add_totals(&figures, totals);
    label_peak(page, totals, &figures);
    label_pair(page, "Live", &figures, QUERY_LIVE_BYTES, QUERY_LIVE_BLOCKS, "block",
               text_is_at_peak(options) ? " at the end" : "");
    label_inherited(page, totals);
    label_pair(page, "Allocated", &figures, QUERY_ALLOCATED_BYTES, QUERY_ALLOCATIONS, "call", "");
    label_pair(page, "Freed", &figures, QUERY_FREED_BYTES, QUERY_FREES, "call", "");
    label_temporary(page, totals);
    label_failed(page, totals);
    label_mapped(page, totals);
}

/* ---- processes ---- */

struct ranked_process {
    uint64_t value;
    uint32_t process;
};

static int compare_ranks(const void *left, const void *right)
{
    const struct ranked_process *a = left, *b = right;
    if (a->value != b->value)
        return a->value > b->value ? -1 : 1;
    return (a->process > b->process) - (a->process < b->process);
}

/* All processes, largest first. Caller frees. */
static struct ranked_process *rank_processes(const struct profile *profile,
                                             enum query_metric metric)
{
    struct ranked_process *ranked = memory_allocate_zeroed(profile->process_count, sizeof *ranked);
    for (uint32_t i = 0; i < profile->process_count; i++)
        ranked[i] = (struct ranked_process){query_total(&profile->processes[i].totals, metric), i};
    if (profile->process_count)
        qsort(ranked, profile->process_count, sizeof *ranked, compare_ranks);
    return ranked;
}

static void write_process_row(struct page *page, const struct profile_process *process)
{
    char exit[EXIT_TEXT_BYTES];
    const struct recording_totals *totals = &process->totals;
    page_add(page, "  %5" PRIu64 " %8" PRIu64, process->about.id, process->about.pid);
    if (process->about.observed && process->has_totals) {
        text_add_metric(page, 10, QUERY_PEAK_BYTES, totals->peak_bytes);
        text_add_metric(page, 10, QUERY_LIVE_BYTES, totals->live_bytes);
        text_add_metric(page, 11, QUERY_ALLOCATED_BYTES, totals->allocated_bytes);
    } else {
        page_add(page, "%31s", "not observed");
    }
    page_add(page, "  %-9s", exit_text_format_short(&process->about, exit));
    page_add_foreign(page, profile_process_name(process), page_left(page, 12));
    if (!process->about.is_own_image)
        page_add(page, " (fork)");
    page_end_line(page);
}

static void write_process_table(struct page *page, const struct report_options *options,
                                const struct ranked_process *ranked)
{
    const struct profile *profile = page->profile;
    char count[UNITS_TEXT_BYTES];
    uint64_t limit = text_limit(options);
    page_heading(page, "Processes: %s", units_format_count(profile->process_count, count));
    page_end_line(page);
    page_set_style(page, PAGE_DIM);
    page_add(page, "  %5s %8s%10s%10s%11s  %-9s%s", "ID", "PID", "Peak", "Live", "Allocated",
             "Exit", "Program");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    for (size_t i = 0; i < profile->process_count; i++) {
        if (limit && i == limit) {
            page_add(page, "  and %s more",
                     units_format_count(profile->process_count - limit, count));
            page_end_line(page);
            break;
        }
        write_process_row(page, &profile->processes[ranked[i].process]);
    }
}

static void write_python(struct page *page, const struct report_options *options, uint32_t process)
{
    const struct process_python *python = python_heaps_of(options->pythons, process);
    if (python != NULL)
        python_write_text(page, python, text_limit(options));
}

static void write_memory(struct page *page, const struct report_options *options, uint32_t process)
{
    memory_write_text(page, memory_uses_of(options->memories, process));
}

static bool write_process(struct page *page, const struct report_options *options, uint32_t process,
                          struct error *error)
{
    page_set_program(page, process);
    write_totals(page, process, options);
    if (!page->profile->processes[process].about.observed) {
        write_memory(page, options, process);
        write_python(page, options, process);
        return true;
    }
    if (!text_write_sites(page, options, process, error))
        return false;
    if (!text_write_mappings(page, options, process, error))
        return false;
    text_write_misuse(page, options, process);
    write_memory(page, options, process);
    write_python(page, options, process);
    return true;
}

static void write_growths(struct page *page, const struct report_options *options)
{
    const struct profile *profile = page->profile;
    uint32_t asked = profile->process_count == 1 ? 0 : options->query.process;

    for (uint32_t i = 0; i < profile->process_count; i++) {
        if (asked != QUERY_ALL_PROCESSES && asked != i)
            continue;
        page_set_program(page, i);
        if (asked == QUERY_ALL_PROCESSES)
            page_heading(
                page, "Process %" PRIu64 ": %s, pid %" PRIu64, profile->processes[i].about.id,
                profile_process_name(&profile->processes[i]), profile->processes[i].about.pid);
        growth_write_text(page, options, process_growths_of(options->growths, i));
    }
}

static void write_rest(struct page *page, uint64_t count)
{
    char number[UNITS_TEXT_BYTES];
    if (!count)
        return;
    page_end_line(page);
    page_set_style(page, PAGE_DIM);
    page_add(page, "And %s more: seep report --process ID shows one",
             units_format_count(count, number));
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static bool write_several(struct page *page, const struct report_options *options,
                          struct error *error)
{
    const struct profile *profile = page->profile;
    struct ranked_process *ranked = rank_processes(profile, options->query.sort);
    bool is_written = true;
    size_t shown = options->has_limit && !options->query.limit ? profile->process_count
                                                               : DETAILED_PROCESSES;
    uint64_t rest = 0;
    write_process_table(page, options, ranked);
    for (size_t i = 0; is_written && i < profile->process_count; i++) {
        const struct profile_process *process = &profile->processes[ranked[i].process];
        if (!process->site_count)
            continue;
        if (shown == 0) {
            rest++;
            continue;
        }
        shown--;
        page_heading(page, "Process %" PRIu64 ": %s, pid %" PRIu64, process->about.id,
                     profile_process_name(process), process->about.pid);
        is_written = write_process(page, options, ranked[i].process, error);
    }
    if (is_written)
        write_rest(page, rest);
    free(ranked);
    return is_written;
}

static bool write_body(struct page *page, const struct report_options *options, struct error *error)
{
    uint32_t process = page->profile->process_count == 1 ? 0 : options->query.process;
    if (process != QUERY_ALL_PROCESSES)
        page_set_program(page, process);
    if (options->is_growth && options->growths) {
        write_growths(page, options);
        return true;
    }
    if (options->is_by_category) {
        memory_write_report_text(page, options);
        return true;
    }
    if (options->is_by_type) {
        type_write_report_text(page, options);
        return true;
    }
    if (options->is_tree)
        return text_write_tree(page, options, error);
    if (options->has_grouping && options->query.grouping != QUERY_BY_SITE)
        return text_write_groups(page, options, error);
    if (process != QUERY_ALL_PROCESSES)
        return write_process(page, options, process, error);
    return write_several(page, options, error);
}

bool text_write_report(const struct profile *profile, const struct report_options *options,
                       FILE *out, struct error *error)
{
    struct page page;
    page_init(&page, profile, out, options->width, options->is_colour);
    text_write_header(&page, "Memory", options);
    bool is_written = write_body(&page, options, error);
    page_clear(&page);
    return is_written;
}
