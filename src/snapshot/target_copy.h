/* Has a process that stands still make a copy of itself, to be read while it goes on: a thread of
 * it is led into code of the preload that does it (preload/self_copy.c), and back to where it was.
 */
#ifndef SEEP_SNAPSHOT_TARGET_COPY_H
#define SEEP_SNAPSHOT_TARGET_COPY_H

#include "base/clock.h"
#include "base/error.h"
#include "snapshot/stopper.h"
#include "wire/session.h"

struct target_copy {
    struct session_process *shared;
    uint32_t number; /* with enum session_copy_flags */
    pid_t pid;       /* of the copy */
    int pidfd;
};

/* Is there enough memory for what a process of `bytes` in memory may change while it is read? Looks
 * at what the system has, at the process's control group, and at strict overcommitting. False with
 * the reason. */
bool target_copy_has_room(pid_t pid, uint64_t bytes, struct error *error);

/* `flags`: what it is to do (enum session_copy_flags). `is_waiting`: some thread of it waits for
 * us, parked or because it holds itself; else `stopper` has stopped it by ptrace, and it cannot be
 * read in place. */
bool target_copy_make(struct target_copy *copy, struct stopper *stopper, bool is_waiting,
                      uint32_t flags, struct session_process *shared, const struct clock *clock,
                      uint64_t deadline_ns, struct error *error);

/* Did it end by itself? Then what was read of it last is nothing. */
bool target_copy_has_ended(const struct target_copy *copy);

/* Ends it; from any process of ours. */
void target_copy_end(struct target_copy *copy);

#endif
