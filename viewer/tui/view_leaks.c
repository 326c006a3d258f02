/* What is lost, by kind: headings with the sums, below each its leaks as long as it is open, and at
 * the end the processes that were not scanned, of which nobody knows. The figures are those of
 * analysis/leak_report.h; here is only what is open. */
#include "tui/view_leaks.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/leak_list.h"
#include "analysis/leak_report.h"
#include "analysis/scan_text.h"
#include "analysis/suppression_entry.h"
#include "analysis/suppressions.h"
#include "base/memory.h"
#include "base/units.h"
#include "tui/filter_text.h"
#include "tui/judged_leaks.h"
#include "tui/leak_words.h"
#include "tui/source_file.h"

enum {
    COLUMN_KIND,
    COLUMN_BYTES,
    COLUMN_BLOCKS,
    COLUMN_INDIRECT,
    COLUMN_AGE,
    COLUMN_THREAD,
    COLUMN_SITE,
    COLUMN_PROCESS, /* the last: it is not there when there is one */
    LEAK_COLUMNS
};
enum {
    UNSCANNED = LEAK_KIND_COUNT, /* a group of rows like the kinds */
    GROUP_COUNT,
    HIGH_ROWS = 16
};

struct leaks_row {
    unsigned group;
    bool is_heading;
    struct leak_line line;                       /* of a leak */
    const struct leak_report_process *unscanned; /* of those */
};

struct leaks_view {
    struct judged_leaks judged;
    bool is_open[GROUP_COUNT];
    struct leaks_row *rows;
    size_t row_count, capacity;
    size_t shown[GROUP_COUNT]; /* how many rows each has when it is open */
    struct table_column columns[LEAK_COLUMNS];
};

static const char *leaks_missing(const struct view_context *context)
{
    return context->options->find_leaks ? NULL : "there is no recording to look for leaks in";
}

static bool leaks_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct leaks_view *shown = view->state;
    (void)request;
    shown->is_open[LEAK_DEFINITE] = shown->is_open[LEAK_INDIRECT] = true;
    shown->is_open[LEAK_POSSIBLE] = shown->is_open[UNSCANNED] = true;
    return judged_leaks_init(&shown->judged, view->context->options, error);
}

static void leaks_close(struct view *view)
{
    struct leaks_view *shown = view->state;
    judged_leaks_clear(&shown->judged);
    free(shown->rows);
}

/* ---- rows ---- */

static struct leaks_row *add_row(struct leaks_view *shown, unsigned group)
{
    shown->rows = memory_grow(shown->rows, &shown->capacity, shown->row_count + 1,
                              sizeof *shown->rows);
    struct leaks_row *row = &shown->rows[shown->row_count++];
    *row = (struct leaks_row){.group = group};
    return row;
}

static bool is_asked(const struct view *view, const struct leak_report_process *process)
{
    uint32_t asked = view->context->question.process;
    return asked == QUERY_ALL_PROCESSES || asked == process->process;
}

static bool is_any_scanned(const struct view *view)
{
    const struct leaks_view *shown = view->state;
    for (size_t i = 0; i < shown->judged.report.process_count; i++)
        if (shown->judged.report.processes[i].is_done &&
            is_asked(view, &shown->judged.report.processes[i]))
            return true;
    return false;
}

static void add_kind(struct view *view, enum leak_kind kind, const uint8_t *is_kept)
{
    struct leaks_view *shown = view->state;
    struct leak_list list;
    leak_list_build(&shown->judged.report, view->context->question.process, kind,
                    (enum leak_order)view->table.sort_key, is_kept, &list);
    add_row(shown, kind)->is_heading = true;
    shown->shown[kind] = list.count;
    for (size_t i = 0; i < list.count && shown->is_open[kind]; i++)
        add_row(shown, kind)->line = list.items[view->table.is_inverted ? list.count - 1 - i : i];
    leak_list_clear(&list);
}

