/* Processes: processes CASE. How children come to be and how processes end. Process numbers count
 * images by their start. A "step" is one block of known size.
 *
 * Known answers
 *   run fork
 *     processes 2
 *     totals allocations=4 frees=1 allocated_bytes=600 live_bytes=400 peak_bytes=600
 *     process 1 exit=status:5 parent=0 image=0 forked=true executable=processes
 *     totals inherited_blocks=3 inherited_bytes=600 allocations=1 frees=2 live_bytes=150+50
 *     totals live_blocks=2 freed_bytes=450 peak_bytes=650
 *     site step<case_fork inherited_blocks=3 frees=2 live_blocks=1
 *     site step<child_of_fork allocations=1 live_bytes=50
 *   run grandchild
 *     processes 3
 *     totals allocations=1 live_bytes=100
 *     process 1 exit=status:6 parent=0 forked=true
 *     totals inherited_bytes=100 allocations=1 allocated_bytes=20 frees=0
 *     process 2 exit=status:7 parent=1 forked=true
 *     totals inherited_bytes=120 inherited_blocks=2 allocations=1 frees=2 live_bytes=3
 *   run fork_many
 *     processes 41
 *     site step<case_fork_many allocations=41 live_blocks=41
 *     process 1 exit=status:0 parent=0
 *     totals inherited_blocks=2 allocations=1 frees=1
 *     process 40 exit=status:39 parent=0
 *     totals inherited_blocks=41 allocations=1 frees=1
 *   run fork_threads
 *     runs 2/20
 *     processes 11
 *     process 10 exit=status:0 parent=0 forked=true
 *     site step<child_of_threads allocations=100 frees=100
 *   run fork_silent
 *     processes 2
 *     totals allocations=1 live_bytes=10
 *     process 1 exit=status:0 parent=0 forked=true
 *     totals allocations=0 inherited_blocks=1 live_bytes=10
 *   run vfork_exec
 *     processes 2
 *     totals allocations=2 live_bytes=11+12
 *     process 1 exit=status:8 parent=0 image=0 forked=false
 *     totals inherited_blocks=0 allocations=1 live_bytes=1000
 *     site step<child_of_exec/malloc live_bytes=1000
 *   run spawn
 *     processes 2
 *     process 1 exit=status:8 parent=0 forked=false
 *     totals allocations=1 live_bytes=1000
 *   run spawnp
 *     processes 2
 *     process 1 exit=status:8 parent=0
 *     totals allocations=1 live_bytes=1000
 *   run fork_exec
 *     processes 2
 *     process 1 exit=status:8 parent=0 forked=false
 *     totals allocations=1 inherited_blocks=0 live_bytes=1000
 *   run system
 *     processes 3
 *     process 1 parent=0 exit=status:8
 *     process 2 parent=1 exit=status:8 executable=processes
 *     totals allocations=1 live_bytes=1000
 *   run popen
 *     processes 3
 *     process 2 parent=1 exit=status:8
 *     totals allocations=1 live_bytes=1000
 *   run execs 0
 *     status 8
 *     processes 3
 *     process 0 exit=exec image=0
 *     totals allocations=1 live_bytes=100
 *     process 1 exit=exec image=1 parent=null
 *     totals allocations=1 live_bytes=101
 *     process 2 exit=status:8 image=2 parent=null
 *     totals allocations=1 live_bytes=1000
 *   run exec_fails
 *     status 9
 *     processes 1
 *     totals allocations=2 live_bytes=13+14
 *   run exec_variants
 *     processes 10
 *     process 1 exit=status:8 parent=0
 *     totals live_bytes=1000
 *     process 5 exit=status:8 parent=0
 *     totals live_bytes=1000
 *     process 9 exit=status:8 parent=0
 *     totals live_bytes=1000
 *   run exit_from_thread
 *     status 12
 *     totals allocations=>=2
 *     site step<exiting_thread live_bytes=15
 *   run _exit
 *     status 3
 *     totals allocations=1 live_bytes=16
 *   run abort
 *     signal 6
 *     process 0 exit=signal:6
 *     totals allocations=1 live_bytes=17
 *   run kill
 *     signal 9
 *     process 0 exit=signal:9
 *     totals allocations=1000 frees=999 live_bytes=18
 *   run segv
 *     signal 11
 *     process 0 exit=signal:11
 *     totals allocations=1 live_bytes=19
 *   run child_killed
 *     processes 2
 *     process 1 exit=signal:9 parent=0
 *     totals inherited_bytes=21 allocations=1 live_bytes=21+22
 *   run [--wait=tree] orphan
 *     processes 2
 *     process 1 exit=status:0 parent=0
 *     totals inherited_bytes=23 allocations=1 live_bytes=23+24
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_steps.h"

extern char **environ;

static const char *own_path;

/* ---- fork */

