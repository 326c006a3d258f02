/* What programs of processes have in common: allocations that are told apart by their sizes, and
 * waiting for children. */
#ifndef SEEP_TESTS_TARGETS_PROCESS_STEPS_H
#define SEEP_TESTS_TARGETS_PROCESS_STEPS_H

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;

static inline void require(int holds)
{
    if (!holds)
        _exit(99);
}

static inline void *step(size_t size)
{
    return kept = malloc(size);
}

static inline void wait_for(pid_t pid, int wanted)
{
    int status;
    require(pid > 0 && waitpid(pid, &status, 0) == pid && status == wanted);
}

static inline int exited(int status)
{
    return status << 8;
}

/* What a child that was started by exec does. */
static inline int child_of_exec(void)
{
    step(1000);
    return 8;
}

#endif
