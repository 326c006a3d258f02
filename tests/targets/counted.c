/* Publishes in a shared file how far it is, before and after each call, so that whoever kills it
 * knows the truth up to one call: counted FILE THREADS [CALLS [PAUSE]]. Each thread repeats five
 * calls in its own function, work_0 to work_3:
 *   malloc    one allocation
 *   malloc    one allocation
 *   realloc   one allocation and one free
 *   free      one free
 *   free      one free
 * until it has done CALLS calls (never), with a pause of PAUSE microseconds (0) after each five.
 * When all are done it prints "done THREADS CALLS" and ends with status 7.
 *
 * The file holds, for each thread, the number of calls begun and the number of calls done, in 64
 * bytes a thread, and from byte 2048 on the process's id. counted.py knows all that. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct progress {
    _Alignas(64) atomic_long begun;
    atomic_long done;
};

enum {
    MOST_THREADS = 4
};

static struct progress *progress;
static long most_calls = LONG_MAX;
static useconds_t pause_us;

#define CALL(own, call)                                                                            \
    do {                                                                                           \
        atomic_fetch_add(&(own)->begun, 1);                                                        \
        call;                                                                                      \
        atomic_fetch_add(&(own)->done, 1);                                                         \
    } while (0)

#define DEFINE_WORK(number)                                                                        \
    static void *work_##number(void *unused)                                                       \
    {                                                                                              \
        struct progress *own = &progress[number];                                                  \
        (void)unused;                                                                              \
        for (size_t size = 1; atomic_load(&own->done) < most_calls; size = size % 2000 + 1) {      \
            void *first, *second;                                                                  \
            CALL(own, first = malloc(size));                                                       \
            CALL(own, second = malloc(size));                                                      \
            CALL(own, first = realloc(first, size * 2));                                           \
            CALL(own, free(second));                                                               \
            CALL(own, free(first));                                                                \
            if (pause_us != 0)                                                                     \
                usleep(pause_us);                                                                  \
        }                                                                                          \
        return NULL;                                                                               \
    }

DEFINE_WORK(0)
DEFINE_WORK(1)
DEFINE_WORK(2)
DEFINE_WORK(3)

int main(int count, char **arguments)
{
    static void *(*const works[MOST_THREADS])(void *) = {work_0, work_1, work_2, work_3};
    pthread_t others[MOST_THREADS];
    if (count < 3)
        return 2;
    int file = open(arguments[1], O_RDWR);
    int threads = atoi(arguments[2]);
    if (count > 3)
        most_calls = atol(arguments[3]);
    if (count > 4)
        pause_us = (useconds_t)atoi(arguments[4]);
    if (threads > MOST_THREADS)
        threads = MOST_THREADS;
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (progress == MAP_FAILED)
        return 1;
    *(volatile long *)((char *)progress + 2048) = getpid();
    for (int i = 1; i < threads; i++)
        pthread_create(&others[i], NULL, works[i], NULL);
    work_0(NULL);
    for (int i = 1; i < threads; i++)
        pthread_join(others[i], NULL);
    printf("done %d %ld\n", threads, most_calls);
    return 7;
}
