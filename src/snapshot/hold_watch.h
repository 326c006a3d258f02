/* While a process is held it depends on its holder: one that is killed lets it go, but one that is
 * stopped (SIGSTOP) would hold it for as long. So somebody watches the holder, and if it is stopped
 * in the middle of a hold makes it go on: stopping waits until nobody is held.
 *
 * The watcher is a process, since a stop stops all threads, and in a process group of its own,
 * since it may be meant for a group. (Not in a session: Linux schedules each as a whole, and one
 * that has just begun may wait for seconds where the processors are busy.) It shares the holder's
 * memory (CLONE_VM), so it costs no copy of that, and ends with it. It uses nothing of libc, whose
 * variables are the holder's. */
#ifndef SEEP_SNAPSHOT_HOLD_WATCH_H
#define SEEP_SNAPSHOT_HOLD_WATCH_H

#include <stdint.h>

/* What comes with the SIGCONT that it sends (sigqueue), which is meant for nobody else. */
#define HOLD_WATCH_MARK UINT64_C(0x64736c6f68706573)

struct hold_watch;

/* Before the first thread is held. NULL: there is no watcher, which is no reason not to hold. */
struct hold_watch *hold_watch_begin(void);

/* When none is held any more. NULL is allowed. */
void hold_watch_end(struct hold_watch *watch);

#endif
