/* The leaks of one kind, of one process or of all, in an order. */
#ifndef SEEP_ANALYSIS_LEAK_LIST_H
#define SEEP_ANALYSIS_LEAK_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "analysis/leak_report.h"

enum leak_order {
    LEAKS_BY_BYTES,    /* with what is lost with them; the order of leaks.items */
    LEAKS_BY_BLOCKS,   /* of these themselves */
    LEAKS_BY_INDIRECT, /* bytes that are lost with them */
    LEAKS_BY_AGE       /* the oldest first */
};

struct leak_line {
    const struct leak_report_process *process; /* borrowed from the report */
    size_t leak;                               /* position in its leaks.items */
};

struct leak_list {
    struct leak_line *items;
    size_t count;
};

/* `process`: a position, or QUERY_ALL_PROCESSES. `is_kept`, by position in profile.sites, leaves
 * leaks of other sites out, and those of unknown ones; NULL: none. What is alike stands in the
 * order of processes. Clear after use. */
void leak_list_build(const struct leak_report *report, uint32_t process, enum leak_kind kind,
                     enum leak_order order, const uint8_t *is_kept, struct leak_list *list);
void leak_list_clear(struct leak_list *list);

static inline const struct leak *leak_line_leak(const struct leak_line *line)
{
    return &line->process->leaks.items[line->leak];
}

/* The sums of a kind, of one process or of all that were scanned. */
struct leak_sum leak_list_sum(const struct leak_report *report, uint32_t process,
                              enum leak_kind kind);

#endif
