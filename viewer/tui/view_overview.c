/* The first screen: the totals, how far they can be trusted, memory over time, what grows, the
 * processes and the largest sites. Every figure leads to the sites sorted by it. */
#include "tui/figures_table.h"
#include "tui/overview_rows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/interval.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    LABEL_COLUMNS = 18,
    VALUE_COLUMNS = 12,
    TREE_COLUMNS = 2, /* a process stands so far to the right of its parent */
    MIN_PLOT_COLUMNS = 30,
    MANY_SITES = 200000 /* of more, growth would keep one waiting for the first screen */
};

static void overview_close(struct view *view)
{
    struct overview *overview = view->state;
    overview_rows_clear(overview);
    free(overview->rows);
    query_result_clear(&overview->sites);
    query_result_clear(&overview->growing);
    growth_clear(&overview->growth);
    screen_clear(&overview->plot);
}

/* The process whose curves are drawn: the one asked for, else the one with the highest peak. */
static uint32_t process_to_plot(const struct view *view)
{
    const struct profile *profile = profile_whole(view->context->profile);
    uint32_t chosen = view->context->question.process;
    if (chosen < profile->process_count)
        return chosen;
    chosen = 0;
    for (uint32_t i = 1; i < profile->process_count; i++)
        if (profile->processes[i].totals.peak_bytes > profile->processes[chosen].totals.peak_bytes)
            chosen = i;
    return chosen;
}

/* The rows of the first sites that grow, for their names. */
static bool find_growing_sites(struct view *view, struct error *error)
{
    struct overview *overview = view->state;
    const struct profile *profile = view->context->profile;
    const struct growth *growth = &overview->growth;
    uint8_t *is_growing = memory_allocate_zeroed(profile->site_count, 1);
    struct query query = {
        .grouping = QUERY_BY_SITE, .process = overview->growth_process, .only_sites = is_growing};
    for (size_t i = 0; i < growth->count && i < TOP_GROWERS; i++)
        is_growing[growth->sites[i].site] = 1;
    bool is_done = query_run(profile, &query, &overview->growing, error);
    free(is_growing);
    return is_done;
}

/* Once for each process: its timeline is read. Of instants nothing is told, and of a program that
 * runs another screen tells more. */
static bool find_growth(struct view *view, struct error *error)
{
    struct overview *overview = view->state;
    const struct profile *profile = view->context->profile;
    struct recording_reader *reader = view->context->options->reader;
    struct snapshot_list snapshots = {0};
    struct error ignored;
    if (!reader || profile->whole || profile->is_at_mark ||
        overview->plot_process >= profile->process_count ||
        (overview->is_growth_known && overview->growth_process == overview->plot_process))
        return true;
    uint32_t site_count = profile->processes[overview->plot_process].site_count;
    growth_clear(&overview->growth);
    query_result_clear(&overview->growing);
    overview->growing = (struct query_result){0};
    overview->growth_process = overview->plot_process;
    overview->is_growth_known = true;
    overview->is_growth_left_out = site_count > MANY_SITES;
    if (overview->is_growth_left_out)
        return true;
    snapshot_list_read(&snapshots, reader, &ignored); /* what could be read of it is enough */
    growth_find(profile, reader, &snapshots, overview->growth_process, &overview->growth);
    snapshot_list_clear(&snapshots);
    return !overview->growth.growing_count || find_growing_sites(view, error);
}

static bool overview_can_select(const void *context, size_t row)
{
    const struct overview *overview = ((const struct view *)context)->state;
    enum overview_row_kind kind = overview->rows[row].kind;
    return kind != OVERVIEW_BLANK && kind != OVERVIEW_HEADING && kind != OVERVIEW_PLOT;
}

static bool overview_load(struct view *view, struct error *error)
{
    struct overview *overview = view->state;
    const struct view_question *question = &view->context->question;
    struct query query = {.grouping = QUERY_BY_SITE,
                          .sort = question->metric,
                          .process = question->process,
                          .limit = TOP_SITES};
    query_result_clear(&overview->sites);
    overview->sites = (struct query_result){0};
    if (!query_run(view->context->profile, &query, &overview->sites, error))
        return false;
    overview->plot_process = process_to_plot(view);
    if (!find_growth(view, error))
        return false;
    screen_clear(&overview->plot);
    view->table.can_select = overview_can_select;
    view->table.selected = view->table.top = 0;
    overview_rows_build(view);
    return true;
}

