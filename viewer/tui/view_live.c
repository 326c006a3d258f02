/* What a program that runs does now: sites by what they allocate a second, by what has grown since
 * the mark, and by how surely they grow. The figures are those of analysis/rates.h. */
#include "tui/figures_table.h"

#include <stdio.h>

#include "analysis/live_picture.h"
#include "analysis/own_code.h"
#include "analysis/rates.h"
#include "base/units.h"

enum {
    COLUMN_CALLS,
    COLUMN_BYTES,
    COLUMN_LIVE,
    COLUMN_GROWN,
    COLUMN_SLOPE,
    COLUMN_RANGE,
    COLUMN_VERDICT,
    COLUMN_SITE,
    LIVE_COLUMNS
};

/* clang-format off */
static const struct table_column columns[LIVE_COLUMNS] = {
    [COLUMN_CALLS] = {"Calls/s", 9, false, true, 60, RATES_BY_ALLOCATIONS},
    [COLUMN_BYTES] = {"Bytes/s", 10, false, true, 80, RATES_BY_ALLOCATED_BYTES},
    [COLUMN_LIVE] = {"Live", 10, false, true, 70, RATES_BY_LIVE_BYTES},
    [COLUMN_GROWN] = {"Grown", 11, false, true, 90, RATES_BY_GROWN_BYTES},
    [COLUMN_SLOPE] = {"A minute", 11, false, true, 50, RATES_BY_SLOPE},
    [COLUMN_RANGE] = {"between, 95 %", 21, false, true, 10, TABLE_NO_SORT},
    [COLUMN_VERDICT] = {"Verdict", 8, false, false, 40, TABLE_NO_SORT},
    [COLUMN_SITE] = {"Site", 20, true, false, 100, TABLE_NO_SORT},
};
/* clang-format on */

struct live_view {
    struct rates rates;
};

static const char *live_missing(const struct view_context *context)
{
    return context->live ? NULL : "this is a recording: seep top shows what a program does now";
}

static bool live_open(struct view *view, const struct view_request *request, struct error *error)
{
    (void)request, (void)error;
    view->table.sort_key = RATES_BY_ALLOCATED_BYTES;
    return true;
}

static void live_close(struct view *view)
{
    struct live_view *shown = view->state;
    rates_clear(&shown->rates);
}

static void find_rates(struct view *view)
{
    struct live_view *shown = view->state;
    const struct view_live *live = view->context->live;
    struct rates_question question = {.process = view->context->question.process,
                                      .order = (enum rates_order)view->table.sort_key,
                                      .before = live->before,
                                      .mark = live->mark};
    rates_clear(&shown->rates);
    live_picture_find_rates(live->picture, &question, &shown->rates);
}

static bool live_load(struct view *view, struct error *error)
{
    const struct live_view *shown = view->state;
    (void)error;
    find_rates(view);
    view->table.columns = columns;
    view->table.column_count = LIVE_COLUMNS;
    view->table.row_count = shown->rates.row_count;
    view->table.selected = view->table.top = 0;
    return true;
}

static void live_sort(struct view *view)
{
    struct live_view *shown = view->state;
    rates_reorder(&shown->rates, (enum rates_order)view->table.sort_key);
}

static const struct rates_row *row_at(const struct view *view, size_t row)
{
    const struct rates *rates = &((const struct live_view *)view->state)->rates;
    return rates_row_at(rates, view->table.is_inverted ? rates->row_count - 1 - row : row);
}

/* ---- drawing ---- */

static uint64_t whole(double value)
{
    return value < 0 ? 0 : value > 9e18 ? INT64_MAX : (uint64_t)value;
}

static const char *format_slope(double value, char text[UNITS_TEXT_BYTES])
{
    int64_t rounded = value > 9e18 ? INT64_MAX : value < -9e18 ? INT64_MIN : (int64_t)value;
    return units_format_signed_size(rounded, text);
}

static void print_growing(const struct view *view, struct text *out)
{
    const struct live_view *shown = view->state;
    const struct live_picture *picture = view->context->live->picture;
    uint32_t process = view->context->question.process;
    bool is_known = false;
    for (uint32_t i = 0; i < picture->profile->process_count; i++)
        if (process == i || process == QUERY_ALL_PROCESSES)
            is_known |= picture->growths[i].has_timeline && !picture->growths[i].is_too_short;
    if (is_known)
        text_print(out, "; %zu grow%s for sure", shown->rates.growing_count,
                   shown->rates.growing_count == 1 ? "s" : "");
    else
        text_add(out, "; what grows is not known yet");
}

static void live_describe(const struct view *view, struct text *out)
{
    const struct live_view *shown = view->state;
    const struct rates *rates = &shown->rates;
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    text_print(out, "%s live", units_format_size(rates->total.counts.live_bytes, size));
    if (rates->has_speed)
        text_print(out, ", %s/s in %s calls/s",
                   units_format_size(whole(rates->total.speed.allocated_bytes), size),
                   units_format_short_count(whole(rates->total.speed.allocations), count));
    text_print(out, ", %s since %s", units_format_signed_size(rates->total.grown_bytes, size),
               rates->has_mark ? units_format_duration(rates->mark_ns, count) : "its start");
    print_growing(view, out);
}

