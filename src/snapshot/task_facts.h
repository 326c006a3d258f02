/* What the kernel tells of one thread, through /proc. */
#ifndef SEEP_SNAPSHOT_TASK_FACTS_H
#define SEEP_SNAPSHOT_TASK_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* As in /proc/PID/stat: R runs, S sleeps, D sleeps uninterruptibly, T and t stopped, Z and X dead.
 * 0 = there is no such thread. */
char task_facts_state(pid_t pid, pid_t tid);

/* Is there a signal that the thread would take if it ran? Not one that it ignores or blocks. */
bool task_facts_has_signal(pid_t pid, pid_t tid);

/* Would this signal, if it came to the thread, be dropped? */
bool task_facts_ignores_signal(pid_t pid, pid_t tid, int number);

/* Where a thread that sleeps in the kernel left user mode. False where that is not told. */
bool task_facts_sleeper(pid_t pid, pid_t tid, uint64_t *pc, uint64_t *sp);

/* Calls `visit` with every thread of the process; stops at false. False: there is no such process.
 */
typedef bool (*task_facts_visit)(void *context, pid_t tid);
bool task_facts_visit_threads(pid_t pid, task_facts_visit visit, void *context);

/* Says why it cannot be visited: it has ended, or /proc does not show it. Returns false. */
bool task_facts_tell_absence(pid_t pid, struct error *error);

/* How many threads the process has; 0 = not known, or there is no such process. */
size_t task_facts_thread_count(pid_t pid);

/* Who traces the process (a debugger, strace); 0 = nobody. */
pid_t task_facts_tracer(pid_t pid);

/* Children that the thread made and that run in its memory (vfork); returns how many of at most
 * `room` there are. */
size_t task_facts_vfork_children(pid_t pid, pid_t tid, pid_t *children, size_t room);

/* How often the thread was taken off a processor: while that stays the same, it stands still. */
uint64_t task_facts_switches(pid_t pid, pid_t tid);

/* What the thread calls itself, in its own pid namespace; 0 = not known. */
pid_t task_facts_own_tid(pid_t pid, pid_t tid);

/* Was the thread sent the signal, and holds it back? */
bool task_facts_blocks_signal(pid_t pid, pid_t tid, int number);

#endif
