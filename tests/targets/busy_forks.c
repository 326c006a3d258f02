/* Forks while other threads allocate and free as fast as they can, without a lock, and hand their
 * blocks to each other: busy_forks FORKS. Each child takes what it finds in the table, frees it,
 * and allocates in its place; all that it frees it must have inherited.
 *
 * Known answers
 *   run 20
 *     runs 4/50
 *     processes 21
 *     process 1 exit=status:0 parent=0 forked=true
 *     site child/malloc allocations=100 frees=100
 *     process 20 exit=status:0 parent=0 forked=true
 *     site child/malloc allocations=100 frees=100
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    THREADS = 3,
    SLOTS = 64
};

static void *_Atomic table[SLOTS];
static atomic_uint rounds;
static atomic_bool is_over;

static void *work(void *number)
{
    unsigned chance = (unsigned)(size_t)number * 7919 + 1;
    while (!is_over) {
        chance = chance * 1664525u + 1013904223u;
        void *block = malloc(24 + (chance >> 8) % 200);
        free(atomic_exchange(&table[(chance >> 20) % SLOTS], block));
        rounds++;
    }
    return NULL;
}

static void child(void)
{
    void *mine[100];
    for (int i = 0; i < SLOTS; i++)
        free(atomic_exchange(&table[i], NULL));
    for (int i = 0; i < 100; i++)
        mine[i] = malloc(24 + (size_t)i * 2);
    for (int i = 0; i < 100; i++)
        free(mine[i]);
    _exit(0);
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int left = count > 1 ? atoi(arguments[1]) : 1; left > 0; left--) {
        for (unsigned before = rounds; rounds - before < 100;)
            usleep(50);
        pid_t pid = fork();
        if (pid == 0)
            child();
        waitpid(pid, NULL, 0);
    }
    is_over = true;
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
