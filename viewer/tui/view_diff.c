/* Two recordings, or two instants of one, side by side: which sites are new, gone, grown and
 * shrunk. Which figure is compared is the one that all screens ask for. */
#include "analysis/diff.h"
#include "base/units.h"
#include "tui/figures_table.h"
#include "tui/filter_text.h"

enum {
    COLUMN_CHANGE,
    COLUMN_BASE,
    COLUMN_NEW,
    COLUMN_STATE,
    COLUMN_NAME,
    DIFF_COLUMNS
};

static const struct table_column columns[DIFF_COLUMNS] = {
    [COLUMN_CHANGE] = {"Change", 11, false, true, 90, DIFF_BY_CHANGE},
    [COLUMN_BASE] = {"Base", 10, false, true, 60, DIFF_BY_BASE},
    [COLUMN_NEW] = {"New", 10, false, true, 70, DIFF_BY_OTHER},
    [COLUMN_STATE] = {"State", 7, false, false, 80, DIFF_BY_STATE},
    [COLUMN_NAME] = {"Site", 16, true, false, 100, DIFF_BY_NAME},
};

struct diff_view {
    struct diff_options options;
    struct diff diff;
    bool is_sorted; /* the user has chosen an order */
};

static const char *diff_missing(const struct view_context *context)
{
    return context->comparison.profiles[DIFF_BASE]
               ? NULL
               : "nothing is compared yet: \":diff FILE\", or \"seep view BASE NEW\"";
}

static void diff_close(struct view *view)
{
    struct diff_view *shown = view->state;

    diff_clear(&shown->diff);
}

static void diff_bring_into_order(struct view *view)
{
    struct diff_view *shown = view->state;

    diff_sort(&shown->options, &shown->diff, (enum diff_order)view->table.sort_key,
              view->table.is_inverted);
    shown->is_sorted = true;
}

/* The figure asked for; where one of the two does not know it, one that it knows. */
static enum query_metric choose_metric(const struct view_context *context)
{
    enum query_metric metric = context->question.metric;

    for (int side = 0; side < DIFF_SIDES; side++)
        metric = query_nearest_metric(context->comparison.profiles[side], QUERY_ALL_PROCESSES,
                                      QUERY_BY_SITE, metric);
    return metric < QUERY_METRIC_COUNT ? metric : QUERY_LIVE_BYTES;
}

static bool compare(struct view *view, struct diff *diff, struct error *error)
{
    struct diff_view *shown = view->state;
    const struct tui_comparison *comparison = &view->context->comparison;
    struct filter_text filter;
    bool is_good;

    filter_text_parse(&filter, view_filter(view));
    shown->options = (struct diff_options){.metric = choose_metric(view->context),
                                           .filter = filter.filter};
    for (int side = 0; side < DIFF_SIDES; side++) {
        shown->options.profiles[side] = comparison->profiles[side];
        shown->options.is_peak[side] = comparison->is_peak[side];
    }
    is_good = diff_run(&shown->options, diff, error);
    filter_text_clear(&filter);
    shown->options.filter = (struct query_filter){0};
    return is_good;
}

static bool diff_load(struct view *view, struct error *error)
{
    struct diff_view *shown = view->state;
    struct diff diff;

    if (!compare(view, &diff, error))
        return false;
    diff_clear(&shown->diff);
    shown->diff = diff;
    if (shown->is_sorted)
        diff_bring_into_order(view);
    else
        view->table.sort_key = DIFF_BY_CHANGE;
    view->is_of_others = true;
    view->table.columns = columns;
    view->table.column_count = DIFF_COLUMNS;
    view->table.row_count = diff.row_count;
    view->table.selected = view->table.top = 0;
    return true;
}

static uint64_t total(const struct diff_view *shown, enum diff_side side)
{
    return shown->diff.totals[side]
        .values[diff_metric(&shown->options, side, shown->options.metric)];
}

