/* What is lost, by kind: the rows are leak_rows.h, how they look leak_cells.h, the figures those of
 * analysis/leak_report.h. Here is what is asked of them, and what keys do. */
#include "tui/view_leaks.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/leak_list.h"
#include "analysis/leak_report.h"
#include "analysis/scan_text.h"
#include "analysis/suppression_entry.h"
#include "analysis/suppressions.h"
#include "base/memory.h"
#include "tui/filter_text.h"
#include "tui/judged_leaks.h"
#include "tui/leak_cells.h"
#include "tui/leak_rows.h"
#include "tui/leak_words.h"
#include "tui/source_file.h"

enum {
    HIGH_ROWS = 16
};

struct leaks_view {
    struct judged_leaks judged;
    struct leak_rows rows;
};

static const char *leaks_missing(const struct view_context *context)
{
    return context->options->find_leaks ? NULL : "there is no recording to look for leaks in";
}

static bool leaks_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct leaks_view *shown = view->state;
    (void)request;
    bool *is_open = shown->rows.is_open;
    is_open[LEAK_DEFINITE] = is_open[LEAK_INDIRECT] = true;
    is_open[LEAK_POSSIBLE] = is_open[LEAK_ROWS_UNSCANNED] = true;
    return judged_leaks_init(&shown->judged, view->context->options, error);
}

static void leaks_close(struct view *view)
{
    struct leaks_view *shown = view->state;
    judged_leaks_clear(&shown->judged);
    leak_rows_clear(&shown->rows);
}

/* ---- loading ---- */

/* The sites that the filter leaves; NULL: all. */
static bool find_kept(const struct view *view, uint8_t **is_kept, struct error *error)
{
    const struct profile *profile = view->context->profile;
    struct filter_text filter;
    *is_kept = NULL;
    if (!*view->context->question.filter)
        return true;
    filter_text_parse(&filter, view->context->question.filter);
    *is_kept = memory_allocate_zeroed(profile->site_count + 1, 1);
    bool is_good = query_filter_sites(profile, &filter.filter, *is_kept, error);
    filter_text_clear(&filter);
    return is_good;
}

static void show_rows(struct view *view, const uint8_t *is_kept)
{
    struct leaks_view *shown = view->state;
    const struct leak_report *report = &shown->judged.report;
    uint32_t process = view->context->question.process;
    leak_cells_set_columns(&view->table,
                           process == QUERY_ALL_PROCESSES && report->process_count > 1);
    leak_rows_show(&shown->rows, &view->table, report, process, is_kept);
}

static bool leaks_load(struct view *view, struct error *error)
{
    struct leaks_view *shown = view->state;
    uint8_t *is_kept = NULL;
    bool is_good = judged_leaks_find(&shown->judged, view->context, error) &&
                   find_kept(view, &is_kept, error);
    if (is_good)
        show_rows(view, is_kept);
    free(is_kept);
    return is_good;
}

/* What was found and filtered before is so again. */
static void leaks_sort(struct view *view)
{
    struct error ignored;
    leaks_load(view, &ignored);
}

/* ---- what is shown ---- */

static struct leak_words words_of(const struct view *view)
{
    const struct leaks_view *shown = view->state;
    return (struct leak_words){profile_whole(view->context->profile), &shown->judged.suppressions};
}

static struct leak_cells cells_of(const struct view *view)
{
    const struct leaks_view *shown = view->state;
    return (struct leak_cells){.profile = view->context->profile,
                               .words = words_of(view),
                               .report = &shown->judged.report,
                               .rows = &shown->rows,
                               .table = &view->table,
                               .process = view->context->question.process};
}

static const struct leak_row *selected_row(const struct view *view)
{
    const struct leaks_view *shown = view->state;
    return leak_rows_selected(&shown->rows, &view->table);
}

static void describe_one(const struct judged_leaks *judged,
                         const struct leak_report_process *process, struct text *out)
{
    if (process->is_done && judged->since != LEAK_REPORT_NONE && !*judged->trouble)
        text_print(out, "New leaks since snapshot:%llu at snapshot:%llu, ",
                   (unsigned long long)judged->since, (unsigned long long)process->head.id);
    else if (process->is_done)
        text_print(out, "Leaks at snapshot:%llu, ", (unsigned long long)process->head.id);
    scan_text_describe(process, out);
    struct text missing = {0};
    scan_text_describe_missing(process, &missing);
    if (missing.count)
        text_print(out, "! %s", text_get(&missing));
    text_clear(&missing);
}

