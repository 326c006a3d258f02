/* What programs used before, that the gate compares with: figures of processes and of their sites.
 *
 * They come from recordings, from JSON of `seep report`, `leaks` and `check`, and from the text
 * that `seep check --update-baseline` writes (gate_baseline_text.h). Several sources add up: runs
 * of the same program tell how much its figures vary by themselves.
 *
 * A process is known by its executable's file name and by its rank among those of that name in its
 * recording; a site by its fingerprint. */
#ifndef SEEP_ANALYSIS_GATE_BASELINE_H
#define SEEP_ANALYSIS_GATE_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/gate_budgets.h"
#include "analysis/gate_noise.h"
#include "analysis/growth.h"
#include "analysis/leaks.h"
#include "analysis/profile.h"
#include "base/error.h"
#include "base/hash_map.h"
#include "snapshot/leak_kind.h"

/* What is known of a process's leaks. */
struct gate_scan {
    const struct leaks *leaks;   /* NULL: it was not scanned */
    const char *reason;          /* why not: "killed", ... */
    const struct growth *growth; /* NULL: not looked for */
};

/* All sites of a fingerprint; of several runs the largest figures. */
struct gate_baseline_site {
    uint64_t fingerprint;
    uint64_t values[GATE_BUDGET_COUNT]; /* of budgets that sites have (gate_budgets.h) */
    uint64_t leaked[LEAK_KIND_COUNT];   /* bytes */
    bool is_leaked;                     /* at all, of some kind */
    char *place;                        /* for people: "keep() at a.c"; NULL = not known */
    const struct profile *profile;      /* of a recording: where `site` stands. NULL: no stack */
    uint32_t site;
};

struct gate_baseline_process {
    char *name;
    uint32_t rank;
    bool is_scanned;                               /* in some run: its leaks are known */
    struct gate_figure figures[GATE_BUDGET_COUNT]; /* by budget; those of leaks stay empty */
    struct gate_baseline_site *sites;
    size_t site_count, site_capacity;
    struct hash_map positions; /* of sites, by fingerprint */
};

/* A zeroed struct is empty. */
struct gate_baseline {
    struct gate_baseline_process *processes;
    size_t count, capacity;
};

void gate_baseline_clear(struct gate_baseline *baseline);

/* A recording's processes, where they were observed; `scans` has one for each. The profile must
 * outlive the baseline. */
void gate_baseline_add_profile(struct gate_baseline *baseline, const struct profile *profile,
                               const struct gate_scan *scans);

/* One of its processes (a position). */
void gate_baseline_add_process(struct gate_baseline *baseline, const struct profile *profile,
                               uint32_t process, uint32_t rank, const struct gate_scan *scan);

/* JSON of `seep report`, `seep leaks` or `seep check`. `path` is for messages. */
bool gate_baseline_read_json(struct gate_baseline *baseline, const char *text, const char *path,
                             struct error *error);

/* NULL when there is none. */
const struct gate_baseline_process *gate_baseline_find(const struct gate_baseline *baseline,
                                                       const char *name, uint32_t rank);
const struct gate_baseline_site *
gate_baseline_find_site(const struct gate_baseline_process *process, uint64_t fingerprint);

/* The same, made where there is none. Borrowed until the next of these. */
struct gate_baseline_process *gate_baseline_get(struct gate_baseline *baseline, const char *name,
                                                uint32_t rank);
struct gate_baseline_site *gate_baseline_get_site(struct gate_baseline_process *process,
                                                  uint64_t fingerprint);

/* Bytes of leaks of the kinds (1 << enum leak_kind): all of them, or of the fingerprint with most.
 */
uint64_t gate_baseline_leaked(const struct gate_baseline_process *process, unsigned kinds);
uint64_t gate_baseline_leaked_by_a_site(const struct gate_baseline_process *process,
                                        unsigned kinds);
uint64_t gate_baseline_site_leaked(const struct gate_baseline_site *site, unsigned kinds);

/* The name and ranks by which the processes of a profile are known. Caller frees the ranks, one for
 * each process. */
const char *gate_process_name(const struct profile *profile, uint32_t process);
uint32_t *gate_process_ranks(const struct profile *profile);

#endif