static void child_of_fork(void *first, void *second)
{
    step(50);
    free(first);
    free(second);
    _exit(5);
}

static int case_fork(void)
{
    void *first = step(150), *second = step(250), *third = step(200);
    pid_t pid = fork();
    if (pid == 0)
        child_of_fork(second, third);
    wait_for(pid, exited(5));
    free(third);
    step(kept == first);
    return 0;
}

static int case_grandchild(void)
{
    void *first = step(100);
    pid_t child = fork();
    if (child == 0) {
        void *second = step(20);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            free(first);
            free(second);
            step(3);
            _exit(7);
        }
        wait_for(grandchild, exited(7));
        _exit(6);
    }
    wait_for(child, exited(6));
    return 0;
}

static int case_fork_many(void)
{
    step(1);
    for (int i = 0; i < 40; i++) {
        step(1);
        pid_t pid = fork();
        if (pid == 0) {
            free(malloc(2));
            _exit(i);
        }
        wait_for(pid, exited(i));
    }
    return 0;
}

static atomic_int is_over;

static void *churn(void *unused)
{
    while (!is_over)
        free(malloc(32));
    return unused;
}

static void child_of_threads(void)
{
    for (int i = 0; i < 100; i++)
        free(step(64));
    _exit(0);
}

static int case_fork_threads(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        require(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();
        if (pid == 0)
            child_of_threads();
        wait_for(pid, exited(0));
    }
    is_over = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

static int case_fork_silent(void)
{
    step(10);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    wait_for(pid, exited(0));
    return 0;
}

/* ---- exec */

static int case_vfork_exec(void)
{
    step(11);
    pid_t pid = vfork();
    if (pid == 0) {
        execl(own_path, own_path, "child", (char *)NULL);
        _exit(98);
    }
    wait_for(pid, exited(8));
    step(12);
    return 0;
}

static int case_spawn(void)
{
    char *arguments[] = {(char *)own_path, "child", NULL};
    pid_t pid;
    require(posix_spawn(&pid, own_path, NULL, NULL, arguments, environ) == 0);
    wait_for(pid, exited(8));
    return 0;
}

static int case_spawnp(void)
{
    char *arguments[] = {"processes", "child", NULL}, *empty[] = {NULL};
    char folder[4096];
    strcpy(folder, own_path);
    *strrchr(folder, '/') = '\0';
    setenv("PATH", folder, 1);
    pid_t pid;
    require(posix_spawnp(&pid, "processes", NULL, NULL, arguments, empty) == 0);
    wait_for(pid, exited(8));
    return 0;
}

static int case_fork_exec(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(own_path, own_path, "child", (char *)NULL);
        _exit(98);
    }
    wait_for(pid, exited(8));
    return 0;
}

/* "; exit" keeps the shell from turning into the program by exec. */
static int case_system(void)
{
    char command[5000];
    snprintf(command, sizeof command, "'%s' child; exit $?", own_path);
    require(system(command) == exited(8));
    return 0;
}

static int case_popen(void)
{
    char command[5000];
    snprintf(command, sizeof command, "'%s' child; exit $?", own_path);
    FILE *pipe = popen(command, "r");
    require(pipe != NULL && pclose(pipe) == exited(8));
    return 0;
}

/* One process, three images; the environment is thrown away twice. */
static int case_execs(const char *number)
{
    char *first[] = {"any", "execs", "1", NULL}, *second[] = {"name", "child", NULL};
    char *empty[] = {NULL};
    step(100 + (size_t)(*number - '0'));
    execve("/proc/self/exe", *number == '0' ? first : second, empty);
    return 97;
}

