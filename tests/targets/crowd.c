/* Many threads, tight limits, and what a process must not lose by being recorded.
 *
 * Known answers
 *   run threads 1500
 *     output threads 1500
 *     site step<worker/malloc allocations=3000 frees=3000
 *   run short 3000
 *     output short 3000
 *     site step<short_worker/malloc allocations=3000 frees=3000
 *   run small_stacks 40
 *     output small_stacks 40
 *     site step<worker/malloc allocations=80 frees=80
 *   run locked 60
 *     output locked 60
 *     site step<worker/malloc allocations=120 frees=120
 *   run address_space 8
 *     output address_space 8
 *     site step<worker/malloc allocations=16 frees=16
 *   run few_files 8
 *     output few_files 8
 *     processes 2
 *     site step<worker/malloc allocations=16 frees=16
 *     process 1 exit=status:0 forked=true
 *     site step<case_few_files/malloc allocations=1 live_bytes=30
 *   run alternate_stack 100
 *     output alternate_stack 100
 *     site step<handle_signal allocations=100 frees=100
 *   run stack_use 0
 *     output stack_use 0
 *   run mappings 4
 *     output mappings 0
 */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tell.h"

enum {
    MOST_THREADS = 4000
};

static __thread void *volatile kept;
static pthread_t threads[MOST_THREADS];
static pthread_barrier_t barrier;

static void require(int holds)
{
    if (!holds)
        _exit(99);
}

static void *step(size_t size)
{
    return kept = malloc(size);
}

static void *worker(void *unused)
{
    free(step(32));
    pthread_barrier_wait(&barrier);
    free(step(64));
    return unused;
}

static void *short_worker(void *unused)
{
    free(step(32));
    return unused;
}

static void run_all(int count, size_t stack_bytes)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    require(pthread_attr_setstacksize(&attributes, stack_bytes) == 0);
    pthread_barrier_init(&barrier, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        require(pthread_create(&threads[i], &attributes, worker, NULL) == 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static long case_threads(int count)
{
    run_all(count, 64 << 10);
    return count;
}

static long case_short(int count)
{
    for (int i = 0; i < count; i++) {
        require(pthread_create(&threads[0], NULL, short_worker, NULL) == 0);
        pthread_join(threads[0], NULL);
    }
    return count;
}

static long case_small_stacks(int count)
{
    run_all(count, PTHREAD_STACK_MIN);
    return count;
}

/* Everything that is mapped from now on is filled with memory at once: rings that reached over all
 * of the session's would be gigabytes. */
static long case_locked(int count)
{
    struct rusage usage;
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        munlockall(); /* not allowed to this user: then there is nothing to see */
    run_all(count, 64 << 10);
    getrusage(RUSAGE_SELF, &usage);
    require(usage.ru_maxrss < 100 << 10);
    return count;
}

static long case_address_space(int count)
{
    struct rlimit limit = {60 << 20, 60 << 20};
    require(setrlimit(RLIMIT_AS, &limit) == 0);
    run_all(count, 64 << 10);
    return count;
}

/* No descriptor can be had any more; nor may files be written. */
static long case_few_files(int count)
{
    struct rlimit files = {3, 3}, bytes = {0, 0};
    int status;
    require(setrlimit(RLIMIT_NOFILE, &files) == 0 && setrlimit(RLIMIT_FSIZE, &bytes) == 0);
    run_all(count, 64 << 10);
    pid_t pid = fork();
    if (pid == 0) {
        step(30);
        _exit(0);
    }
    require(waitpid(pid, &status, 0) == pid && status == 0);
    return count;
}

/* ---- stacks */

static void handle_signal(int number)
{
    (void)number;
    free(step(16));
}

static long case_alternate_stack(int count)
{
    stack_t stack = {
        .ss_sp = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        .ss_size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 3072};
    struct sigaction action = {.sa_handler = handle_signal, .sa_flags = SA_ONSTACK};
    require(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < count; i++)
        raise(SIGUSR1);
    return count;
}

/* How deep the calls reach below the thread's own frames: found by painting the stack. */
static void *measure(void *stack)
{
    const unsigned char *bytes = stack;
    size_t untouched = 0, bytes_below;
    unsigned char here;
    free(step(40)); /* the first call of a thread makes what it needs: that may take more */
    bytes_below = (size_t)((unsigned char *)&here - (unsigned char *)stack) - 1024;
    memset(stack, 0xa5, bytes_below);
    for (int i = 0; i < 10; i++)
        free(step((size_t)i * 50));
    while (untouched < bytes_below && bytes[untouched] == 0xa5)
        untouched++;
    return (void *)(bytes_below + 1024 - untouched);
}

static long case_stack_use(int unused)
{
    enum {
        STACK_BYTES = 256 << 10,
        HOOKS_MOST = 2048 + 1500 /* with what malloc itself and this function take */
    };
    pthread_attr_t attributes;
    pthread_t thread;
    void *used, *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_init(&attributes);
    require(pthread_attr_setstack(&attributes, stack, STACK_BYTES) == 0);
    require(pthread_create(&thread, &attributes, measure, stack) == 0);
    pthread_join(thread, &used);
    if ((size_t)used > HOOKS_MOST)
        tell("used", (long)used);
    return unused;
}

/* ---- core dumps */

/* The session's mappings that a core dump would contain. */
static long case_mappings(int count)
{
    char line[600];
    int is_session = 0;
    long dumped = 0;
    run_all(count, 64 << 10);
    FILE *maps = fopen("/proc/self/smaps", "r");
    require(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (strstr(line, "-") != NULL && strstr(line, " kB") == NULL && strchr(line, ':') != NULL &&
            strncmp(line, "VmFlags", 7) != 0)
            is_session = strstr(line, "seep-session") != NULL;
        if (is_session && strncmp(line, "VmFlags", 7) == 0 && strstr(line, " dd") == NULL)
            dumped++;
    }
    fclose(maps);
    return dumped;
}

static const struct {
    const char *name;
    long (*run)(int count);
} cases[] = {
    {"threads", case_threads},
    {"short", case_short},
    {"small_stacks", case_small_stacks},
    {"locked", case_locked},
    {"address_space", case_address_space},
    {"few_files", case_few_files},
    {"alternate_stack", case_alternate_stack},
    {"stack_use", case_stack_use},
    {"mappings", case_mappings},
};

int main(int count, char **arguments)
{
    for (size_t i = 0; count > 2 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            tell(cases[i].name, cases[i].run(atoi(arguments[2])));
            return 0;
        }
    return 2;
}