/* The heading comes with the first of them. */
static void add_unscanned(struct view *view)
{
    struct leaks_view *shown = view->state;
    shown->shown[UNSCANNED] = 0;
    for (size_t i = 0; i < shown->judged.report.process_count; i++) {
        const struct leak_report_process *process = &shown->judged.report.processes[i];
        if (process->is_done || !is_asked(view, process))
            continue;
        if (shown->shown[UNSCANNED]++ == 0)
            add_row(shown, UNSCANNED)->is_heading = true;
        if (shown->is_open[UNSCANNED])
            add_row(shown, UNSCANNED)->unscanned = process;
    }
}

static void show_rows(struct view *view, const uint8_t *is_kept)
{
    struct leaks_view *shown = view->state;
    shown->row_count = 0;
    if (is_any_scanned(view))
        for (unsigned kind = 0; kind < LEAK_KIND_COUNT; kind++)
            add_kind(view, (enum leak_kind)kind, is_kept);
    add_unscanned(view);
    view->table.row_count = shown->row_count;
}

static void fill_columns(struct view *view)
{
    struct leaks_view *shown = view->state;
    bool has_several = view->context->question.process == QUERY_ALL_PROCESSES &&
                       shown->judged.report.process_count > 1;
    const struct table_column columns[LEAK_COLUMNS] = {
        [COLUMN_KIND] = {"Kind", 13, false, false, 100, TABLE_NO_SORT},
        [COLUMN_BYTES] = {"Bytes", 9, false, true, 100, LEAKS_BY_BYTES},
        [COLUMN_BLOCKS] = {"Blocks", 8, false, true, 80, LEAKS_BY_BLOCKS},
        [COLUMN_INDIRECT] = {"With it", 9, false, true, 60, LEAKS_BY_INDIRECT},
        [COLUMN_AGE] = {"Age", 8, false, true, 40, LEAKS_BY_AGE},
        [COLUMN_THREAD] = {"Thread", 8, false, false, 20, TABLE_NO_SORT},
        [COLUMN_SITE] = {"Site", 12, true, false, 100, TABLE_NO_SORT},
        [COLUMN_PROCESS] = {"Process", 20, false, false, 10, TABLE_NO_SORT},
    };
    memcpy(shown->columns, columns, sizeof columns);
    view->table.columns = shown->columns;
    view->table.column_count = has_several ? LEAK_COLUMNS : LEAK_COLUMNS - 1;
    if (view->table.sort_key == TABLE_NO_SORT)
        view->table.sort_key = LEAKS_BY_BYTES;
}

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

