/* Holds a process that a signal is about to end, so that it can be scanned (--scan-on-crash): where
 * the program has no handler of its own for a fatal signal, there is one of ours, which waits and
 * then lets the signal do what it would have done. The program sees the default action. */
#ifndef SEEP_PRELOAD_CRASH_HOLD_H
#define SEEP_PRELOAD_CRASH_HOLD_H

#include <signal.h>
#include <stdbool.h>

/* Puts handlers in place, if they are wanted. */
void crash_hold_start(void);

/* Takes them away: where no system calls are made any more. */
void crash_hold_stop(void);

/* Are there any? */
extern bool crash_hold_is_on;

/* What the program's sigaction is to do instead, where it asks for the default action of such a
 * signal; `action` itself otherwise. `changed` is room for it. */
const struct sigaction *crash_hold_replace(int number, const struct sigaction *action,
                                           struct sigaction *changed);

/* Makes of our handler what the program knows of. */
void crash_hold_hide(struct sigaction *old);

#endif
