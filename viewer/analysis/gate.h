/* The gate of `seep check`: budgets on what processes used, alone or against a baseline.
 *
 * A budget that could not be measured is inconclusive, never passed: a process that was not
 * observed, a leak budget without a scan, lost events, a figure that the kernel did not give. What
 * is over its budget fails also then, since more would not have been less.
 *
 * Several runs of one command are judged together: a limit must hold in the worst of them, and
 * against a baseline it is their mean that counts, beyond what chance explains (gate_noise.h). */
#ifndef SEEP_ANALYSIS_GATE_H
#define SEEP_ANALYSIS_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/gate_baseline.h"
#include "analysis/gate_budgets.h"
#include "analysis/gate_groups.h"
#include "analysis/gate_noise.h"
#include "analysis/leaks.h"
#include "analysis/profile.h"
#include "analysis/query.h"
#include "base/error.h"

enum gate_verdict { /* the worse the larger */
    GATE_PASS,
    GATE_INCONCLUSIVE,
    GATE_FAIL
};

const char *gate_verdict_name(enum gate_verdict verdict);

/* A recording and its leaks. */
struct gate_run {
    const struct profile *profile;
    const struct gate_scan *scans; /* by process */
};

struct gate_options {
    bool is_tree;                    /* a process and its descendants are judged as one */
    struct gate_limits limits;       /* of each process, or tree */
    const struct gate_scope *scopes; /* and of parts of it */
    size_t scope_count;
    unsigned leaked_kinds; /* 1 << enum leak_kind: what counts as leaked */
    bool is_sampled_allowed;
    const char *const *only; /* globs of executables that are judged; none: by default */
    size_t only_count;
    const char *const *skip;
    size_t skip_count;
    const struct gate_baseline *baseline; /* NULL = none; what is set is then compared too */
    bool is_new_leaks_only;               /* leaks that the baseline has do not count */
    double tolerance;                     /* 0.05: may be exceeded by 5 % ... */
    uint64_t min_delta;                   /* ... or by as many bytes (counts: 0) */
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
    uint64_t bytes;      /* now; of what is fixed, before. Of budgets of counts, a count */
    uint64_t base_bytes; /* in the baseline */
    uint64_t blocks;
    const struct profile *profile; /* where `site` stands: of what is fixed, the baseline's; NULL =
                                      a baseline that has no stacks */
    uint32_t site;                 /* position in its sites, or QUERY_NO_SITE */
};

struct gate_result {
    size_t run;       /* whose process it is: the one with the largest value */
    uint32_t process; /* position; of a tree the first */
    struct gate_group group;
    uint32_t rank; /* among those of the same name */
    enum gate_budget budget;
    const struct gate_scope *scope; /* NULL = the whole process */
    bool has_limit, has_value, has_baseline;
    uint64_t limit, value, baseline;
    uint64_t least; /* at least so much; `value` is at most. Only peaks of trees differ */
    struct gate_figure figure; /* over the runs */
    double margin;             /* up to which a difference from the baseline is chance */
    enum gate_verdict verdict;
    const char *reason;            /* why inconclusive, or "" */
    const char *scan_reason;       /* why there was no scan, where one was needed, or "" */
    uint32_t culprit;              /* position of the site to look at, or QUERY_NO_SITE */
    uint64_t culprit_value;        /* its share of the value, or what it is more than before */
    struct gate_finding *findings; /* by growth over the baseline, then bytes, then fingerprint */
    size_t finding_count;
};

struct gate {
    struct gate_result *results; /* by process, then budget, then scope */
    size_t count;
    struct gate_groups *groups; /* by run: what was judged as one */
    size_t run_count;
    enum gate_verdict verdict; /* the worst; inconclusive when nothing was judged */
    const char *reason;        /* why it is not passed, in a few words; "" when it is */
};

/* Judges the processes that the options choose. By default these are the command's own and those
 * whose executables are not under /usr, /bin, /lib, /sbin or /opt. Clear after use; options and
 * runs must outlive it. */
void gate_judge(const struct gate_run *runs, size_t run_count, const struct gate_options *options,
                struct gate *gate);
void gate_clear(struct gate *gate);

/* Trees have limits of what can be added up, and no baseline. False: this cannot be judged. */
bool gate_options_check(const struct gate_options *options, struct error *error);

/* Is the process judged? */
bool gate_is_judged(const struct profile *profile, uint32_t process,
                    const struct gate_options *options);

/* Why figures of this process may be too small; "" when they are not. */
const char *gate_doubt(const struct profile *profile, uint32_t process,
                       const struct gate_options *options);

#endif
