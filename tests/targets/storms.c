/* Signals at every instruction of malloc and of its hooks: a handler that allocates, under a
 * program that allocates, with a malloc that may be entered so (slot_malloc.c). storms CASE.
 *
 * While a thread waits for a recorder that got no processor, what its handlers do is lost beyond
 * some events, and counted: so with the lost ones everything is there.
 *
 * Known answers
 *   run allocating
 *     runs 2/20
 *     quality lost_events=>=0
 *     site work/malloc allocations=$mallocs
 *     site work/realloc allocations=$reallocs
 *     site work/calloc allocations=$callocs
 *     site ..work live_blocks=0
 *     site on_timer events=<=4*$handled-%lost live_blocks=<=%lost
 *     site on_timer events=>=4*$handled-2*%lost
 *   run own_calls
 *     totals allocations=$allocator_calls
 *   run threads
 *     runs 2/20
 *     quality lost_events=>=0
 *     site work/malloc allocations=$mallocs
 *     site work/realloc allocations=$reallocs
 *     site ..work live_blocks=0
 *     site on_timer events=<=4*$handled-%lost live_blocks=<=%lost
 *     site on_timer events=>=4*$handled-2*%lost
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "tell.h"

enum {
    SIGNALS = 1000,
    PAUSE = 2000 /* steps of idle work a round: the ring should not fill */
};

extern atomic_long slot_malloc_calls;
static atomic_long handled, mallocs, reallocs, callocs;

static void on_timer(int signal)
{
    (void)signal;
    void *block = malloc(40);
    free(realloc(block, 80));
    handled++;
}

static void start_storm(void)
{
    struct itimerval often = {{0, 200}, {0, 200}};
    struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

static void stop_storm(void)
{
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
}

static void work(size_t size)
{
    void *first = malloc(size), *second = calloc(1, size + 1);
    mallocs++;
    callocs++;
    first = realloc(first, size * 2);
    reallocs++;
    free(second);
    free(first);
}

static void *work_for_long(void *unused)
{
    for (long round = 0; handled < SIGNALS; round++) {
        work(1 + (size_t)(round % 400));
        for (volatile int i = 0; i < PAUSE; i++)
            ;
    }
    return unused;
}

static void tell_counts(void)
{
    tell("handled", handled);
    tell("mallocs", mallocs);
    tell("reallocs", reallocs);
    tell("callocs", callocs);
}

static void case_allocating(void)
{
    start_storm();
    work_for_long(NULL);
    stop_storm();
    tell_counts();
}

/* The allocator was called as often as the program called it: the hooks do not. */
static void case_own_calls(void)
{
    for (int i = 0; i < 1000; i++)
        work(1 + (size_t)i % 400);
    tell("allocator_calls", slot_malloc_calls);
}

static void case_threads(void)
{
    pthread_t threads[3];
    start_storm();
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, work_for_long, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    stop_storm();
    tell_counts();
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"allocating", case_allocating},
    {"own_calls", case_own_calls},
    {"threads", case_threads},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            cases[i].run();
            return 0;
        }
    return 2;
}