static void leaks_describe(const struct view *view, struct text *out)
{
    const struct leaks_view *shown = view->state;
    if (*shown->judged.note)
        text_print(out, "(%s) ", shown->judged.note);
    const struct leak_report_process *only = NULL;
    size_t count = 0, scanned = 0;
    for (size_t i = 0; i < shown->judged.report.process_count; i++) {
        if (!leak_rows_is_asked(&shown->judged.report.processes[i],
                                view->context->question.process))
            continue;
        only = &shown->judged.report.processes[i];
        count++;
        scanned += only->is_done;
    }
    if (count == 1)
        describe_one(&shown->judged, only, out);
    else if (scanned)
        text_print(out, "Leaks of %zu processes, %zu scanned", count, scanned);
    else
        text_print(out, "%zu processes, none scanned: whether anything is lost is not known",
                   count);
}

static void leaks_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t number)
{
    const struct leaks_view *shown = view->state;
    const struct leak_cells cells = cells_of(view);
    leak_cells_draw_row(&cells, &shown->rows.items[number], screen, area);
}

/* Marks change after views were loaded. */
static void leaks_fit(struct view *view, int rows, int columns)
{
    struct leaks_view *shown = view->state;
    struct error ignored;
    (void)columns;
    if (judged_leaks_are_elsewhere(&shown->judged, view->context))
        leaks_load(view, &ignored);
    else if (shown->judged.is_found)
        judged_leaks_find(&shown->judged, view->context, &ignored);
    view->below_rows = rows >= HIGH_ROWS ? 3 : 1;
}

static void leaks_draw_below(const struct view *view, struct screen *screen, struct area area)
{
    const struct leak_cells cells = cells_of(view);
    const struct leak_row *row = selected_row(view);
    struct text text = {0};
    if (!row)
        return;
    leak_cells_add_details(&cells, row, &text);
    screen_put_lines(screen, (struct area){area.row, 1, area.rows, area.columns - 2}, STYLE_PLACE,
                     text_get(&text));
    text_clear(&text);
}

static void leaks_row_text(const struct view *view, size_t number, struct text *out)
{
    const struct leaks_view *shown = view->state;
    const struct leak_cells cells = cells_of(view);
    leak_cells_add_text(&cells, &shown->rows.items[number], out);
}

/* ---- what keys do ---- */

static void show_leak(struct view *view, const struct leak_line *line, struct reaction *reaction)
{
    const struct leak_words words = words_of(view);
    const struct leak *leak = leak_line_leak(line);
    if (leak->site == LEAKS_NO_SITE) {
        text_add(&reaction->message, "from before the recording, or not known: it has no stack");
        return;
    }
    struct leaks_view *shown = view->state;
    const struct last_seen *seen = judged_leaks_seen(&shown->judged, view->context, line);
    leak_words_add_notes(&words, line, seen, &reaction->request);
    reaction->request.site = leak->site;
    reaction->opened = &view_stack;
}

static void set_open(struct view *view, unsigned group, bool is_open, struct reaction *reaction)
{
    struct leaks_view *shown = view->state;
    struct error error;
    shown->rows.is_open[group] = is_open;
    if (!leaks_load(view, &error))
        text_add(&reaction->message, error.message);
    leak_rows_select_heading(&shown->rows, &view->table, group);
}

static void set_all_open(struct view *view, bool is_open, struct reaction *reaction)
{
    struct leaks_view *shown = view->state;
    const struct leak_row *row = selected_row(view);
    for (unsigned group = 0; group < LEAK_ROWS_GROUPS; group++)
        shown->rows.is_open[group] = is_open;
    set_open(view, row ? row->group : 0, is_open, reaction);
}

static void show_source(const struct view *view, const struct leak_row *row, enum action action,
                        struct reaction *reaction)
{
    const struct leak_words words = words_of(view);
    const struct profile_location *location = row->is_heading || row->unscanned
                                                  ? NULL
                                                  : leak_words_location(
                                                        &words, leak_line_leak(&row->line)->site);
    source_file_act(view->context, location, 0, action, reaction);
}

/* Why this row's leak cannot be suppressed; NULL: it can. */
static const char *why_not_suppressed(const struct leak_row *row)
{
    if (!row || row->is_heading || row->unscanned)
        return "choose a leak to suppress";
    return judged_leaks_why_not_suppressed(leak_line_leak(&row->line));
}

