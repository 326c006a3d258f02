/* Prints all that a program can see of itself: what seep must not change. vows.py compares the
 * output of runs with and without seep, byte by byte.
 *
 *   visible            prints, then again in a forked child, and in itself started anew
 *   visible inner      prints
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void print_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        struct stat status;
        if (fstat(fd, &status) == 0)
            printf("fd %d type %o flags %x %x\n", fd, status.st_mode & S_IFMT,
                   (unsigned)fcntl(fd, F_GETFD), (unsigned)fcntl(fd, F_GETFL));
    }
    int lowest = open("/dev/null", O_RDONLY);
    printf("lowest free descriptor %d\n", lowest);
    close(lowest);
}

static void print_environment(void)
{
    for (char **entry = environ; *entry != NULL; entry++)
        if (strncmp(*entry, "LD_PRELOAD=", 11) != 0)
            printf("environment %s\n", *entry);
}

static void print_signals(void)
{
    sigset_t mask, pending;
    stack_t alternate;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    sigpending(&pending);
    for (int number = 1; number < 65; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0)
            continue;
        printf("signal %d %s flags %x%s%s\n", number,
               action.sa_handler == SIG_DFL   ? "default"
               : action.sa_handler == SIG_IGN ? "ignored"
                                              : "handled",
               (unsigned)action.sa_flags, sigismember(&mask, number) ? " blocked" : "",
               sigismember(&pending, number) ? " pending" : "");
    }
    sigaltstack(NULL, &alternate);
    printf("alternate stack %d\n", alternate.ss_flags);
}

static void print_limits(void)
{
    for (int which = 0; which < RLIM_NLIMITS; which++) {
        struct rlimit limit;
        getrlimit(which, &limit);
        printf("limit %d %llx %llx\n", which, (unsigned long long)limit.rlim_cur,
               (unsigned long long)limit.rlim_max);
    }
}

static void print_status(void)
{
    static const char *const wanted[] = {
        "Umask:",  "TracerPid:", "Uid:",    "Gid:",    "Groups:",     "Threads:", "ShdPnd:",
        "SigBlk:", "SigIgn:",    "SigCgt:", "CapEff:", "NoNewPrivs:", "Seccomp:"};
    char line[1024];
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
                fputs(line, stdout);
    fclose(file);
}

static void print_process(void)
{
    int signal = -1, subreaper = -1;
    char folder[4096];
    struct itimerval timer;
    prctl(PR_GET_PDEATHSIG, &signal);
    prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
    printf("name %s\n", program_invocation_name);
    printf("folder %s\n", getcwd(folder, sizeof folder));
    printf("leads its group %d, its session %d\n", getpgrp() == getpid(), getsid(0) == getpid());
    printf("dumpable %d, death signal %d, subreaper %d\n", prctl(PR_GET_DUMPABLE), signal,
           subreaper);
    getitimer(ITIMER_REAL, &timer);
    printf("timer %ld\n", timer.it_value.tv_sec);
    printf("children %d", waitpid(-1, NULL, WNOHANG));
    printf(" errno %d\n", errno);
    printf("nice %d, policy %d, keeps capabilities %d\n", getpriority(PRIO_PROCESS, 0),
           sched_getscheduler(0), prctl(PR_GET_KEEPCAPS));
}

/* ---- blocks */

static void print_block(const char *function, size_t size, void *block)
{
    printf("%s %zu usable %zu aligned %d\n", function, size, malloc_usable_size(block),
           block == NULL ? -1 : __builtin_ctzl((uintptr_t)block | 4096));
}

static void print_blocks(void)
{
    for (size_t size = 0; size < 300000; size += 1 + size / 7) {
        void *block = malloc(size);
        printf("malloc %zu usable %zu aligned %d\n", size, malloc_usable_size(block),
               ((uintptr_t)block & 15) == 0);
        free(block);
        block = calloc(size, 1);
        for (size_t i = 0; i < size; i++)
            if (((char *)block)[i] != 0)
                printf("calloc %zu not clear\n", size);
        block = realloc(block, size * 2);
        printf("realloc usable %zu\n", malloc_usable_size(block));
        free(block);
    }
    for (size_t alignment = 16; alignment <= 4096; alignment *= 2) {
        void *block = NULL;
        int result = posix_memalign(&block, alignment, 100);
        printf("posix_memalign %d aligned %d\n", result, ((uintptr_t)block & (alignment - 1)) == 0);
        free(block);
        block = aligned_alloc(alignment, 3 * alignment);
        printf("aligned_alloc aligned %d\n", ((uintptr_t)block & (alignment - 1)) == 0);
        free(block);
    }
    void *page = valloc(10);
    print_block("valloc", 10, page);
    free(page);
}

/* ---- errno, around every hooked function */

enum {
    OWN_ERRNO = 4711
};

static volatile size_t huge = SIZE_MAX / 2 + 1 - 64;

