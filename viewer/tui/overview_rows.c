#include "tui/overview_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/interval.h"
#include "analysis/family_tree.h"
#include "analysis/quality.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    FEW_PROCESSES = 4
};

static struct overview_row *add_row(struct overview *overview, enum overview_row_kind kind,
                                    uint32_t number)
{
    overview->rows = memory_grow(overview->rows, &overview->capacity, overview->row_count + 1,
                                 sizeof *overview->rows);
    struct overview_row *row = &overview->rows[overview->row_count++];
    *row = (struct overview_row){.kind = kind, .metric = TABLE_NO_SORT, .number = number};
    return row;
}

static void add_heading(struct overview *overview, const char *text)
{
    add_row(overview, OVERVIEW_BLANK, 0);
    add_row(overview, OVERVIEW_HEADING, 0)->label = memory_duplicate_text(text);
}

static void add_figure(struct overview *overview, const char *label, const char *value, char *about,
                       int metric)
{
    struct overview_row *row = add_row(overview, OVERVIEW_FIGURE, 0);
    row->label = memory_duplicate_text(label);
    row->value = memory_duplicate_text(value);
    row->about = about;
    row->metric = metric;
}

void overview_rows_clear(struct overview *overview)
{
    for (size_t i = 0; i < overview->row_count; i++) {
        free(overview->rows[i].label);
        free(overview->rows[i].value);
        free(overview->rows[i].about);
    }
    overview->row_count = 0;
}