static int case_exec_fails(void)
{
    char *arguments[] = {"nothing", NULL};
    step(13);
    execv("/nonexistent/program", arguments);
    execvp("no-such-program-anywhere", arguments);
    execve("/", arguments, environ);
    step(14);
    return 9;
}

static void exec_in_way(int way)
{
    char *arguments[] = {(char *)own_path, "child", NULL}, *empty[] = {NULL};
    int fd = open(own_path, O_RDONLY | O_CLOEXEC);
    switch (way) {
    case 0:
        execv(own_path, arguments);
        break;
    case 1:
        execve(own_path, arguments, empty);
        break;
    case 2:
        execvp(own_path, arguments);
        break;
    case 3:
        execvpe(own_path, arguments, empty);
        break;
    case 4:
        execl(own_path, own_path, "child", (char *)NULL);
        break;
    case 5:
        execle(own_path, own_path, "child", (char *)NULL, empty);
        break;
    case 6:
        execlp(own_path, own_path, "child", (char *)NULL);
        break;
    case 7:
        fexecve(fd, arguments, empty);
        break;
    case 8:
        execveat(fd, "", arguments, empty, AT_EMPTY_PATH);
        break;
    }
    _exit(98);
}

static int case_exec_variants(void)
{
    for (int way = 0; way < 9; way++) {
        pid_t pid = fork();
        if (pid == 0)
            exec_in_way(way);
        wait_for(pid, exited(8));
    }
    return 0;
}

/* ---- ends */

static void *exiting_thread(void *unused)
{
    step(15);
    exit(12);
    return unused;
}

static int case_exit_from_thread(void)
{
    pthread_t thread;
    require(pthread_create(&thread, NULL, exiting_thread, NULL) == 0);
    for (;;)
        pause();
    return 0;
}

static int case__exit(void)
{
    step(16);
    _exit(3);
    return 0;
}

static int case_abort(void)
{
    step(17);
    abort();
    return 0;
}

static int case_kill(void)
{
    for (int i = 0; i < 999; i++)
        free(step(180));
    step(18);
    return kill(getpid(), SIGKILL);
}

static int case_segv(void)
{
    step(19);
    volatile int *volatile nowhere = NULL;
    return *nowhere;
}

static int case_child_killed(void)
{
    int ends[2];
    char byte;
    require(pipe(ends) == 0);
    step(21);
    pid_t pid = fork();
    if (pid == 0) {
        step(22);
        require(write(ends[1], "", 1) == 1);
        for (;;)
            pause();
    }
    require(read(ends[0], &byte, 1) == 1);
    kill(pid, SIGKILL);
    wait_for(pid, SIGKILL);
    return 0;
}

/* The child allocates after the parent is gone. */
static int case_orphan(void)
{
    int ends[2];
    char byte;
    require(pipe(ends) == 0);
    step(23);
    pid_t pid = fork();
    if (pid != 0)
        return 0;
    close(ends[1]);
    require(read(ends[0], &byte, 1) == 0); /* the parent's end closed with it */
    step(24);
    _exit(0);
}

static const struct {
    const char *name;
    int (*run)(void);
} cases[] = {
    {"child", child_of_exec},
    {"fork", case_fork},
    {"grandchild", case_grandchild},
    {"fork_many", case_fork_many},
    {"fork_threads", case_fork_threads},
    {"fork_silent", case_fork_silent},
    {"vfork_exec", case_vfork_exec},
    {"spawn", case_spawn},
    {"spawnp", case_spawnp},
    {"fork_exec", case_fork_exec},
    {"system", case_system},
    {"popen", case_popen},
    {"exec_fails", case_exec_fails},
    {"exec_variants", case_exec_variants},
    {"exit_from_thread", case_exit_from_thread},
    {"_exit", case__exit},
    {"abort", case_abort},
    {"kill", case_kill},
    {"segv", case_segv},
    {"child_killed", case_child_killed},
    {"orphan", case_orphan},
};

int main(int count, char **arguments)
{
    own_path = arguments[0];
    if (count > 2 && strcmp(arguments[1], "execs") == 0)
        return case_execs(arguments[2]);
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0)
            return cases[i].run();
    return 2;
}