/* libc's manual lets success change errno; ours is only not to. */
#define PRINT_ERRNO(call)                                                                          \
    do {                                                                                           \
        errno = OWN_ERRNO;                                                                         \
        long result_ = (long)(call);                                                               \
        int errno_ = errno;                                                                        \
        printf("errno %d %s after " #call "\n", errno_,                                            \
               result_ == 0    ? "zero"                                                            \
               : result_ == -1 ? "-1"                                                              \
                               : "other");                                                         \
    } while (0)

static void print_errno(void)
{
    void *block = NULL, *page;
    char *const arguments[] = {"x", NULL};
    PRINT_ERRNO(block = malloc(10));
    PRINT_ERRNO(block = realloc(block, 100));
    PRINT_ERRNO(realloc(block, huge));
    PRINT_ERRNO(reallocarray(block, huge, 8));
    PRINT_ERRNO((free(block), 1));
    PRINT_ERRNO((free(NULL), 1));
    PRINT_ERRNO(malloc(huge));
    PRINT_ERRNO(calloc(huge, 8));
    PRINT_ERRNO(calloc(huge, 1));
    PRINT_ERRNO(posix_memalign(&block, 64, 10));
    free(block);
    PRINT_ERRNO(posix_memalign(&block, 3, 10));
    PRINT_ERRNO(posix_memalign(&block, 64, huge));
    PRINT_ERRNO(block = aligned_alloc(64, 64));
    free(block);
    PRINT_ERRNO(aligned_alloc(64, huge));
    PRINT_ERRNO(memalign(64, huge));
    PRINT_ERRNO(valloc(huge));
    PRINT_ERRNO(pvalloc(huge));
    PRINT_ERRNO(page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    PRINT_ERRNO(page = mremap(page, 4096, 8192, MREMAP_MAYMOVE));
    PRINT_ERRNO(munmap(page, 8192));
    PRINT_ERRNO(munmap((char *)page + 1, 1));
    PRINT_ERRNO(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, -1, 0));
    PRINT_ERRNO(mremap((void *)4096, 4096, 8192, 0));
    PRINT_ERRNO(sbrk(0));
    PRINT_ERRNO(brk((void *)4096));
    PRINT_ERRNO(execv("/nonexistent", arguments));
    PRINT_ERRNO(execvp("no-such-program-anywhere", arguments));
    PRINT_ERRNO(execve("/", arguments, environ));
    PRINT_ERRNO(execl("/nonexistent", "x", (char *)NULL));
    PRINT_ERRNO(execlp("no-such-program-anywhere", "x", (char *)NULL));
    PRINT_ERRNO(execle("/nonexistent", "x", (char *)NULL, environ));
    PRINT_ERRNO(fexecve(-1, arguments, environ));
    PRINT_ERRNO(execveat(-1, "x", arguments, environ, 0));
    PRINT_ERRNO(posix_spawn(NULL, "/nonexistent", NULL, NULL, arguments, environ));
    PRINT_ERRNO(posix_spawnp(NULL, "no-such-program-anywhere", NULL, NULL, arguments, environ));
    errno = OWN_ERRNO;
    pid_t pid = fork();
    if (pid == 0)
        _exit(errno == OWN_ERRNO ? 5 : 6);
    int status = 0, after_fork = errno;
    waitpid(pid, &status, 0); /* nothing comes of it where SIGCHLD is ignored */
    printf("errno %d after fork, child says %d\n", after_fork, WEXITSTATUS(status));
}

static void *check_errno(void *unused)
{
    errno = OWN_ERRNO;
    for (int i = 0; i < 100000; i++) {
        void *block = malloc(16 + (size_t)i % 500);
        free(block);
        if (errno != OWN_ERRNO) {
            printf("errno %d in round %d\n", errno, i);
            errno = OWN_ERRNO;
        }
    }
    return unused;
}

static void print_errno_of_many(void)
{
    pthread_t thread;
    check_errno(NULL);
    pthread_create(&thread, NULL, check_errno, NULL);
    pthread_join(thread, NULL);
}

static void print_all(void)
{
    print_descriptors();
    print_environment();
    print_signals();
    print_limits();
    print_status();
    print_process();
    print_blocks();
    print_errno();
    print_errno_of_many();
    fflush(stdout);
}

static void print_in_child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        print_all();
        _exit(3);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    printf("forked child ended with %x\n", status);
    fflush(stdout);
}

static void print_in_new_image(const char *path)
{
    char *const arguments[] = {(char *)path, "inner", NULL};
    pid_t pid;
    int status = 0;
    if (posix_spawn(&pid, path, NULL, NULL, arguments, environ) != 0)
        abort();
    waitpid(pid, &status, 0);
    printf("new image ended with %x\n", status);
}

int main(int count, char **arguments)
{
    print_all();
    if (count == 1) {
        print_in_child();
        print_in_new_image(arguments[0]);
    }
    fprintf(stderr, "this goes to stderr\n");
    return 11;
}
