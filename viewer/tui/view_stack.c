/* One site in full: its figures, its stack with inlined functions, how large its blocks are and how
 * long they live, which threads allocate there. */
#include "tui/figures_table.h"
#include "tui/source_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/own_code.h"
#include "analysis/site_lists.h"
#include "base/memory.h"
#include "base/units.h"

enum {
    MAX_FRAMES = 4096,
    MAX_THREADS = 32,
    LABEL_COLUMNS = 16,
    BAR_COLUMNS = 24
};

enum stack_row_kind {
    STACK_BLANK,
    STACK_HEADING,
    STACK_LINE,
    STACK_FRAME,
    STACK_BAR
};

struct stack_row {
    enum stack_row_kind kind;
    char *label;
    char *text;
    double share; /* of a bar */
    const struct profile_frame *frame;
    const struct profile_location *location;
    bool is_own;
};

struct stack_view {
    uint32_t site;
    struct query_figures figures;
    bool has_difference;
    struct diff_row difference; /* between two recordings, of which `profile` is one */
    enum query_metric compared;
    struct stack_row *rows;
    size_t row_count;
    size_t capacity;
    size_t first_own; /* row */
    const struct profile *profile;
    struct view_note *notes; /* of who asked, above all */
    size_t note_count;
};

static struct stack_row *add_row(struct stack_view *stack, enum stack_row_kind kind)
{
    stack->rows = memory_grow(stack->rows, &stack->capacity, stack->row_count + 1,
                              sizeof *stack->rows);
    struct stack_row *row = &stack->rows[stack->row_count++];
    *row = (struct stack_row){.kind = kind};
    return row;
}

static void add_line(struct stack_view *stack, const char *label, char *text)
{
    struct stack_row *row = add_row(stack, STACK_LINE);
    row->label = memory_duplicate_text(label);
    row->text = text;
}

static void add_heading(struct stack_view *stack, const char *text)
{
    add_row(stack, STACK_BLANK);
    add_row(stack, STACK_HEADING)->label = memory_duplicate_text(text);
}

static void add_bytes_line(struct stack_view *stack, const char *label, enum query_metric bytes,
                           enum query_metric count_metric, const char *what)
{
    char size[UNITS_TEXT_BYTES], count[UNITS_TEXT_BYTES];
    const uint64_t *values = stack->figures.values;
    add_line(stack, label,
             memory_print_text("%s in %s %s%s", units_format_size(values[bytes], size),
                               units_format_count(values[count_metric], count), what,
                               units_plural(values[count_metric])));
}

static bool is_interval(const struct stack_view *stack)
{
    return stack->profile->whole && !stack->profile->interval.is_from_start;
}

static void add_change(struct stack_view *stack, uint32_t known)
{
    char bytes[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];
    const uint64_t *values = stack->figures.values;
    if (is_interval(stack))
        add_line(stack, "Net",
                 memory_print_text(
                     "%s, %s block%s",
                     query_metric_format(QUERY_NET_BYTES, values[QUERY_NET_BYTES], bytes),
                     query_metric_format(QUERY_NET_BLOCKS, values[QUERY_NET_BLOCKS], blocks),
                     units_plural(values[QUERY_NET_BLOCKS])));
    if (known >> QUERY_SURVIVED_BYTES & 1)
        add_bytes_line(stack, "Survived", QUERY_SURVIVED_BYTES, QUERY_SURVIVED_BLOCKS, "block");
    else if (is_interval(stack) && stack->profile->interval.survivors_unknown)
        add_line(stack, "Survived",
                 memory_print_text("not known: %s", stack->profile->interval.survivors_unknown));
}

static void add_figures(struct stack_view *stack, const struct profile_site *site)
{
    uint32_t known = query_known_metrics(stack->profile, site->process, QUERY_BY_SITE);
    char count[UNITS_TEXT_BYTES], first[UNITS_TEXT_BYTES], last[UNITS_TEXT_BYTES];
    const uint64_t *values = stack->figures.values;
    add_bytes_line(stack, stack->profile->whole ? "Live then" : "Live at the end", QUERY_LIVE_BYTES,
                   QUERY_LIVE_BLOCKS, "block");
    if (known >> QUERY_PEAK_BYTES & 1)
        add_bytes_line(stack, "At the peak", QUERY_PEAK_BYTES, QUERY_PEAK_BLOCKS, "block");
    add_change(stack, known);
    add_bytes_line(stack, "Allocated", QUERY_ALLOCATED_BYTES, QUERY_ALLOCATIONS, "call");
    add_bytes_line(stack, "Freed", QUERY_FREED_BYTES, QUERY_FREES, "call");
    if (values[QUERY_TEMPORARY])
        add_line(stack, "Temporary",
                 memory_print_text("%s of these calls",
                                   units_format_count(values[QUERY_TEMPORARY], count)));
    if (site->figures.allocations && !stack->profile->whole)
        add_line(stack, "When",
                 memory_print_text("first after %s, last after %s",
                                   units_format_duration(site->figures.first_ns, first),
                                   units_format_duration(site->figures.last_ns, last)));
}

