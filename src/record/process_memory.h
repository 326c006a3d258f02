/* How the memory of a process that is held is reached: from outside, of the process or of a copy
 * that it made of itself; or, where nobody else may read it, by what stands in for it and reads
 * itself. */
#ifndef SEEP_RECORD_PROCESS_MEMORY_H
#define SEEP_RECORD_PROCESS_MEMORY_H

#include "base/clock.h"
#include "base/error.h"
#include "record/process_hold.h"
#include "snapshot/residency.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_copy.h"
#include "snapshot/target_server.h"

struct process_memory_input {
    struct process_hold *hold;
    struct session_header *session;
    struct session_process *shared;
    pid_t pid;
    uint32_t tid;         /* a thread by which it can be read */
    bool may_copy;        /* it need not be held until it was read */
    struct error no_room; /* why it may not, if it was to be */
    bool is_waiting;      /* a thread of it holds itself */
};

struct process_memory {
    struct process_memory_input input;
    struct target_copy copy;
    bool is_copied;       /* the process need not be held any more */
    bool is_served;       /* nobody else may read it */
    struct error no_copy; /* why not, if it was to be */
    struct target_server server;
};

/* Is it worth to copy a process of `resident_bytes` in memory, and is there room for that? False
 * with *no_room, "" where it is not worth it. Asked before the process is held: it takes its time.
 */
bool process_memory_may_copy(pid_t pid, uint64_t resident_bytes, struct error *no_room);

/* False with *error when it cannot be reached. */
bool process_memory_reach(struct process_memory *memory, const struct process_memory_input *input,
                          const struct clock *clock, uint64_t deadline_ns, struct error *error);

/* Is what was read of it, by now, that of one instant? Not when what read it has ended. */
bool process_memory_is_whole(const struct process_memory *memory);

/* Nobody reads it any more; for what was never reached, too. From any process of ours. */
void process_memory_end(struct process_memory *memory);

/* Before anything is read of it. */
bool process_memory_read_residency(struct process_memory *memory, struct residency *residency,
                                   struct error *error);

struct process_reading {
    uint32_t pid; /* of what is read */
    bool has_own_mappings;
    struct target_process *process;
    struct target_memory memory;
    struct target_mappings mappings;
};

/* process_reading_end is due in any case. `known` are its mappings where they were read since it
 * stands still, borrowed until then; NULL or empty: they were not. */
bool process_reading_begin(struct process_reading *reading, struct process_memory *memory,
                           const struct target_mappings *known, struct error *error);
void process_reading_end(struct process_reading *reading);

#endif
