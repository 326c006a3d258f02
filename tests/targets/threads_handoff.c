/* Eight threads hand blocks to each other through a table of lock-free slots: each step takes what
 * stands in a random slot and frees it, or reallocates it, or puts back a fresh block. Addresses
 * change owners without any lock, and are re-used at once by whoever gets them next.
 *
 * The threads count for themselves; a successful realloc counts as one free and one allocation.
 *
 * Known answers
 *   run 100000
 *     runs 3/20
 *     site step allocations=$allocations frees=$frees allocated_bytes=$allocated_bytes
 *     site step live_blocks=0
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "tell.h"

enum {
    THREADS = 8,
    SLOTS = 64,
    DEFAULT_STEPS = 100000
};

static void *_Atomic slots[SLOTS];
static long steps = DEFAULT_STEPS;
static _Atomic long allocations, frees, allocated_bytes;

struct counts {
    long allocations, frees, bytes;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

__attribute__((noinline)) static void step(uint32_t *random, struct counts *counts)
{
    uint32_t choice = next_random(random);
    size_t size = 16 + choice % 500;
    void *block = atomic_exchange(&slots[choice % SLOTS], NULL);
    if (block == NULL) {
        block = malloc(size);
        counts->allocations++;
        counts->bytes += (long)size;
    } else if (choice % 3 == 0) {
        block = realloc(block, size);
        counts->allocations++;
        counts->frees++;
        counts->bytes += (long)size;
    } else if (choice % 3 == 1) {
        free(block);
        counts->frees++;
        return;
    }
    block = atomic_exchange(&slots[next_random(random) % SLOTS], block);
    if (block != NULL) {
        free(block);
        counts->frees++;
    }
}

static void *work(void *number)
{
    uint32_t random = (uint32_t)(uintptr_t)number * 2654435761u;
    struct counts counts = {0};
    for (long i = 0; i < steps; i++)
        step(&random, &counts);
    atomic_fetch_add(&allocations, counts.allocations);
    atomic_fetch_add(&frees, counts.frees);
    atomic_fetch_add(&allocated_bytes, counts.bytes);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    if (count > 1)
        steps = atol(arguments[1]);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SLOTS; i++) {
        void *block = atomic_exchange(&slots[i], NULL);
        free(block);
        frees += block != NULL;
    }
    tell("allocations", allocations);
    tell("frees", frees);
    tell("allocated_bytes", allocated_bytes);
    return 0;
}
