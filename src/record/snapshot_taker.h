/* Decides when snapshots are taken, and of whom, and hands them to the recording: of processes that
 * hold themselves because they end, and of those that somebody asks for. */
#ifndef SEEP_RECORD_SNAPSHOT_TAKER_H
#define SEEP_RECORD_SNAPSHOT_TAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "record/process_hold.h"
#include "record/process_tree.h"
#include "record/recording_output.h"
#include "record/snapshot_levels.h"

struct snapshot_taker_options {
    struct process_tree *tree; /* borrowed, as the next */
    struct recording_output *output;
    uint32_t command_pid;
    bool is_off;        /* nothing is scanned at exit */
    uint64_t budget_ns; /* for each scan */
    uint64_t roots_off; /* set of 1 << enum snapshot_root_kind */
    bool has_no_heuristics;
    uint64_t content_limit; /* so many of each block's first bytes are kept */
    enum process_hold_way way;
    uint64_t interval_ns; /* a snapshot of every process so often; 0 = none */
    const struct snapshot_level *levels; /* one of each that reaches one of these; borrowed */
    size_t level_count;
    uint64_t kept_count;  /* of those at intervals, per process; 0 = all */
    const char *path;     /* of the recording, for answers; borrowed */
};

struct snapshot_taker;

/* Caller owns. */
struct snapshot_taker *snapshot_taker_create(const struct snapshot_taker_options *options);
void snapshot_taker_destroy(struct snapshot_taker *taker);

/* Looks after processes that hold themselves, after requests, and whether a snapshot is due. Cheap
 * when there is nothing to do. False with *error when a snapshot could not be written. */
bool snapshot_taker_serve(struct snapshot_taker *taker, struct error *error);

/* A snapshot of every process that there is now is due, once others are done. */
void snapshot_taker_want(struct snapshot_taker *taker);

/* All processes have ended, as far as it is waited for: of those that were not scanned where they
 * ended, says why. */
bool snapshot_taker_finish(struct snapshot_taker *taker, struct error *error);

#endif
