/* Where lost blocks were last seen to be held: the newest snapshot of the process, before the one
 * at which they are lost, at which something still led to one of them, and the way from a root.
 * What held them then has lost them since; that they were lost before the next snapshot is all that
 * is known of the instant. */
#ifndef SEEP_GRAPH_LAST_SEEN_H
#define SEEP_GRAPH_LAST_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/leak_report.h"
#include "analysis/profile.h"
#include "graph/graph_path.h"
#include "recording/recording_reader.h"
#include "symbols/symbolizer.h"

struct last_seen {
    bool is_seen;      /* else nothing of the rest */
    uint64_t snapshot; /* id */
    uint64_t time_ns;
    uint64_t reason;        /* enum snapshot_reason */
    uint64_t blocks;        /* of the leak's, that something led to then */
    struct graph_path path; /* to the oldest of them: the root first, and itself last */
};

struct last_seen_process {
    struct last_seen *leaks; /* beside leaks.items of the report's process */
    size_t count;
};

/* Beside the processes of a report; a zeroed struct is empty. */
struct last_seens {
    struct last_seen_process *processes;
    size_t count;
};

struct last_seen_options {
    uint64_t roots_off;                       /* as for the report */
    const struct symbolizer_options *symbols; /* for names of roots and members */
};

/* For a report that was built with are_blocks_kept. Snapshots that cannot be read are passed over.
 * Clear after use. */
void last_seens_find(const struct profile *profile, struct recording_reader *reader,
                     const struct leak_report *report, const struct last_seen_options *options,
                     struct last_seens *seens);
void last_seens_clear(struct last_seens *seens);

/* Of a leak by its place in the report; NULL = it was not seen. `seens` may be NULL. */
const struct last_seen *last_seens_of(const struct last_seens *seens, size_t process, size_t leak);

#endif