static void ask_for_suppression(const struct view *view, struct reaction *reaction)
{
    const struct tui_options *options = view->context->options;
    const char *reason = why_not_suppressed(selected_row(view));
    if (reason)
        text_add(&reaction->message, reason);
    else
        text_print(&reaction->typed, "suppress lsan %s",
                   options->suppression_file_count ? options->suppression_files[0] : "seep.supp");
}

static bool leaks_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct leaks_view *shown = view->state;
    const struct leak_row *row = selected_row(view);
    if (!row)
        return false;
    switch (action) {
    case ACTION_OPEN:
        if (row->is_heading)
            set_open(view, row->group, !shown->rows.is_open[row->group], reaction);
        else if (row->unscanned)
            scan_text_advise(view->context->profile, row->unscanned, &reaction->message);
        else
            show_leak(view, &row->line, reaction);
        return true;
    case ACTION_EXPAND:
        if (!row->is_heading && !row->unscanned)
            show_leak(view, &row->line, reaction);
        else
            set_open(view, row->group, true, reaction);
        return true;
    case ACTION_COLLAPSE:
        set_open(view, row->group, row->is_heading ? false : true, reaction);
        return true;
    case ACTION_EXPAND_ALL:
    case ACTION_COLLAPSE_ALL:
        set_all_open(view, action == ACTION_EXPAND_ALL, reaction);
        return true;
    case ACTION_SOURCE:
    case ACTION_EDIT:
        show_source(view, row, action, reaction);
        return true;
    case ACTION_TREE:
        reaction->opened = &view_tree;
        reaction->request.site = row->is_heading || row->unscanned
                                     ? QUERY_NO_SITE
                                     : leak_line_leak(&row->line)->site;
        return true;
    case ACTION_SUPPRESS:
        ask_for_suppression(view, reaction);
        return true;
    default:
        return false;
    }
}

/* ---- suppressing ---- */

static bool find_grammar(const char **argument, enum suppression_grammar *grammar,
                         struct error *error)
{
    size_t bytes = strcspn(*argument, " ");
    const char *name;
    for (unsigned i = 0; (name = suppression_grammar_name_at(i)); i++) {
        if (strlen(name) != bytes || strncmp(name, *argument, bytes) != 0)
            continue;
        *argument += bytes;
        *argument += strspn(*argument, " ");
        *grammar = (enum suppression_grammar)i;
        return **argument || error_set(error, "a file is needed: suppress %s FILE", name);
    }
    return error_set(error, "a suppression's grammar is lsan or valgrind");
}

static void tell_suppressed(const struct view *view, const char *path, bool is_new,
                            struct text *out)
{
    const struct leaks_view *shown = view->state;
    struct leak_sum sum = leak_list_sum(&shown->judged.report, view->context->question.process,
                                        LEAK_SUPPRESSED);
    text_print(
        out, is_new ? "written to %s; suppressed now: " : "%s has it already; suppressed: ", path);
    leak_words_add_sum(&sum, out);
}

bool view_leaks_suppress(struct view *view, const char *argument, struct reaction *reaction,
                         struct error *error)
{
    struct leaks_view *shown = view->state;
    const struct leak_row *row = selected_row(view);
    const char *reason = why_not_suppressed(row);
    enum suppression_grammar grammar = SUPPRESSION_LSAN;
    bool is_new;
    if (reason)
        return error_set(error, "%s", reason);
    if (!find_grammar(&argument, &grammar, error) ||
        !judged_leaks_suppress(&shown->judged, view->context, leak_line_leak(&row->line), grammar,
                               argument, &is_new, error) ||
        !leaks_load(view, error))
        return false;
    tell_suppressed(view, argument, is_new, &reaction->message);
    return true;
}

const struct view_ops view_leaks = {
    .name = "leaks",
    .title = "Leaks",
    .digit = '5',
    .help = "what is lost, by kinds; suppressions",
    .scopes = SCOPE_LEAKS | SCOPE_SORTS | SCOPE_INVERTS | SCOPE_FILTERS | SCOPE_SOURCE |
              SCOPE_SITES,
    .state_bytes = sizeof(struct leaks_view),
    .missing = leaks_missing,
    .open = leaks_open,
    .close = leaks_close,
    .load = leaks_load,
    .fit = leaks_fit,
    .describe = leaks_describe,
    .draw_row = leaks_draw_row,
    .draw_below = leaks_draw_below,
    .row_text = leaks_row_text,
    .act = leaks_act,
    .sort = leaks_sort,
};
