/* The start, in order:
 *
 *   parent                                   child
 *   blocks signals, makes two pipes
 *   fork ──────────────────────────────────► restores mask and dispositions
 *   ready(pid)                               waits at the gate
 *   opens the gate ────────────────────────► execvpe
 *   reads the report: end of file ◄───────── (success closes it: O_CLOEXEC)
 *                     or errno    ◄───────── writes errno, exits
 *
 * A signal that arrives meanwhile stays pending and is forwarded by the first launcher_poll.
 *
 * What the terminal sends (^C, ^\, ^Z, a hang-up, a new size) reaches the command by itself, as it
 * is in the same process group: si_code tells these from signals that a process sent to us alone,
 * and only the latter are forwarded. */
#include "config.h"

#include "record/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "snapshot/hold_watch.h"

struct launcher {
    pid_t pid;
    int signal_fd;
    int stop_signal; /* what stopped the command last */
    int own_signal;  /* 0 = none */
    bool has_signal; /* it came */
    bool has_ended;
    bool is_reaped;
    sigset_t inherited_mask;
    struct sigaction inherited_child_action; /* of SIGCHLD */
    struct sigaction inherited_pipe_action;  /* of SIGPIPE */
    struct launcher_inherited inherited;
};

static const int forwarded_signals[] = {SIGTERM,  SIGHUP,  SIGUSR1, SIGUSR2,
                                        SIGWINCH, SIGCONT, SIGINT,  SIGQUIT};
static const int stop_signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};

enum {
    COUNT_OF_FORWARDED = sizeof forwarded_signals / sizeof forwarded_signals[0]
};
enum {
    COUNT_OF_STOPS = sizeof stop_signals / sizeof stop_signals[0]
};

/* --- signals ------------------------------------------------------------------------------- */

static sigset_t watched_signals(int own_signal)
{
    sigset_t watched;

    sigemptyset(&watched);
    for (int i = 0; i < COUNT_OF_FORWARDED; i++)
        sigaddset(&watched, forwarded_signals[i]);
    for (int i = 0; i < COUNT_OF_STOPS; i++)
        sigaddset(&watched, stop_signals[i]);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        sigaddset(&watched, number);
    sigaddset(&watched, SIGCHLD);
    if (own_signal != 0)
        sigaddset(&watched, own_signal);
    return watched;
}

static bool is_stop_signal(int number)
{
    for (int i = 0; i < COUNT_OF_STOPS; i++)
        if (stop_signals[i] == number)
            return true;
    return false;
}

/* SIGCHLD must not be ignored, or the command's status would be lost; a reader that closed our
 * stderr must not kill the recorder. */
static bool take_signals(struct launcher *launcher, struct error *error)
{
    sigset_t watched = watched_signals(launcher->own_signal);
    struct sigaction action = {.sa_handler = SIG_DFL};

    sigprocmask(SIG_BLOCK, &watched, &launcher->inherited_mask);
    sigaction(SIGCHLD, &action, &launcher->inherited_child_action);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, &launcher->inherited_pipe_action);
    launcher->signal_fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
    if (launcher->signal_fd < 0)
        return error_set_errno(error, errno, "cannot watch signals");
    return true;
}

/* The kernel's own struct sigaction (uapi/asm-generic/signal.h), for signals that libc hides. */
struct kernel_action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

enum {
    LIBC_FIRST_SIGNAL = 32,
    LIBC_SECOND_SIGNAL = 33
};

static bool is_ignored(int number)
{
    struct kernel_action action = {0};

    return syscall(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask) == 0 &&
           action.handler == SIG_IGN;
}

static void ignore(int number)
{
    struct kernel_action action = {.handler = SIG_IGN};

    syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask);
}

struct launcher_inherited launcher_inherit(void)
{
    struct launcher_inherited inherited = {
        .is_first_ignored = is_ignored(LIBC_FIRST_SIGNAL),
        .is_second_ignored = is_ignored(LIBC_SECOND_SIGNAL),
    };
    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, &inherited.size_action);
    raised_limits_raise(&inherited.limits);
    return inherited;
}

