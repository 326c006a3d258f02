/* The gate of `seep check`: budgets on what processes used, alone or against a baseline.
 *
 * A budget that could not be measured is inconclusive, never passed: a process that was not
 * observed, a leak budget without a scan, lost events, a figure that the kernel did not give. What
 * is over its budget fails also then, since more would not have been less. */
#ifndef SEEP_ANALYSIS_GATE_H
#define SEEP_ANALYSIS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/leaks.h"
#include "analysis/profile.h"
#include "analysis/query.h"

enum gate_budget {
    GATE_PEAK,
    GATE_HEAP,
    GATE_RESIDENT,
    GATE_LIVE,
    GATE_ALLOCATIONS,
    GATE_TEMPORARY,
    GATE_LEAKED,
    GATE_LEAKED_PER_SITE,
    GATE_BUDGET_COUNT
};

struct gate_budget_info {
    enum gate_budget budget;
    const char *name;          /* "peak": in JSON, in files, and behind --max- */
    const char *help;          /* of the option */
    bool is_bytes;             /* else a count */
    bool is_of_leaks;          /* needs a scan */
    enum query_metric culprit; /* whose largest site is named */
};

/* In the order of the enum; NULL past the end. */
const struct gate_budget_info *gate_budget_at(size_t position);

enum gate_verdict { /* the worse the larger */
    GATE_PASS,
    GATE_INCONCLUSIVE,
    GATE_FAIL
};

const char *gate_verdict_name(enum gate_verdict verdict);

/* What is known of a process's leaks. */
struct gate_scan {
    const struct leaks *leaks; /* NULL: it was not scanned */
    const char *reason;        /* why not: "killed", ... */
};

struct gate_options {
    bool is_set[GATE_BUDGET_COUNT];
    uint64_t limits[GATE_BUDGET_COUNT];
    unsigned leaked_kinds; /* 1 << enum leak_kind: what counts as leaked */
    bool is_sampled_allowed;
    const char *const *only; /* globs of executables that are judged; none: by default */
    size_t only_count;
    const char *const *skip;
    size_t skip_count;
    const struct profile *baseline;         /* NULL = none; what is set is then compared too */
    const struct gate_scan *baseline_scans; /* by process of the baseline */
    bool is_new_leaks_only;                 /* leaks that the baseline has do not count */
    double tolerance;                       /* 0.05: may be exceeded by 5 % ... */
    uint64_t min_delta;                     /* ... or by as many bytes (counts: 0) */
};

enum gate_finding_state {
    GATE_FINDING_NEW,
    GATE_FINDING_KNOWN,
    GATE_FINDING_FIXED
};

/* A leak, or a site that grew over the baseline. */
struct gate_finding {
    uint64_t fingerprint;
    enum gate_finding_state state;
    int leak_kind;       /* enum leak_kind, -1 = no leak */
    uint64_t bytes;      /* now; of what is fixed, before */
    uint64_t base_bytes; /* in the baseline */
    uint64_t blocks;
    bool is_in_baseline; /* `site` is one of the baseline's, since the other has none */
    uint32_t site;       /* position in profile.sites, or QUERY_NO_SITE */
};

struct gate_result {
    uint32_t process; /* position */
    enum gate_budget budget;
    bool has_limit, has_value, has_baseline;
    uint64_t limit, value, baseline;
    enum gate_verdict verdict;
    const char *reason;            /* why inconclusive, or "" */
    const char *scan_reason;       /* why there was no scan, where one was needed, or "" */
    uint32_t culprit;              /* position of the site to look at, or QUERY_NO_SITE */
    struct gate_finding *findings; /* by bytes descending, then fingerprint */
    size_t finding_count;
};

struct gate {
    struct gate_result *results; /* by process, then budget */
    size_t count;
    enum gate_verdict verdict; /* the worst; inconclusive when nothing was judged */
    const char *reason;        /* why it is not passed, in a few words; "" when it is */
};

/* Judges the processes of a recording that the options choose. By default these are the command's
 * own and those whose executables are not under /usr, /bin, /lib, /sbin or /opt. `scans` has one
 * for each process. Clear after use. */
void gate_judge(const struct profile *profile, const struct gate_scan *scans,
                const struct gate_options *options, struct gate *gate);
void gate_clear(struct gate *gate);

/* Is the process judged? */
bool gate_is_judged(const struct profile *profile, uint32_t process,
                    const struct gate_options *options);

/* The process of the baseline that a process is compared with: the same executable's name, the same
 * rank among those; baseline->process_count when there is none. */
uint32_t gate_counterpart(const struct profile *profile, uint32_t process,
                          const struct profile *baseline);

#endif
