#include "config.h"

#include "analysis/leak_list.h"

#include <stdlib.h>

#include "analysis/query.h"
#include "base/memory.h"

static uint64_t figure_of(const struct leak_line *line, enum leak_order order)
{
    const struct leak *leak = leak_line_leak(line);
    switch (order) {
    case LEAKS_BY_BYTES:
        return leak->bytes + leak->indirect_bytes;
    case LEAKS_BY_BLOCKS:
        return leak->blocks;
    case LEAKS_BY_INDIRECT:
        return leak->indirect_bytes;
    case LEAKS_BY_AGE:
        return leak_report_age_ns(line->process, leak);
    }
    return 0;
}

/* The order in their process is the same for each recording. */
static int compare_lines(const void *left, const void *right, void *context)
{
    const enum leak_order *order = context;
    const struct leak_line *a = left, *b = right;
    uint64_t a_figure = figure_of(a, *order), b_figure = figure_of(b, *order);
    if (a_figure != b_figure)
        return a_figure > b_figure ? -1 : 1;
    if (a->process != b->process)
        return a->process->process < b->process->process ? -1 : 1;
    return (a->leak > b->leak) - (a->leak < b->leak);
}

static bool is_wanted(const struct leak *leak, enum leak_kind kind, const uint8_t *is_kept)
{
    return leak->kind == kind && (!is_kept || (leak->site != LEAKS_NO_SITE && is_kept[leak->site]));
}

void leak_list_build(const struct leak_report *report, uint32_t process, enum leak_kind kind,
                     enum leak_order order, const uint8_t *is_kept, struct leak_list *list)
{
    size_t capacity = 0;
    *list = (struct leak_list){0};
    for (size_t i = 0; i < report->process_count; i++) {
        const struct leak_report_process *of = &report->processes[i];
        if (process != QUERY_ALL_PROCESSES && process != of->process)
            continue;
        for (size_t j = 0; j < of->leaks.count; j++) {
            if (!is_wanted(&of->leaks.items[j], kind, is_kept))
                continue;
            list->items = memory_grow(list->items, &capacity, list->count + 1, sizeof *list->items);
            list->items[list->count++] = (struct leak_line){of, j};
        }
    }
    if (list->count)
        qsort_r(list->items, list->count, sizeof *list->items, compare_lines, &order);
}

void leak_list_clear(struct leak_list *list)
{
    free(list->items);
    *list = (struct leak_list){0};
}

struct leak_sum leak_list_sum(const struct leak_report *report, uint32_t process,
                              enum leak_kind kind)
{
    if (process == QUERY_ALL_PROCESSES)
        return leak_report_sum(report, kind);
    for (size_t i = 0; i < report->process_count; i++)
        if (report->processes[i].process == process)
            return report->processes[i].leaks.kinds[kind];
    return (struct leak_sum){0};
}
