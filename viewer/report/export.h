/* Recordings in other tools' formats: one format a file, all in one table. Like the reports they
 * compute nothing; what a format cannot carry its file says at the top. */
#ifndef SEEP_REPORT_EXPORT_H
#define SEEP_REPORT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/profile.h"
#include "analysis/query.h"
#include "base/error.h"
#include "graph/process_graph.h"

struct export_options {
    enum query_metric metric; /* of formats that carry one figure a stack, and what others show
                                 first */
    bool has_metric;          /* it was asked for */
    bool is_leaked;           /* instead of a metric: definite and indirect leaks */
    const char *metric_help; /* what the figure is, where the metric's own words are not; or NULL */
    uint32_t process;        /* position, or QUERY_ALL_PROCESSES */
    struct query_filter filter;
    bool are_arguments_shown;                 /* of targets; left out under CI (secrets) */
    struct recording_reader *reader;          /* for leaks and graphs; NULL: do without */
    const char *source_root;                  /* as in struct check_report; borrowed */
    const struct symbolizer_options *symbols; /* for types; NULL: the defaults. Borrowed */

    /* Of formats that need a graph. */
    const struct process_graph *graph; /* borrowed */
    const uint8_t *is_focus;           /* by block: what to show the surroundings of; NULL = none */
    uint64_t limit;                    /* nodes of what is drawn; 0 = all */
};

struct export_format {
    const char *name;
    const char *summary;     /* a line of help: who reads it */
    bool is_binary;          /* nothing for a terminal */
    bool needs_graph;        /* of one process at a snapshot, in the options */
    const char *no_interval; /* why it cannot be of what was between two instants; NULL: it can */
    bool (*write)(const struct profile *profile, const struct export_options *options, FILE *out,
                  struct error *error);
};

/* In the order of help; NULL for an unknown name / past the end. */
const struct export_format *export_format_at(size_t position);
const struct export_format *export_format_find(const char *name);

/* Writes and flushes. False for a malformed filter, a process that the format cannot tell from
 * others (it says so), and when `out` cannot be written. */
bool export_write(const struct export_format *format, const struct profile *profile,
                  const struct export_options *options, FILE *out, struct error *error);

/* Whether figures of sites have this metric: an interval has no peaks. */
bool export_knows(const struct profile *profile, enum query_metric metric);

/* The writers; each file begins with what its format is and who reads it. */
bool export_write_folded(const struct profile *profile, const struct export_options *options,
                         FILE *out, struct error *error);
bool export_write_flamegraph(const struct profile *profile, const struct export_options *options,
                             FILE *out, struct error *error);
bool export_write_speedscope(const struct profile *profile, const struct export_options *options,
                             FILE *out, struct error *error);
bool export_write_pprof(const struct profile *profile, const struct export_options *options,
                        FILE *out, struct error *error);
bool export_write_callgrind(const struct profile *profile, const struct export_options *options,
                            FILE *out, struct error *error);
bool export_write_massif(const struct profile *profile, const struct export_options *options,
                         FILE *out, struct error *error);
bool export_write_gperftools(const struct profile *profile, const struct export_options *options,
                             FILE *out, struct error *error);
bool export_write_dhat(const struct profile *profile, const struct export_options *options,
                       FILE *out, struct error *error);
bool export_write_heaptrack(const struct profile *profile, const struct export_options *options,
                            FILE *out, struct error *error);
bool export_write_valgrind(const struct profile *profile, const struct export_options *options,
                           FILE *out, struct error *error);
bool export_write_html(const struct profile *profile, const struct export_options *options,
                       FILE *out, struct error *error);
bool export_write_csv(const struct profile *profile, const struct export_options *options,
                      FILE *out, struct error *error);
bool export_write_sqlite(const struct profile *profile, const struct export_options *options,
                         FILE *out, struct error *error);
bool export_write_openmetrics(const struct profile *profile, const struct export_options *options,
                              FILE *out, struct error *error);
bool export_write_sarif(const struct profile *profile, const struct export_options *options,
                        FILE *out, struct error *error);
bool export_write_junit(const struct profile *profile, const struct export_options *options,
                        FILE *out, struct error *error);

bool export_write_heapsnapshot(const struct profile *profile, const struct export_options *options,
                               FILE *out, struct error *error);
bool export_write_dot(const struct profile *profile, const struct export_options *options,
                      FILE *out, struct error *error);
bool export_write_graphml(const struct profile *profile, const struct export_options *options,
                          FILE *out, struct error *error);
bool export_write_graph_flamegraph(const struct profile *profile,
                                   const struct export_options *options, FILE *out,
                                   struct error *error);

#endif