/* One line of both sides; what a side has not is told as such. */
static void add_sides(struct stack_view *stack, const char *label, enum query_metric metric,
                      const uint64_t *values)
{
    char texts[DIFF_SIDES][UNITS_TEXT_BYTES], change[UNITS_TEXT_BYTES];
    for (int side = 0; side < DIFF_SIDES; side++)
        if (stack->difference.has_side[side])
            query_metric_format(metric, values[side], texts[side]);
        else
            snprintf(texts[side], sizeof texts[side], "none");
    diff_format_change(metric, diff_change(values[DIFF_BASE], values[DIFF_OTHER]), change);
    add_line(stack, label,
             memory_print_text("%12s%12s%14s", texts[DIFF_BASE], texts[DIFF_OTHER], change));
}

static void add_difference(struct stack_view *stack)
{
    const struct diff_row *row = &stack->difference;
    add_line(stack, "", memory_print_text("%12s%12s%14s", "Base", "New", "Change"));
    add_sides(stack, "Compared", stack->compared, row->values);
    for (size_t i = 0; i < QUERY_METRIC_COUNT; i++) {
        const uint64_t values[DIFF_SIDES] = {row->figures[DIFF_BASE].values[i],
                                             row->figures[DIFF_OTHER].values[i]};
        add_sides(stack, query_metric_at(i)->title, (enum query_metric)i, values);
    }
}

static bool add_frame(void *context, const struct profile_frame *frame,
                      const struct profile_location *location)
{
    struct stack_view *stack = context;
    struct stack_row *row = add_row(stack, STACK_FRAME);
    row->frame = frame;
    row->location = location;
    row->is_own = own_code_is_own(stack->profile, frame, location);
    if (row->is_own && !stack->first_own)
        stack->first_own = stack->row_count - 1;
    return stack->row_count < MAX_FRAMES;
}

static void add_stack(struct stack_view *stack, const struct profile_site *site)
{
    struct text heading = {0};
    text_print(&heading, "Stack: %s called by",
               site->function ? profile_function_name(site->function) : "an allocation function");
    add_heading(stack, text_get(&heading));
    text_clear(&heading);
    profile_visit_stack(stack->profile, site->stack_node, add_frame, stack);
}

static void add_histogram(struct stack_view *stack, const char *heading,
                          const struct recording_list *histogram,
                          const char *(*format)(uint64_t value, char *text))
{
    uint64_t most = 1;
    size_t count = profile_bucket_count(histogram);
    for (size_t i = 0; i < count; i++) {
        struct profile_bucket bucket = profile_bucket_at(histogram, i);
        most = bucket.blocks > most ? bucket.blocks : most;
    }
    if (count)
        add_heading(stack, heading);
    for (size_t i = 0; i < count; i++) {
        char edge[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];
        struct profile_bucket bucket = profile_bucket_at(histogram, i);
        struct stack_row *row = add_row(stack, STACK_BAR);
        row->label = memory_print_text("up to %s", format(bucket.end, edge));
        row->text = memory_duplicate_text(units_format_count(bucket.blocks, blocks));
        row->share = (double)bucket.blocks / (double)most;
    }
}

static void add_threads(struct stack_view *stack, const struct profile_site *site,
                        const struct recording_list *threads)
{
    size_t count = profile_site_thread_count(threads);
    if (count)
        add_heading(stack, "Threads that allocated here");
    for (size_t i = 0; i < count && i < MAX_THREADS; i++) {
        struct profile_site_thread part = profile_site_thread_at(threads, i);
        const struct recording_thread *thread = profile_find_thread(stack->profile, site->process,
                                                                    part.thread);
        char live[UNITS_TEXT_BYTES], size[UNITS_TEXT_BYTES], calls[UNITS_TEXT_BYTES];
        char *label = thread && *thread->name
                          ? memory_duplicate_text(thread->name)
                          : memory_print_text("thread %llu", (unsigned long long)part.thread);
        add_line(stack, label,
                 memory_print_text(
                     "%s live; %s in %s call%s", units_format_size(part.live_bytes, live),
                     units_format_size(part.allocated_bytes, size),
                     units_format_count(part.allocations, calls), units_plural(part.allocations)));
        free(label);
    }
}

