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
    pid_t pid; /* of the copy */
    int pidfd;
};

/* Is there enough memory for what a process of `bytes` in memory may change while it is read? Looks
 * at what the system has, at the process's control group, and at strict overcommitting. False with
 * the reason. */
bool target_copy_has_room(pid_t pid, uint64_t bytes, struct error *error);

/* `stopper`: stopped by ptrace, or parked (is_parked). */
bool target_copy_make(struct target_copy *copy, struct stopper *stopper, bool is_parked,
                      struct session_process *shared, const struct clock *clock,
                      uint64_t deadline_ns, struct error *error);

/* Ends it; from any process of ours. */
void target_copy_end(struct target_copy *copy);

#endif
