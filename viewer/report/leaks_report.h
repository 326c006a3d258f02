/* Reports on leaks: for people, as JSON, and as suppressions that would silence them. */
#ifndef SEEP_REPORT_LEAKS_REPORT_H
#define SEEP_REPORT_LEAKS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/leak_report.h"
#include "analysis/profile.h"
#include "analysis/suppressions.h"
#include "base/error.h"
#include "graph/last_seen.h"

struct leaks_report_options {
    unsigned kinds;           /* that are listed: bits 1 << enum leak_kind; sums tell all */
    uint64_t limit;           /* of those of a process; 0 = all. Counts only when has_limit */
    bool has_limit;           /* else text has 20, JSON 1000 */
    uint32_t process;         /* a position, or QUERY_ALL_PROCESSES */
    unsigned stack_depth;     /* caller frames below each; text only */
    int width;                /* columns; 0 = unlimited; text only */
    bool is_colour;           /* text only */
    bool are_arguments_shown; /* of targets */
    const char *instant;      /* for headers and "instant" */
    const struct last_seens *seens; /* where leaks were last held; NULL = not looked for */
    const char *since;        /* "snapshot:1": only what is new since then; NULL = everything */
    const struct suppressions *suppressions; /* that the report was built with; NULL = none */
};

struct leaks_format {
    const char *name; /* "text", "json", "lsan", "valgrind" */
    bool (*write)(const struct profile *profile, const struct leak_report *report,
                  const struct leaks_report_options *options, FILE *out, struct error *error);
};

/* NULL for an unknown name. */
const struct leaks_format *leaks_format_find(const char *name);

/* Writes and flushes; fails also when `out` cannot be written. */
bool leaks_report_write(const struct leaks_format *format, const struct profile *profile,
                        const struct leak_report *report,
                        const struct leaks_report_options *options, FILE *out, struct error *error);

/* The writers behind the table. */
bool leaks_write_text(const struct profile *profile, const struct leak_report *report,
                      const struct leaks_report_options *options, FILE *out, struct error *error);
bool leaks_write_json(const struct profile *profile, const struct leak_report *report,
                      const struct leaks_report_options *options, FILE *out, struct error *error);
bool leaks_write_lsan(const struct profile *profile, const struct leak_report *report,
                      const struct leaks_report_options *options, FILE *out, struct error *error);
bool leaks_write_valgrind(const struct profile *profile, const struct leak_report *report,
                          const struct leaks_report_options *options, FILE *out,
                          struct error *error);

/* Is its kind among those that are listed? */
bool leaks_report_is_listed(const struct leaks_report_options *options, const struct leak *leak);

#endif
