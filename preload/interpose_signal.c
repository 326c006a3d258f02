/* Signals, where one of them is ours (park.h): what the program asks about that one is kept for it,
 * and what it blocks or waits for goes without it; and where fatal ones are (crash_hold.h).
 * Everywhere else these lead straight on. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>

#include "preload/crash_hold.h"
#include "preload/exit_hold.h"
#include "preload/export.h"
#include "preload/lifecycle.h"
#include "preload/park.h"
#include "preload/real_functions.h"
#include "wire/session.h"

/* The set without ours, in *copy, or the set itself where that is the same. */
static const sigset_t *without_ours(const sigset_t *set, sigset_t *copy)
{
    const uint64_t ours = UINT64_C(1) << (SESSION_PARK_SIGNAL - 1);
    uint64_t signals;
    lifecycle_ensure();
    if (!park_is_ready || set == NULL)
        return set;
    /* Of what the C library calls a set the kernel knows the first eight bytes. */
    memcpy(&signals, set, sizeof signals);
    if ((signals & ours) == 0)
        return set;
    signals &= ~ours;
    memset(copy, 0, sizeof *copy);
    memcpy(copy, &signals, sizeof signals);
    return copy;
}

/* During the lookup of the real functions. */
static int refuse(void)
{
    errno = ENOSYS;
    return -1;
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    lifecycle_ensure();
    if (real.sigaction == NULL)
        return refuse();
    if (number == SESSION_PARK_SIGNAL && park_is_ready) {
        park_exchange_wish(action, old);
        return 0;
    }
    if (number == SIGINT && action != NULL && action->sa_handler == SIG_DFL)
        exit_hold_interpreter();
    struct sigaction changed, replaced;
    sigset_t copy;
    if (action != NULL && park_is_ready) {
        changed = *action;
        changed.sa_mask = *without_ours(&action->sa_mask, &copy);
        action = &changed;
    }
    int result = real.sigaction(number, crash_hold_replace(number, action, &replaced), old);
    if (crash_hold_is_on && result == 0)
        crash_hold_hide(old);
    return result;
}

static sighandler_t exchange_handler(int number, sighandler_t handler)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, old;
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    lifecycle_ensure();
    if (real.signal == NULL) {
        refuse();
        return SIG_ERR;
    }
    bool is_special = crash_hold_is_on || (park_is_ready && number == SESSION_PARK_SIGNAL);
    return is_special ? exchange_handler(number, handler) : real.signal(number, handler);
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.sigprocmask != NULL ? real.sigprocmask(how, set, old) : refuse();
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    if (real.pthread_sigmask != NULL)
        return real.pthread_sigmask(how, set, old);
    int saved_errno = errno;
    int result = real.sigprocmask == NULL ? ENOSYS
                                          : (real.sigprocmask(how, set, old) == 0 ? 0 : errno);
    errno = saved_errno;
    return result;
}

EXPORT int sigsuspend(const sigset_t *set)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.sigsuspend != NULL ? real.sigsuspend(set) : refuse();
}

EXPORT int sigwait(const sigset_t *set, int *number)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.sigwait != NULL ? real.sigwait(set, number) : ENOSYS;
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.sigwaitinfo != NULL ? real.sigwaitinfo(set, info) : refuse();
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *limit)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.sigtimedwait != NULL ? real.sigtimedwait(set, info, limit) : refuse();
}

EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.signalfd != NULL ? real.signalfd(fd, set, flags) : refuse();
}

EXPORT int ppoll(struct pollfd *files, nfds_t count, const struct timespec *limit,
                 const sigset_t *set)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.ppoll != NULL ? real.ppoll(files, count, limit, set) : refuse();
}

EXPORT int pselect(int count, fd_set *readable, fd_set *writable, fd_set *special,
                   const struct timespec *limit, const sigset_t *set)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.pselect != NULL ? real.pselect(count, readable, writable, special, limit, set)
                                : refuse();
}

EXPORT int epoll_pwait(int fd, struct epoll_event *events, int count, int limit_ms,
                       const sigset_t *set)
{
    sigset_t copy;
    set = without_ours(set, &copy);
    return real.epoll_pwait != NULL ? real.epoll_pwait(fd, events, count, limit_ms, set) : refuse();
}
