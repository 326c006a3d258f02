/* What all memory of the processes is used for, as their newest snapshots tell it: categories with
 * their parts, what would go back to the system if it were asked for, which blocks keep it from
 * going, and what helps. All figures are of analysis/memory_uses.h. */
#include <stdlib.h>

#include "analysis/memory_uses.h"
#include "base/memory.h"
#include "base/units.h"
#include "tui/branches.h"
#include "tui/view.h"

enum {
    COLUMN_RESIDENT,
    COLUMN_VIRTUAL,
    COLUMN_COUNT,
    COLUMN_NAME
};

enum {
    HIGH_ROWS = 16, /* from here on there is room for the text of a row in full */
    BELOW_ROWS = 3
};

static const struct table_column all_columns[BRANCH_COLUMNS] = {
    [COLUMN_RESIDENT] = {"Resident", 9, false, true, 90, TABLE_NO_SORT},
    [COLUMN_VIRTUAL] = {"Virtual", 9, false, true, 60, TABLE_NO_SORT},
    [COLUMN_COUNT] = {"Count", 9, false, true, 20, TABLE_NO_SORT},
    [COLUMN_NAME] = {"What", 20, true, false, 100, TABLE_NO_SORT},
};

_Static_assert(MEMORY_NOT_KNOWN == BRANCH_NOT_KNOWN, "what is not known stands nowhere");

static const bool are_counts[BRANCH_FIGURES] = {[COLUMN_COUNT] = true};
static const bool are_optional[BRANCH_FIGURES] = {[COLUMN_COUNT] = true};

static const char *categories_missing(const struct view_context *context)
{
    return context->options->get_memories ? NULL
                                          : "not known: no snapshot tells what memory is used for";
}

static void categories_close(struct view *view)
{
    branches_clear(view->state);
}

/* ---- rows ---- */

static uint32_t add_amount(struct branches *shown, uint32_t parent, const char *text,
                           const struct memory_amount *amount)
{
    uint32_t node = branches_add(shown, parent, memory_duplicate_text(text));
    shown->items[node].figures[COLUMN_RESIDENT] = amount->resident_bytes;
    shown->items[node].figures[COLUMN_VIRTUAL] = amount->virtual_bytes;
    return node;
}

static void add_parts(struct branches *shown, uint32_t parent, const struct memory_use *use,
                      enum memory_category category)
{
    for (size_t i = 0; i < use->part_count; i++) {
        const struct memory_part *part = &use->parts[i];
        if (part->category != category)
            continue;
        uint32_t node = add_amount(shown, parent, part->name, &part->amount);
        if (part->count > 1)
            shown->items[node].figures[COLUMN_COUNT] = part->count;
    }
}

static void add_categories(struct branches *shown, uint32_t parent, const struct memory_use *use)
{
    enum memory_category order[MEMORY_CATEGORY_COUNT];
    memory_sort_categories(use, order);
    for (size_t i = 0; i < MEMORY_CATEGORY_COUNT; i++) {
        const struct memory_amount *amount = &use->categories[order[i]];
        if (amount->virtual_bytes > 0)
            add_parts(shown, add_amount(shown, parent, memory_category_title(order[i]), amount),
                      use, order[i]);
    }
}

/* " of load at config.c:12". */
static void print_site(const struct profile *profile, uint32_t site, struct text *out)
{
    const struct profile_location *location = site == MEMORY_NO_SITE
                                                  ? NULL
                                                  : memory_site_location(profile, site);
    if (!location) {
        text_add(out, site == MEMORY_NO_SITE ? " that nobody recorded" : "");
        return;
    }
    text_print(out, " of %s", location->function);
    if (location->file)
        text_print(out, " at %s", location->file);
    if (location->file && location->line)
        text_print(out, ":%u", (unsigned)location->line);
}

/* A row of free memory, which is resident. Takes the text over. */
static uint32_t add_free(struct branches *shown, uint32_t parent, char *text, uint64_t bytes)
{
    uint32_t node = branches_add(shown, parent, text);
    shown->items[node].figures[COLUMN_RESIDENT] = bytes;
    return node;
}

static void add_pins(struct branches *shown, uint32_t parent, const struct profile *profile,
                     const struct process_memory *memory)
{
    char size[UNITS_TEXT_BYTES];
    for (size_t i = 0; i < memory->use.pin_count; i++) {
        const struct memory_pin *pin = &memory->use.pins[i];
        struct text text = {0};
        if (pin->arena == 0)
            text_add(&text, "near the end of the main heap, before ");
        else
            text_print(&text, "near the end of arena %llu, before ",
                       (unsigned long long)pin->arena);
        text_add(&text, units_format_size(pin->bytes, size));
        if (pin->is_cached)
            text_add(&text, " that are free, in the cache of a thread");
        else
            print_site(profile, memory->pin_sites[i], &text);
        add_free(shown, parent, text_take(&text), pin->free_bytes);
    }
}

static void add_holders(struct branches *shown, uint32_t parent, const struct profile *profile,
                        const struct process_memory *memory)
{
    char size[UNITS_TEXT_BYTES];
    for (size_t i = 0; i < memory->use.holder_count; i++) {
        const struct memory_holder *holder = &memory->use.holders[i];
        struct text text = {0};
        text_print(&text, "before blocks, %s in all,", units_format_size(holder->bytes, size));
        print_site(profile, memory->holder_sites[i], &text);
        uint32_t node = add_free(shown, parent, text_take(&text), holder->free_bytes);
        shown->items[node].figures[COLUMN_COUNT] = holder->blocks;
    }
}

