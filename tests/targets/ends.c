/* Ends in the way that its argument names, each time having lost one block of 100 bytes:
 *
 *   return exit quick_exit _exit    Definite 100 B in 1 block, scanned at exit
 *   exec                            the same, before another image takes its place
 *   last-thread                     the same; the first thread is gone long before
 *   handler                         the same; _exit is called by a signal handler
 *   threads                         the same, with 4 more threads that keep 1 block of 200 bytes
 *                                   each
 *   kill abort segv term            not scanned: killed, crashed, crashed, killed; but for the
 *                                   first with --scan-on-crash: as above
 *   fork                            a child without an image of its own is not scanned
 *   fork-lose                       the same, and it loses a block of 100 bytes itself: Definite
 *                                   100 B in 1 block of it with --scan-forks
 *   wait                            says so, then waits for a byte in epoll_wait: 0 if none but
 *                                   that came
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    THREADS = 4
};

static pthread_barrier_t all_there;

static void __attribute__((noinline)) lose(void)
{
    char *lost = malloc(100);
    memset(lost, 1, 100);
}

/* So that nothing of it stays on the stack. */
static void __attribute__((noinline)) wipe(void)
{
    volatile char wiped[4096];
    for (size_t i = 0; i < sizeof wiped; i++)
        wiped[i] = 0;
}

static void *keep(void *unused)
{
    (void)unused;
    char *volatile kept = malloc(200);
    pthread_barrier_wait(&all_there);
    for (;;)
        pause();
    return kept;
}

static void *end_last(void *first)
{
    pthread_join(*(pthread_t *)first, NULL);
    return NULL;
}

static void end_at_once(int number)
{
    (void)number;
    _exit(0);
}

static int wait_for_byte(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    if (write(1, "ready\n", 6) != 6)
        return 3;
    char byte;
    return epoll_wait(epoll, &event, 1, -1) == 1 && read(0, &byte, 1) == 1 ? 0 : 4;
}

int main(int argument_count, char **arguments)
{
    const char *way = argument_count > 1 ? arguments[1] : "return";
    static pthread_t first;
    pthread_t thread;
    lose();
    wipe();
    if (strcmp(way, "exit") == 0)
        exit(0);
    if (strcmp(way, "quick_exit") == 0)
        quick_exit(0);
    if (strcmp(way, "_exit") == 0)
        _exit(0);
    if (strcmp(way, "exec") == 0)
        execl("/bin/true", "true", (char *)NULL);
    if (strcmp(way, "last-thread") == 0) {
        first = pthread_self();
        pthread_create(&thread, NULL, end_last, &first);
        pthread_exit(NULL);
    }
    if (strcmp(way, "handler") == 0) {
        signal(SIGUSR1, end_at_once);
        raise(SIGUSR1);
    }
    if (strcmp(way, "threads") == 0) {
        pthread_barrier_init(&all_there, NULL, THREADS + 1);
        for (int i = 0; i < THREADS; i++)
            pthread_create(&thread, NULL, keep, NULL);
        pthread_barrier_wait(&all_there);
    }
    if (strcmp(way, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(way, "abort") == 0)
        abort();
    if (strcmp(way, "segv") == 0)
        *(volatile char *)8 = 1;
    if (strcmp(way, "term") == 0)
        raise(SIGTERM);
    if (strncmp(way, "fork", 4) == 0) {
        pid_t child = fork();
        if (child == 0) {
            if (strcmp(way, "fork-lose") == 0)
                lose();
            wipe();
            return 0;
        }
        waitpid(child, NULL, 0);
    }
    if (strcmp(way, "wait") == 0)
        return wait_for_byte();
    return 0;
}
