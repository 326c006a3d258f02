#define _GNU_SOURCE
#include "base/precedence.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>

static bool is_ordinary(void)
{
    errno = 0;
    int niceness = getpriority(PRIO_PROCESS, 0);
    return errno == 0 && niceness <= 0 && sched_getscheduler(0) == SCHED_OTHER;
}

void precedence_give(struct precedence *precedence)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    precedence->is_given = is_ordinary() &&
                           sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0;
}

/* The kernel keeps how nice it is meanwhile. */
void precedence_take_back(struct precedence *precedence)
{
    const struct sched_param none = {0};
    if (precedence->is_given)
        sched_setscheduler(0, SCHED_OTHER, &none);
    precedence->is_given = false;
}