static bool leaks_load(struct view *view, struct error *error)
{
    struct leaks_view *shown = view->state;
    uint8_t *is_kept = NULL;
    bool is_good = judged_leaks_find(&shown->judged, view->context, error) &&
                   find_kept(view, &is_kept, error);
    if (is_good) {
        fill_columns(view);
        show_rows(view, is_kept);
    }
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
        if (!is_asked(view, &shown->judged.report.processes[i]))
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

static bool is_right(int column)
{
    return column >= COLUMN_BYTES && column <= COLUMN_AGE;
}

static void put_cell(const struct view *view, struct screen *screen, int row, int column,
                     enum style style, const char *text)
{
    struct table_place place = table_place(&view->table, (size_t)column);
    if (is_right(column))
        screen_put_right(screen, row, place.column, place.columns, style, text);
    else
        screen_put_cut(screen, row, place.column, place.columns, style, text);
}

static const char *group_name(unsigned group)
{
    return group == UNSCANNED ? "not scanned" : leak_kind_name(group);
}

static void draw_heading(const struct view *view, struct screen *screen, int line,
                         const struct leaks_row *row)
{
    const struct leaks_view *shown = view->state;
    char number[UNITS_TEXT_BYTES];
    struct text text = {0};
    size_t count = shown->shown[row->group];
    enum glyph glyph = !count ? GLYPH_LEAF : shown->is_open[row->group] ? GLYPH_OPEN : GLYPH_CLOSED;
    text_print(&text, "%s %s", screen_glyph(screen, glyph), group_name(row->group));
    put_cell(view, screen, line, COLUMN_KIND, STYLE_STRONG, text_get(&text));
    text_clear(&text);
    text_print(&text, "%s %s%s", units_format_count(count, number),
               row->group == UNSCANNED ? "process" : "site",
               count == 1                ? ""
               : row->group == UNSCANNED ? "es"
                                         : "s");
    if (row->group < LEAK_KIND_COUNT) {
        struct leak_sum sum = leak_list_sum(&shown->judged.report, view->context->question.process,
                                            (enum leak_kind)row->group);
        put_cell(view, screen, line, COLUMN_BYTES, STYLE_STRONG,
                 units_format_size(sum.bytes, number));
        put_cell(view, screen, line, COLUMN_BLOCKS, STYLE_STRONG,
                 units_format_count(sum.blocks, number));
    }
    put_cell(view, screen, line, COLUMN_SITE, STYLE_TEXT, text_get(&text));
    text_clear(&text);
}

static void print_process(const struct view *view, const struct leak_report_process *process,
                          struct text *out)
{
    view_print_process(view->context->profile, process->process, out);
}

static void draw_leak(const struct view *view, struct screen *screen, int line,
                      const struct leaks_row *row)
{
    const struct leak_words words = words_of(view);
    const struct leak *leak = leak_line_leak(&row->line);
    char number[UNITS_TEXT_BYTES];
    struct text text = {0};
    text_print(&text, "  %s", leak->cycles ? "cycle" : leak_kind_name(leak->kind));
    put_cell(view, screen, line, COLUMN_KIND, STYLE_FAINT, text_get(&text));
    text_clear(&text);
    put_cell(view, screen, line, COLUMN_BYTES, STYLE_TEXT, units_format_size(leak->bytes, number));
    put_cell(view, screen, line, COLUMN_BLOCKS, STYLE_TEXT,
             units_format_count(leak->blocks, number));
    put_cell(view, screen, line, COLUMN_INDIRECT, STYLE_TEXT,
             leak->indirect_bytes ? units_format_size(leak->indirect_bytes, number) : "");
    put_cell(view, screen, line, COLUMN_AGE, STYLE_TEXT,
             units_format_duration(leak_report_age_ns(row->line.process, leak), number));
    leak_words_add_thread(&words, &row->line, &text);
    put_cell(view, screen, line, COLUMN_THREAD, STYLE_TEXT, text_get(&text));
    text_clear(&text);
    print_process(view, row->line.process, &text);
    put_cell(view, screen, line, COLUMN_PROCESS, STYLE_PLACE, text_get(&text));
    text_clear(&text);
    leak_words_add_site(&words, leak->site, table_place(&view->table, COLUMN_SITE).columns, &text);
    put_cell(view, screen, line, COLUMN_SITE, STYLE_FUNCTION, text_get(&text));
    text_clear(&text);
}

/* Over all columns behind the first: it is a sentence. */
static void draw_unscanned(const struct view *view, struct screen *screen, struct area area,
                           const struct leak_report_process *process)
{
    struct text text = {0};
    print_process(view, process, &text);
    text_add(&text, ": ");
    scan_text_describe(process, &text);
    screen_put_cut(screen, area.row, area.column + 4, area.columns - 5, STYLE_WARNING,
                   text_get(&text));
    text_clear(&text);
}

static void leaks_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t number)
{
    const struct leaks_view *shown = view->state;
    const struct leaks_row *row = &shown->rows[number];
    if (row->is_heading)
        draw_heading(view, screen, area.row, row);
    else if (row->unscanned)
        draw_unscanned(view, screen, area, row->unscanned);
    else
        draw_leak(view, screen, area.row, row);
}