/* The plot gets the height that totals and a few sites leave. */
static int plot_rows_for(int rows)
{
    int wanted = rows / 3;
    return wanted < PLOT_MIN_ROWS ? PLOT_MIN_ROWS : wanted > 14 ? 14 : wanted;
}

static void overview_fit(struct view *view, int rows, int columns)
{
    struct overview *overview = view->state;
    const struct profile *profile = profile_whole(view->context->profile);
    int plot_rows = plot_rows_for(rows), plot_columns = columns - 2;
    if (plot_columns < MIN_PLOT_COLUMNS || overview->plot_process >= profile->process_count ||
        (overview->plot.cells && overview->plot.rows == plot_rows &&
         overview->plot.columns == plot_columns))
        return;
    const struct profile_process *process = &profile->processes[overview->plot_process];
    if (!process->sample_count)
        return;
    screen_clear(&overview->plot);
    screen_init(&overview->plot, plot_rows, plot_columns, view->context->is_utf8);
    uint64_t end_ns = process->about.end_ns;
    overview->shape = (struct plot){.samples = profile->samples + process->first_sample,
                                    .sample_count = process->sample_count,
                                    .start_ns = process->about.start_ns,
                                    .end_ns = end_ns ? end_ns : profile->duration_ns,
                                    .peak_ns = process->totals.peak_time_ns,
                                    .peak_bytes = process->totals.peak_bytes};
    plot_draw(&overview->shape, &overview->plot, (struct area){0, 0, plot_rows, plot_columns});
    overview_rows_build(view);
}

/* ---- drawing ---- */

static void overview_describe(const struct view *view, struct text *out)
{
    const struct recording_session *session = &view->context->profile->session;
    char time[UNITS_TEXT_BYTES];
    for (size_t i = 0; i < session->command.count && i < 8; i++)
        text_print(out, i ? " %s" : "%s", session->command.items[i]);
    text_print(out, "  (%s)", units_format_duration(view->context->profile->duration_ns, time));
}

/* What the curves say at the cursor. */
static void print_cursor(const struct view *view, struct text *out)
{
    const struct overview *overview = view->state;
    const struct view_moment *cursor = &view->context->times.cursor;
    const struct recording_sample *sample = profile_find_sample(
        profile_whole(view->context->profile), overview->plot_process, cursor->time_ns);
    char heap[UNITS_TEXT_BYTES], resident[UNITS_TEXT_BYTES];
    interval_print_time(cursor->time_ns, out);
    if (*cursor->name != '+')
        text_print(out, " (%s)", cursor->name);
    text_print(out, ": heap %s", units_format_size(sample ? sample->heap_bytes : 0, heap));
    if (sample && sample->resident_bytes)
        text_print(out, ", resident %s", units_format_size(sample->resident_bytes, resident));
}

static void draw_figure(struct screen *screen, struct area area, const struct overview_row *row)
{
    bool is_narrow = area.columns < 60;
    int label_columns = is_narrow ? LABEL_COLUMNS - 2 : LABEL_COLUMNS + 2;
    int value_columns = is_narrow ? VALUE_COLUMNS - 2 : VALUE_COLUMNS;
    int column = area.column + 1;
    screen_put(screen, area.row, column, label_columns, STYLE_TEXT, row->label);
    column += label_columns;
    screen_put_right(screen, area.row, column, value_columns, STYLE_STRONG, row->value);
    column += value_columns + 2;
    screen_put(screen, area.row, column, area.columns - column, STYLE_FAINT, row->about);
}

static void draw_warning(struct screen *screen, struct area area, const struct overview_row *row)
{
    int column = area.column + 1;
    screen_put(screen, area.row, column, 1, STYLE_WARNING, "!");
    screen_put(screen, area.row, column + 2, area.columns - column - 2, STYLE_WARNING, row->label);
}

