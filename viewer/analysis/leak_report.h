/* The leaks of all processes of a recording, each at a snapshot of its own.
 *
 * Snapshots are read one after the other and not kept: what reports need of them is in here. */
#ifndef SEEP_ANALYSIS_LEAK_REPORT_H
#define SEEP_ANALYSIS_LEAK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/leak_cycle.h"
#include "analysis/leaks.h"
#include "analysis/profile.h"
#include "analysis/suppressions.h"
#include "base/error.h"
#include "recording/recording_reader.h"

#define LEAK_REPORT_DEFAULT UINT64_MAX
#define LEAK_REPORT_NONE    UINT64_MAX

enum {
    LEAK_REPORT_STEPS = 6 /* of a cycle that are told */
};

/* A block of a lost cycle and the word by which it refers to the next. */
struct leak_report_step {
    uint32_t site; /* position in profile.sites, or LEAKS_NO_SITE */
    uint64_t bytes;
    uint32_t slot;
    enum snapshot_reference_kind kind;
};

/* How the oldest cycle of a leak closes. Steps as in leak_cycle.h. */
struct leak_report_cycle {
    size_t leak; /* position in leaks.items */
    size_t length;
    struct leak_report_step steps[LEAK_REPORT_STEPS];
};

/* A lost block: its address and birth find it in other snapshots of the process. */
struct leak_report_block {
    uint64_t address;
    uint64_t birth_ns;
    uint32_t leak; /* position in leaks.items */
};

struct leak_report_process {
    uint32_t process; /* position in profile.processes */
    bool is_done;     /* else `leaks` is empty and means nothing */
    bool has_head;    /* there is a snapshot, or the recorder wrote why there is none */
    struct recording_snapshot head; /* of that; its texts belong to the report */
    const char *reason; /* a word: "exit", "snapshot", "exec"; not done: "killed", ... */
    struct leaks leaks;
    struct leak_report_cycle *cycles; /* by leak; of the first ones */
    size_t cycle_count;
    struct leak_report_block
        *lost; /* by address; those of kinds LEAK_KINDS_LOST; where asked for */
    size_t lost_count;
};

struct leak_report {
    struct leak_report_process *processes;
    size_t process_count;
    struct leak_use *uses; /* by entry of the suppressions */
    struct arena *arena;
};

struct leak_report_options {
    const struct suppressions *suppressions; /* NULL = none */
    uint64_t roots_off;
    uint32_t process;     /* a position, or QUERY_ALL_PROCESSES */
    uint64_t snapshot;    /* id; only its process is looked at. LEAK_REPORT_DEFAULT: of each process
                             the newest that was asked for, else the one at exit, else the newest */
    bool are_blocks_kept; /* fill `lost` */
    uint64_t since;       /* id: only its process, and only what is lost since. LEAK_REPORT_NONE */
};

/* False: no such snapshot, or one that was not done; a recording that cannot be read; or one that
 * is sampled, where most blocks are not known; the report is empty then. Clear after use. */
bool leak_report_build(const struct profile *profile, struct recording_reader *reader,
                       const struct leak_report_options *options, struct leak_report *report,
                       struct error *error);
void leak_report_clear(struct leak_report *report);

/* The cycle of the leak at this position; NULL when it has none that is told. */
const struct leak_report_cycle *leak_report_find_cycle(const struct leak_report_process *process,
                                                       size_t leak);

/* How long its oldest block had lived at the snapshot. */
uint64_t leak_report_age_ns(const struct leak_report_process *process, const struct leak *leak);

/* The same of the youngest. */
uint64_t leak_report_least_age_ns(const struct leak_report_process *process,
                                  const struct leak *leak);

/* The thread that allocated all of its blocks; NULL when it was several, or is not known. */
const struct recording_thread *leak_report_find_thread(const struct profile *profile,
                                                       const struct leak_report_process *process,
                                                       const struct leak *leak);

/* The sums of a kind over all processes that were scanned. */
struct leak_sum leak_report_sum(const struct leak_report *report, enum leak_kind kind);

#endif
