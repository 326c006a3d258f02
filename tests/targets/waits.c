/* Threads that wait in system calls, one in each, while somebody looks at the process: poll,
 * epoll_wait, nanosleep, ppoll with all signals blocked, sigtimedwait for all signals, recv with a
 * timeout, sem_wait, and one that blocks every signal and computes. Each holds one block of 701 + n
 * bytes in a local variable, the main thread one of 700, and one of 699 bytes is lost. With a
 * number as argument there are so many blocks of 1 MiB more, full, each with the address of the
 * next. With a second argument it writes over its environment first.
 *
 * Prints "ready PID", waits for a line on its input, lets all threads end and prints how many calls
 * were interrupted, what it sees of signal 61, how many children it knows, and of whose end it was
 * told: "interrupted 0", "visible 0", "children 0". */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tell.h"

enum {
    THREADS = 8,
    LONG_MS = 250
};

static atomic_int running, interrupted;
static atomic_bool is_over;
static sem_t semaphore;
static int quiet_pipe[2], quiet_sockets[2];

static void count(int result)
{
    if (result < 0 && errno == EINTR)
        interrupted++;
}

static void wait_in(long which)
{
    struct timespec moment = {0, LONG_MS * 1000000};
    struct timeval patience = {0, LONG_MS * 1000};
    struct pollfd file = {.fd = quiet_pipe[0], .events = POLLIN};
    struct epoll_event event;
    sigset_t all;
    char byte;
    int fd;
    sigfillset(&all);
    switch (which) {
    case 0:
        count(poll(&file, 1, LONG_MS));
        break;
    case 1:
        fd = epoll_create1(0);
        count(epoll_wait(fd, &event, 1, LONG_MS));
        close(fd);
        break;
    case 2:
        count(nanosleep(&moment, NULL));
        break;
    case 3:
        count(ppoll(&file, 1, &moment, &all));
        break;
    case 4:
        pthread_sigmask(SIG_BLOCK, &all, NULL);
        if (sigtimedwait(&all, NULL, &moment) >= 0)
            interrupted++;
        else
            count(-1);
        break;
    case 5:
        setsockopt(quiet_sockets[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        count((int)recv(quiet_sockets[0], &byte, 1, 0));
        break;
    case 6:
        while (!is_over)
            count(sem_wait(&semaphore));
        break;
    default:
        pthread_sigmask(SIG_BLOCK, &all, NULL);
        for (int i = 0; i < 1000000 && !is_over; i++)
            __asm__ volatile("");
    }
}

static void *work(void *argument)
{
    long which = (long)argument;
    char *volatile block = malloc(701 + (size_t)which);
    memset(block, 1, 701);
    running++;
    while (!is_over)
        wait_in(which);
    free(block);
    return NULL;
}

static long visible(void)
{
    struct sigaction action;
    sigset_t blocked, pending;
    sigaction(61, NULL, &action);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    sigpending(&pending);
    return (action.sa_handler != SIG_DFL) + sigismember(&blocked, 61) + sigismember(&pending, 61);
}

static struct large {
    struct large *next;
    char rest[(1 << 20) - 8];
} * large;

static atomic_int told;

static void hear(int number)
{
    (void)number;
    told++;
}

/* Servers put their titles there. */
static void write_over_environment(void)
{
    for (char **entry = environ; *entry != NULL; entry++)
        memset(*entry, 'x', strlen(*entry));
}

int main(int argument_count, char **arguments)
{
    if (argument_count > 2)
        write_over_environment();
    for (int i = argument_count > 1 ? atoi(arguments[1]) : 0; i > 0; i--) {
        struct large *added = malloc(sizeof *added);
        memset(added, 1, sizeof *added);
        added->next = large;
        large = added;
    }
    signal(SIGCHLD, hear);
    pthread_t threads[THREADS];
    char *volatile block = malloc(700);
    char *volatile lost = malloc(699);
    char line[16];
    lost = NULL;
    if (pipe(quiet_pipe) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, quiet_sockets) != 0 ||
        sem_init(&semaphore, 0, 0) != 0)
        return 1;
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
            return 1;
    while (running < THREADS)
        sched_yield();
    tell("ready", getpid());
    ssize_t got = read(STDIN_FILENO, line, sizeof line);
    count((int)got);
    is_over = true;
    sem_post(&semaphore);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    tell("interrupted", interrupted);
    tell("visible", visible());
    tell("children", told + (waitpid(-1, NULL, WNOHANG | __WALL) != -1 || errno != ECHILD));
    free(block);
    (void)lost;
    return 0;
}
