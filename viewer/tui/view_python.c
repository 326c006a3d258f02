/* The heaps that Python interpreters keep within their processes, as branches (python_rows.h). */
#include "base/units.h"
#include "tui/python_rows.h"
#include "tui/view.h"

static const struct table_column all_columns[PYTHON_COLUMN_TOTAL] = {
    [PYTHON_COLUMN_BYTES] = {"Bytes", 9, false, true, 90, TABLE_NO_SORT},
    [PYTHON_COLUMN_COUNT] = {"Count", 9, false, true, 80, TABLE_NO_SORT},
    [PYTHON_COLUMN_RETAINED] = {"Retained", 9, false, true, 20, TABLE_NO_SORT},
    [PYTHON_COLUMN_NAME] = {"What", 20, true, false, 100, TABLE_NO_SORT},
};

_Static_assert((int)PYTHON_COLUMN_TOTAL == (int)BRANCH_COLUMNS, "figures, and a text");

static const bool are_counts[BRANCH_FIGURES] = {[PYTHON_COLUMN_COUNT] = true};

/* What objects retain is not known in every recording. */
static const bool are_optional[BRANCH_FIGURES] = {[PYTHON_COLUMN_RETAINED] = true};

static const char *python_missing(const struct view_context *context)
{
    const struct python_heaps *heaps = context->options->pythons;

    return heaps && heaps->count ? NULL : "no Python: no snapshot has the heap of an interpreter";
}

static void python_close(struct view *view)
{
    branches_clear(view->state);
}

/* Short branches are open at first: those of arenas, of what pins them and of garbage. */
static bool is_open_at_first(const struct branches *shown, uint32_t number)
{
    enum {
        MOST_ROWS = 12
    };
    const struct branch *item = &shown->items[number];

    return item->depth <= 1 ||
           (item->depth == 2 && item->figures[PYTHON_COLUMN_BYTES] != PYTHON_NOT_KNOWN &&
            branches_child_count(shown, number) <= MOST_ROWS);
}

static bool python_load(struct view *view, struct error *error)
{
    struct branches *shown = view->state;
    const struct python_heaps *heaps = view->context->options->pythons;
    uint32_t process = view->context->question.process;

    (void)error;
    branches_restart(shown);
    for (size_t i = 0; i < heaps->count; i++) {
        const struct process_python *python = &heaps->items[i];
        struct text title = {0};
        char when[UNITS_TEXT_BYTES];

        if (process != QUERY_ALL_PROCESSES && process != python->process)
            continue;
        view_print_process(view->context->profile, python->process, &title);
        text_print(&title, ": %s %s at snapshot:%llu, %s after the start",
                   python->heap.implementation, python->heap.version,
                   (unsigned long long)python->snapshot_id,
                   units_format_duration(python->time_ns, when));
        python_rows_add(shown, branches_add(shown, 0, text_take(&title)), view->context->profile,
                        python);
    }
    branches_choose_columns(shown, &view->table, all_columns, are_counts, are_optional);
    branches_show(shown, &view->table, is_open_at_first);
    return true;
}

static void python_describe(const struct view *view, struct text *out)
{
    const struct python_heaps *heaps = view->context->options->pythons;

    text_print(out, "Heaps of Python: %zu interpreter%s", heaps->count,
               heaps->count == 1 ? "" : "s");
}

static void python_row_text(const struct view *view, size_t row, struct text *out)
{
    text_add(out, branches_at(view->state, row)->text);
}

static void python_draw_row(const struct view *view, struct screen *screen, struct area area,
                            size_t row)
{
    branches_draw_row(view->state, &view->table, screen, area, row);
}

static bool python_act(struct view *view, enum action action, struct reaction *reaction)
{
    (void)reaction;
    return branches_act(view->state, &view->table, action);
}

const struct view_ops view_python = {
    .name = "python",
    .title = "Python",
    .digit = '0',
    .help = "of an interpreter: arenas, objects by type, garbage",
    .is_of_snapshot = true,
    .scopes = SCOPE_FOLDS,
    .state_bytes = sizeof(struct branches),
    .missing = python_missing,
    .close = python_close,
    .load = python_load,
    .describe = python_describe,
    .draw_row = python_draw_row,
    .row_text = python_row_text,
    .act = python_act,
};
