#include "tui/leak_rows.h"

#include <stdlib.h>

#include "analysis/query.h"
#include "base/memory.h"

void leak_rows_clear(struct leak_rows *rows)
{
    free(rows->items);
    *rows = (struct leak_rows){0};
}

static struct leak_row *add_row(struct leak_rows *rows, unsigned group)
{
    rows->items = memory_grow(rows->items, &rows->capacity, rows->count + 1, sizeof *rows->items);
    struct leak_row *row = &rows->items[rows->count++];
    *row = (struct leak_row){.group = group};
    return row;
}

bool leak_rows_is_asked(const struct leak_report_process *process, uint32_t asked)
{
    return asked == QUERY_ALL_PROCESSES || asked == process->process;
}

static bool is_any_scanned(const struct leak_report *report, uint32_t asked)
{
    for (size_t i = 0; i < report->process_count; i++)
        if (report->processes[i].is_done && leak_rows_is_asked(&report->processes[i], asked))
            return true;
    return false;
}

static void add_kind(struct leak_rows *rows, enum leak_kind kind, const struct leak_list *list,
                     bool is_inverted)
{
    add_row(rows, kind)->is_heading = true;
    rows->shown[kind] = list->count;
    for (size_t i = 0; i < list->count && rows->is_open[kind]; i++)
        add_row(rows, kind)->line = list->items[is_inverted ? list->count - 1 - i : i];
}

/* The heading comes with the first of them. */
static void add_unscanned(struct leak_rows *rows, const struct leak_report *report, uint32_t asked)
{
    rows->shown[LEAK_ROWS_UNSCANNED] = 0;
    for (size_t i = 0; i < report->process_count; i++) {
        const struct leak_report_process *process = &report->processes[i];
        if (process->is_done || !leak_rows_is_asked(process, asked))
            continue;
        if (rows->shown[LEAK_ROWS_UNSCANNED]++ == 0)
            add_row(rows, LEAK_ROWS_UNSCANNED)->is_heading = true;
        if (rows->is_open[LEAK_ROWS_UNSCANNED])
            add_row(rows, LEAK_ROWS_UNSCANNED)->unscanned = process;
    }
}

void leak_rows_show(struct leak_rows *rows, struct table *table, const struct leak_report *report,
                    uint32_t process, const uint8_t *is_kept)
{
    rows->count = 0;
    bool is_known = is_any_scanned(report, process);
    for (unsigned kind = 0; kind < LEAK_KIND_COUNT && is_known; kind++) {
        struct leak_list list;
        leak_list_build(report, process, (enum leak_kind)kind, (enum leak_order)table->sort_key,
                        is_kept, &list);
        add_kind(rows, (enum leak_kind)kind, &list, table->is_inverted);
        leak_list_clear(&list);
    }
    add_unscanned(rows, report, process);
    table->row_count = rows->count;
}

const struct leak_row *leak_rows_selected(const struct leak_rows *rows, const struct table *table)
{
    return table->selected < rows->count ? &rows->items[table->selected] : NULL;
}

void leak_rows_select_heading(const struct leak_rows *rows, struct table *table, unsigned group)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].is_heading && rows->items[i].group == group)
            table->selected = i;
}