static void restore_signals(const struct launcher *launcher)
{
    sigaction(SIGCHLD, &launcher->inherited_child_action, NULL);
    sigaction(SIGPIPE, &launcher->inherited_pipe_action, NULL);
    sigaction(SIGXFSZ, &launcher->inherited.size_action, NULL);
    sigprocmask(SIG_SETMASK, &launcher->inherited_mask, NULL);
}

/* A signal from the command itself is not sent back to it. */
static void forward_signal(const struct launcher *launcher, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;
    bool is_from_terminal = info->ssi_code == SI_KERNEL;

    if (number == SIGCHLD || is_from_terminal || launcher->has_ended)
        return;
    if (info->ssi_pid == (uint32_t)launcher->pid)
        return;
    if (info->ssi_code == SI_QUEUE && info->ssi_ptr == HOLD_WATCH_MARK)
        return;
    if (info->ssi_code == SI_QUEUE)
        sigqueue(launcher->pid, number, (union sigval){.sival_ptr = (void *)info->ssi_ptr});
    else
        kill(launcher->pid, number);
}

static void read_signals(struct launcher *launcher, bool is_forwarding)
{
    struct signalfd_siginfo info;

    while (read(launcher->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        if (launcher->own_signal != 0 && info.ssi_signo == (uint32_t)launcher->own_signal)
            launcher->has_signal = true;
        else if (is_forwarding)
            forward_signal(launcher, &info);
}

bool launcher_take_signal(struct launcher *launcher)
{
    bool has_signal = launcher->has_signal;
    launcher->has_signal = false;
    return has_signal;
}

/* --- the child ----------------------------------------------------------------------------- */

/* The environment with `preload_path` in front of LD_PRELOAD's value. The array is the caller's;
 * so is *entry, the only text in it that is not borrowed from environ. */
static char **make_environment(const char *preload_path, char **entry)
{
    static const char name[] = "LD_PRELOAD=";
    size_t count = 0;
    char **environment;
    bool is_placed = false;

    while (environ && environ[count])
        count++;
    environment = memory_allocate_zeroed(count + 2, sizeof *environment);
    *entry = memory_print_text("%s%s", name, preload_path);
    for (size_t i = 0; i < count; i++) {
        environment[i] = environ[i];
        if (is_placed || !text_starts_with(environ[i], name))
            continue;
        const char *users = environ[i] + strlen(name);
        if (*users) {
            free(*entry);
            *entry = memory_print_text("%s%s:%s", name, preload_path, users);
        }
        environment[i] = *entry;
        is_placed = true;
    }
    if (!is_placed)
        environment[count] = *entry;
    return environment;
}

static bool wait_at_gate(int gate_fd)
{
    char byte;
    ssize_t count;

    do
        count = read(gate_fd, &byte, 1);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

/* Writes errno when exec failed; the pipe is big enough never to block. */
static void run_child(const struct launcher *launcher, char *const *command, char **environment,
                      int gate_fd, int report_fd) __attribute__((noreturn));
static void run_child(const struct launcher *launcher, char *const *command, char **environment,
                      int gate_fd, int report_fd)
{
    int number;

    restore_signals(launcher);
    raised_limits_restore(&launcher->inherited.limits);
    if (launcher->inherited.is_first_ignored)
        ignore(LIBC_FIRST_SIGNAL);
    if (launcher->inherited.is_second_ignored)
        ignore(LIBC_SECOND_SIGNAL);
    if (!wait_at_gate(gate_fd))
        _exit(125);
    execvpe(command[0], command, environment);
    number = errno;
    if (write(report_fd, &number, sizeof number) != (ssize_t)sizeof number)
        _exit(125);
    _exit(127);
}

/* --- why it did not start ------------------------------------------------------------------ */

static bool is_file(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

/* Does the name lead to a file? Then "no such file" speaks of the interpreter in its #! line, or of
 * the loader that it asks for. */
static bool leads_to_file(const char *name)
{
    const char *folders = getenv("PATH");
    bool is_found = false;

    if (!*name)
        return false;
    if (strchr(name, '/'))
        return is_file(name);
    if (!folders)
        return false;
    char *copy = memory_duplicate_text(folders);
    char *rest = copy;
    for (char *folder; !is_found && (folder = strsep(&rest, ":"));) {
        char *path = memory_print_text("%s/%s", *folder ? folder : ".", name);
        is_found = is_file(path);
        free(path);
    }
    free(copy);
    return is_found;
}

static void explain_exec_failure(const char *name, int number, struct command_outcome *outcome,
                                 struct error *error)
{
    if (number == ENOENT && !leads_to_file(name)) {
        outcome->kind = COMMAND_NOT_FOUND;
        error_set(error, "cannot run %s: %s", name,
                  strchr(name, '/') ? "no such file" : "no such program in PATH");
        return;
    }
    outcome->kind = COMMAND_NOT_EXECUTABLE;
    if (number == ENOENT)
        error_set(error, "cannot run %s: its interpreter or loader is missing", name);
    else
        error_set_errno(error, number, "cannot run %s", name);
}

/* --- the start ----------------------------------------------------------------------------- */

static bool is_preloadable(const char *path, struct error *error)
{
    if (!path || !strpbrk(path, ": "))
        return true;
    return error_set(error, "cannot preload %s: the loader splits paths at spaces and colons",
                     path);
}

static bool open_gate(int gate_fd)
{
    return write(gate_fd, "", 1) == 1;
}

/* 0 when exec succeeded, else its errno. */
static int read_report(int report_fd)
{
    int number = 0;
    ssize_t count;

    do
        count = read(report_fd, &number, sizeof number);
    while (count < 0 && errno == EINTR);
    return count == (ssize_t)sizeof number ? number : 0;
}

static void close_pipe(int ends[2])
{
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
}

static bool start_child(struct launcher *launcher, const struct launch_request *request,
                        char **environment, struct command_outcome *outcome, struct error *error)
{
    int gate[2] = {-1, -1};
    int report[2] = {-1, -1};
    bool is_started = false;
    int number;

    if (pipe2(gate, O_CLOEXEC) != 0 || pipe2(report, O_CLOEXEC) != 0) {
        error_set_errno(error, errno, "cannot make a pipe");
        goto out;
    }
    fflush(NULL);
    launcher->pid = fork();
    if (launcher->pid < 0) {
        error_set_errno(error, errno, "cannot start a process");
        goto out;
    }
    if (launcher->pid == 0) {
        close(gate[1]);
        run_child(launcher, request->command, environment, gate[0], report[1]);
    }
    close(report[1]);
    report[1] = -1;
    if (request->ready && !request->ready(request->ready_context, launcher->pid, error))
        goto out;
    if (!open_gate(gate[1])) {
        error_set_errno(error, errno, "cannot start %s", request->command[0]);
        goto out;
    }
    number = read_report(report[0]);
    if (number != 0)
        explain_exec_failure(request->command[0], number, outcome, error);
    is_started = number == 0;

out:
    close_pipe(gate);
    close_pipe(report);
    if (!is_started && launcher->pid > 0)
        while (waitpid(launcher->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    return is_started;
}

struct launcher *launcher_start(const struct launch_request *request,
                                struct command_outcome *outcome, struct error *error)
{
    struct launcher *launcher = memory_allocate_zeroed(1, sizeof *launcher);
    char **environment = environ;
    char *entry = NULL;
    bool is_started;

    *outcome = (struct command_outcome){.kind = COMMAND_NOT_STARTED};
    launcher->signal_fd = -1;
    if (!is_preloadable(request->preload_path, error)) {
        free(launcher);
        return NULL;
    }
    if (request->preload_path)
        environment = make_environment(request->preload_path, &entry);
    launcher->inherited = request->inherited;
    launcher->own_signal = request->own_signal;
    is_started = take_signals(launcher, error) &&
                 start_child(launcher, request, environment, outcome, error);
    if (request->preload_path)
        free(environment);
    free(entry);
    if (is_started)
        return launcher;
    launcher->has_ended = launcher->is_reaped = true; /* nobody to forward signals to */
    launcher_close(launcher);
    return NULL;
}

/* --- while it runs ------------------------------------------------------------------------- */

pid_t launcher_pid(const struct launcher *launcher)
{
    return launcher->pid;
}

int launcher_fd(const struct launcher *launcher)
{
    return launcher->signal_fd;
}

/* As process 1 we inherit everybody else's children. */
static void reap_orphans(const struct launcher *launcher)
{
    siginfo_t ended;

    for (;;) {
        ended.si_pid = 0;
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0 ||
            ended.si_pid == launcher->pid)
            return;
        waitpid(ended.si_pid, NULL, 0);
    }
}

/* Looks whether it has ended, and leaves it there. libc's waitid does not tell of memory. */
static bool has_ended(const struct launcher *launcher, struct command_outcome *outcome)
{
    siginfo_t ended = {.si_pid = 0};
    struct rusage usage;

    if (syscall(SYS_waitid, P_PID, launcher->pid, &ended, WEXITED | WNOHANG | WNOWAIT, &usage) !=
            0 ||
        ended.si_pid != launcher->pid)
        return false;
    *outcome = (struct command_outcome){
        .kind = ended.si_code == CLD_EXITED ? COMMAND_EXITED : COMMAND_SIGNALED,
        .value = ended.si_status,
        .peak_resident_bytes = (uint64_t)usage.ru_maxrss * 1024,
    };
    return true;
}

/* Has the terminal stopped it? Stops of a tracer are others (CLD_TRAPPED). */
static bool has_stopped(struct launcher *launcher)
{
    siginfo_t stopped = {.si_pid = 0};

    if (waitid(P_PID, (id_t)launcher->pid, &stopped, WSTOPPED | WNOHANG) != 0 ||
        stopped.si_pid != launcher->pid || stopped.si_code != CLD_STOPPED ||
        !is_stop_signal(stopped.si_status))
        return false;
    launcher->stop_signal = stopped.si_status;
    return true;
}

enum launcher_state launcher_poll(struct launcher *launcher, struct command_outcome *outcome)
{
    read_signals(launcher, true);
    if (getpid() == 1)
        reap_orphans(launcher);
    if (launcher->has_ended)
        return LAUNCHER_RUNNING;
    launcher->has_ended = has_ended(launcher, outcome);
    if (launcher->has_ended)
        return LAUNCHER_ENDED;
    return has_stopped(launcher) ? LAUNCHER_STOPPED : LAUNCHER_RUNNING;
}

/* The kernel forgets the process's folder in /proc then. While the last of its threads is at the
 * same, on a processor that it must share with us, that takes until we have used up our turn: so
 * this is done later than the end is learnt of. */
void launcher_reap(struct launcher *launcher)
{
    if (!launcher->has_ended || launcher->is_reaped)
        return;
    while (waitpid(launcher->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    launcher->is_reaped = true;
}

/* By the signal that stopped the command, not SIGSTOP: where nobody could continue us (an orphaned
 * process group) the kernel then leaves us running. */
void launcher_stop_self(struct launcher *launcher)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    struct sigaction inherited;
    sigset_t stop;

    read_signals(launcher, true); /* takes our own copy of the stop signal away */
    sigemptyset(&stop);
    sigaddset(&stop, launcher->stop_signal);
    sigaction(launcher->stop_signal, &action, &inherited);
    raise(launcher->stop_signal);
    sigprocmask(SIG_UNBLOCK, &stop, NULL); /* stops here */
    sigprocmask(SIG_BLOCK, &stop, NULL);
    sigaction(launcher->stop_signal, &inherited, NULL);
}

void launcher_close(struct launcher *launcher)
{
    if (!launcher)
        return;
    if (launcher->signal_fd >= 0) {
        read_signals(launcher, !launcher->has_ended); /* what came late must not hit us now */
        close(launcher->signal_fd);
    }
    launcher_reap(launcher);
    restore_signals(launcher);
    free(launcher);
}

/* --- the end ------------------------------------------------------------------------------- */

/* RLIMIT_CORE is not asked where core dumps go to a program; not being dumpable always counts. */
static void die_of_signal(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    struct rlimit no_core = {0, 0};
    sigset_t only;

    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0);
    sigaction(number, &action, NULL);
    raise(number);
    sigemptyset(&only);
    sigaddset(&only, number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
}

void launcher_die_like(const struct command_outcome *outcome)
{
    switch (outcome->kind) {
    case COMMAND_NOT_STARTED:
        exit(125);
    case COMMAND_NOT_EXECUTABLE:
        exit(126);
    case COMMAND_NOT_FOUND:
        exit(127);
    case COMMAND_EXITED:
        exit(outcome->value);
    case COMMAND_SIGNALED:
        break;
    }
    fflush(NULL);
    if (getpid() != 1)
        die_of_signal(outcome->value);
    exit(128 + outcome->value);
}
