/* Beginning and end: of the preload in this image, of its processes and threads. */
#ifndef SEEP_PRELOAD_LIFECYCLE_H
#define SEEP_PRELOAD_LIFECYCLE_H

#include <stdbool.h>

#include "preload/export.h"
#include "preload/thread_state.h"

enum preload_mode {
    PRELOAD_NOT_STARTED, /* the real functions may not be found yet */
    PRELOAD_PASSES,      /* stands aside: every hook is its real function and nothing else */
    PRELOAD_WATCHES,     /* the program has its own malloc: only lives of processes are told */
    PRELOAD_RECORDS
};

INTERNAL extern enum preload_mode preload_mode;

/* Is there somebody to tell of forks, execs and exits? */
static inline bool lifecycle_tells(void)
{
    return preload_mode >= PRELOAD_WATCHES;
}

/* Brings the preload up at its first call, or in its constructor, whichever comes first: finds the
 * real functions, joins the session. Calls that come in meanwhile (from dlsym, or from other
 * threads) find PRELOAD_NOT_STARTED and are served by the bootstrap heap. */
void lifecycle_begin(void);

/* For hooks that cannot be served by the bootstrap heap: after it the real functions are there,
 * unless the lookup itself came here: a program's own malloc, which dlsym calls, may map memory and
 * make system calls. */
static inline void lifecycle_ensure(void)
{
    if (__builtin_expect(preload_mode == PRELOAD_NOT_STARTED, 0))
        lifecycle_begin();
}

/* Do the session's rules want this process, which has not been claimed yet? If not, steps aside. */
bool lifecycle_may_record_process(void);

/* Called when a thread claimed its state: tells the recorder of the process (its first) and thread.
 */
void lifecycle_thread_started(struct thread_state *thread, bool is_first_of_process);

#endif
