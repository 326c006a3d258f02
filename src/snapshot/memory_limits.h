/* How much memory a process may have, and how much of that is used: the limits of the control
 * groups that it is in, and its own (RLIMIT_AS, RLIMIT_DATA). */
#ifndef SEEP_SNAPSHOT_MEMORY_LIMITS_H
#define SEEP_SNAPSHOT_MEMORY_LIMITS_H

#include <stdint.h>
#include <sys/types.h>

/* The least that any control group above the process has left; UINT64_MAX: none is limited. */
uint64_t memory_limits_group_room(pid_t pid);

/* Of the limit that is the nearest, how much is used, in per cent; 0: there is none, or it is not
 * known. What a group keeps of files and can drop at any time does not count. */
unsigned memory_limits_used_percent(pid_t pid);

#endif
