/* Threads: threads CASE.
 *
 * Known answers
 *   run short
 *     site work_shortly/malloc allocations=10000 frees=10000 allocated_bytes=10000*64
 *     site ..work_shortly/calloc allocations=10000 frees=10000 allocated_bytes=10000*9
 *     quality own_bytes=<=67108864
 *   run alive
 *     status 4
 *     site work_and_stay/malloc allocations=16 frees=0 live_bytes=16*100
 *     threads work_and_stay 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
 *   run split
 *     site allocate_some<work_by_number allocations=1+2+3+4 frees=10
 *     threads allocate_some<work_by_number 1 2 3 4
 *   run detached
 *     site work_detached/malloc allocations=200 frees=0 live_bytes=200*33
 *   run handed_on
 *     site give/malloc allocations=50000 frees=50000 live_blocks=0 allocated_bytes=50000*40
 *     threads give 50000
 *   run main_ends_first
 *     site work_after_main/malloc allocations=1 frees=0 live_bytes=77
 *     site case_main_ends_first/malloc allocations=1 live_bytes=33
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile kept;

static void run_threads(int number, void *(*work)(void *), pthread_t *threads)
{
    for (intptr_t i = 0; i < number; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(i + 1)) != 0)
            abort();
}

static void join_threads(int number, pthread_t *threads)
{
    for (int i = 0; i < number; i++)
        pthread_join(threads[i], NULL);
}

/* ---- 10,000 threads, 8 at a time: each frees what the one before left */

static void *_Atomic left_behind;

static void *work_shortly(void *number)
{
    (void)number;
    void *own = malloc(64);
    free(atomic_exchange(&left_behind, calloc(1, 9)));
    free(own);
    return NULL;
}

static int case_short(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 10000 / 8; i++) {
        run_threads(8, work_shortly, threads);
        join_threads(8, threads);
    }
    free(left_behind);
    return 0;
}

/* ---- threads that live when the process ends */

static sem_t ready;

static void *work_and_stay(void *number)
{
    (void)number;
    kept = malloc(100);
    sem_post(&ready);
    for (;;)
        pause();
    return NULL;
}

static int case_alive(void)
{
    pthread_t threads[16];
    sem_init(&ready, 0, 0);
    run_threads(16, work_and_stay, threads);
    for (int i = 0; i < 16; i++)
        sem_wait(&ready);
    return 4;
}

/* ---- how one site divides among threads */

static void allocate_some(int number)
{
    void *blocks[4];
    for (int i = 0; i < number; i++)
        blocks[i] = malloc(10);
    for (int i = 0; i < number; i++)
        free(blocks[i]);
}

static void *work_by_number(void *number)
{
    allocate_some((int)(intptr_t)number);
    return NULL;
}

static int case_split(void)
{
    pthread_t threads[4];
    run_threads(4, work_by_number, threads);
    join_threads(4, threads);
    return 0;
}

/* ---- detached */

static void *work_detached(void *number)
{
    (void)number;
    pthread_detach(pthread_self());
    kept = malloc(33);
    sem_post(&ready);
    return NULL;
}

static int case_detached(void)
{
    sem_init(&ready, 0, 0);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        run_threads(1, work_detached, &thread);
        sem_wait(&ready);
    }
    return 0;
}

/* ---- one thread allocates, the other frees, through one slot */

static void *_Atomic slot;

static void *give(void *number)
{
    (void)number;
    for (int i = 0; i < 50000; i++) {
        void *block = malloc(40);
        while (atomic_load(&slot) != NULL)
            ;
        atomic_store(&slot, block);
    }
    return NULL;
}

static void *take(void *number)
{
    (void)number;
    for (int i = 0; i < 50000; i++) {
        void *block;
        while ((block = atomic_exchange(&slot, NULL)) == NULL)
            ;
        free(block);
    }
    return NULL;
}

static int case_handed_on(void)
{
    pthread_t giver, taker;
    run_threads(1, give, &giver);
    run_threads(1, take, &taker);
    join_threads(1, &giver);
    join_threads(1, &taker);
    return 0;
}

/* ---- main leaves by pthread_exit, and the process ends with its last thread */

static pthread_t main_thread;

static void *work_after_main(void *number)
{
    (void)number;
    pthread_join(main_thread, NULL);
    kept = malloc(77);
    return NULL;
}

static int case_main_ends_first(void)
{
    pthread_t thread;
    main_thread = pthread_self();
    kept = malloc(33);
    run_threads(1, work_after_main, &thread);
    pthread_exit(NULL);
}

static const struct {
    const char *name;
    int (*run)(void);
} cases[] = {
    {"short", case_short},         {"alive", case_alive},
    {"split", case_split},         {"detached", case_detached},
    {"handed_on", case_handed_on}, {"main_ends_first", case_main_ends_first},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0)
            return cases[i].run();
    return 2;
}
