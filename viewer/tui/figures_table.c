#include "tui/figures_table.h"

#include <string.h>

#include "analysis/fingerprint.h"
#include "analysis/own_code.h"
#include "analysis/place.h"
#include "base/units.h"
#include "tui/filter_text.h"
#include "tui/source_file.h"

enum {
    FIGURE_COLUMNS = 9,
    SHARE_COLUMNS = 7,
    NAME_MIN_COLUMNS = 16,
    SHARE_IMPORTANCE = 60
};

/* Columns from left to right, and which go first when the window is narrow. */
static const struct {
    enum query_metric metric;
    int importance;
} shown_metrics[] = {
    {QUERY_NET_BYTES, 95},
    {QUERY_NET_BLOCKS, 45},
    {QUERY_SURVIVED_BYTES, 85},
    {QUERY_SURVIVED_BLOCKS, 15},
    {QUERY_LIVE_BYTES, 90},
    {QUERY_LIVE_BLOCKS, 70},
    {QUERY_PEAK_BYTES, 80},
    {QUERY_PEAK_BLOCKS, 10},
    {QUERY_ALLOCATED_BYTES, 50},
    {QUERY_ALLOCATIONS, 40},
    {QUERY_TEMPORARY, 30},
    {QUERY_FREED_BYTES, 5},
    {QUERY_FREES, 1},
};

const char *figures_format(enum query_metric metric, uint64_t value, char *text)
{
    return query_metric_format(metric, value, text);
}

static void add_column(struct figures_table *figures, size_t *count, struct table_column column)
{
    if (*count < TABLE_MAX_COLUMNS)
        figures->columns[(*count)++] = column;
}

static void fill_columns(struct view *view, struct figures_table *figures)
{
    size_t count = 0;
    figures->metric_count = 0;
    for (size_t i = 0; i < sizeof shown_metrics / sizeof *shown_metrics; i++) {
        const struct query_metric_info *info = query_metric_at(shown_metrics[i].metric);
        if (!(figures->result.known_metrics & 1u << info->metric))
            continue;
        int title_columns = text_columns(info->title) + 1; /* and the arrow */
        figures->metrics[count] = info->metric;
        add_column(figures, &count,
                   (struct table_column){
                       .title = info->title,
                       .columns = title_columns > FIGURE_COLUMNS ? title_columns : FIGURE_COLUMNS,
                       .is_right = true,
                       .importance = shown_metrics[i].importance,
                       .sort_key = (int)info->metric,
                   });
    }
    figures->metric_count = count;
    add_column(figures, &count,
               (struct table_column){.title = "Share",
                                     .columns = SHARE_COLUMNS,
                                     .is_right = true,
                                     .importance = SHARE_IMPORTANCE,
                                     .sort_key = TABLE_NO_SORT});
    add_column(figures, &count,
               (struct table_column){.title = figures->grouping->title,
                                     .columns = NAME_MIN_COLUMNS,
                                     .is_flexible = true,
                                     .sort_key = TABLE_NO_SORT});
    view->table.columns = figures->columns;
    view->table.column_count = count;
}

static void take_list(const struct profile *profile, struct figures_table *figures,
                      const struct query *query)
{
    figures->row_count = query_list_count(figures->list);
    figures->result.known_metrics = query_known_metrics(profile, query->process, query->grouping);
    figures->result.total.values[query->sort] = query_list_total(figures->list);
    figures->result.matched.values[query->sort] = query_list_matched(figures->list);
}