static void copy_notes(struct stack_view *stack, const struct view_request *request)
{
    stack->notes = memory_allocate_zeroed(request->note_count + 1, sizeof *stack->notes);
    for (size_t i = 0; i < request->note_count; i++)
        stack->notes[stack->note_count++] = (struct view_note){
            memory_duplicate_text(request->notes[i].label),
            memory_duplicate_text(request->notes[i].text)};
}

static bool stack_open(struct view *view, const struct view_request *request, struct error *error)
{
    struct stack_view *stack = view->state;
    stack->profile = request->profile ? request->profile : view->context->profile;
    stack->has_difference = view->is_of_others = request->difference != NULL;
    if (request->difference)
        stack->difference = *request->difference;
    stack->compared = request->compared;
    stack->site = request->site;
    if (request->site >= stack->profile->site_count)
        return error_set(error, "there is no stack for this row");
    if (request->has_figures)
        stack->figures = request->figures;
    else
        query_figures_add_site(&stack->figures, &stack->profile->sites[request->site]);
    copy_notes(stack, request);
    return true;
}

static void clear_rows(struct stack_view *stack)
{
    for (size_t i = 0; i < stack->row_count; i++) {
        free(stack->rows[i].label);
        free(stack->rows[i].text);
    }
    stack->row_count = 0;
    stack->first_own = 0;
}

static void stack_close(struct view *view)
{
    struct stack_view *stack = view->state;
    clear_rows(stack);
    free(stack->rows);
    for (size_t i = 0; i < stack->note_count; i++) {
        free(stack->notes[i].label);
        free(stack->notes[i].text);
    }
    free(stack->notes);
}

static bool stack_can_select(const void *context, size_t row)
{
    const struct stack_view *stack = ((const struct view *)context)->state;
    enum stack_row_kind kind = stack->rows[row].kind;
    return kind != STACK_BLANK && kind != STACK_HEADING;
}

static bool stack_load(struct view *view, struct error *error)
{
    struct stack_view *stack = view->state;
    const struct profile_site *site = &stack->profile->sites[stack->site];
    struct site_lists lists = {0};
    (void)error;
    clear_rows(stack);
    for (size_t i = 0; i < stack->note_count; i++)
        add_line(stack, stack->notes[i].label, memory_duplicate_text(stack->notes[i].text));
    if (stack->note_count)
        add_heading(stack, "All of this site");
    if (stack->has_difference)
        add_difference(stack);
    else
        add_figures(stack, site);
    add_stack(stack, site);
    size_t last_frame = stack->row_count - 1;
    site_lists_read(&lists, site);
    add_histogram(stack, "Sizes of its blocks", &lists.size_histogram, units_format_size);
    add_histogram(stack, "Lifetimes of its freed blocks", &lists.lifetime_histogram,
                  units_format_duration);
    add_threads(stack, site, &lists.threads);
    site_lists_clear(&lists);
    view->table.row_count = stack->row_count;
    view->table.can_select = stack_can_select;
    view->table.selected = stack->first_own ? stack->first_own : last_frame;
    return true;
}

static void stack_describe(const struct view *view, struct text *out)
{
    const struct stack_view *stack = view->state;
    const struct profile_site *site = &stack->profile->sites[stack->site];
    const struct profile_location *own = own_code_find(stack->profile, site->stack_node, NULL,
                                                       NULL);
    char text[UNITS_TEXT_BYTES];
    const struct diff_row *difference = &stack->difference;
    if (stack->has_difference) {
        text_print(
            out, "%s, %s: %s (stack of the %s recording)", diff_state_name(difference->state),
            diff_format_change(
                stack->compared,
                diff_change(difference->values[DIFF_BASE], difference->values[DIFF_OTHER]), text),
            own ? own->function : "no stack known", difference->side == DIFF_BASE ? "base" : "new");
        return;
    }
    text_print(out, "Site: %s, %s live", own ? own->function : "no stack known",
               units_format_size(stack->figures.values[QUERY_LIVE_BYTES], text));
}

static void print_place(const struct profile *profile, const struct stack_row *row,
                        struct text *out)
{
    const struct profile_frame *frame = row->frame;
    if (row->location->file)
        text_print(out, "%s:%u", row->location->file, row->location->line);
    else if (frame->module_plus_1 && frame->module_plus_1 <= profile->module_count)
        text_add(out, profile->modules[frame->module_plus_1 - 1].name);
}

/* Of a long path the end is what tells: it is cut at its start. */
static void put_place(struct screen *screen, int row, int column, int columns, const char *place)
{
    while (text_columns(place) > columns && strchr(place, '/'))
        place = strchr(place, '/') + 1;
    int missing = columns - text_columns(place);
    if (missing > 0)
        column += missing;
    screen_put_cut(screen, row, column, columns, STYLE_PLACE, place);
}

