/* What can be budgeted: the table from which options, files, reports and texts take their words;
 * and budgets of parts of a program, "parser.c: peak 8M, leaked 0". */
#ifndef SEEP_ANALYSIS_GATE_BUDGETS_H
#define SEEP_ANALYSIS_GATE_BUDGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/query.h"
#include "base/error.h"

enum gate_budget {
    GATE_PEAK,
    GATE_HEAP,
    GATE_RESIDENT,
    GATE_LIVE,
    GATE_ALLOCATIONS,
    GATE_TEMPORARY,
    GATE_LEAKED,
    GATE_LEAKED_PER_SITE,
    GATE_GROWTH,
    GATE_BUDGET_COUNT
};

struct gate_budget_info {
    enum gate_budget budget;
    const char *name;         /* "peak": in JSON, in files, and behind --max- */
    const char *help;         /* of the option */
    bool is_bytes;            /* else a count */
    bool is_of_leaks;         /* needs a scan */
    bool is_of_sites;         /* sites have such a figure, by `metric`, by leaks or by growth */
    enum query_metric metric; /* whose largest site is named */
    bool is_rate;             /* bytes a minute, of what grows (growth.h) */
    bool is_peak;             /* of several processes no sum: each has its own instant */
};

/* Is it what `metric` tells of a site? */
static inline bool gate_budget_has_metric(const struct gate_budget_info *budget)
{
    return budget->is_of_sites && !budget->is_of_leaks && !budget->is_rate;
}

/* "8M", "1000", of rates "1M/min", also "/s" or "/h". */
bool gate_budget_parse_limit(const struct gate_budget_info *budget, const char *text,
                             uint64_t *limit, struct error *error);

/* In the order of the enum; NULL past the end. */
const struct gate_budget_info *gate_budget_at(size_t position);
const struct gate_budget_info *gate_budget_find(const char *name, size_t length);

/* Limits of one process, or of one part of it. */
struct gate_limits {
    bool is_set[GATE_BUDGET_COUNT];
    uint64_t values[GATE_BUDGET_COUNT]; /* UINT64_MAX: none, it is only compared */
};

/* What stacks go through a function, a source file or a module that matches. */
struct gate_scope {
    char *pattern;
    struct gate_limits limits;
};

struct gate_scopes {
    struct gate_scope *items;
    size_t count, capacity;
};

/* "GLOB: BUDGET LIMIT, ...". A budget of a pattern that is there already is replaced. */
bool gate_scopes_parse(struct gate_scopes *scopes, const char *text, struct error *error);
void gate_scopes_clear(struct gate_scopes *scopes);

/* A file of budgets: lines "BUDGET LIMIT, ..." for each process and "GLOB: BUDGET LIMIT, ..." for
 * parts of it; '#' begins a comment. `text` is its content, `path` for messages. */
bool gate_budgets_read(const char *text, const char *path, struct gate_limits *limits,
                       struct gate_scopes *scopes, struct error *error);

/* Which sites of a profile belong to a scope: is_member has profile->site_count bytes. A pattern is
 * matched with the names of functions, with and without their parameters, with paths of source
 * files, also relative to the folder that the program ran in, with file names, and with paths and
 * names of modules. Returns how many belong to it. */
size_t gate_scope_find(const struct profile *profile, const char *pattern, uint8_t *is_member);

#endif
