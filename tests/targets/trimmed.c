/* Frees most of what it allocated, and says what malloc_trim(0) gives back.
 *
 *   holes    20,000 blocks of 10,000 bytes, of which each 500th stays: 40 blocks keep about 190 MiB
 *   top      250 blocks of 100,000 bytes behind a block of 16 MiB that was mapped and freed: all
 * go, and stay behind the last block, since glibc's threshold is at 32 MiB then arenas   8 threads,
 * each 2,000 blocks of 1,000 bytes of which the last stays idle     20 threads that do nothing, on
 * stacks of 8 MiB
 *
 * Each takes a snapshot first. Prints two numbers of bytes: what is resident by the kernel's pages,
 * before and after malloc_trim(0). */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seep.h"

enum {
    HOLES = 20000,
    HOLE_BYTES = 10000,
    KEPT_EACH = 500,
    TOPS = 250,
    TOP_BYTES = 100000,
    MAPPED_BYTES = 16 << 20,
    THREADS = 8,
    SMALL = 2000,
    SMALL_BYTES = 1000,
    IDLERS = 20
};

static void *kept[HOLES];
static void *kept_of_threads[THREADS];
static pthread_barrier_t filled, looked_at;

static unsigned long resident(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    if (file == NULL)
        return 0;
    setvbuf(file, NULL, _IONBF, 0); /* no block of its own */
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Rss: %lu", &kib) == 1)
            break;
    fclose(file);
    return kib * 1024;
}

static void *touched(size_t bytes)
{
    void *block = malloc(bytes);
    memset(block, 1, bytes);
    return block;
}

static void make_holes(void)
{
    for (int i = 0; i < HOLES; i++)
        kept[i] = touched(HOLE_BYTES);
    for (int i = 0; i < HOLES; i++)
        if (i % KEPT_EACH != 0)
            free(kept[i]);
}

static void make_top(void)
{
    free(touched(MAPPED_BYTES));
    for (int i = 0; i < TOPS; i++)
        kept[i] = touched(TOP_BYTES);
    for (int i = 0; i < TOPS; i++)
        free(kept[i]);
}

static void *fill_arena(void *context)
{
    int number = *(int *)context;
    void *blocks[SMALL];
    for (int i = 0; i < SMALL; i++)
        blocks[i] = touched(SMALL_BYTES);
    for (int i = 0; i < SMALL - 1; i++)
        free(blocks[i]);
    kept_of_threads[number] = blocks[SMALL - 1];
    pthread_barrier_wait(&filled);
    pthread_barrier_wait(&looked_at);
    return NULL;
}

static void *idle(void *context)
{
    pthread_barrier_wait(&filled);
    pthread_barrier_wait(&looked_at);
    return context;
}

static void look(void)
{
    seep_snapshot("trimmed");
    unsigned long before = resident();
    malloc_trim(0);
    printf("%lu %lu\n", before, resident());
    fflush(stdout);
}

static void run_threads(int count, size_t stack_bytes, void *(*run)(void *))
{
    pthread_t threads[IDLERS];
    int numbers[IDLERS];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_barrier_init(&filled, NULL, (unsigned)count + 1);
    pthread_barrier_init(&looked_at, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], &attributes, run, &numbers[i]) != 0)
            abort();
    }
    pthread_barrier_wait(&filled);
    look();
    pthread_barrier_wait(&looked_at);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

int main(int argument_count, char **arguments)
{
    const char *mode = argument_count > 1 ? arguments[1] : "";
    static char buffer[256];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    if (strcmp(mode, "arenas") == 0) {
        run_threads(THREADS, 8 << 20, fill_arena);
    } else if (strcmp(mode, "idle") == 0) {
        run_threads(IDLERS, 8 << 20, idle);
    } else if (strcmp(mode, "top") == 0) {
        make_top();
        look();
    } else {
        make_holes();
        look();
    }
    return 0;
}
