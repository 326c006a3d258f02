/* fork, exec and exit: the recorder is told, and the environment of the next image names the
 * preload whatever the program put there.
 *
 * vfork is not wrapped (a C wrapper around it breaks the program): its child writes through its
 * parent's state, since it runs in its parent's memory; so records here carry the pid. */
#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/annotation.h"
#include "preload/exec_check.h"
#include "preload/exit_hold.h"
#include "preload/export.h"
#include "preload/lifecycle.h"
#include "preload/park.h"
#include "preload/process_notice.h"
#include "preload/real_functions.h"
#include "preload/session_link.h"

extern char **environ;

enum {
    PATH_ROOM = 4096
};

EXPORT pid_t fork(void)
{
    uint64_t number = process_notice_fork();
    uint32_t ignoring_depth = annotation_ignoring_depth();
    pid_t pid = real.fork();
    if (pid == 0 && ignoring_depth != 0)
        annotation_restore_ignoring(ignoring_depth);
    if (pid != 0 && number != 0)
        process_notice_fork_done(number, pid);
    return pid;
}

/* fork without the program's atfork handlers; safe in signal handlers, and so is ours. */
EXPORT pid_t _Fork(void)
{
    uint64_t number = process_notice_fork();
    pid_t pid = real._Fork != NULL ? real._Fork() : real.fork();
    if (pid != 0 && number != 0)
        process_notice_fork_done(number, pid);
    return pid;
}

/* Without CLONE_VM it is a fork whose child begins in a function, on a stack of its own. */
EXPORT int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
    va_list rest;
    va_start(rest, argument);
    pid_t *parent_tid = va_arg(rest, pid_t *);
    void *tls = va_arg(rest, void *);
    pid_t *child_tid = va_arg(rest, pid_t *);
    va_end(rest);
    lifecycle_ensure();
    uint64_t number = (flags & CLONE_VM) == 0 ? process_notice_fork() : 0;
    int pid = real.clone(function, stack, flags, argument, parent_tid, tls, child_tid);
    if (number != 0)
        process_notice_fork_done(number, pid);
    return pid;
}

/* Is there a session whose preload the next image should have? */
static bool is_in_session(void)
{
    lifecycle_ensure();
    return session != NULL;
}

/* The environment for the next image, on the stack of the function that this stands in. */
#define ADJUST_ENVIRONMENT(environment, reason)                                                    \
    do {                                                                                           \
        struct exec_environment_size size_ = exec_environment_size(environment);                   \
        char **built_ = alloca(size_.pointers * sizeof *built_);                                   \
        char *entry_ = alloca(size_.entry_bytes);                                                  \
        exec_environment_build((environment), exec_check_keeps_entry(reason), built_, entry_);     \
        (environment) = built_;                                                                    \
    } while (0)

static void tell_exec_failed(void)
{
    process_notice_exec_failed();
    park_exec_failed();
    exit_hold_cancel();
}

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    if (!is_in_session())
        return real.execve(path, arguments, environment);
    enum wire_exec_reason reason = exec_check_file(path);
    ADJUST_ENVIRONMENT(environment, reason);
    exit_hold_before_exec(AT_FDCWD, path);
    process_notice_exec(session_link_pid(), reason, path);
    park_before_exec();
    int result = real.execve(path, arguments, environment);
    tell_exec_failed();
    return result;
}

EXPORT int execv(const char *path, char *const arguments[])
{
    return execve(path, arguments, environ);
}

EXPORT int execvpe(const char *name, char *const arguments[], char *const environment[])
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    if (!is_in_session())
        return real.execvpe(name, arguments, environment);
    char path[PATH_ROOM] = "";
    enum wire_exec_reason reason = exec_check_name(name, path, sizeof path);
    ADJUST_ENVIRONMENT(environment, reason);
    exit_hold_before_exec(AT_FDCWD, path[0] != '\0' ? path : name);
    process_notice_exec(session_link_pid(), reason, path[0] != '\0' ? path : name);
    park_before_exec();
    int result = real.execvpe(name, arguments, environment);
    tell_exec_failed();
    return result;
}

EXPORT int execvp(const char *name, char *const arguments[])
{
    return execvpe(name, arguments, environ);
}

EXPORT int fexecve(int fd, char *const arguments[], char *const environment[])
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    if (!is_in_session())
        return real.fexecve(fd, arguments, environment);
    char path[64] = "/proc/self/fd/";
    char digits[12];
    int count = 0;
    for (unsigned rest = (unsigned)fd; count == 0 || rest != 0; rest /= 10)
        digits[count++] = (char)('0' + rest % 10);
    char *at = path + strlen(path);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    enum wire_exec_reason reason = exec_check_at(fd, "", AT_EMPTY_PATH);
    ADJUST_ENVIRONMENT(environment, reason);
    exit_hold_before_exec(fd, "");
    process_notice_exec(session_link_pid(), reason, path);
    park_before_exec();
    int result = real.fexecve(fd, arguments, environment);
    tell_exec_failed();
    return result;
}