static void put_cell(const struct view *view, struct screen *screen, int row, int column,
                     const char *text)
{
    struct table_place place = table_place(&view->table, (size_t)column);
    bool is_sorted = columns[column].sort_key == view->table.sort_key &&
                     columns[column].sort_key != TABLE_NO_SORT;
    if (place.columns)
        screen_put_right(screen, row, place.column, place.columns,
                         is_sorted ? STYLE_STRONG : STYLE_TEXT, text);
}

static void put_growth(const struct view *view, struct screen *screen, int row,
                       const struct growth_site *growth)
{
    char text[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES], both[2 * UNITS_TEXT_BYTES + 4];
    struct table_place place = table_place(&view->table, COLUMN_VERDICT);
    if (!growth)
        return;
    put_cell(view, screen, row, COLUMN_SLOPE, format_slope(growth->bytes_per_minute, text));
    snprintf(both, sizeof both, "%s..%s", format_slope(growth->low, text),
             format_slope(growth->high, high));
    put_cell(view, screen, row, COLUMN_RANGE, both);
    if (place.columns)
        screen_put(screen, row, place.column, place.columns,
                   growth->verdict == TREND_GROWING ? STYLE_WARNING : STYLE_FAINT,
                   trend_verdict_name(growth->verdict));
}

/* As the screen of sites names it. */
static struct query_row name_row(const struct profile *profile, uint32_t site)
{
    const struct profile_site *of = &profile->sites[site];
    const struct profile_frame *frame = NULL;
    const struct profile_location *location = own_code_find(profile, of->stack_node, &frame, NULL);
    struct query_row row = {.site = site, .name = "(no stack known)"};
    if (!location)
        return row;
    row.name = location->function;
    row.file = location->file;
    row.line = location->line;
    if (frame->module_plus_1 && frame->module_plus_1 <= profile->module_count)
        row.module = profile->modules[frame->module_plus_1 - 1].path;
    return row;
}

static void live_draw_row(const struct view *view, struct screen *screen, struct area area,
                          size_t number)
{
    const struct live_view *shown = view->state;
    const struct rates_row *row = row_at(view, number);
    const struct query_row name = name_row(view->context->profile, row->site);
    char text[UNITS_TEXT_BYTES];
    if (shown->rates.has_speed) {
        put_cell(view, screen, area.row, COLUMN_CALLS,
                 units_format_short_count(whole(row->change.speed.allocations), text));
        put_cell(view, screen, area.row, COLUMN_BYTES,
                 units_format_size(whole(row->change.speed.allocated_bytes), text));
    }
    put_cell(view, screen, area.row, COLUMN_LIVE,
             units_format_size(row->change.counts.live_bytes, text));
    put_cell(view, screen, area.row, COLUMN_GROWN,
             units_format_signed_size(row->change.grown_bytes, text));
    put_growth(view, screen, area.row, row->growth);
    figures_draw_name(view->context->profile, screen, area.row,
                      table_place(&view->table, COLUMN_SITE), &name, QUERY_BY_SITE);
}

static void live_row_text(const struct view *view, size_t number, struct text *out)
{
    const struct query_row name = name_row(view->context->profile, row_at(view, number)->site);
    text_print(out, "%s %s %s", name.name, name.file ? name.file : "",
               name.module ? name.module : "");
}

static uint64_t live_row_key(const struct view *view, size_t number)
{
    const struct profile *profile = view->context->profile;
    const struct profile_site *site = &profile->sites[row_at(view, number)->site];
    return kept_row_add_number(kept_row_add_number(KEPT_ROW_KEY, site->process), site->figures.id);
}

/* ---- keys ---- */

static bool live_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct live_view *shown = view->state;
    if (!shown->rates.row_count)
        return false;
    const struct rates_row *row = row_at(view, view->table.selected);
    switch (action) {
    case ACTION_OPEN:
        reaction->opened = &view_stack;
        reaction->request.site = row->site;
        return true;
    case ACTION_TREE:
        reaction->opened = &view_tree;
        reaction->request.site = row->site;
        return true;
    default:
        return false;
    }
}

const struct view_ops view_live = {
    .name = "live",
    .title = "Live",
    .digit = 'L',
    .help = "of a program that runs: what it does now",
    .scopes = SCOPE_OPENS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_SITES,
    .state_bytes = sizeof(struct live_view),
    .missing = live_missing,
    .open = live_open,
    .close = live_close,
    .load = live_load,
    .describe = live_describe,
    .draw_row = live_draw_row,
    .row_text = live_row_text,
    .sort = live_sort,
    .row_key = live_row_key,
    .act = live_act,
};
