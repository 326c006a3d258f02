/* The one list of what is replaced: lookup, exports and tests are derived from it.
 * HOOK(symbol, result type, parameter types). REQUIRED ones must exist in every libc that we run
 * on; the others may be missing, and then ours falls back (real_functions.h says how). */
#ifndef SEEP_PRELOAD_INTERPOSED_FUNCTIONS_H
#define SEEP_PRELOAD_INTERPOSED_FUNCTIONS_H

#include <dlfcn.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/types.h>

/* clang-format off */
#define HOOKS_MALLOC(HOOK) \
    HOOK(malloc,             void *, (size_t)) \
    HOOK(free,               void,   (void *)) \
    HOOK(calloc,             void *, (size_t, size_t)) \
    HOOK(realloc,            void *, (void *, size_t)) \
    HOOK(reallocarray,       void *, (void *, size_t, size_t)) \
    HOOK(cfree,              void,   (void *)) \
    HOOK(posix_memalign,     int,    (void **, size_t, size_t)) \
    HOOK(aligned_alloc,      void *, (size_t, size_t)) \
    HOOK(memalign,           void *, (size_t, size_t)) \
    HOOK(valloc,             void *, (size_t)) \
    HOOK(pvalloc,            void *, (size_t)) \
    HOOK(free_sized,         void,   (void *, size_t)) \
    HOOK(free_aligned_sized, void,   (void *, size_t, size_t))

/* C++ operator new and delete, by their mangled names (Itanium ABI, size_t = unsigned long). */
#define HOOKS_CXX(HOOK) \
    HOOK(_Znwm,                               void *, (size_t)) \
    HOOK(_Znam,                               void *, (size_t)) \
    HOOK(_ZnwmRKSt9nothrow_t,                 void *, (size_t, const void *)) \
    HOOK(_ZnamRKSt9nothrow_t,                 void *, (size_t, const void *)) \
    HOOK(_ZnwmSt11align_val_t,                void *, (size_t, size_t)) \
    HOOK(_ZnamSt11align_val_t,                void *, (size_t, size_t)) \
    HOOK(_ZnwmSt11align_val_tRKSt9nothrow_t,  void *, (size_t, size_t, const void *)) \
    HOOK(_ZnamSt11align_val_tRKSt9nothrow_t,  void *, (size_t, size_t, const void *)) \
    HOOK(_ZdlPv,                              void,   (void *)) \
    HOOK(_ZdaPv,                              void,   (void *)) \
    HOOK(_ZdlPvm,                             void,   (void *, size_t)) \
    HOOK(_ZdaPvm,                             void,   (void *, size_t)) \
    HOOK(_ZdlPvRKSt9nothrow_t,                void,   (void *, const void *)) \
    HOOK(_ZdaPvRKSt9nothrow_t,                void,   (void *, const void *)) \
    HOOK(_ZdlPvSt11align_val_t,               void,   (void *, size_t)) \
    HOOK(_ZdaPvSt11align_val_t,               void,   (void *, size_t)) \
    HOOK(_ZdlPvmSt11align_val_t,              void,   (void *, size_t, size_t)) \
    HOOK(_ZdaPvmSt11align_val_t,              void,   (void *, size_t, size_t)) \
    HOOK(_ZdlPvSt11align_val_tRKSt9nothrow_t, void,   (void *, size_t, const void *)) \
    HOOK(_ZdaPvSt11align_val_tRKSt9nothrow_t, void,   (void *, size_t, const void *))

#define HOOKS_MAPPING(HOOK) \
    HOOK(mmap,     void *, (void *, size_t, int, int, int, off_t)) \
    HOOK(mmap64,   void *, (void *, size_t, int, int, int, int64_t)) \
    HOOK(munmap,   int,    (void *, size_t)) \
    HOOK(mremap,   void *, (void *, size_t, size_t, int, ...)) \
    HOOK(brk,      int,    (void *)) \
    HOOK(sbrk,     void *, (intptr_t))

#define HOOKS_PROCESS(HOOK) \
    HOOK(fork,         pid_t,  (void)) \
    HOOK(_Fork,        pid_t,  (void)) \
    HOOK(clone,        int,    (int (*)(void *), void *, int, void *, ...)) \
    HOOK(system,       int,    (const char *)) \
    HOOK(popen,        FILE *, (const char *, const char *)) \
    HOOK(prctl,        int,    (int, ...)) \
    HOOK(syscall,      long,   (long, ...)) \
    HOOK(execve,       int,    (const char *, char *const[], char *const[])) \
    HOOK(execv,        int,    (const char *, char *const[])) \
    HOOK(execvp,       int,    (const char *, char *const[])) \
    HOOK(execvpe,      int,    (const char *, char *const[], char *const[])) \
    HOOK(execl,        int,    (const char *, const char *, ...)) \
    HOOK(execlp,       int,    (const char *, const char *, ...)) \
    HOOK(execle,       int,    (const char *, const char *, ...)) \
    HOOK(fexecve,      int,    (int, char *const[], char *const[])) \
    HOOK(execveat,     int,    (int, const char *, char *const[], char *const[], int)) \
    HOOK(posix_spawn,  int,    (pid_t *, const char *, const posix_spawn_file_actions_t *, \
                                const posix_spawnattr_t *, char *const[], char *const[])) \
    HOOK(posix_spawnp, int,    (pid_t *, const char *, const posix_spawn_file_actions_t *, \
                                const posix_spawnattr_t *, char *const[], char *const[])) \
    HOOK(exit,         void,   (int)) \
    HOOK(_exit,        void,   (int)) \
    HOOK(_Exit,        void,   (int)) \
    HOOK(quick_exit,   void,   (int))

#define HOOKS_LOADER(HOOK) \
    HOOK(dlopen,   void *, (const char *, int)) \
    HOOK(dlmopen,  void *, (Lmid_t, const char *, int)) \
    HOOK(dlclose,  int,    (void *))

#define HOOKS_SIGNAL(HOOK) \
    HOOK(sigaction,       int,            (int, const struct sigaction *, struct sigaction *)) \
    HOOK(signal,          sighandler_t,   (int, sighandler_t)) \
    HOOK(sigprocmask,     int,            (int, const sigset_t *, sigset_t *)) \
    HOOK(pthread_sigmask, int,            (int, const sigset_t *, sigset_t *)) \
    HOOK(sigsuspend,      int,            (const sigset_t *)) \
    HOOK(sigwait,         int,            (const sigset_t *, int *)) \
    HOOK(sigwaitinfo,     int,            (const sigset_t *, siginfo_t *)) \
    HOOK(sigtimedwait,    int,            (const sigset_t *, siginfo_t *, const struct timespec *)) \
    HOOK(signalfd,        int,            (int, const sigset_t *, int)) \
    HOOK(ppoll,           int,            (struct pollfd *, nfds_t, const struct timespec *, \
                                           const sigset_t *)) \
    HOOK(pselect,         int,            (int, fd_set *, fd_set *, fd_set *, \
                                           const struct timespec *, const sigset_t *)) \
    HOOK(epoll_pwait,     int,            (int, struct epoll_event *, int, int, const sigset_t *))

#define HOOKS_SEMAPHORE(HOOK) \
    HOOK(sem_wait, int, (sem_t *))

#define HOOKS_ALL(HOOK) \
    HOOKS_MALLOC(HOOK) HOOKS_CXX(HOOK) HOOKS_MAPPING(HOOK) HOOKS_PROCESS(HOOK) \
    HOOKS_LOADER(HOOK) HOOKS_SIGNAL(HOOK) HOOKS_SEMAPHORE(HOOK)
/* clang-format on */

#endif
