/* Tables of sites, functions, files, modules and threads with all figures, sorted, filtered, cut.
 *
 * Groupings and metrics are tables with a name and a line of help each, from which options, their
 * help and the columns of views are derived. */
#ifndef SEEP_ANALYSIS_QUERY_H
#define SEEP_ANALYSIS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/estimate.h"
#include "analysis/profile.h"
#include "base/error.h"
#include "base/progress.h"

enum query_grouping {
    QUERY_BY_SITE,
    QUERY_BY_FUNCTION,
    QUERY_BY_FILE,
    QUERY_BY_MODULE,
    QUERY_BY_THREAD,
    QUERY_BY_PYTHON_LINE
};

enum query_metric {
    QUERY_LIVE_BYTES,
    QUERY_PEAK_BYTES,
    QUERY_ALLOCATED_BYTES,
    QUERY_FREED_BYTES,
    QUERY_LIVE_BLOCKS,
    QUERY_PEAK_BLOCKS,
    QUERY_ALLOCATIONS,
    QUERY_FREES,
    QUERY_TEMPORARY,
    QUERY_METRIC_COUNT, /* those of every recording; the others are of intervals (interval.h) */
    QUERY_NET_BYTES = QUERY_METRIC_COUNT,
    QUERY_NET_BLOCKS,
    QUERY_SURVIVED_BYTES,
    QUERY_SURVIVED_BLOCKS,
    QUERY_ALL_METRIC_COUNT
};

struct query_grouping_info {
    enum query_grouping grouping;
    const char *name;  /* what --by takes: "site" */
    const char *title; /* of the column: "Site" */
    const char *help;
    bool has_inclusive; /* rows also tell what they and their callees hold */
};

struct query_metric_info {
    enum query_metric metric;
    const char *name;  /* what --sort takes: "live", "live-blocks" */
    const char *key;   /* of JSON: "live_bytes" */
    const char *title; /* of a column, at most 10 columns wide */
    const char *help;
    bool is_bytes;
    enum query_metric bytes_metric; /* the bytes that belong to a count (itself when is_bytes) */
    bool is_signed;                 /* values are of two's complement, and may cancel out */
};

/* In the order of the enums; NULL past the end. The two finders return NULL for an unknown name. */
const struct query_grouping_info *query_grouping_at(size_t position);
const struct query_grouping_info *query_grouping_find(const char *name);
const struct query_metric_info *query_metric_at(size_t position);
const struct query_metric_info *query_metric_find(const char *name);
const char *query_metric_name_at(size_t position);     /* those of every recording */
const char *query_any_metric_name_at(size_t position); /* also those of intervals */

/* What values are ordered by, and how much there is of them, whatever their sign. */
uint64_t query_metric_rank(enum query_metric metric, uint64_t value);
uint64_t query_metric_size(enum query_metric metric, uint64_t value);

/* "1.5 MiB", "1,234"; with a sign where values have one. Into `text` (UNITS_TEXT_BYTES), and
 * returned. */
const char *query_metric_format(enum query_metric metric, uint64_t value, char *text);

struct query_figures {
    uint64_t values[QUERY_ALL_METRIC_COUNT]; /* by enum query_metric */
    float variances[QUERY_METRIC_COUNT];     /* of a sampled recording: estimate.h; else 0 */
    uint64_t inherited_blocks;
    uint64_t inherited_bytes;
};

/* The metrics that its rows have in a profile: bit 1 << metric. A thread has no peak, an interval
 * neither; only an interval has what is net. `process`: position, or QUERY_ALL_PROCESSES. */
uint32_t query_known_metrics(const struct profile *profile, uint32_t process,
                             enum query_grouping grouping);

/* `metric` where it is known; else what comes nearest. */
enum query_metric query_nearest_metric(const struct profile *profile, uint32_t process,
                                       enum query_grouping grouping, enum query_metric metric);

/* Of a site's figure in a sampled recording: its variance, and what was really recorded. */
double query_site_variance(const struct profile_site *site, enum query_metric metric);
uint64_t query_site_seen(const struct profile_site *site, enum query_metric metric);
uint64_t query_site_seen_blocks(const struct profile_site *site, enum query_metric metric);

/* The figures of a process; one, of every recording, and all. */
uint64_t query_total(const struct recording_totals *totals, enum query_metric metric);
void query_figures_add_totals(struct query_figures *sum, const struct recording_totals *totals);

/* What survived an interval in a process, which totals do not tell. */
void query_figures_add_survivors(struct query_figures *sum, const struct profile *profile,
                                 uint32_t process);

/* In a sampled recording: between which bounds a figure lies (estimate.h), and those of inherited
 * blocks and bytes. `seen`: what there is at least, 0 when nobody knows. */
struct estimate_interval query_figures_interval(const struct profile *profile,
                                                const struct query_figures *figures,
                                                enum query_metric metric, uint64_t seen);
struct estimate_interval query_figures_inherited(const struct profile *profile,
                                                 const struct query_figures *figures,
                                                 const struct recording_list *estimates,
                                                 bool is_bytes);

