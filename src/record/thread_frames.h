/* Which function each part of the stacks of a process belongs to that stands still: a root on a
 * stack is named by it, and a variable of that function may say of which type a block is.
 *
 * libunwind walks each stack from the thread's registers, over a copy of its innermost part; so
 * much of it is looked at as there is time for. What is not known stays without frames. */
#ifndef SEEP_RECORD_THREAD_FRAMES_H
#define SEEP_RECORD_THREAD_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "record/process_tree.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/stopper.h"
#include "snapshot/target_memory.h"

/* A zeroed struct is empty. */
struct thread_frames {
    struct thread_stack *stacks;
    size_t count;
};

/* While the process stands still: which threads there are, and their registers. `holder` is the one
 * that waits for us, or NULL, and `kept_at` where on its stack it keeps them itself. */
void thread_frames_begin(struct thread_frames *frames, const struct stopper *stopper,
                         const struct stopper_thread *holder, uint64_t kept_at);

/* All is borrowed during the call. */
struct thread_frames_input {
    struct process_tree *tree; /* frames are added to its table */
    struct recorded_process *process;
    const struct target_memory *memory;     /* of the process, or of a copy of it */
    const struct target_mappings *mappings; /* of the same */
    uint32_t pid;                           /* whose files are opened */
    struct clock clock;
    uint64_t deadline_ns; /* of that clock: threads left then have no frames */
};
/* Finds them, of the process or of a copy of it. */
void thread_frames_find(struct thread_frames *frames, const struct thread_frames_input *input);
void thread_frames_clear(struct thread_frames *frames);

/* Gives the snapshot's threads what was found of them. */
void thread_frames_tell(const struct thread_frames *frames, struct snapshot *snapshot);

#endif