static void print_below(const struct view *view, const struct leaks_row *row, struct text *out)
{
    const struct leak_words words = words_of(view);
    if (row->is_heading) {
        if (row->group == UNSCANNED)
            text_add(out, "whether these leak is not known: each row says what to do");
        else
            text_print(out, "%s: %s (Enter opens and closes)", leak_kind_name(row->group),
                       leak_words_meaning((enum leak_kind)row->group));
        return;
    }
    if (row->unscanned) {
        scan_text_advise(view->context->profile, row->unscanned, out);
        return;
    }
    const struct leak *leak = leak_line_leak(&row->line);
    const struct leak_report_cycle *cycle = leak_report_find_cycle(row->line.process,
                                                                   row->line.leak);
    if (cycle) {
        leak_words_add_cycle(&words, cycle, out);
        text_add(out, "; ");
    }
    if (leak->kind == LEAK_SUPPRESSED) {
        text_add(out, "suppressed ");
        leak_words_add_suppression(&words, leak, out);
        text_add(out, "; ");
    }
    if (leak->site != LEAKS_NO_SITE)
        leak_words_add_stack(&words, leak->site, out);
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
    const struct leaks_view *shown = view->state;
    struct text text = {0};
    if (view->table.selected >= shown->row_count)
        return;
    print_below(view, &shown->rows[view->table.selected], &text);
    screen_put_lines(screen, (struct area){area.row, 1, area.rows, area.columns - 2}, STYLE_PLACE,
                     text_get(&text));
    text_clear(&text);
}

static void leaks_row_text(const struct view *view, size_t number, struct text *out)
{
    const struct leak_words words = words_of(view);
    const struct leaks_view *shown = view->state;
    const struct leaks_row *row = &shown->rows[number];
    if (row->is_heading)
        text_add(out, group_name(row->group));
    else if (row->unscanned)
        scan_text_describe(row->unscanned, out);
    else if (leak_line_leak(&row->line)->site != LEAKS_NO_SITE)
        leak_words_add_stack(&words, leak_line_leak(&row->line)->site, out);
}

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

/* ---- what keys do ---- */

static const struct leaks_row *selected_row(const struct view *view)
{
    const struct leaks_view *shown = view->state;
    return view->table.selected < shown->row_count ? &shown->rows[view->table.selected] : NULL;
}

static void set_open(struct view *view, unsigned group, bool is_open, struct reaction *reaction)
{
    struct leaks_view *shown = view->state;
    struct error error;
    shown->is_open[group] = is_open;
    if (!leaks_load(view, &error))
        text_add(&reaction->message, error.message);
    for (size_t i = 0; i < shown->row_count; i++)
        if (shown->rows[i].is_heading && shown->rows[i].group == group)
            view->table.selected = i;
}

static void set_all_open(struct view *view, bool is_open, struct reaction *reaction)
{
    struct leaks_view *shown = view->state;
    const struct leaks_row *row = selected_row(view);
    for (unsigned group = 0; group < GROUP_COUNT; group++)
        shown->is_open[group] = is_open;
    set_open(view, row ? row->group : 0, is_open, reaction);
}

static void show_source(const struct view *view, const struct leaks_row *row, enum action action,
                        struct reaction *reaction)
{
    const struct leak_words words = words_of(view);
    const struct profile_location *location = row->is_heading || row->unscanned
                                                  ? NULL
                                                  : leak_words_location(
                                                        &words, leak_line_leak(&row->line)->site);
    const char *file = location ? location->file : NULL;
    uint32_t line = location ? location->line : 0;
    if (action == ACTION_SOURCE)
        source_request(file, line, reaction);
    else
        source_request_edit(view->context, file, line, reaction);
}

/* Why this row's leak cannot be suppressed; NULL: it can. */
static const char *why_not_suppressed(const struct leaks_row *row)
{
    if (!row || row->is_heading || row->unscanned)
        return "choose a leak to suppress";
    const struct leak *leak = leak_line_leak(&row->line);
    if (leak->site == LEAKS_NO_SITE)
        return "it has no stack that a suppression could name";
    switch (leak->kind) {
    case LEAK_INDIRECT:
        return "it hangs from a definite leak: suppress that one, and this goes with it";
    case LEAK_REACHABLE:
        return "what is reachable is not lost: it needs no suppression";
    case LEAK_SUPPRESSED:
        return "it is suppressed already";
    case LEAK_DEFINITE:
    case LEAK_POSSIBLE:
    case LEAK_KIND_COUNT:
        break;
    }
    return NULL;
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
    const struct leaks_row *row = selected_row(view);
    if (!row)
        return false;
    switch (action) {
    case ACTION_OPEN:
        if (row->is_heading)
            set_open(view, row->group, !shown->is_open[row->group], reaction);
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
    const struct leaks_row *row = selected_row(view);
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
