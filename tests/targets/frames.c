/* What hangs from the stacks of threads, and from whose frames: frames MIBIBYTES [wait]. With
 * "wait" it says its number and waits for a line, and somebody else takes the snapshot.
 *
 * Answers, of the snapshot "held", whatever the size (from 64 MiB on a copy is read)
 *   handle_request in thread "worker", where it says "waits here": 2002 bytes
 *   outer in thread "worker", where it says "calls inner here":    3003 bytes
 *   hold in the first thread, where it says "takes it here":       1001 bytes
 *   on_signal, on a stack of its own, in thread "handler":         4004 bytes
 *   handle, below it on the thread's own, where it says "raises":  5005 bytes
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seep.h"

static sem_t ready, done;

static _Atomic int sleepers[2];
static _Atomic int sleeper_count;

static void wait_until_taken(void)
{
    sleepers[sleeper_count++] = (int)syscall(SYS_gettid);
    sem_post(&ready);
    while (sem_wait(&done) != 0)
        ;
}

/* What runs may have anything in its registers. */
static void wait_until_asleep(int tid)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    while (state != 'S') {
        char text[128] = "";
        int fd = open(path, O_RDONLY);
        read(fd, text, sizeof text - 1);
        close(fd);
        state = strrchr(text, ')')[2];
        sched_yield();
    }
}

static void handle_request(void)
{
    char *request = malloc(2002);
    wait_until_taken(); /* waits here */
    free(request);
}

static void outer(void)
{
    char *session = malloc(3003);
    handle_request(); /* calls inner here */
    free(session);
}

static void *work(void *argument)
{
    pthread_setname_np(pthread_self(), "worker");
    outer();
    return argument;
}

static void on_signal(int number)
{
    char *answer = malloc(4004);
    (void)number;
    wait_until_taken();
    free(answer);
}

static void *handle(void *argument)
{
    stack_t stack = {.ss_sp = argument, .ss_size = 64 << 10};
    pthread_setname_np(pthread_self(), "handler");
    sigaltstack(&stack, NULL);
    char *below = malloc(5005);
    raise(SIGUSR1); /* raises */
    free(below);
    return NULL;
}

static void hold(void)
{
    char *own = malloc(1001);
    seep_snapshot("held"); /* takes it here */
    free(own);
}

static void wait_for_line(void)
{
    char byte;
    dprintf(1, "%d\n", getpid());
    read(0, &byte, 1);
}

int main(int argc, char **argv)
{
    char *other_stack = mmap(NULL, 64 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                             -1, 0);
    size_t bytes = (argc > 1 ? strtoul(argv[1], NULL, 10) : 0) << 20;
    char *filled = malloc(bytes + 1);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    pthread_t worker, handler;
    memset(filled, 1, bytes + 1);
    sem_init(&ready, 0, 0);
    sem_init(&done, 0, 0);
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&worker, NULL, work, NULL);
    pthread_create(&handler, NULL, handle, other_stack);
    for (int i = 0; i < 2; i++)
        sem_wait(&ready);
    for (int i = 0; i < 2; i++)
        wait_until_asleep(sleepers[i]);
    if (argc > 2)
        wait_for_line();
    else
        hold();
    sem_post(&done);
    sem_post(&done);
    pthread_join(worker, NULL);
    pthread_join(handler, NULL);
    free(filled);
    return 0;
}