/* Over a row of the plot: a line down, with a letter at its head. */
static void draw_moment(const struct overview *overview, struct screen *screen, struct area area,
                        int row, const struct view_moment *moment, char letter)
{
    if (!moment->name)
        return;
    int column = plot_column(&overview->shape, overview->plot.columns, moment->time_ns);
    if (column < 0 || row == overview->plot.rows - 1)
        return;
    uint32_t line = screen->is_utf8 ? 0x2502 : '|';
    screen_put_character(screen, area.row, area.column + 1 + column, STYLE_PEAK,
                         row == 0 ? (uint32_t)(unsigned char)letter : line);
}

static void draw_plot_row(const struct view *view, struct screen *screen, struct area area, int row)
{
    const struct overview *overview = view->state;
    const struct view_times *times = &view->context->times;
    for (int column = 0; column < overview->plot.columns; column++) {
        const struct cell *cell = &overview->plot.cells[row * overview->plot.columns + column];
        screen_put_character(screen, area.row, area.column + 1 + column, cell->style,
                             cell->character);
    }
    draw_moment(overview, screen, area, row, &times->cursor, '^');
    for (size_t i = 0; i < times->mark_count; i++)
        draw_moment(overview, screen, area, row, &times->marks[i], (char)('A' + (int)i));
}

static void print_exit(const struct recording_process *about, struct text *out)
{
    unsigned long long value = about->exit_value;
    switch ((enum recording_exit_kind)about->exit_kind) {
    case RECORDING_EXIT_STATUS:
        text_print(out, "exit %llu", value);
        return;
    case RECORDING_EXIT_SIGNAL:
        text_print(out, "signal %llu", value);
        return;
    case RECORDING_EXIT_EXEC:
        text_add(out, "exec");
        return;
    case RECORDING_EXIT_RUNNING:
        text_add(out, "running");
        return;
    case RECORDING_EXIT_UNKNOWN:
        break;
    }
    text_add(out, "end not known");
}

/* Where a process's name begins; however deep it stands, half of the place is left for it. */
static int column_of_depth(int column, struct area area, uint32_t depth)
{
    uint32_t most = area.columns > column ? (uint32_t)(area.columns - column) / 2 / TREE_COLUMNS
                                          : 0;
    return column + (int)(depth < most ? depth : most) * TREE_COLUMNS;
}

static void draw_process(const struct view *view, struct screen *screen, struct area area,
                         const struct overview_row *row)
{
    uint32_t number = row->number;
    const struct profile_process *process = &view->context->profile->processes[number];
    struct text name = {0}, end = {0};
    char size[UNITS_TEXT_BYTES];
    bool is_wide = area.columns >= 60;
    int column = area.column + 1;
    screen_put_right(screen, area.row, column, 9, STYLE_STRONG,
                     units_format_size(process->totals.peak_bytes, size));
    screen_put(screen, area.row, column + 10, 4, STYLE_FAINT, "peak");
    column += 15;
    if (is_wide) {
        screen_put_right(screen, area.row, column, 9, STYLE_TEXT,
                         units_format_size(process->totals.live_bytes, size));
        screen_put(screen, area.row, column + 10, 6, STYLE_FAINT, "at end");
        column += 18;
    }
    print_exit(&process->about, &end);
    view_print_process(view->context->profile, number, &name);
    int end_columns = is_wide ? 14 : 0;
    column = column_of_depth(column, area, row->depth);
    screen_put_cut(screen, area.row, column, area.columns - column - end_columns - 1,
                   STYLE_FUNCTION, text_get(&name));
    screen_put_right(screen, area.row, area.columns - end_columns, end_columns, STYLE_FAINT,
                     process->about.observed ? text_get(&end) : "! not observed");
    text_clear(&name);
    text_clear(&end);
}

static void draw_more_processes(struct screen *screen, struct area area,
                                const struct overview_row *row)
{
    int column = area.column + (area.columns >= 60 ? 34 : 16);
    column = column_of_depth(column, area, row->depth);
    screen_put(screen, area.row, column, area.columns - column, STYLE_FAINT, row->label);
}

