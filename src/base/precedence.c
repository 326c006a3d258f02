#define _GNU_SOURCE
#include "base/precedence.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

static bool is_ordinary(pid_t tid)
{
    errno = 0;
    int niceness = getpriority(PRIO_PROCESS, (id_t)tid);
    return errno == 0 && niceness <= 0 && sched_getscheduler(tid) == SCHED_OTHER;
}

void precedence_give(struct precedence *precedence, pid_t tid, bool is_inherited)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    const int policy = is_inherited ? SCHED_FIFO : SCHED_FIFO | SCHED_RESET_ON_FORK;
    precedence->tid = tid;
    precedence->is_given = is_ordinary(tid) && sched_setscheduler(tid, policy, &lowest) == 0;
}

void precedence_take_back(struct precedence *precedence)
{
    if (precedence->is_given)
        precedence_drop(precedence->tid);
    precedence->is_given = false;
}

/* The kernel keeps how nice it is meanwhile. */
void precedence_drop(pid_t tid)
{
    const struct sched_param none = {0};
    sched_setscheduler(tid, SCHED_OTHER, &none);
}