static bool run_query(const struct view *view, struct figures_table *figures,
                      enum query_metric metric, struct error *error)
{
    const struct view_question *question = &view->context->question;
    struct filter_text filter;
    filter_text_parse(&filter, question->filter);
    struct query query = {
        .grouping = figures->grouping->grouping,
        .sort = metric,
        .is_sorted_inclusive = figures->is_inclusive,
        .process = question->process,
        .filter = filter.filter,
        .only_sites = figures->only_sites,
        .progress = &view->context->progress,
    };
    const struct profile *profile = view->context->profile;
    bool is_done;
    if (query_list_fits(profile, &query)) {
        is_done = (figures->list = query_list_create(profile, &query, error)) != NULL;
        if (is_done)
            take_list(profile, figures, &query);
    } else {
        is_done = query_run(profile, &query, &figures->result, error);
        figures->row_count = figures->result.row_count;
    }
    filter_text_clear(&filter);
    return is_done;
}

bool figures_table_load(struct view *view, struct figures_table *figures,
                        enum query_grouping grouping, struct error *error)
{
    const struct view_question *question = &view->context->question;
    enum query_metric metric = question->metric;
    figures_table_clear(figures);
    figures->grouping = query_grouping_at(grouping);
    figures->is_inclusive = question->is_inclusive && figures->grouping->has_inclusive;
    figures->is_inverted = question->is_inverted;
    /* Not every grouping has every figure (threads have no peak). */
    if (!run_query(view, figures, metric, error)) {
        metric = query_nearest_metric(view->context->profile, question->process,
                                      figures->grouping->grouping, metric);
        if (!run_query(view, figures, metric, error))
            return false;
    }
    fill_columns(view, figures);
    view->table.row_count = figures->row_count;
    view->table.sort_key = (int)metric;
    view->table.is_inverted = figures->is_inverted;
    view->table.selected = view->table.top = 0;
    return true;
}

void figures_table_clear(struct figures_table *figures)
{
    query_result_clear(&figures->result);
    query_list_destroy(figures->list);
    *figures = (struct figures_table){.only_sites = figures->only_sites};
}

