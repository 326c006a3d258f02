/* fork, exec and exit: the recorder is told, and the environment of the next image names the
 * preload whatever the program put there.
 *
 * vfork and _Fork are not wrapped (a C wrapper around vfork breaks the program): a vfork child
 * writes through its parent's state, since it runs in its parent's memory; so records here carry
 * the pid. */
#include <alloca.h>
#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/event_writer.h"
#include "preload/exec_check.h"
#include "preload/export.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"

extern char **environ;

enum {
    PATH_ROOM = 4096
};

/* The thread, if it records and is not in the middle of a record. */
static struct thread_state *begin_telling(void)
{
    lifecycle_ensure();
    if (preload_mode != PRELOAD_RECORDS)
        return NULL;
    struct thread_state *thread = thread_state_get();
    if (thread == NULL || thread->is_busy)
        return NULL;
    thread->is_busy = true;
    return thread;
}

static void end_telling(struct thread_state *thread)
{
    thread->last_birth = 0;
    thread->is_busy = false;
}

static void tell_words(uint64_t kind, uint64_t first, uint64_t second, uint32_t word_count)
{
    struct thread_state *thread = begin_telling();
    if (thread == NULL)
        return;
    uint64_t *record = event_reserve(thread, word_count);
    if (record != NULL) {
        record[1] = first;
        if (word_count > 2)
            record[2] = second;
        record[0] = event_stamp() | kind;
        event_commit(thread, word_count);
    }
    end_telling(thread);
}

EXPORT pid_t fork(void)
{
    lifecycle_ensure();
    uint64_t number = 0;
    if (preload_mode == PRELOAD_RECORDS && thread_state_get() != NULL) {
        number = atomic_fetch_add(&process_current->fork_number, 1) + 1;
        tell_words(WIRE_FORK, number, 0, 2);
    }
    pid_t pid = real.fork();
    if (pid != 0 && number != 0) {
        int saved_errno = errno;
        tell_words(WIRE_FORK_DONE, number, pid > 0 ? (uint64_t)pid : 0, 3);
        errno = saved_errno;
    }
    return pid;
}

static void tell_exec(uint64_t pid, enum wire_exec_reason reason, const char *path)
{
    struct thread_state *thread = begin_telling();
    if (thread == NULL)
        return;
    size_t length = path != NULL ? strlen(path) : 0;
    if (length > WIRE_MAX_TEXT_BYTES)
        length = WIRE_MAX_TEXT_BYTES;
    uint32_t words = 4 + (uint32_t)(length + 7) / 8;
    uint64_t *record = event_reserve(thread, words);
    if (record != NULL) {
        record[1] = pid;
        record[2] = reason;
        record[3] = length;
        memcpy(record + 4, path, length);
        record[0] = event_stamp() | WIRE_EXEC;
        event_commit(thread, words);
    }
    end_telling(thread);
}

static void tell_exec_failed(void)
{
    int saved_errno = errno;
    tell_words(WIRE_EXEC_FAILED, raw_getpid(), 0, 2);
    errno = saved_errno;
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
        exec_environment_build((environment), (reason) == WIRE_EXEC_FOLLOWED, built_, entry_);     \
        (environment) = built_;                                                                    \
    } while (0)

EXPORT int execve(const char *path, char *const arguments[], char *const environment[])
{
    if (!is_in_session())
        return real.execve(path, arguments, environment);
    enum wire_exec_reason reason = exec_check_file(path);
    ADJUST_ENVIRONMENT(environment, reason);
    tell_exec(raw_getpid(), reason, path);
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
    if (!is_in_session())
        return real.execvpe(name, arguments, environment);
    char path[PATH_ROOM] = "";
    enum wire_exec_reason reason = exec_check_name(name, path, sizeof path);
    ADJUST_ENVIRONMENT(environment, reason);
    tell_exec(raw_getpid(), reason, path[0] != '\0' ? path : name);
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
    enum wire_exec_reason reason = exec_check_file(path);
    ADJUST_ENVIRONMENT(environment, reason);
    tell_exec(raw_getpid(), reason, path);
    int result = real.fexecve(fd, arguments, environment);
    tell_exec_failed();
    return result;
}

EXPORT int execveat(int folder, const char *path, char *const arguments[],
                    char *const environment[], int flags)
{
    if (!is_in_session())
        goto call;
    enum wire_exec_reason reason = exec_check_file(path[0] == '/' ? path : NULL);
    ADJUST_ENVIRONMENT(environment, reason);
    tell_exec(raw_getpid(), reason, path);
call:;
    int result;
    if (real.execveat != NULL) {
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

/* The parent tells of a child that cannot be followed; one that can speaks for itself. */
static void tell_spawned(int result, const pid_t *pid, enum wire_exec_reason reason,
                         const char *path)
{
    if (result == 0 && reason != WIRE_EXEC_FOLLOWED)
        tell_exec((uint64_t)*pid, reason, path);
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
    tell_spawned(result, &child, reason, path);
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
    tell_spawned(result, &child, reason, path[0] != '\0' ? path : name);
    return result;
}

void lifecycle_tell_exit(int status)
{
    tell_words(WIRE_EXIT, (uint64_t)(uint32_t)status | (uint64_t)raw_getpid() << 32, 0, 2);
}

EXPORT __attribute__((noreturn)) void exit(int status)
{
    lifecycle_tell_exit(status);
    real.exit(status);
    __builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void _exit(int status)
{
    lifecycle_tell_exit(status);
    real._exit(status);
    __builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void _Exit(int status)
{
    lifecycle_tell_exit(status);
    real._Exit(status);
    __builtin_unreachable();
}

EXPORT __attribute__((noreturn)) void quick_exit(int status)
{
    lifecycle_tell_exit(status);
    real.quick_exit(status);
    __builtin_unreachable();
}
