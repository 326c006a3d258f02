/* What the recorder is told of forks, execs and exits. All keep errno, and do nothing where nothing
 * is recorded. */
#ifndef SEEP_PRELOAD_PROCESS_NOTICE_H
#define SEEP_PRELOAD_PROCESS_NOTICE_H

#include <stdint.h>

#include "wire/wire_format.h"

/* A fork follows. Returns its number; 0 = not told, so its end needs not be told either. */
uint64_t process_notice_fork(void);

/* In the parent: the child's pid as the fork returned it; <= 0 when it failed. */
void process_notice_fork_done(uint64_t number, int64_t pid);

/* The process `pid` (this one, or the child of a vfork, or a spawned one) becomes `path`. */
void process_notice_exec(uint64_t pid, enum wire_exec_reason reason, const char *path);
void process_notice_exec_failed(void);

/* The program asked to end with this status. */
void process_notice_exit(int status);

struct thread_state;

/* Around a record of another kind: the thread, if it tells of itself and is not in the middle of a
 * record; else NULL. */
struct thread_state *process_notice_begin(void);
void process_notice_end(struct thread_state *thread);

#endif
