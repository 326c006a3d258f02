/* A program that leaves seep nothing to hold on to, and is recorded all the same: closing CASE.
 *
 * Known answers
 *   run all_descriptors
 *     site step<case_all_descriptors allocations=1000 live_blocks=1000
 *     site step<work_without allocations=4*1000
 *     threads step<work_without 1000 1000 1000 1000
 *   run no_descriptors_allowed
 *     site step<case_no_descriptors_allowed allocations=1000
 *     site step<work_without allocations=4*1000
 *   run fork_without
 *     processes 2
 *     process 1 parent=0 exit=status:0
 *     site step<case_fork_without allocations=10 inherited_blocks=1
 *   run other_folder
 *     processes 2
 *     site step<case_other_folder allocations=1
 *     process 1 parent=0 exit=status:0
 *     site step<case_all_descriptors allocations=1000
 *   run memory_limited
 *     site step<case_memory_limited allocations=1000
 *   run memory_locked
 *     site step<work_without allocations=4*1000
 *   run file_size_limited
 *     site step<case_file_size_limited allocations=1000
 *     site step<work_without allocations=4*1000
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;
static const char *own_path;

static void require(int holds)
{
    if (!holds)
        _exit(99);
}

static void step(void)
{
    kept = malloc(24);
}

static void *work_without(void *unused)
{
    for (int i = 0; i < 1000; i++)
        step();
    return unused;
}

static void run_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        require(pthread_create(&threads[i], NULL, work_without, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void limit(int which, rlim_t value)
{
    struct rlimit limit = {value, value};
    require(setrlimit(which, &limit) == 0);
}

static void case_all_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    for (int i = 0; i < 1000; i++)
        step();
    run_threads();
}

static void case_no_descriptors_allowed(void)
{
    limit(RLIMIT_NOFILE, 0);
    for (int i = 0; i < 1000; i++)
        step();
    run_threads();
}

static void case_fork_without(void)
{
    step();
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    limit(RLIMIT_NOFILE, 0);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 10; i++)
            step();
        _exit(0);
    }
    require(waitpid(pid, NULL, 0) == pid);
}

/* The folder changes, and the descriptors are gone: the next image finds its session all the same.
 */
static void case_other_folder(void)
{
    char path[4096];
    require(realpath(own_path, path) != NULL && chdir("/") == 0);
    step();
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, "all_descriptors", (char *)NULL);
        _exit(98);
    }
    require(waitpid(pid, NULL, 0) == pid);
}

/* No new mapping fits, and so no larger ring. */
static void case_memory_limited(void)
{
    step();
    limit(RLIMIT_AS, 1);
    for (int i = 1; i < 1000; i++)
        step();
}

static void case_memory_locked(void)
{
    mlockall(MCL_CURRENT | MCL_FUTURE); /* where it is allowed */
    run_threads();
}

static void case_file_size_limited(void)
{
    signal(SIGXFSZ, SIG_DFL);
    limit(RLIMIT_FSIZE, 0);
    for (int i = 0; i < 1000; i++)
        step();
    run_threads();
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"all_descriptors", case_all_descriptors},
    {"no_descriptors_allowed", case_no_descriptors_allowed},
    {"fork_without", case_fork_without},
    {"other_folder", case_other_folder},
    {"memory_limited", case_memory_limited},
    {"memory_locked", case_memory_locked},
    {"file_size_limited", case_file_size_limited},
};

int main(int count, char **arguments)
{
    own_path = arguments[0];
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            cases[i].run();
            return 0;
        }
    return 2;
}