void figures_table_describe(const struct view *view, const struct figures_table *figures,
                            struct text *out)
{
    enum query_metric metric = (enum query_metric)view->table.sort_key;
    const struct query_metric_info *info = query_metric_at(metric);
    char total[UNITS_TEXT_BYTES], matched[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    const struct query_result *result = &figures->result;
    figures_format(metric, result->total.values[metric], total);
    text_print(out, "%s by %s: ", figures->grouping->title, info->name);
    text_print(out, figures->row_count == 1 ? "%s row, " : "%s rows, ",
               units_format_count(figures->row_count, count));
    if (result->matched.values[metric] != result->total.values[metric])
        text_print(out, "%s of ", figures_format(metric, result->matched.values[metric], matched));
    text_add(out, total);
    if (figures->is_inclusive)
        text_add(out, ", with all that each calls");
    if (figures->grouping->grouping == QUERY_BY_THREAD && view->context->profile->whole)
        text_add(out, ": by thread, only the end is known (M goes there)");
}

/* Of a list, until the next one is asked for. */
static const struct query_row *row_at(struct figures_table *figures, size_t row)
{
    size_t position = figures->is_inverted ? figures->row_count - 1 - row : row;
    if (!figures->list)
        return &figures->result.rows[position];
    query_list_row(figures->list, position, &figures->row);
    return &figures->row;
}

/* What stands behind a name: the place in the source; of modules the path, of threads the id. */
static void print_about(const struct query_row *row, enum query_grouping grouping, struct text *out)
{
    if (grouping == QUERY_BY_THREAD && row->tid)
        text_print(out, "tid %llu", (unsigned long long)row->tid);
    else if (grouping == QUERY_BY_MODULE)
        text_add(out, row->module ? row->module : "");
    else if (row->file && row->line)
        text_print(out, "%s:%u", text_file_name(row->file), row->line);
    else if (grouping != QUERY_BY_FILE && row->module)
        text_add(out, text_file_name(row->module));
    if (text_starts_with(row->name, text_get(out)))
        text_clear(out); /* "libx.so+0x12" tells its module already */
}

struct callers {
    const struct profile *profile;
    struct text *out;
    unsigned skipped; /* locations down to the site's own one */
    unsigned told;
    bool is_wrapped; /* so far, all were wrappers */
    bool is_own;     /* only own code is told */
};

static bool print_caller(void *context, const struct profile_frame *frame,
                         const struct profile_location *location)
{
    enum {
        MAX_TOLD = 3
    };
    struct callers *callers = context;
    if (callers->skipped) {
        callers->skipped--;
        return true;
    }
    if (callers->is_own && !own_code_is_own(callers->profile, frame, location))
        return true;
    if (callers->is_wrapped && place_is_wrapper(location->function))
        return true;
    callers->is_wrapped = false;
    text_print(callers->out, "< %s ", location->function);
    return ++callers->told < MAX_TOLD;
}

/* Sites often have the same name (xmalloc), even in the same line: what it called of a library, and
 * who called it, tells them apart; libc's start code and the interpreter of Python's functions do
 * not. */
static void print_callers(const struct profile *profile, const struct query_row *row, int columns,
                          struct text *out)
{
    unsigned depth = 0;
    const struct profile_frame *frame;
    if (row->site >= profile->site_count)
        return;
    uint32_t node = profile->sites[row->site].stack_node;
    const struct profile_location *location = own_code_find(profile, node, &frame, &depth);
    if (!location)
        return;
    struct callers callers = {.profile = profile,
                              .out = out,
                              .skipped = depth + 1,
                              .is_wrapped = place_is_wrapper(row->name),
                              .is_own = own_code_is_own(profile, frame, location)};
    struct place place;
    place_find(profile, node, PLACE_ANY_CALLER, &place);
    place_add_called(&place, columns, out);
    if (place.called)
        text_add(out, " ");
    profile_visit_stack(profile, node, print_caller, &callers);
}

void figures_draw_name(const struct profile *profile, struct screen *screen, int line,
                       struct table_place place, const struct query_row *row,
                       enum query_grouping grouping)
{
    enum {
        MIN_CALLERS_COLUMNS = 10
    };
    struct text about = {0}, callers = {0};
    print_about(row, grouping, &about);
    int about_columns = text_columns(text_get(&about));
    int name_columns = place.columns, end = place.column + place.columns;
    int least_columns = text_columns(row->name);
    if (least_columns > NAME_MIN_COLUMNS)
        least_columns = NAME_MIN_COLUMNS;
    bool has_about = about_columns && place.columns - about_columns - 2 >= least_columns;
    if (has_about)
        name_columns -= about_columns + 2;
    int column = place.column;
    column += screen_put_cut(screen, line, column, name_columns, STYLE_FUNCTION, row->name) + 2;
    if (has_about)
        column += screen_put(screen, line, column, end - column, STYLE_PLACE, text_get(&about)) + 2;
    if (grouping == QUERY_BY_SITE && end - column >= MIN_CALLERS_COLUMNS) {
        print_callers(profile, row, end - column, &callers);
        screen_put(screen, line, column, end - column, STYLE_FAINT, text_get(&callers));
    }
    text_clear(&about);
    text_clear(&callers);
}

void figures_table_draw_row(const struct view *view, struct figures_table *figures,
                            struct screen *screen, struct area area, size_t row)
{
    const struct query_row *shown = row_at(figures, row);
    const struct query_figures *values = figures->is_inclusive ? &shown->inclusive : &shown->self;
    enum query_metric sorted = (enum query_metric)view->table.sort_key;
    char text[UNITS_TEXT_BYTES];
    for (size_t i = 0; i < figures->metric_count; i++) {
        struct table_place place = table_place(&view->table, i);
        enum query_metric metric = figures->metrics[i];
        if (place.columns)
            screen_put_right(screen, area.row, place.column, place.columns,
                             metric == sorted ? STYLE_STRONG : STYLE_TEXT,
                             figures_format(metric, values->values[metric], text));
    }
    struct table_place share = table_place(&view->table, figures->metric_count);
    if (share.columns && !query_metric_at(sorted)->is_signed)
        screen_put_right(screen, area.row, share.column, share.columns, STYLE_FAINT,
                         units_format_percent(values->values[sorted],
                                              figures->result.total.values[sorted], text));
    figures_draw_name(view->context->profile, screen, area.row,
                      table_place(&view->table, figures->metric_count + 1), shown,
                      figures->grouping->grouping);
}

void figures_table_row_text(struct figures_table *figures, size_t row, struct text *out)
{
    const struct query_row *shown = row_at(figures, row);
    const char *texts[] = {shown->name, shown->file, shown->module};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        text_add(out, i ? " " : "");
        text_add(out, texts[i] ? texts[i] : "");
    }
}

