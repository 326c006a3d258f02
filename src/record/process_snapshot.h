/* Takes a snapshot of one process: holds it, brings its model to exactly that instant, has its
 * memory read, and lets it go. */
#ifndef SEEP_RECORD_PROCESS_SNAPSHOT_H
#define SEEP_RECORD_PROCESS_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "record/process_hold.h"
#include "record/process_tree.h"
#include "record/sleepers.h"
#include "record/snapshot_job.h"
#include "snapshot/snapshot.h"

struct process_snapshot_request {
    enum snapshot_reason reason;
    uint64_t budget_ns; /* so long the process may be held */
    /* What was found out of other processes, and is to be kept; NULL = nothing. */
    struct libc_facts *libc;
    struct python_search *python;
    uint64_t roots_off;     /* set of 1 << enum snapshot_root_kind */
    bool has_no_heuristics; /* pointers into blocks count as interior, whatever they look like */
    uint64_t content_limit; /* so many of each block's first bytes are kept */
    enum process_hold_way way;
    bool is_measure_wanted; /* also what all memory is used for */
    bool may_copy;          /* it need not be held until it was read */
    bool is_own_child;      /* somebody else in this program waits for its end */
    uint64_t hold_sp;       /* it holds itself: where its thread's stack begins; 0 = it runs */
    uint32_t hold_tid;      /* the thread, as the process sees it */
    uint32_t quiet_hold;    /* its hold, in which no handler of a signal runs; 0 = one may */
    uint64_t mark_ticks;    /* of the mark that names it; 0 = none */
};

/* Fills `snapshot` (initialised, empty but for its number), also when there was nothing to be had:
 * then its end and note say why. The process runs again when this returns.
 *
 * A large process that may be copied makes a copy of itself, and goes on while that is read by
 * another process: then *job is set, and has the snapshot when it is over. */
void process_snapshot_take(struct process_tree *tree, struct recorded_process *process,
                           const struct process_snapshot_request *request,
                           struct sleepers *sleepers, struct snapshot *snapshot,
                           struct snapshot_job **job);

#endif
