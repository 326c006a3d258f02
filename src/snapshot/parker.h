/* Holds a process that the kernel does not let us stop: asks each of its threads, by a signal, to
 * park (wire/session.h; preload/park.c is the other half). Also reads how a process stands that
 * somebody else has stopped: a debugger, or SIGSTOP.
 *
 * Both fill in a struct stopper, as if it had stopped the threads itself. A thread that does not
 * answer soon counts as one whose registers and stack are not known. */
#ifndef SEEP_SNAPSHOT_PARKER_H
#define SEEP_SNAPSHOT_PARKER_H

#include "base/clock.h"
#include "base/error.h"
#include "snapshot/stopper.h"
#include "snapshot/target_memory.h"
#include "wire/session.h"

struct parker {
    struct session_header *session;
    struct session_process *shared;
    pid_t pid;
    uint32_t waiting_tid; /* a thread that holds itself already, as the process sees it; 0 = none */
    const struct target_memory *memory; /* NULL: it cannot be read yet; see below */

    uint32_t park; /* 0 = nobody is parked */
    uint32_t parked_count;
    struct processor_extended_layout layout; /* once it was asked for */
    uint64_t switches; /* of those that somebody else stopped, or that sleep */
    bool is_asleep;    /* nobody holds them */
    char note[160];    /* "" or who did not answer */
};

/* Everything but `park` and what follows is filled in. On success parker_release follows. */
bool parker_park(struct parker *parker, struct stopper *stopper, const struct clock *clock,
                 uint64_t deadline_ns, struct error *error);

/* Reads the registers of threads that parked while there was no memory to read them from. */
void parker_read_registers(struct parker *parker, struct stopper *stopper,
                           const struct target_memory *memory);

/* Takes a process as it stands; false when a thread of it runs. */
bool parker_take_still(struct parker *parker, struct stopper *stopper);

/* The same where all its threads sleep in the kernel: nobody holds it, but memory that nobody
 * writes to is as good as held. Whether they slept on is known afterwards. */
bool parker_take_sleeping(struct parker *parker, struct stopper *stopper);

/* Does it stand as it stood? False when a thread went on meanwhile, of itself or by somebody else.
 */
bool parker_is_still(const struct parker *parker, const struct stopper *stopper);

/* Lets the threads go on that were parked. */
void parker_release(struct parker *parker, struct stopper *stopper);

#endif
