/* Figures that a sampled recording must estimate; tests/system/sampled.py knows them, and counts.
 *
 * sampled work          24-byte blocks in small(): 200000, of which each tenth stays, the others are freed
 *                       at once; 1000-byte blocks in medium(): 20000, of which each second stays, the
 *                       others grow to 3000 bytes in enlarge() and are then freed; blocks of 2 MiB in
 *                       large(): 40, of which each fourth stays. One malloc that fails. Two mappings of
 *                       64 KiB, of which one stays.
 * sampled threads       4 threads: each allocates 20000 blocks of 400 bytes in handed_over(), of which
 *                       the main thread frees three in four after the thread has ended.
 * sampled fork          16000 blocks of 800 bytes in kept(), half of them freed by a forked child, which
 *                       allocates 4000 blocks of 1600 bytes in own() and keeps them.
 * sampled pairs COUNT   COUNT times malloc(24) and free, and nothing else. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    THREADS = 4,
    HANDED_OVER = 20000,
    KEPT = 16000
};

static void *volatile staying[40000];
static unsigned staying_count;

static void keep(void *block)
{
    staying[staying_count++] = block;
}

static void *small(void)
{
    return malloc(24);
}

static void *medium(void)
{
    return malloc(1000);
}

static void *enlarge(void *block)
{
    return realloc(block, 3000);
}

static void *large(void)
{
    return malloc(2 << 20);
}

static void work(void)
{
    for (int i = 0; i < 200000; i++) {
        void *block = small();
        if (i % 10 == 9)
            keep(block);
        else
            free(block);
    }
    for (int i = 0; i < 20000; i++) {
        void *block = medium();
        if (i % 2 == 1)
            keep(block);
        else
            free(enlarge(block));
    }
    for (int i = 0; i < 40; i++) {
        void *block = large();
        if (i % 4 == 3)
            keep(block);
        else
            free(block);
    }
    volatile size_t too_much = PTRDIFF_MAX;
    if (malloc(too_much) != NULL)
        _exit(3);
    void *gone = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *there = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (gone == MAP_FAILED || there == MAP_FAILED || munmap(gone, 65536) != 0)
        _exit(3);
}

static void *handed_over(void)
{
    return malloc(400);
}

static void *run_thread(void *blocks)
{
    for (int i = 0; i < HANDED_OVER; i++)
        ((void **)blocks)[i] = handed_over();
    return NULL;
}

static void run_threads(void)
{
    static void *blocks[THREADS][HANDED_OVER];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run_thread, blocks[i]) != 0)
            _exit(3);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS * HANDED_OVER; i++)
        if (i % 4 != 3)
            free(blocks[i / HANDED_OVER][i % HANDED_OVER]);
}

static void *kept(void)
{
    return malloc(800);
}

static void *own(void)
{
    return malloc(1600);
}

static int run_fork(void)
{
    for (int i = 0; i < KEPT; i++)
        keep(kept());
    pid_t child = fork();
    if (child < 0)
        _exit(3);
    if (child == 0) {
        for (int i = 0; i < KEPT; i += 2)
            free(staying[i]);
        for (int i = 0; i < 4000; i++)
            keep(own());
        exit(0);
    }
    int status;
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 3;
}

static void run_pairs(long count)
{
    for (long i = 0; i < count; i++)
        free(small());
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "work") == 0)
        work();
    else if (count == 2 && strcmp(arguments[1], "threads") == 0)
        run_threads();
    else if (count == 2 && strcmp(arguments[1], "fork") == 0)
        return run_fork();
    else if (count == 3 && strcmp(arguments[1], "pairs") == 0)
        run_pairs(atol(arguments[2]));
    else
        return 2;
    return 0;
}
