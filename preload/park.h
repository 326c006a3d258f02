/* The other way to hold a process: where the recorder may not stop it (ptrace is refused, or a
 * debugger sits on it), it sends each thread a signal, whose handler waits until the recorder has
 * looked. The kernel has put the thread's registers on its stack by then.
 *
 * The signal is ours alone: a program that asks or blocks all signals does not see this one
 * (interpose_signal.c). A program that uses it itself gets its own. Calls that a stop would not
 * have interrupted are begun again, where the instruction before tells which call it was. */
#ifndef SEEP_PRELOAD_PARK_H
#define SEEP_PRELOAD_PARK_H

#include <signal.h>
#include <stdbool.h>

/* Is the handler in place, in this image? */
extern _Atomic bool park_is_ready;

/* Puts the handler in place, if the recorder wants it. */
void park_start(void);

/* The same in a process that runs, once the recorder finds that it may not stop it. Costs a look
 * at shared memory where it does not. Threads that block all signals by now do not answer. */
void park_start_if_wanted(void);

/* The same where the program is about to forbid that it is stopped: it may never wait for us again.
 */
void park_start_unasked(void);

/* In a forked child that was claimed: it has its parent's handler. */
void park_tell_child(void);

/* Before an exec: waits until the recorder sends no signals, and it sends none from then on; the
 * next image would die of one. */
void park_before_exec(void);
void park_exec_failed(void);

/* No system calls are made any more, so nobody returns from a handler; and again. */
void park_close(void);
void park_open(void);

/* What the program asked for this signal, and asks now; either may be NULL. */
void park_exchange_wish(const struct sigaction *action, struct sigaction *old);

#endif