static void draw_growth(const struct view *view, struct screen *screen, struct area area,
                        uint32_t position)
{
    const struct overview *overview = view->state;
    const struct growth_site *site = &overview->growth.sites[position];
    const struct query_row *named = overview_growing_site(view, position);
    char rate[UNITS_TEXT_BYTES];
    struct text text = {0};
    int column = area.column + 1;
    text_print(&text, "%s/min",
               units_format_signed_size(trend_whole(site->bytes_per_minute), rate));
    screen_put_right(screen, area.row, column, 14, STYLE_STRONG, text_get(&text));
    text_clear(&text);
    column += 15;
    screen_put(screen, area.row, column, 8,
               site->verdict == TREND_GROWING ? STYLE_WARNING : STYLE_FAINT,
               trend_verdict_name(site->verdict));
    column += 9;
    if (area.columns >= 60) {
        uint64_t held = site->level > 0 ? (uint64_t)trend_whole(site->level) : 0;
        screen_put_right(screen, area.row, column, 9, STYLE_TEXT, units_format_size(held, rate));
        screen_put(screen, area.row, column + 10, 4, STYLE_FAINT, "held");
        column += 16;
    }
    if (named)
        figures_draw_name(view->context->profile, screen, area.row,
                          (struct table_place){column, area.columns - column - 1}, named,
                          QUERY_BY_SITE);
}

static void draw_site(const struct view *view, struct screen *screen, struct area area,
                      uint32_t number)
{
    const struct overview *overview = view->state;
    const struct query_row *row = &overview->sites.rows[number];
    enum query_metric metric = view->context->question.metric;
    char text[UNITS_TEXT_BYTES];
    int bar_columns = area.columns >= 60 ? 14 : 0, column = area.column + 1;
    uint64_t value = row->self.values[metric], total = overview->sites.total.values[metric];
    screen_put_right(screen, area.row, column, 9, STYLE_STRONG,
                     figures_format(metric, value, text));
    column += 10;
    bool has_share = !query_metric_at(metric)->is_signed;
    if (has_share)
        screen_put_right(screen, area.row, column, 7, STYLE_FAINT,
                         units_format_percent(value, total, text));
    column += has_share ? 8 : 1;
    bar_columns = has_share ? bar_columns : 0;
    if (bar_columns)
        screen_put_bar(screen, area.row, column, bar_columns, STYLE_PLOT_HEAP,
                       total ? (double)value / (double)total : 0);
    column += bar_columns ? bar_columns + 1 : 0;
    figures_draw_name(view->context->profile, screen, area.row,
                      (struct table_place){column, area.columns - column - 1}, row, QUERY_BY_SITE);
}

/* That of the plot tells of the cursor, too. */
static void draw_heading(const struct view *view, struct screen *screen, struct area area,
                         size_t number)
{
    const struct overview *overview = view->state;
    struct text text = {0};
    text_add(&text, overview->rows[number].label);
    if (view->context->times.cursor.name && number + 1 < overview->row_count &&
        overview->rows[number + 1].kind == OVERVIEW_PLOT) {
        text_add(&text, "  at ");
        print_cursor(view, &text);
    }
    screen_put_cut(screen, area.row, area.column + 1, area.columns - 1, STYLE_STRONG,
                   text_get(&text));
    text_clear(&text);
}

static void overview_draw_row(const struct view *view, struct screen *screen, struct area area,
                              size_t number)
{
    const struct overview *overview = view->state;
    const struct overview_row *row = &overview->rows[number];
    switch (row->kind) {
    case OVERVIEW_BLANK:
        return;
    case OVERVIEW_HEADING:
        draw_heading(view, screen, area, number);
        return;
    case OVERVIEW_FIGURE:
        draw_figure(screen, area, row);
        return;
    case OVERVIEW_WARNING:
        draw_warning(screen, area, row);
        return;
    case OVERVIEW_PLOT:
        draw_plot_row(view, screen, area, (int)row->number);
        return;
    case OVERVIEW_PROCESS:
        draw_process(view, screen, area, row);
        return;
    case OVERVIEW_MORE_PROCESSES:
        draw_more_processes(screen, area, row);
        return;
    case OVERVIEW_GROWTH:
        draw_growth(view, screen, area, row->number);
        return;
    case OVERVIEW_SITE:
        draw_site(view, screen, area, row->number);
        return;
    }
}