void query_figures_add(struct query_figures *sum, const struct query_figures *added);
void query_figures_subtract(struct query_figures *sum, const struct query_figures *taken);
void query_figures_add_site(struct query_figures *sum, const struct profile_site *site);
uint64_t query_site_value(const struct profile_site *site, enum query_metric metric);

/* Regular expressions (POSIX extended; NULL = none). A site passes when for each given include at
 * least one location of its stack matches, and for each given exclude none does. Functions are
 * matched by demangled name, files by path as recorded, modules by path. */
struct query_filter {
    const char *include_function;
    const char *exclude_function;
    const char *include_file;
    const char *exclude_file;
    const char *include_module;
    const char *exclude_module;
};

#define QUERY_ALL_PROCESSES UINT32_MAX
#define QUERY_NO_SITE       UINT32_MAX

struct query {
    enum query_grouping grouping;
    enum query_metric sort;
    bool is_sorted_inclusive; /* where the grouping has inclusive figures, sort by those */
    uint32_t process;         /* position in profile.processes, or QUERY_ALL_PROCESSES */
    uint64_t limit;           /* rows; 0 = all */
    uint64_t min_bytes;       /* leave out rows below, by the bytes that belong to the sort key */
    struct query_filter filter;
    const uint8_t
        *only_sites; /* by position in profile.sites: leave out those with 0; NULL = none */
    const struct progress *progress; /* NULL: it cannot be stopped. Borrowed */
};

struct query_row {
    const char
        *name; /* function, file name, module name, thread name; of a site, its own function */
    const char *file;     /* of the source, NULL = not known or several */
    uint32_t line;        /* 0 = not known or several */
    const char *module;   /* path; NULL = not known or several */
    uint64_t fingerprint; /* of a site, else 0 */
    uint32_t site; /* position in profile.sites (the largest when several are merged); for other
                      groupings the site that contributes most to the sort key by itself; or
                      QUERY_NO_SITE */
    uint32_t site_count;       /* how many sites it sums */
    uint32_t process;          /* position, or QUERY_ALL_PROCESSES when it sums several */
    uint64_t thread_id;        /* by thread: recording_thread.id; UINT64_MAX = no thread known */
    uint64_t tid;              /* by thread: the kernel's id; 0 = not known */
    struct query_figures self; /* sites whose first own frame (own_code.h), wrappers of malloc
                                  (place.h) left aside, is this; by site, by
                                  thread: the row's figures */
    struct query_figures inclusive; /* sites with this anywhere on their stack, each counted once;
                                       equal to self where the grouping has none */
};

struct query_result {
    struct query_row
        *rows; /* by the sort key descending; then sites by fingerprint, others by name */
    size_t row_count;
    struct query_figures total;   /* of all sites of the process(es), unfiltered */
    struct query_figures matched; /* of the sites that pass the filter */
    uint64_t omitted_count;       /* rows left out by limit and min_bytes */
    uint64_t omitted_bytes;       /* their sum, in the bytes that belong to the sort key (self) */
    uint32_t known_metrics;       /* query_known_metrics; the others are 0 and mean nothing */
    void *memory;                 /* owns the texts that are not the profile's */
};

/* `query->sort` unknown to the grouping, a malformed regular expression, a process out of range:
 * false. By site and all processes: the same stack and function in several processes is one row. */
bool query_run(const struct profile *profile, const struct query *query,
               struct query_result *result, struct error *error);
void query_result_clear(struct query_result *result);

/* Which sites a row by function, file, module or thread stands for: by itself, or with all that
 * have it anywhere on their stack. is_member has profile->site_count bytes. */
void query_find_group(const struct profile *profile, enum query_grouping grouping,
                      const struct query_row *row, bool is_inclusive, uint8_t *is_member);

/* The sites of a process that have most of some metric: live, peak or allocated bytes, allocations
 * or temporary ones; each gives a share of about `most`. is_chosen has profile->site_count bytes,
 * of which those that were zero may become 1. */
bool query_choose_largest_sites(const struct profile *profile, uint32_t process,
                                const struct query_filter *filter, size_t most, uint8_t *is_chosen,
                                struct error *error);

/* The row of one site by itself, with its name. */
void query_make_site_row(const struct profile *profile, uint32_t site, struct query_row *row);

/* Can it be run? Says the same as query_run, at once. */
bool query_check(const struct profile *profile, const struct query *query, struct error *error);

/* Is any expression given, and are they well-formed? */
bool query_filter_is_given(const struct query_filter *filter);
bool query_filter_check(const struct query_filter *filter, struct error *error);

/* Which stacks of a profile pass a filter: is_kept has profile->node_count bytes. */
bool query_filter_stacks(const struct profile *profile, const struct query_filter *filter,
                         uint8_t *is_kept, struct error *error);

/* The same for its sites: profile->site_count bytes. Void ones of an interval never pass. */
bool query_filter_sites(const struct profile *profile, const struct query_filter *filter,
                        uint8_t *is_kept, struct error *error);

#endif
