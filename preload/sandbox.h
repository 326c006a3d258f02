/* A program that locks itself in (seccomp) may be killed for a system call that it never made
 * itself. So from the moment when it installs a filter the preload makes none at all: not to map,
 * not to wait, not to wake (raw_syscall.h refuses). A full ring is looked at for a while, then its
 * events are lost and counted; threads that come later find no ring.
 *
 * A filter that was there when the image began does not count: what starts a program under a filter
 * lets it map and read files. */
#ifndef SEEP_PRELOAD_SANDBOX_H
#define SEEP_PRELOAD_SANDBOX_H

#include <stdbool.h>

/* No system calls any more, in the whole process and in what it forks. */
extern bool sandbox_is_closed;

/* A thread may not read the time either (SECCOMP_MODE_STRICT): nothing can be waited for. */
extern bool sandbox_is_strict;

/* Before the call that installs a filter: does what needs system calls (the calling thread's whole
 * stack is found readable, its ring may grow), then closes. Returns whether it was open. */
bool sandbox_close(void);

/* The call failed: as before. */
void sandbox_open(void);

#endif
