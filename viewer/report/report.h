/* Reports on what a recording holds: one format a file, all in one table. Formats compute nothing:
 * figures come from analysis. */
#ifndef SEEP_REPORT_REPORT_H
#define SEEP_REPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/call_tree.h"
#include "analysis/profile.h"
#include "analysis/query.h"
#include "base/error.h"
#include "graph/growth_paths.h"

struct graph_report_process;
struct memory_uses;
struct python_heaps;
struct symbolizer_options;

/* Everything that a command line can choose. report_options_init gives the defaults. */
struct report_options {
    struct query query; /* what to show; limit counts only when has_limit */
    bool has_limit;     /* else each format's own default (text 20 rows, JSON 1000) */
    bool has_grouping;  /* --by was given: show that table instead of the sites */
    bool is_growth;     /* what grows instead of the sites */
    const struct process_growths *growths; /* NULL: nobody looked. Borrowed */
    const struct python_heaps *pythons;    /* (python_heaps.h) NULL: nobody looked. Borrowed */
    const struct memory_uses *memories;    /* (memory_uses.h) NULL: nobody looked. Borrowed */
    bool is_by_category;                   /* what all memory is used for, instead of the sites */
    bool is_by_type;         /* types instead of the sites: of `types`, which are borrowed */
    bool is_type_sort_given; /* by query.sort, of what is live; else by what they retain */
    const struct graph_report_process *types; /* (graph_report.h) those that have a graph */
    size_t type_count;
    bool is_tree; /* call trees instead of the sites */
    enum call_tree_direction direction;
    double min_share;                /* of the tree, 0.0 .. 1.0 */
    bool are_arguments_shown;        /* of targets; the caller leaves them out under CI (secrets) */
    bool is_colour;                  /* escape sequences for bold and dim, text only */
    int width;                       /* columns; 0 = unlimited (files). text only */
    unsigned stack_depth;            /* caller frames shown below each site; text only */
    const char *instant;             /* for headers and "instant": "end" */
    struct recording_reader *reader; /* for leaks and graphs, html only; NULL: do without */
    const struct symbolizer_options
        *symbols; /* for types, html only; NULL: the defaults. Borrowed */
};

void report_options_init(struct report_options *options);

struct report_format {
    const char *name;    /* "text", "json", "html" */
    const char *summary; /* a line of help */
    bool (*write)(const struct profile *profile, const struct report_options *options, FILE *out,
                  struct error *error);
};

/* NULL for an unknown name / past the end. */
const struct report_format *report_format_find(const char *name);
const struct report_format *report_format_at(size_t position);

/* Writes and flushes; fails also when `out` cannot be written ("cannot write the report: ..."). */
bool report_write(const struct report_format *format, const struct profile *profile,
                  const struct report_options *options, FILE *out, struct error *error);

#endif