static const struct query_row *selected_site(const struct view *view)
{
    const struct overview *overview = view->state;
    const struct overview_row *row = &overview->rows[view->table.selected];
    if (row->kind == OVERVIEW_GROWTH)
        return overview_growing_site(view, row->number);
    return row->kind == OVERVIEW_SITE ? &overview->sites.rows[row->number] : NULL;
}

static bool open_selected(struct view *view, struct reaction *reaction)
{
    struct overview *overview = view->state;
    const struct overview_row *row = &overview->rows[view->table.selected];
    const struct query_row *site = selected_site(view);
    if (site)
        figures_request_stack(site, reaction);
    else if (row->kind == OVERVIEW_MORE_PROCESSES) {
        overview->are_all_processes_shown = true;
        overview_rows_build(view);
    } else if (row->kind == OVERVIEW_PROCESS)
        text_print(&reaction->command, "process %u", row->number);
    else if (row->kind == OVERVIEW_FIGURE && row->metric != TABLE_NO_SORT)
        text_print(&reaction->command, "sort %s", query_metric_at((size_t)row->metric)->name);
    else
        text_add(&reaction->message, "there is nothing behind this line");
    if (row->kind == OVERVIEW_FIGURE && row->metric != TABLE_NO_SORT)
        reaction->opened = &view_sites;
    return true;
}

/* By a column; the first step is from the end, or from the start. */
static bool move_cursor(const struct view *view, bool is_earlier, struct reaction *reaction)
{
    const struct overview *overview = view->state;
    const struct plot *shape = &overview->shape;
    const struct view_moment *cursor = &view->context->times.cursor;
    uint64_t step_ns = plot_column_ns(shape, overview->plot.columns);
    uint64_t time_ns = is_earlier ? shape->end_ns : shape->start_ns;
    if (!overview->plot.cells) {
        text_add(&reaction->message, "there is no timeline to move along");
        return true;
    }
    if (cursor->name)
        time_ns = cursor->time_ns;
    if (is_earlier)
        time_ns -= time_ns > shape->start_ns + step_ns ? step_ns : time_ns - shape->start_ns;
    else
        time_ns += time_ns + step_ns < shape->end_ns ? step_ns : shape->end_ns - time_ns;
    text_print(&reaction->command, "cursor +%" PRIu64 "ns", time_ns);
    return true;
}

static bool overview_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct overview *overview = view->state;
    const struct query_row *site = overview->row_count ? selected_site(view) : NULL;
    if (action == ACTION_OPEN && overview->row_count)
        return open_selected(view, reaction);
    if (action == ACTION_EARLIER || action == ACTION_LATER)
        return move_cursor(view, action == ACTION_EARLIER, reaction);
    if (action != ACTION_TREE)
        return false;
    reaction->opened = &view_tree;
    reaction->request.site = site ? site->site : QUERY_NO_SITE;
    return true;
}

static uint64_t overview_row_key(const struct view *view, size_t number)
{
    const struct overview *overview = view->state;
    const struct overview_row *row = &overview->rows[number];
    uint64_t key = kept_row_add_number(KEPT_ROW_KEY, row->kind);
    if (row->kind == OVERVIEW_SITE) {
        const struct query_row *site = &overview->sites.rows[row->number];
        return kept_row_add_number(kept_row_add_number(key, site->fingerprint), site->process);
    }
    if (row->kind == OVERVIEW_GROWTH)
        return kept_row_add_number(key, overview->growth.sites[row->number].site);
    key = kept_row_add_text(key, row->kind == OVERVIEW_FIGURE ? row->label : NULL);
    return row->kind == OVERVIEW_PROCESS || row->kind == OVERVIEW_MORE_PROCESSES
               ? kept_row_add_number(key, row->number)
               : key;
}

const struct view_ops view_overview = {
    .name = "overview",
    .title = "Overview",
    .digit = '1',
    .help = "totals, quality, memory over time, what grows, the tree of processes",
    .scopes = SCOPE_OPENS | SCOPE_SITES | SCOPE_TIME,
    .state_bytes = sizeof(struct overview),
    .close = overview_close,
    .load = overview_load,
    .fit = overview_fit,
    .describe = overview_describe,
    .draw_row = overview_draw_row,
    .row_key = overview_row_key,
    .act = overview_act,
};
