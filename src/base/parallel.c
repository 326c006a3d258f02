#define _GNU_SOURCE
#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

struct work {
    parallel_work work;
    void *context;
    size_t part_count;
    atomic_size_t next;
};

struct worker {
    struct work *work;
    size_t thread;
    pthread_t handle;
};

size_t parallel_threads(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    size_t count = (size_t)CPU_COUNT(&set);
    return count < 1 ? 1 : count > PARALLEL_MOST ? PARALLEL_MOST : count;
}

static void do_parts(struct work *work, size_t thread)
{
    size_t part;
    while ((part = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed)) <
           work->part_count)
        work->work(work->context, part, thread);
}

static void *run_worker(void *context)
{
    struct worker *worker = context;
    do_parts(worker->work, worker->thread);
    return NULL;
}

/* Signals are for the thread that was there before. */
static size_t start(struct worker *workers, size_t count)
{
    sigset_t all, before;
    size_t started = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < count &&
           pthread_create(&workers[started].handle, NULL, run_worker, &workers[started]) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void parallel_run(size_t thread_count, size_t part_count, parallel_work work, void *context)
{
    struct work shared = {.work = work, .context = context, .part_count = part_count};
    struct worker workers[PARALLEL_MOST - 1];
    if (thread_count > part_count)
        thread_count = part_count;
    if (thread_count > PARALLEL_MOST)
        thread_count = PARALLEL_MOST;
    atomic_init(&shared.next, 0);
    for (size_t i = 0; i + 1 < thread_count; i++)
        workers[i] = (struct worker){.work = &shared, .thread = i + 1};
    size_t started = thread_count > 1 ? start(workers, thread_count - 1) : 0;
    do_parts(&shared, 0);
    for (size_t i = 0; i < started; i++)
        pthread_join(workers[i].handle, NULL);
}