uint64_t figures_table_row_key(struct figures_table *figures, size_t row)
{
    const struct query_row *shown = row_at(figures, row);
    uint64_t key = kept_row_add_number(KEPT_ROW_KEY, shown->fingerprint);
    key = kept_row_add_number(key, shown->thread_id);
    key = kept_row_add_number(key, shown->process);
    key = kept_row_add_text(key, shown->name);
    return kept_row_add_text(key, shown->file);
}

void figures_request_stack(const struct query_row *row, struct reaction *reaction)
{
    if (row->site == QUERY_NO_SITE) {
        text_add(&reaction->message, "there is no stack for this row");
        return;
    }
    reaction->opened = &view_stack;
    reaction->request.site = row->site;
    reaction->request.figures = row->self;
    reaction->request.has_figures = row->fingerprint != 0;
}

/* Of one site its stack, of several their list; where a row has none by itself, of those that it
 * calls. */
static void request_behind(const struct figures_table *figures, const struct query_row *row,
                           struct reaction *reaction)
{
    enum query_grouping grouping = figures->grouping->grouping;
    bool is_nobody = grouping == QUERY_BY_THREAD && row->thread_id == UINT64_MAX;
    bool is_inclusive = figures->is_inclusive ||
                        (figures->grouping->has_inclusive && !row->site_count);
    bool is_one = row->site_count == 1 && !is_inclusive;
    if (grouping == QUERY_BY_SITE || is_nobody || is_one) {
        figures_request_stack(row, reaction);
        return;
    }
    reaction->opened = &view_group;
    reaction->request.group = row;
    reaction->request.grouping = grouping;
    reaction->request.is_inclusive = is_inclusive;
}

bool figures_table_act(const struct view *view, struct figures_table *figures, enum action action,
                       struct reaction *reaction)
{
    if (!figures->row_count)
        return false;
    const struct query_row *row = row_at(figures, view->table.selected);
    switch (action) {
    case ACTION_OPEN:
        request_behind(figures, row, reaction);
        return true;
    case ACTION_TREE:
        reaction->opened = &view_tree;
        reaction->request.site = row->site;
        return true;
    case ACTION_SOURCE:
        source_request(row->file, row->line, reaction);
        return true;
    case ACTION_EDIT:
        source_request_edit(view->context, row->file, row->line, reaction);
        return true;
    default:
        return false;
    }
}

bool figures_table_tell(struct figures_table *figures, size_t row, struct view_fields *fields)
{
    const struct query_row *told = row_at(figures, row);
    const struct query_figures *values = figures->is_inclusive ? &told->inclusive : &told->self;
    char fingerprint[FINGERPRINT_TEXT_BYTES];
    for (size_t i = 0; i < figures->metric_count; i++)
        view_tell_metric(fields, figures->metrics[i], values->values[figures->metrics[i]]);
    view_tell_text(fields, "name", told->name);
    view_tell_text(fields, "file", told->file);
    view_tell_number(fields, "line", told->line);
    view_tell_text(fields, "module", told->module);
    if (figures->grouping->grouping == QUERY_BY_THREAD)
        view_tell_number(fields, "tid", told->tid);
    if (figures->grouping->grouping == QUERY_BY_SITE)
        view_tell_text(fields, "fingerprint", fingerprint_format(told->fingerprint, fingerprint));
    return true;
}
