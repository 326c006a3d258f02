/* One process image as the recorder knows it: its heap model, modules and rings, and what its
 * records mean. The image begins with a PROCESS record and ends with exec, exit or a signal. */
#ifndef SEEP_RECORD_RECORDED_PROCESS_H
#define SEEP_RECORD_RECORDED_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "heap/heap_model.h"
#include "heap/stack_table.h"
#include "record/annotations.h"
#include "record/intake.h"
#include "record/marks.h"
#include "record/pools.h"
#include "record/snapshot_levels.h"
#include "record/tick_clock.h"
#include "recording/recording_records.h"
#include "snapshot/leak_counts.h"
#include "symbols/module_map.h"
#include "wire/wire_format.h"

struct process_tree;

enum {
    PROCESS_BATCH_EVENTS = 256
};

struct recorded_process {
    uint32_t id;
    uint32_t parent_id_plus_1;
    uint32_t pid;
    struct recorded_process *before; /* that had this pid; NULL = none */
    uint32_t image;
    uint32_t process_slot;
    bool has_slot; /* of the session's table; false once it was given back, or never had one */
    char *executable;
    char **arguments; /* NULL-terminated */
    bool is_own_image;
    bool is_observed;
    char *reason; /* why not observed; NULL = none */
    uint64_t real_malloc;
    const char *allocator_name; /* static text */
    const char
        *own_allocator; /* that the program contains, so nothing is seen; NULL. Static text */

    uint64_t start_ticks;
    uint64_t end_ticks;
    enum recording_exit_kind exit_kind;
    uint64_t exit_value;
    bool is_exit_told; /* the program asked for exit_told */
    int exit_told;
    bool is_ended;             /* nothing can come any more: drained and settled */
    bool wants_release_stacks; /* misuse was seen: its rings were told */
    bool is_snapshot_wanted;   /* by a signal to the recorder */
    bool is_interval_due;      /* it has not had this interval's snapshot yet */
    bool was_peak_last;        /* of those at peaks and at intervals */
    struct snapshot_levels_reached levels_reached;
    bool has_peak_snapshot;
    uint32_t peak_snapshot; /* its number: the only one at a peak that is kept */
    bool has_run_out;       /* a scan of it took longer than it may */
    bool is_scanned;        /* where it ended, or that was tried: the recording tells how it went */
    bool is_measured;   /* a snapshot tells what its memory is used for, better than one at exit */
    bool is_retired;    /* its model has given up its blocks */
    bool is_written;    /* its last state stands in the journal */
    bool is_in_journal; /* some state of it does */
    int pidfd;          /* -1 = none */
    int statm_fd;       /* -1 = none */

    struct heap_model *model; /* NULL for one that is not observed, or waits for its parent */
    struct module_map modules;
    struct hash_map frame_cache; /* address (with WIRE_FRAME_EXACT) -> frame id + 1 */
    uint32_t forgotten_frames;   /* how often it was emptied */

    struct intake **intakes;
    size_t intake_count, intake_capacity;
    uint64_t applied_ticks; /* every record up to here was applied */

    struct heap_event *batch; /* PROCESS_BATCH_EVENTS, while it is in use */
    size_t batch_count;

    char *suppressions; /* of its leaks, by the program itself; NULL = none */
    struct annotations annotations;
    struct pools pools;
    struct mark_trail mark_trail;
    struct leak_history leak_history; /* of what the program itself asked */

    uint32_t python_version; /* PY_VERSION_HEX; 0 = it has no CPython */
    enum wire_python_state python_state;

    /* quality, beside the model's own */
    uint64_t approximate_stacks;
    uint64_t truncated_stacks, failed_unwinds, remote_unwinds, bad_records;
    uint64_t lost_events, wait_ticks; /* of rings that are gone */
    uint64_t own_bytes;
    uint64_t peak_resident_bytes;
};

/* Caller owns. */
struct recorded_process *recorded_process_create(uint32_t id, uint32_t pid, uint64_t start_ticks);
void recorded_process_destroy(struct recorded_process *process);

/* Hands the gathered events to the model. */
void recorded_process_flush(struct recorded_process *process);

/* For event_run.c: room in the batch. */
void recorded_process_make_room(struct recorded_process *process);

/* It has ended: gives up what only living ones need. */
void recorded_process_rest(struct recorded_process *process);

/* To be called when addresses may mean other code than before. */
void recorded_process_forget_frames(struct recorded_process *process);

/* Figures of the rings that it has now and had. */
uint64_t recorded_process_lost_events(const struct recorded_process *process);
uint64_t recorded_process_wait_ticks(const struct recorded_process *process);

/* Applies the heap, stack or module record that stands at intake->at, and more that follow it at
 * once up to limit_ticks, and steps behind them. The rest (processes, threads' lives, forks) is the
 * tree's. Returns the bytes read. */
uint64_t recorded_process_apply(struct recorded_process *process, struct process_tree *tree,
                                struct intake *intake, uint64_t limit_ticks);

#endif