EXPORT int execveat(int folder, const char *path, char *const arguments[],
                    char *const environment[], int flags)
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    if (!is_in_session())
        goto call;
    enum wire_exec_reason reason = exec_check_at(folder, path, flags);
    ADJUST_ENVIRONMENT(environment, reason);
    exit_hold_before_exec(folder, path);
    process_notice_exec(session_link_pid(), reason, path);
call:;
    int result;
    if (real.execveat != NULL) {
        park_before_exec();
        result = real.execveat(folder, path, arguments, environment, flags);
    } else {
        result = -1;
        errno = ENOSYS;
    }
    if (session != NULL)
        tell_exec_failed();
    return result;
}

/* Gathers the arguments of an execl into an array on the caller's stack; leaves `rest` behind the
 * NULL. */
#define GATHER_ARGUMENTS(first, rest, arguments)                                                   \
    do {                                                                                           \
        size_t count_ = 1;                                                                         \
        va_start(rest, first);                                                                     \
        while (va_arg(rest, char *) != NULL)                                                       \
            count_++;                                                                              \
        va_end(rest);                                                                              \
        (arguments) = alloca((count_ + 1) * sizeof *(arguments));                                  \
        (arguments)[0] = (char *)(uintptr_t)(first);                                               \
        va_start(rest, first);                                                                     \
        for (size_t i_ = 1; i_ <= count_; i_++)                                                    \
            (arguments)[i_] = va_arg(rest, char *);                                                \
    } while (0)

EXPORT int execl(const char *path, const char *first, ...)
{
    va_list rest;
    char **arguments;
    GATHER_ARGUMENTS(first, rest, arguments);
    va_end(rest);
    return execve(path, arguments, environ);
}

EXPORT int execlp(const char *name, const char *first, ...)
{
    va_list rest;
    char **arguments;
    GATHER_ARGUMENTS(first, rest, arguments);
    va_end(rest);
    return execvpe(name, arguments, environ);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    va_list rest;
    char **arguments;
    GATHER_ARGUMENTS(first, rest, arguments);
    char **environment = va_arg(rest, char **);
    va_end(rest);
    return execve(path, arguments, environment);
}

/* The child could not tell itself: libc makes it without a call that could be replaced. */
static void tell_spawned(int result, pid_t pid, enum wire_exec_reason reason, const char *path)
{
    if (result == 0)
        process_notice_exec(session_link_child_pid((uint32_t)pid), reason, path);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attributes, char *const arguments[],
                       char *const environment[])
{
    if (!is_in_session())
        return real.posix_spawn(pid, path, actions, attributes, arguments, environment);
    enum wire_exec_reason reason = exec_check_file(path);
    ADJUST_ENVIRONMENT(environment, reason);
    pid_t child = 0;
    int result = real.posix_spawn(&child, path, actions, attributes, arguments, environment);
    if (result == 0 && pid != NULL)
        *pid = child;
    tell_spawned(result, child, reason, path);
    return result;
}

EXPORT int posix_spawnp(pid_t *pid, const char *name, const posix_spawn_file_actions_t *actions,
                        const posix_spawnattr_t *attributes, char *const arguments[],
                        char *const environment[])
{
    if (!is_in_session())
        return real.posix_spawnp(pid, name, actions, attributes, arguments, environment);
    char path[PATH_ROOM] = "";
    enum wire_exec_reason reason = exec_check_name(name, path, sizeof path);
    ADJUST_ENVIRONMENT(environment, reason);
    pid_t child = 0;
    int result = real.posix_spawnp(&child, name, actions, attributes, arguments, environment);
    if (result == 0 && pid != NULL)
        *pid = child;
    tell_spawned(result, child, reason, path[0] != '\0' ? path : name);
    return result;
}

EXPORT __attribute__((noreturn)) void exit(int status)
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    process_notice_exit(status);
    exit_hold_wait(SESSION_HOLD_BEFORE_EXIT);
    real.exit(status);
    __builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void _exit(int status)
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    process_notice_exit(status);
    exit_hold_wait(SESSION_HOLD_EXIT);
    real._exit(status);
    __builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void _Exit(int status)
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    process_notice_exit(status);
    exit_hold_wait(SESSION_HOLD_EXIT);
    real._Exit(status);
    __builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void quick_exit(int status)
{
    struct exit_registers registers;
    EXIT_HOLD_BEGIN(&registers);
    process_notice_exit(status);
    exit_hold_wait(SESSION_HOLD_EXIT);
    real.quick_exit(status);
    __builtin_unreachable();
}
