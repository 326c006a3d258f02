/* Holds all threads of a process, so that its memory can be read as it is at one instant, and lets
 * them go on as if nothing had been.
 *
 * PTRACE_SEIZE and PTRACE_INTERRUPT leave a process's job control and signals alone, but not its
 * system calls: most are restarted by the kernel, some return EINTR (epoll_wait, recv and accept
 * with a timeout, sigtimedwait, ...). A thread that was stopped in one of those is put back in
 * front of the call, at once, so that nothing is seen of it whatever becomes of us; a timeout
 * begins anew. A signal that really came interrupts the call as it would have.
 *
 * If the recorder dies, the kernel lets everything go. Only the thread that stopped a process can
 * read its registers and let it go. */
#ifndef SEEP_SNAPSHOT_STOPPER_H
#define SEEP_SNAPSHOT_STOPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "snapshot/processor.h"

enum stopper_state {
    STOPPER_RUNS,    /* asked to stop, has not yet */
    STOPPER_STOPPED, /* its registers are known */
    STOPPER_SLEEPS,  /* in a sleep that nothing interrupts: it stands still, until that ends */
    STOPPER_GONE
};

struct stopper_thread {
    pid_t pid; /* of its process: a vfork child's thread stands here too */
    pid_t tid;
    enum stopper_state state;
    int signal;       /* came while it was being stopped; it gets it when it goes on. 0 = none */
    bool is_halted;   /* the whole process was stopped already, by a signal */
    bool is_repeated; /* its system call begins anew */
    uint64_t
        general[PROCESSOR_GENERAL_WORDS]; /* as they were when it stopped; sleeping: pc and sp */
    uint8_t
        *extended; /* vector registers, as ptrace gives them (NT_X86_XSTATE); NULL = not known */
    size_t extended_bytes;
    uint32_t
        parked_plus_1; /* where it says where its registers stand (session_parked); 0 = nowhere */
};

struct stopper {
    pid_t pid;
    bool is_own_child; /* somebody else in this program waits for its end */
    struct stopper_thread *threads;
    size_t count, capacity;
    bool is_stopped;
    uint64_t since_ns;        /* of the clock, that its threads were asked to stop */
    struct hold_watch *watch; /* until all threads have been let go; NULL = none */
};

/* Stops every thread of `pid`, or none: false with *error. `is_own_child`: its end is left for
 * somebody else of this program to wait for. Gives up at `deadline_ns` of the clock. On success,
 * stopper_release follows; on failure stopper_settle may be due. */
bool stopper_stop(struct stopper *stopper, pid_t pid, bool is_own_child, const struct clock *clock,
                  uint64_t deadline_ns, struct error *error);

/* Lets all threads go on. Those that sleep are let go when they wake: see below. */
void stopper_release(struct stopper *stopper);

/* Looks after threads that could not be let go yet. True when there are none (any more). */
bool stopper_settle(struct stopper *stopper);

/* Gives up memory; threads that still wait to be let go are not (the end of the program does it).
 */
void stopper_clear(struct stopper *stopper);

#endif