/* Why a debugger's stack would not have it; "" = it would. */
static const char *mark_of(const struct stack_row *row)
{
    if (row->location->is_inlined)
        return "(inlined)";
    return row->frame->is_tail_call ? "(tail call)" : "";
}

static void draw_frame(const struct stack_view *stack, struct screen *screen, struct area area,
                       const struct stack_row *row)
{
    struct text place = {0};
    print_place(stack->profile, row, &place);
    int place_columns = text_columns(text_get(&place));
    int most = area.columns / 2 - 4;
    place_columns = place_columns < most ? place_columns : most;
    int column = area.column + 2;
    int room = area.columns - column - place_columns - 3;
    const char *mark = mark_of(row);
    if (*mark)
        room -= text_columns(mark) + 1;
    enum style style = row->is_own ? STYLE_FUNCTION : STYLE_FAINT;
    int used = screen_put_cut(screen, area.row, column, room, style, row->location->function);
    screen_put(screen, area.row, column + used + 1, text_columns(mark), STYLE_INLINED, mark);
    put_place(screen, area.row, area.columns - place_columns - 1, place_columns, text_get(&place));
    text_clear(&place);
}

static void stack_draw_row(const struct view *view, struct screen *screen, struct area area,
                           size_t number)
{
    const struct stack_view *stack = view->state;
    const struct stack_row *row = &stack->rows[number];
    int column = area.column + 2;
    switch (row->kind) {
    case STACK_BLANK:
        return;
    case STACK_HEADING:
        screen_put(screen, area.row, area.column + 1, area.columns - 1, STYLE_STRONG, row->label);
        return;
    case STACK_LINE:
        screen_put_cut(screen, area.row, column, LABEL_COLUMNS, STYLE_TEXT, row->label);
        screen_put(screen, area.row, column + LABEL_COLUMNS + 1,
                   area.columns - column - LABEL_COLUMNS - 1, STYLE_STRONG, row->text);
        return;
    case STACK_FRAME:
        draw_frame(stack, screen, area, row);
        return;
    case STACK_BAR:
        screen_put_right(screen, area.row, column, LABEL_COLUMNS, STYLE_TEXT, row->label);
        screen_put_right(screen, area.row, column + LABEL_COLUMNS + 1, 10, STYLE_STRONG, row->text);
        screen_put_bar(screen, area.row, column + LABEL_COLUMNS + 13,
                       area.columns >= 60 ? BAR_COLUMNS : 8, STYLE_PLOT_HEAP, row->share);
        return;
    }
}

static void copy_stack(const struct stack_view *stack, struct text *out)
{
    for (size_t i = 0; i < stack->row_count; i++) {
        const struct stack_row *row = &stack->rows[i];
        if (row->kind != STACK_FRAME)
            continue;
        const char *mark = mark_of(row);
        text_print(out, "%s%s%s ", row->location->function, *mark ? " " : "", mark);
        print_place(stack->profile, row, out);
        text_add(out, "\n");
    }
}

static bool stack_act(struct view *view, enum action action, struct reaction *reaction)
{
    const struct stack_view *stack = view->state;
    const struct stack_row *row = &stack->rows[view->table.selected];
    switch (action) {
    case ACTION_OPEN:
    case ACTION_SOURCE:
        if (row->kind != STACK_FRAME) {
            text_add(&reaction->message, "there is nothing behind this line");
            return true;
        }
        return source_file_act(view->context, row->location, 0, ACTION_SOURCE, reaction);
    case ACTION_EDIT:
        return source_file_act(view->context, row->kind == STACK_FRAME ? row->location : NULL, 0,
                               action, reaction);
    case ACTION_COPY:
        copy_stack(stack, &reaction->copied);
        return true;
    case ACTION_TREE:
        if (profile_whole(stack->profile) != profile_whole(view->context->profile)) {
            text_add(&reaction->message, "the tree is of the other recording");
            return true;
        }
        reaction->opened = &view_tree;
        reaction->request.site = stack->site;
        return true;
    default:
        return false;
    }
}

const struct view_ops view_stack = {
    .name = "stack",
    .title = "Stack",
    .scopes = SCOPE_OPENS | SCOPE_SOURCE | SCOPE_SITES,
    .state_bytes = sizeof(struct stack_view),
    .open = stack_open,
    .close = stack_close,
    .load = stack_load,
    .describe = stack_describe,
    .draw_row = stack_draw_row,
    .act = stack_act,
};
