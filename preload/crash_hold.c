#include "preload/crash_hold.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "preload/event_writer.h"
#include "preload/exit_hold.h"
#include "preload/lifecycle.h"
#include "preload/raw_syscall.h"
#include "preload/real_functions.h"

bool crash_hold_is_on;

/* Those whose default is to end the process, but for SIGKILL. */
static const int fatal_signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP,
                                    SIGABRT, SIGBUS,  SIGFPE,  SIGSEGV, SIGPIPE,
                                    SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS};

static bool is_fatal(int number)
{
    for (size_t i = 0; i < sizeof fatal_signals / sizeof *fatal_signals; i++)
        if (fatal_signals[i] == number)
            return true;
    return false;
}

/* The default action, on this very thread: a core dump shows what would have been there without us.
 * A fault happens again when the handler returns; whatever else came is sent again. */
static void die(int number, const siginfo_t *info)
{
    struct sigaction fatal = {.sa_handler = SIG_DFL};
    real.sigaction(number, &fatal, NULL);
    bool is_fault = number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE;
    if (!is_fault || info->si_code <= 0 || info->si_code == SI_KERNEL)
        raw_syscall(SYS_tgkill, raw_getpid(), raw_gettid(), number, 0, 0, 0);
}

static void handle(int number, siginfo_t *info, void *context)
{
    int saved_errno = errno;
    /* The registers stand in the context, which is all that counts of the stack from here on. */
    exit_hold_crash(context);
    die(number, info);
    errno = saved_errno;
}

static struct sigaction our_action(void)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    memset(&action.sa_mask, 0xff, sizeof action.sa_mask);
    return action;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == handle;
}

static void exchange_all(bool is_start)
{
    for (size_t i = 0; i < sizeof fatal_signals / sizeof *fatal_signals; i++) {
        struct sigaction known, ours = our_action(), fatal = {.sa_handler = SIG_DFL};
        if (real.sigaction(fatal_signals[i], NULL, &known) != 0)
            continue;
        if (is_start && (known.sa_flags & SA_SIGINFO) == 0 && known.sa_handler == SIG_DFL)
            real.sigaction(fatal_signals[i], &ours, NULL);
        else if (!is_start && is_ours(&known))
            real.sigaction(fatal_signals[i], &fatal, NULL);
    }
}

void crash_hold_start(void)
{
    if (preload_mode != PRELOAD_RECORDS || (session->flags & SESSION_SCAN_ON_CRASH) == 0 ||
        sandbox_is_closed || real.sigaction == NULL)
        return;
    int saved_errno = errno;
    exchange_all(true);
    crash_hold_is_on = true;
    errno = saved_errno;
}

void crash_hold_stop(void)
{
    if (!crash_hold_is_on)
        return;
    int saved_errno = errno;
    crash_hold_is_on = false;
    exchange_all(false);
    errno = saved_errno;
}

const struct sigaction *crash_hold_replace(int number, const struct sigaction *action,
                                           struct sigaction *changed)
{
    if (!crash_hold_is_on || action == NULL || !is_fatal(number) ||
        (action->sa_flags & SA_SIGINFO) != 0 || action->sa_handler != SIG_DFL)
        return action;
    *changed = our_action();
    return changed;
}

void crash_hold_hide(struct sigaction *old)
{
    if (old == NULL || !is_ours(old))
        return;
    memset(old, 0, sizeof *old);
    old->sa_handler = SIG_DFL;
}
