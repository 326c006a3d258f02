#include "base/side_work.h"

#include <signal.h>
#include <stddef.h>

/* Blocked ones of these would end the process past its handlers. */
static const int own_mistakes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void *run(void *context)
{
    const struct side_work *work = context;
    work->function(work->context);
    return NULL;
}

void side_work_begin(struct side_work *work, side_work_function function, void *context)
{
    sigset_t all, before;
    *work = (struct side_work){.function = function, .context = context};
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own_mistakes / sizeof *own_mistakes; i++)
        sigdelset(&all, own_mistakes[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    work->trouble = pthread_create(&work->thread, NULL, run, work);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void side_work_end(struct side_work *work)
{
    if (!work->trouble)
        pthread_join(work->thread, NULL);
    else
        work->function(work->context);
}
