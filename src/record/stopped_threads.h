/* Threads that are stopped, as those take them who read a stopped process. */
#ifndef SEEP_RECORD_STOPPED_THREADS_H
#define SEEP_RECORD_STOPPED_THREADS_H

#include "snapshot/snapshot_scan.h"
#include "snapshot/stopper.h"

/* But for its name; vector registers are borrowed. */
void stopped_thread_fill(struct stopped_thread *to, const struct stopper_thread *from);

/* Copies, which stay when the process goes on; caller frees them by stopped_threads_free. */
struct stopped_thread *stopped_threads_copy(const struct stopper *stopper);
void stopped_threads_free(struct stopped_thread *threads, size_t count);

#endif
