/* What the gate found, for people, programs and the services that show it beside the code: one
 * format a file. */
#ifndef SEEP_REPORT_CHECK_REPORT_H
#define SEEP_REPORT_CHECK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analysis/gate.h"
#include "base/error.h"
#include "base/text.h"

struct check_entry { /* one recording, or the runs of one command */
    const struct gate_run *runs;
    const char *const *paths; /* by run */
    size_t run_count;
    struct gate gate;
};

enum check_command {
    CHECK_NO_COMMAND,
    CHECK_COMMAND_STATUS,
    CHECK_COMMAND_SIGNAL
};

struct check_report {
    const struct check_entry *entries;
    size_t count;
    const struct gate_options *options; /* the baseline stands there */
    enum gate_verdict verdict;
    const char *reason;
    enum check_command command; /* what was run, if anything */
    int command_value;          /* its status or signal */
    bool is_colour;             /* text only */
    const char *source_root;    /* of the project's tree, without '/' at its end; NULL = the folder
                                   that the command ran in */
};

struct check_format {
    const char *name;    /* "sarif": the option that names its file */
    const char *summary; /* a line of help */
    bool (*write)(const struct check_report *report, FILE *out, struct error *error);
};

/* Those that are written into files beside the verdict; NULL past the end. */
const struct check_format *check_format_at(size_t position);

/* Writes and flushes. */
bool check_write(const struct check_format *format, const struct check_report *report, FILE *out,
                 struct error *error);

extern const struct check_format check_text, check_json;

/* The recording and the process of a result, of which formats are made. */
const struct profile *check_profile(const struct check_entry *entry,
                                    const struct gate_result *result);
const struct profile_process *check_process(const struct check_entry *entry,
                                            const struct gate_result *result);

/* "peak 71.2 MiB > 64.0 MiB (+11 %)", "leaked of src/a*: not scanned (killed)",
 * "peak in 4 processes 2.0 MiB to 5.0 MiB > 4.0 MiB: ..."; appended. */
void check_describe(const struct gate_result *result, const struct gate_options *options,
                    struct text *out);

/* Where a site is to be looked for; function, file and line as far as they are known. */
struct check_place {
    const char *function;
    const char *file; /* NULL = not known */
    uint32_t line;
    bool is_in_tree; /* the file lies in the project's tree, and `file` is relative to that */
};
void check_find_place(const struct check_report *report, const struct profile *profile,
                      uint32_t site, struct check_place *place);

/* For services that show files of the project: where that one does not lie in the tree, its first
 * caller that does. */
void check_find_place_in_tree(const struct check_report *report, const struct profile *profile,
                              uint32_t site, struct check_place *place);

bool check_write_benchmark(const struct check_report *report, FILE *out, struct error *error);
bool check_write_bencher(const struct check_report *report, FILE *out, struct error *error);
bool check_write_openmetrics(const struct check_report *report, FILE *out, struct error *error);
bool check_write_valgrind(const struct check_report *report, FILE *out, struct error *error);
bool check_write_text(const struct check_report *report, FILE *out, struct error *error);
bool check_write_json(const struct check_report *report, FILE *out, struct error *error);
bool check_write_junit(const struct check_report *report, FILE *out, struct error *error);
bool check_write_sarif(const struct check_report *report, FILE *out, struct error *error);
bool check_write_gitlab(const struct check_report *report, FILE *out, struct error *error);
bool check_write_github(const struct check_report *report, FILE *out, struct error *error);
bool check_write_markdown(const struct check_report *report, FILE *out, struct error *error);

#endif