static void diff_describe(const struct view *view, struct text *out)
{
    static const enum diff_state told[] = {DIFF_NEW, DIFF_GROWN, DIFF_SHRUNK, DIFF_GONE};
    const struct diff_view *shown = view->state;
    const struct tui_comparison *comparison = &view->context->comparison;
    enum query_metric metric = shown->options.metric;
    uint64_t base = total(shown, DIFF_BASE), other = total(shown, DIFF_OTHER);
    char from[UNITS_TEXT_BYTES], to[UNITS_TEXT_BYTES];
    bool is_first = true;

    text_print(out, "%s %s to %s: ", query_metric_at(metric)->name,
               query_metric_format(metric, base, from), query_metric_format(metric, other, to));
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        char number[UNITS_TEXT_BYTES];

        if (!shown->diff.state_counts[told[i]])
            continue;
        text_print(out, "%s%s %s", is_first ? "" : ", ",
                   units_format_count(shown->diff.state_counts[told[i]], number),
                   diff_state_name(told[i]));
        is_first = false;
    }
    text_print(out, "%s; against %s", is_first ? "nothing changed" : "",
               comparison->names[DIFF_BASE]);
}

static void diff_row_text(const struct view *view, size_t row, struct text *out)
{
    const struct diff_view *shown = view->state;
    struct query_row named;

    diff_name_row(&shown->options, &shown->diff.rows[row], &named);
    text_print(out, "%s %s %s %s", diff_state_name(shown->diff.rows[row].state), named.name,
               named.file ? named.file : "", named.module ? named.module : "");
}

static void put_cell(const struct view *view, struct screen *screen, int row, int column,
                     const char *text)
{
    struct table_place place = table_place(&view->table, (size_t)column);
    bool is_sorted = columns[column].sort_key == view->table.sort_key;

    screen_put_right(screen, row, place.column, place.columns,
                     is_sorted ? STYLE_STRONG : STYLE_TEXT, text);
}

static void diff_draw_row(const struct view *view, struct screen *screen, struct area area,
                          size_t number)
{
    const struct diff_view *shown = view->state;
    const struct diff_row *row = &shown->diff.rows[number];
    enum query_metric metric = shown->options.metric;
    struct table_place state = table_place(&view->table, COLUMN_STATE);
    struct query_row named;
    char text[UNITS_TEXT_BYTES];

    put_cell(view, screen, area.row, COLUMN_CHANGE,
             diff_format_change(
                 metric, diff_change(row->values[DIFF_BASE], row->values[DIFF_OTHER]), text));
    put_cell(view, screen, area.row, COLUMN_BASE,
             row->has_side[DIFF_BASE] ? query_metric_format(metric, row->values[DIFF_BASE], text)
                                      : "none");
    put_cell(view, screen, area.row, COLUMN_NEW,
             row->has_side[DIFF_OTHER] ? query_metric_format(metric, row->values[DIFF_OTHER], text)
                                       : "none");
    screen_put(screen, area.row, state.column, state.columns, STYLE_TEXT,
               diff_state_name(row->state));
    diff_name_row(&shown->options, row, &named);
    figures_draw_name(shown->options.profiles[row->side], screen, area.row,
                      table_place(&view->table, COLUMN_NAME), &named, QUERY_BY_SITE);
}

static bool diff_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct diff_view *shown = view->state;
    const struct diff_row *row;

    if (action != ACTION_OPEN || !shown->diff.row_count)
        return false;
    row = &shown->diff.rows[view->table.selected];
    reaction->opened = &view_stack;
    reaction->request.site = row->site;
    reaction->request.profile = shown->options.profiles[row->side];
    reaction->request.difference = row;
    reaction->request.compared = shown->options.metric;
    return true;
}

const struct view_ops view_diff = {
    .name = "diff",
    .title = "Diff",
    .digit = 'D',
    .help = "what is new, gone, grown and shrunk, against another recording",
    .scopes = SCOPE_OPENS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_FILTERS | SCOPE_METRIC,
    .state_bytes = sizeof(struct diff_view),
    .missing = diff_missing,
    .close = diff_close,
    .load = diff_load,
    .sort = diff_bring_into_order,
    .describe = diff_describe,
    .draw_row = diff_draw_row,
    .row_text = diff_row_text,
    .act = diff_act,
};
