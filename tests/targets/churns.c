/* Two threads that allocate and free without end, while the main one waits for the end of its input:
 * something that allocates while a debugger is on it. Each holds one block of 500 bytes in a local
 * variable; one block of 699 is lost.
 *
 * Prints "ready PID"; at the end of the input it takes a snapshot, and then ends. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seep.h"

enum {
    STACK_BYTES = 1 << 18
};

static atomic_bool is_over;
static void *volatile lost;

static void *churn(void *unused)
{
    void *volatile held = malloc(500);
    (void)unused;
    while (!atomic_load(&is_over)) {
        void *volatile block = malloc(64);
        free(block);
    }
    free(held);
    return NULL;
}

static void *lose(void *unused)
{
    (void)unused;
    lost = malloc(699);
    lost = NULL;
    return NULL;
}

/* On a stack that is gone afterwards: what is left on one would be found in another thread's. */
static void run_loser(void)
{
    pthread_attr_t attributes;
    pthread_t loser;
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_init(&attributes);
    if (stack == MAP_FAILED || pthread_attr_setstack(&attributes, stack, STACK_BYTES) != 0)
        abort();
    pthread_create(&loser, &attributes, lose, NULL);
    pthread_join(loser, NULL);
    pthread_attr_destroy(&attributes);
    munmap(stack, STACK_BYTES);
}

int main(void)
{
    pthread_t threads[2];
    char byte;
    setvbuf(stdout, NULL, _IONBF, 0);
    run_loser();
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, churn, NULL);
    printf("ready %d\n", (int)getpid());
    while (read(0, &byte, 1) > 0)
        ;
    seep_snapshot("end");
    atomic_store(&is_over, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