static void add_kept(struct branches *shown, uint32_t parent, const struct profile *profile,
                     const struct process_memory *memory)
{
    const struct memory_figures *figures = &memory->use.figures;
    if (figures->trimmable_bytes != MEMORY_NOT_KNOWN)
        add_free(shown, parent, memory_duplicate_text("malloc_trim(0) would give back"),
                 figures->trimmable_bytes);
    if (memory->use.pin_count)
        add_pins(shown,
                 branches_add(shown, parent, memory_duplicate_text("Free memory that blocks keep")),
                 profile, memory);
    if (memory->use.holder_count)
        add_holders(
            shown, branches_add(shown, parent, memory_duplicate_text("Free memory between blocks")),
            profile, memory);
    for (size_t i = 0; i < memory->advice_count; i++) {
        char *text = memory_print_text("%s%s%s", memory->advice[i].setting,
                                       memory->advice[i].setting[0] ? ": " : "",
                                       memory->advice[i].text);
        branches_add_note(shown, parent, text);
        free(text);
    }
}

static void add_process(struct branches *shown, const struct profile *profile,
                        const struct process_memory *memory)
{
    const struct memory_use *use = &memory->use;
    const struct memory_amount all = {use->figures.virtual_bytes, use->figures.resident_bytes};
    struct text title = {0};
    char when[UNITS_TEXT_BYTES];
    view_print_process(profile, memory->process, &title);
    text_print(&title, ", snapshot:%llu at %s", (unsigned long long)memory->snapshot_id,
               units_format_duration(memory->time_ns, when));
    if (!use->is_measured)
        text_print(&title, ": not known: %s", use->note);
    uint32_t node = branches_add(shown, 0, text_take(&title));
    if (!use->is_measured)
        return;
    shown->items[node].figures[COLUMN_RESIDENT] = all.resident_bytes;
    shown->items[node].figures[COLUMN_VIRTUAL] = all.virtual_bytes;
    if (use->note[0])
        branches_add_note(shown, node, use->note);
    add_categories(shown, node, use);
    add_kept(shown, node, profile, memory);
}

/* ---- the view ---- */

/* Of a process its categories; their parts when they are asked for. */
static bool is_open_at_first(const struct branches *shown, uint32_t number)
{
    return shown->items[number].depth <= 1;
}

static bool categories_load(struct view *view, struct error *error)
{
    struct branches *shown = view->state;
    const struct tui_options *options = view->context->options;
    const struct memory_uses *memories = options->get_memories(options->memories_context, error);
    uint32_t process = view->context->question.process;
    if (!memories)
        return false;
    branches_restart(shown);
    for (size_t i = 0; i < memories->count; i++)
        if (process == QUERY_ALL_PROCESSES || process == memories->items[i].process)
            add_process(shown, view->context->profile, &memories->items[i]);
    if (shown->count == 1)
        branches_add_note(shown, 0, "Not known: no snapshot of this process tells of its memory.");
    branches_choose_columns(shown, &view->table, all_columns, are_counts, are_optional);
    branches_show(shown, &view->table, is_open_at_first);
    return true;
}

static void categories_describe(const struct view *view, struct text *out)
{
    (void)view;
    text_add(out, "What all memory is used for, as snapshots tell");
}

/* Advice is long. */
static void categories_fit(struct view *view, int rows, int columns)
{
    (void)columns;
    view->below_rows = rows >= HIGH_ROWS ? BELOW_ROWS : 0;
}

static void categories_draw_below(const struct view *view, struct screen *screen, struct area area)
{
    branches_draw_below(view->state, &view->table, screen, area);
}

static void categories_draw_row(const struct view *view, struct screen *screen, struct area area,
                                size_t row)
{
    branches_draw_row(view->state, &view->table, screen, area, row);
}

static void categories_row_text(const struct view *view, size_t row, struct text *out)
{
    text_add(out, branches_at(view->state, row)->text);
}

static void tell_figure(struct view_fields *fields, const char *key, uint64_t figure)
{
    if (figure == BRANCH_NOT_KNOWN)
        view_tell_text(fields, key, NULL);
    else
        view_tell_number(fields, key, figure);
}

static bool categories_tell(const struct view *view, size_t row, struct view_fields *fields)
{
    const struct branch *item = branches_at(view->state, row);
    view_tell_text(fields, "what", item->text);
    view_tell_number(fields, "depth", item->depth);
    tell_figure(fields, "resident_bytes", item->figures[COLUMN_RESIDENT]);
    tell_figure(fields, "virtual_bytes", item->figures[COLUMN_VIRTUAL]);
    tell_figure(fields, "count", item->figures[COLUMN_COUNT]);
    return true;
}

static bool categories_act(struct view *view, enum action action, struct reaction *reaction)
{
    (void)reaction;
    return branches_act(view->state, &view->table, action);
}

const struct view_ops view_categories = {
    .name = "categories",
    .title = "Memory",
    .digit = 'A',
    .help = "what all memory is used for, and what keeps it from going back",
    .is_of_snapshot = true,
    .scopes = SCOPE_FOLDS,
    .state_bytes = sizeof(struct branches),
    .missing = categories_missing,
    .close = categories_close,
    .load = categories_load,
    .describe = categories_describe,
    .fit = categories_fit,
    .draw_row = categories_draw_row,
    .draw_below = categories_draw_below,
    .row_text = categories_row_text,
    .tell = categories_tell,
    .act = categories_act,
};