static void add_peak(struct overview *overview, const struct profile_process *process)
{
    const struct recording_totals *totals = &process->totals;
    char size[UNITS_TEXT_BYTES], time[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    add_figure(overview, "Heap at its peak", units_format_size(totals->peak_bytes, size),
               memory_print_text("in %s block%s, after %s",
                                 units_format_count(totals->peak_blocks, count),
                                 units_plural(totals->peak_blocks),
                                 units_format_duration(totals->peak_time_ns, time)),
               QUERY_PEAK_BYTES);
}

static void add_kernel_figures(struct overview *overview, const struct profile_process *process)
{
    const struct recording_totals *totals = &process->totals;
    char size[UNITS_TEXT_BYTES], common[UNITS_TEXT_BYTES], live[UNITS_TEXT_BYTES];
    if (totals->mapped_peak_bytes)
        add_figure(overview, "Own mappings' peak",
                   units_format_size(totals->mapped_peak_bytes, size),
                   memory_print_text("%s at the end; with the heap %s",
                                     units_format_size(totals->mapped_bytes, live),
                                     units_format_size(totals->common_peak_bytes, common)),
                   TABLE_NO_SORT);
    bool is_known = totals->peak_resident_bytes != 0;
    add_figure(overview, "Resident at most",
               is_known ? units_format_size(totals->peak_resident_bytes, size) : "not known",
               memory_duplicate_text(is_known ? "as the kernel counts" : ""), TABLE_NO_SORT);
}

/* Heap figures of all sites asked for. */
static void add_heap_figures(struct overview *overview, const struct profile *profile)
{
    const uint64_t *values = overview->sites.total.values;
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    const char *when = !profile->whole                   ? "Heap at the end"
                       : profile->interval.is_from_start ? "Heap at that time"
                                                         : "Heap after it";
    if (profile->whole && !profile->interval.is_from_start)
        add_figure(
            overview, "Heap before it",
            units_format_size(overview->sites.total.inherited_bytes, size),
            memory_print_text("in %s block%s",
                              units_format_count(overview->sites.total.inherited_blocks, count),
                              units_plural(overview->sites.total.inherited_blocks)),
            TABLE_NO_SORT);
    add_figure(overview, when, units_format_size(values[QUERY_LIVE_BYTES], size),
               memory_print_text("in %s block%s",
                                 units_format_count(values[QUERY_LIVE_BLOCKS], count),
                                 units_plural(values[QUERY_LIVE_BLOCKS])),
               QUERY_LIVE_BYTES);
    add_figure(overview, "Allocated", units_format_size(values[QUERY_ALLOCATED_BYTES], size),
               memory_print_text("in %s call%s",
                                 units_format_count(values[QUERY_ALLOCATIONS], count),
                                 units_plural(values[QUERY_ALLOCATIONS])),
               QUERY_ALLOCATED_BYTES);
    if (profile->whole) {
        add_figure(overview, "Freed", units_format_size(values[QUERY_FREED_BYTES], size),
                   memory_print_text("in %s block%s",
                                     units_format_count(values[QUERY_FREES], count),
                                     units_plural(values[QUERY_FREES])),
                   QUERY_FREED_BYTES);
        return;
    }
    uint64_t calls = values[QUERY_ALLOCATIONS];
    const char *share = units_format_percent(values[QUERY_TEMPORARY], calls, size);
    add_figure(overview, "Temporary", units_format_count(values[QUERY_TEMPORARY], count),
               calls ? memory_print_text("%s of the calls", share) : memory_duplicate_text(""),
               QUERY_TEMPORARY);
}

/* How far an interval changed what there was. */
static void add_change(struct overview *overview, const struct profile *profile, uint32_t process)
{
    const uint64_t *values = overview->sites.total.values;
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    bool is_known = query_known_metrics(profile, process, QUERY_BY_SITE) >> QUERY_SURVIVED_BYTES &
                    1;
    const char *why = profile->interval.survivors_unknown;
    add_figure(
        overview, "Net", query_metric_format(QUERY_NET_BYTES, values[QUERY_NET_BYTES], size),
        memory_print_text("%s block%s",
                          query_metric_format(QUERY_NET_BLOCKS, values[QUERY_NET_BLOCKS], count),
                          units_plural(values[QUERY_NET_BLOCKS])),
        QUERY_NET_BYTES);
    if (is_known)
        add_figure(overview, "Survived", units_format_size(values[QUERY_SURVIVED_BYTES], size),
                   memory_print_text("in %s block%s, born in it and still there",
                                     units_format_count(values[QUERY_SURVIVED_BLOCKS], count),
                                     units_plural(values[QUERY_SURVIVED_BLOCKS])),
                   QUERY_SURVIVED_BYTES);
    else
        add_figure(overview, "Survived", "not known", memory_duplicate_text(why ? why : ""),
                   TABLE_NO_SORT);
}

static void add_warning(struct overview *overview, const struct quality *quality,
                        const struct quality_problem *problem)
{
    struct text line = {0};
    quality_describe_problem(problem, &line);
    if (problem->kind == QUALITY_NO_SYMBOLS && quality->missing_count) {
        text_add(&line, ": ");
        quality_describe_missing(quality->missing[0], &line);
    }
    add_row(overview, OVERVIEW_WARNING, 0)->label = text_take(&line);
}

static void add_quality(struct overview *overview, const struct view *view)
{
    const struct profile *profile = view->context->profile;
    uint32_t process = view->context->question.process;
    char count[UNITS_TEXT_BYTES];
    struct quality quality;
    quality_judge(profile, process, &quality);
    bool is_one = process < profile->process_count;
    add_figure(
        overview, "Recorded", quality.is_complete ? "complete" : "incomplete",
        is_one ? memory_print_text("%s events", units_format_count(quality.sum.events, count))
               : memory_print_text("%zu processes: p looks at one of them", profile->process_count),
        TABLE_NO_SORT);
    for (size_t i = 0; i < quality.problem_count; i++)
        add_warning(overview, &quality, &quality.problems[i]);
    quality_clear(&quality);
}

static void add_plot(struct overview *overview, const struct profile *profile)
{
    if (overview->plot_process >= profile->process_count || !overview->plot.cells)
        return;
    struct text heading = {0};
    text_add(&heading, "Memory over time: ");
    view_print_process(profile, overview->plot_process, &heading);
    add_heading(overview, text_get(&heading));
    text_clear(&heading);
    for (int row = 0; row < overview->plot.rows; row++)
        add_row(overview, OVERVIEW_PLOT, (uint32_t)row);
}

static void add_sites(struct overview *overview, enum query_metric metric)
{
    struct text heading = {0};
    if (!overview->sites.row_count)
        return;
    text_print(&heading, "Largest sites (%s)", query_metric_at(metric)->name);
    add_heading(overview, text_get(&heading));
    text_clear(&heading);
    for (size_t i = 0; i < overview->sites.row_count; i++)
        add_row(overview, OVERVIEW_SITE, (uint32_t)i);
}

/* What grows, and what may; nothing where nothing surely does. */
static void add_growth(struct overview *overview, const struct profile *profile)
{
    const struct growth *growth = &overview->growth;
    char duration[UNITS_TEXT_BYTES];
    struct text heading = {0};
    if (!profile->whole && overview->is_growth_left_out) {
        add_row(overview, OVERVIEW_BLANK, 0);
        add_figure(overview, "Growing", "not known",
                   memory_duplicate_text("too many sites to look here: seep report --growth tells"),
                   TABLE_NO_SORT);
    }
    if (profile->whole || !growth->growing_count)
        return;
    text_print(&heading, "Growing over %s: ",
               units_format_duration(growth->end_ns - growth->start_ns, duration));
    view_print_process(profile, overview->growth_process, &heading);
    add_heading(overview, text_get(&heading));
    text_clear(&heading);
    for (uint32_t i = 0; i < growth->count && i < TOP_GROWERS; i++)
        if (growth->sites[i].verdict != TREND_PLATEAU)
            add_row(overview, OVERVIEW_GROWTH, i);
}

const struct query_row *overview_growing_site(const struct view *view, uint32_t position)
{
    const struct overview *overview = view->state;
    uint32_t site = overview->growth.sites[position].site;
    uint64_t fingerprint = view->context->profile->sites[site].fingerprint;
    for (size_t i = 0; i < overview->growing.row_count; i++)
        if (overview->growing.rows[i].fingerprint == fingerprint)
            return &overview->growing.rows[i];
    return NULL;
}

static void add_processes(struct overview *overview, const struct profile *profile)
{
    struct family_tree tree;
    if (profile->process_count < 2)
        return;
    add_heading(overview, "Processes (Enter looks at one alone)");
    family_tree_list(profile, overview->are_all_processes_shown, &tree);
    for (size_t i = 0; i < tree.count; i++) {
        const struct family_tree_row *from = &tree.rows[i];
        enum overview_row_kind kind = from->left_out ? OVERVIEW_MORE_PROCESSES : OVERVIEW_PROCESS;
        struct overview_row *row = add_row(overview, kind, from->process);
        row->depth = from->depth;
        if (from->left_out)
            row->label = memory_print_text("%" PRIu32 " more, with lower peaks (Enter shows all)",
                                           from->left_out);
    }
    family_tree_clear(&tree);
}

void overview_rows_build(struct view *view)
{
    struct overview *overview = view->state;
    const struct profile *profile = view->context->profile;
    uint32_t process = view->context->question.process;
    overview_rows_clear(overview);
    if (process < profile->process_count && !profile->whole)
        add_peak(overview, &profile->processes[process]);
    add_heap_figures(overview, profile);
    if (profile->whole && !profile->interval.is_from_start)
        add_change(overview, profile, process);
    if (process < profile->process_count && !profile->whole)
        add_kernel_figures(overview, &profile->processes[process]);
    add_quality(overview, view);
    add_plot(overview, profile);
    add_growth(overview, profile);
    /* Few processes stand above the sites, many below. */
    bool are_few = profile->process_count <= FEW_PROCESSES;
    if (are_few)
        add_processes(overview, profile);
    add_sites(overview, view->context->question.metric);
    if (!are_few)
        add_processes(overview, profile);
    view->table.row_count = overview->row_count;
}
