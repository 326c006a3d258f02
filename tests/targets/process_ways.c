/* Rarer ways to begin a process: forks that pass by the program's atfork handlers, shells started
 * inside libc, programs that no preload can enter, daemons.
 *
 * Known answers
 *   run _Fork
 *     processes 2
 *     totals allocations=2 frees=1 live_bytes=100
 *     process 1 exit=status:5 parent=0 forked=true
 *     totals inherited_blocks=2 inherited_bytes=150 allocations=1 frees=1 live_bytes=100+7
 *   run clone
 *     processes 2
 *     totals allocations=2 frees=1 live_bytes=100
 *     process 1 exit=status:5 parent=0 forked=true
 *     totals inherited_blocks=2 inherited_bytes=150 allocations=1 frees=1 live_bytes=100+7
 *   run syscall_clone
 *     processes 2
 *     totals allocations=2 frees=1 live_bytes=100
 *     process 1 exit=status:5 parent=0 forked=true
 *     totals inherited_blocks=2 inherited_bytes=150 allocations=1 frees=1 live_bytes=100+7
 *   run system_bare
 *     output one two $0
 *     processes 3
 *     process 1 parent=0 exit=status:8
 *     process 2 parent=1 exit=status:8 executable=process_ways
 *     totals allocations=1 live_bytes=1000
 *   run popen_bare
 *     processes 3
 *     process 2 parent=1 exit=status:8 executable=process_ways
 *     totals allocations=1 live_bytes=1000
 *   run [--follow=fork] system
 *     processes 2
 *   run spawn_stripped
 *     processes 2
 *     process 1 exit=status:8 parent=0
 *     totals allocations=1 live_bytes=1000
 *   run spawn_static
 *     output static static static
 *     processes 4
 *     process 1 exit=status:7 parent=0 observed=false reason=statically executable=static_child
 *     process 2 exit=status:7 parent=0 observed=false reason=statically executable=static_child
 *     process 3 exit=status:7 parent=0 observed=false reason=statically executable=static_child
 *   run exec_static
 *     status 7
 *     output static
 *     processes 2
 *     process 0 exit=exec image=0
 *     totals allocations=1 live_bytes=33
 *     process 1 exit=status:7 image=1 observed=false reason=statically parent=null
 *   run exec_bare
 *     processes 10
 *     process 1 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 2 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 3 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 4 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 5 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 6 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 7 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 8 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *     process 9 exit=status:8 parent=0 observed=true
 *     totals allocations=1 live_bytes=1000
 *   run static_parent
 *     output static
 *     processes 2
 *     process 1 exit=status:8 observed=false reason=statically parent=0
 *   run killed_at_once
 *     runs 3/30
 *     processes 4
 *     process 1 exit=signal:9 parent=0
 *     process 2 exit=signal:9 parent=0
 *     process 3 exit=signal:9 parent=0
 *   run [--wait=command] daemon
 *     processes 2
 *     process 1 exit=running parent=0
 *     totals inherited_bytes=40
 *   run [--wait=tree] daemon_until
 *     processes 2
 *     process 1 exit=status:9 parent=0
 *     totals inherited_bytes=40 allocations=1 live_bytes=40+41
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_steps.h"

extern char **environ;

static const char *own_path;
static char static_path[4096];

/* ---- forks */

static void *first, *second;

static void begin_fork(void)
{
    first = step(100);
    second = step(50);
}

static int child_of_fork(void *unused)
{
    (void)unused;
    free(second);
    step(7);
    _exit(5);
}

/* The parent goes on only when the child has ended: its own free comes after the fork, and must not
 * be taken out of what the child was born with. */
static int end_fork(pid_t pid)
{
    free(second);
    wait_for(pid, exited(5));
    return 0;
}

static int case__Fork(void)
{
    begin_fork();
    pid_t pid = _Fork();
    if (pid == 0)
        child_of_fork(NULL);
    return end_fork(pid);
}

static int case_clone(void)
{
    static char stack[256 << 10] __attribute__((aligned(16)));
    begin_fork();
    return end_fork(clone(child_of_fork, stack + sizeof stack, SIGCHLD, NULL));
}

static int case_syscall_clone(void)
{
    begin_fork();
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0)
        child_of_fork(NULL);
    return end_fork((pid_t)pid);
}

/* ---- shells */

/* The entry is taken away; what a shell started all the same has is not the program's business. */
static void strip(void)
{
    require(unsetenv("LD_PRELOAD") == 0);
}

static void require_stripped(char **environment_before)
{
    require(environ == environment_before && getenv("LD_PRELOAD") == NULL);
}

static int case_system_bare(void)
{
    char command[5000];
    snprintf(command, sizeof command, "echo 'one' \"two\" '$0'; '%s' child; exit $?", own_path);
    strip();
    char **before = environ;
    require(system(command) == exited(8));
    require_stripped(before);
    require(system(NULL) == 1);
    return 0;
}

static int case_popen_bare(void)
{
    char command[5000];
    snprintf(command, sizeof command, "'%s' child; exit $?", own_path);
    strip();
    char **before = environ;
    FILE *pipe = popen(command, "r");
    require(pipe != NULL && pclose(pipe) == exited(8));
    require_stripped(before);
    return 0;
}

