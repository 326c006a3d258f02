/* random_sizes THREADS STEPS: each thread has a table of blocks; a step takes a random place of it
 * and frees what is there, or allocates a block of a random size. Calls come from four functions.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "random_numbers.h"

enum {
    MAX_THREADS = 64,
    PLACES = 2048
};

static long steps_of_thread;

#define ALLOCATE(name)                                                                             \
    static __attribute__((noinline)) void *name(size_t size)                                       \
    {                                                                                              \
        char *volatile block = malloc(size);                                                       \
        block[0] = 1;                                                                              \
        return block;                                                                              \
    }
ALLOCATE(allocate_north)
ALLOCATE(allocate_east)
ALLOCATE(allocate_south)
ALLOCATE(allocate_west)

static void *(*const allocators[])(size_t) = {allocate_north, allocate_east, allocate_south,
                                              allocate_west};

static void *work(void *seed)
{
    uint64_t state = 88172645463325252u + (uint64_t)(uintptr_t)seed;
    void **places = calloc(PLACES, sizeof *places);
    for (long step = 0; step < steps_of_thread; step++) {
        void **place = &places[random_next(&state) % PLACES];
        if (*place != NULL) {
            free(*place);
            *place = NULL;
        } else {
            uint32_t size = random_size(&state);
            *place = allocators[size % 4](size);
        }
    }
    for (int i = 0; i < PLACES; i++)
        free(places[i]);
    free(places);
    return NULL;
}

int main(int argument_count, char **arguments)
{
    pthread_t threads[MAX_THREADS];
    int thread_count = argument_count == 3 ? atoi(arguments[1]) : 0;
    if (thread_count < 1 || thread_count > MAX_THREADS) {
        fprintf(stderr, "usage: random_sizes THREADS STEPS\n");
        return 2;
    }
    steps_of_thread = atol(arguments[2]) / thread_count;
    for (int i = 1; i < thread_count; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)i) != 0)
            return 1;
    work(NULL);
    for (int i = 1; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
