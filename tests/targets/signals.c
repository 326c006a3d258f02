/* Signal handlers that allocate: signals CASE. glibc's malloc may not be called by a handler that
 * interrupts it; so here either the handler or the rest of the program uses it, never both.
 * storms.c, with a malloc that may, does both.
 *
 * Known answers
 *   run raise
 *     site on_signal allocations=10 frees=5 live_bytes=5*24
 *     site ..case_raise allocations=10
 *     site ..main allocations=10
 *   run alternate
 *     site on_signal allocations=10 frees=5
 *     site ..raise_deep allocations=10
 *     site ..main allocations=10
 *   run nested
 *     site on_outer/malloc allocations=1 live_bytes=100
 *     site on_signal/malloc allocations=2 frees=1
 *     site ..on_outer allocations=3
 *     site ..main allocations=3
 *   run fault
 *     site on_fault allocations=1 live_bytes=32
 *     site ..read_nowhere allocations=1
 *     site ..main allocations=1
 *   run timer_while_computing
 *     site on_timer/malloc allocations=$handled frees=$handled
 *     site ..compute allocations=$handled
 *   run timer_while_mapping
 *     site on_timer/malloc allocations=$handled frees=$handled
 *     mapping map_and_unmap/mmap live_bytes=0 count=0
 *     totals mapped_bytes=0 mapped_peak_bytes=4096
 *   run map_while_allocating
 *     site allocate_and_free/malloc allocations=$rounds frees=$rounds
 *     mapping on_mapping_timer/mmap count=<=$handled
 *   run on_other_thread
 *     site on_signal allocations=100 frees=50
 *   run jump_while_mapping
 *     quality lost_events=<=$handled
 *     site allocate_and_free/malloc allocations=1000 frees=1000
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "tell.h"

enum {
    SIGNALS = 200 /* that a storm has: one each millisecond of processor time */
};

static void *volatile kept;
static atomic_long handled;

static void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

static void start_storm(void (*handler)(int))
{
    struct itimerval every_millisecond = {{0, 1000}, {0, 1000}};
    handle(SIGALRM, handler, SA_RESTART);
    setitimer(ITIMER_REAL, &every_millisecond, NULL);
}

static void stop_storm(void)
{
    struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
    tell("handled", handled);
}

/* ---- signals that the program raises itself */

static void on_signal(int signal)
{
    (void)signal;
    void *block = malloc(24);
    if (handled++ % 2 == 0)
        kept = block;
    else
        free(block);
}

static void case_raise(void)
{
    handle(SIGUSR1, on_signal, 0);
    for (int i = 0; i < 10; i++)
        raise(SIGUSR1);
}

static void raise_deep(int depth)
{
    if (depth > 0)
        raise_deep(depth - 1);
    else
        raise(SIGUSR1);
}

static void case_alternate(void)
{
    static char stack[64 << 10];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    handle(SIGUSR1, on_signal, SA_ONSTACK);
    for (int i = 0; i < 10; i++)
        raise_deep(i);
}

static void on_outer(int signal)
{
    (void)signal;
    kept = malloc(100);
    raise(SIGUSR1);
    raise(SIGUSR1);
}

static void case_nested(void)
{
    handle(SIGUSR1, on_signal, 0);
    handle(SIGUSR2, on_outer, 0);
    raise(SIGUSR2);
}

static sigjmp_buf behind_fault;

static void on_fault(int signal)
{
    (void)signal;
    kept = malloc(32);
    siglongjmp(behind_fault, 1);
}

static int read_nowhere(void)
{
    volatile int *volatile nowhere = NULL;
    return *nowhere;
}

static void case_fault(void)
{
    handle(SIGSEGV, on_fault, 0);
    if (sigsetjmp(behind_fault, 1) == 0)
        read_nowhere();
}

/* ---- storms */

static void on_timer(int signal)
{
    (void)signal;
    free(malloc(16 + (size_t)(handled++ % 100)));
}

static void compute(void)
{
    volatile unsigned value = 1;
    while (handled < SIGNALS)
        value = value * 1664525u + 1013904223u;
}

static void case_timer_while_computing(void)
{
    start_storm(on_timer);
    compute();
    stop_storm();
}

/* A system call: the hooks round it are what the signals interrupt. */
static void map_and_unmap(void)
{
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page, 4096);
}

static void case_timer_while_mapping(void)
{
    start_storm(on_timer);
    while (handled < SIGNALS)
        map_and_unmap();
    stop_storm();
}

/* The same once there is a byte of input: tests/system/full_ring_signals.py. */
static void case_timer_while_mapping_later(void)
{
    char byte;
    tell("pid", (long)getpid());
    if (read(0, &byte, 1) == 1)
        case_timer_while_mapping();
}

/* What is mapped inside a call of malloc counts as malloc's own. */
static void on_mapping_timer(int signal)
{
    (void)signal;
    kept = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handled++;
}

static void allocate_and_free(size_t size)
{
    free(malloc(size));
}

static void case_map_while_allocating(void)
{
    long rounds = 0;
    start_storm(on_mapping_timer);
    for (; handled < SIGNALS; rounds++)
        allocate_and_free(16 + (size_t)rounds % 300);
    stop_storm();
    tell("rounds", rounds);
}

/* ---- a thread that sleeps in a system call allocates in its handler */

static sem_t is_ready, is_handled;

static void on_directed(int signal)
{
    on_signal(signal);
    sem_post(&is_handled);
}

static void *sleep_for_ever(void *unused)
{
    sem_post(&is_ready);
    for (;;)
        pause();
    return unused;
}

static void case_on_other_thread(void)
{
    pthread_t thread;
    sem_init(&is_ready, 0, 0);
    sem_init(&is_handled, 0, 0);
    handle(SIGUSR1, on_directed, 0);
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
    sem_wait(&is_ready);
    for (int i = 0; i < 100; i++) {
        pthread_kill(thread, SIGUSR1);
        while (sem_wait(&is_handled) != 0)
            ;
    }
    tell("handled", handled);
}

/* ---- a handler that leaves by a jump, often out of the recording of an event */

static sigjmp_buf behind_mapping;

static void on_jump(int signal)
{
    (void)signal;
    handled++;
    siglongjmp(behind_mapping, 1);
}

static void case_jump_while_mapping(void)
{
    start_storm(on_jump);
    sigsetjmp(behind_mapping, 1);
    while (handled < SIGNALS)
        map_and_unmap();
    stop_storm();
    for (int i = 0; i < 1000; i++)
        allocate_and_free(40);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"raise", case_raise},
    {"alternate", case_alternate},
    {"nested", case_nested},
    {"fault", case_fault},
    {"timer_while_computing", case_timer_while_computing},
    {"timer_while_mapping", case_timer_while_mapping},
    {"timer_while_mapping_later", case_timer_while_mapping_later},
    {"map_while_allocating", case_map_while_allocating},
    {"on_other_thread", case_on_other_thread},
    {"jump_while_mapping", case_jump_while_mapping},
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