/* Its shell is the one child: not to be followed, and nothing in it is. */
static int case_system(void)
{
    char command[5000];
    snprintf(command, sizeof command, "'%s' child; exit $?", own_path);
    require(system(command) == exited(8));
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    wait_for(pid, 0);
    return 0;
}

/* ---- spawn and exec */

/* In a group and session of its own, with default signals and every descriptor closed. */
static int case_spawn_stripped(void)
{
    char *arguments[] = {"process_ways", "child", NULL}, *empty[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all;
    pid_t pid;
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    for (int fd = 0; fd < 64; fd++)
        posix_spawn_file_actions_addclose(&actions, fd);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    posix_spawnattr_setsigdefault(&attributes, &all);
    require(posix_spawn(&pid, own_path, &actions, &attributes, arguments, empty) == 0);
    wait_for(pid, exited(8));
    return 0;
}

/* Each of the exec family alone, from an environment without the entry: the next image has it. */
static void exec_one(int way)
{
    char *arguments[] = {"process_ways", "child", NULL}, *empty[] = {NULL};
    char *path = (char *)own_path, *end = NULL;
    strip();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    switch (way) {
    case 0:
        execv(path, arguments);
        break;
    case 1:
        execvp(path, arguments);
        break;
    case 2:
        execl(path, path, "child", end);
        break;
    case 3:
        execlp(path, path, "child", end);
        break;
    case 4:
        execve(path, arguments, empty);
        break;
    case 5:
        execle(path, path, "child", end, empty);
        break;
    case 6:
        execvpe(path, arguments, empty);
        break;
    case 7:
        fexecve(fd, arguments, empty);
        break;
    case 8:
        execveat(fd, "", arguments, empty, AT_EMPTY_PATH);
        break;
    }
    _exit(1);
}

static int case_exec_bare(void)
{
    for (int way = 0; way < 9; way++) {
        pid_t pid = fork();
        if (pid == 0)
            exec_one(way);
        wait_for(pid, exited(8));
    }
    return 0;
}

static int case_spawn_static(void)
{
    char *arguments[] = {static_path, NULL};
    pid_t pid;
    require(posix_spawn(&pid, static_path, NULL, NULL, arguments, environ) == 0);
    wait_for(pid, exited(7));
    pid = vfork();
    if (pid == 0) {
        execv(static_path, arguments);
        _exit(98);
    }
    wait_for(pid, exited(7));
    pid = fork();
    if (pid == 0) {
        execv(static_path, arguments);
        _exit(98);
    }
    wait_for(pid, exited(7));
    return 0;
}

static int case_exec_static(void)
{
    step(33);
    execl(static_path, static_path, (char *)NULL);
    return 97;
}

static int case_static_parent(void)
{
    char *arguments[] = {static_path, "run", (char *)own_path, "child", NULL};
    pid_t pid;
    require(posix_spawn(&pid, static_path, NULL, NULL, arguments, environ) == 0);
    wait_for(pid, exited(8));
    return 0;
}

/* ---- ends */

static int case_killed_at_once(void)
{
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            step(1);
            kill(getpid(), SIGKILL);
        }
        wait_for(pid, SIGKILL);
    }
    return 0;
}

/* Lives on when the program has ended. */
static int case_daemon(void)
{
    int ends[2];
    char byte;
    require(pipe(ends) == 0);
    step(40);
    if (fork() != 0) {
        require(read(ends[0], &byte, 1) == 1);
        return 0;
    }
    setsid();
    alarm(5);
    free(malloc(5));
    require(write(ends[1], "", 1) == 1);
    for (;;)
        pause();
}

static int case_daemon_until(void)
{
    int ends[2];
    char byte;
    require(pipe(ends) == 0);
    step(40);
    if (fork() != 0)
        return 0;
    setsid();
    close(ends[1]);
    for (int fd = 0; fd < 64; fd++)
        if (fd != ends[0])
            close(fd);
    require(read(ends[0], &byte, 1) == 0); /* the parent's end closed with it */
    step(41);
    _exit(9);
}

static const struct {
    const char *name;
    int (*run)(void);
} cases[] = {
    {"child", child_of_exec},
    {"_Fork", case__Fork},
    {"clone", case_clone},
    {"syscall_clone", case_syscall_clone},
    {"system_bare", case_system_bare},
    {"popen_bare", case_popen_bare},
    {"system", case_system},
    {"spawn_stripped", case_spawn_stripped},
    {"spawn_static", case_spawn_static},
    {"exec_static", case_exec_static},
    {"exec_bare", case_exec_bare},
    {"static_parent", case_static_parent},
    {"killed_at_once", case_killed_at_once},
    {"daemon", case_daemon},
    {"daemon_until", case_daemon_until},
};

int main(int count, char **arguments)
{
    own_path = arguments[0];
    strcpy(static_path, own_path);
    char *name = strrchr(static_path, '/');
    strcpy(name != NULL ? name + 1 : static_path, "static_child");
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0)
            return cases[i].run();
    return 2;
}
