/* What the program writes to the terminal would destroy the screen: as long as its output is the
 * terminal it gets one of our own (a pty), whose other end a thread reads. While the viewer is
 * shown the text is kept, the last MiB of it; afterwards it goes on to the terminal as it comes.
 * Input from the terminal is the viewer's: the program's is empty then. Streams that lead elsewhere
 * are left alone. */
#define _GNU_SOURCE
#include "cli/run_live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "analysis/query.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/live_source.h"
#include "cli/live_view.h"
#include "record/launcher.h"
#include "tui/tui.h"

#define INTERVAL_NS UINT64_C(2000000000)

enum {
    KEPT_BYTES = 1 << 20,
    STEP_MS = 20
};

/* ---- the program's terminal --------------------------------------------------------------- */

struct relay {
    int fd; /* our end; -1 = the program has none of ours */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of the text, and of writing it */
    char *text;
    size_t count;
    bool is_passing;      /* what comes goes to the terminal */
    _Atomic bool is_over; /* nobody writes any more */
};

static void write_all(const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; /* nobody reads it: nothing to be done */
        bytes += written;
        count -= (size_t)written;
    }
}

/* Of more than there is room for the newest half stays, from the beginning of a line. */
static void keep(struct relay *relay, const char *bytes, size_t count)
{
    if (relay->count + count > KEPT_BYTES) {
        size_t dropped = relay->count / 2;
        while (dropped < relay->count && relay->text[dropped - 1] != '\n')
            dropped++;
        memmove(relay->text, relay->text + dropped, relay->count - dropped);
        relay->count -= dropped;
    }
    memcpy(relay->text + relay->count, bytes, count);
    relay->count += count;
}

static void *pass_on(void *context)
{
    struct relay *relay = context;
    char bytes[4096];
    for (;;) {
        struct pollfd poll_fd = {.fd = relay->fd, .events = POLLIN};
        bool was_over = atomic_load(&relay->is_over);
        int ready = poll(&poll_fd, 1, STEP_MS);
        ssize_t count = ready > 0 ? read(relay->fd, bytes, sizeof bytes) : 0;
        if (count > 0) {
            pthread_mutex_lock(&relay->lock);
            if (relay->is_passing)
                write_all(bytes, (size_t)count);
            else
                keep(relay, bytes, (size_t)count);
            pthread_mutex_unlock(&relay->lock);
        } else if (was_over) {
            return NULL;
        } else if (ready > 0) { /* nobody has its other end open now */
            poll(NULL, 0, STEP_MS);
        }
    }
}

static bool start_relay(struct relay *relay)
{
    sigset_t all, before;
    if (relay->fd < 0)
        return true;
    relay->text = memory_allocate(KEPT_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    relay->has_thread = pthread_create(&relay->thread, NULL, pass_on, relay) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return relay->has_thread;
}

/* From now on the terminal has it, what was kept first. */
static void begin_passing(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    write_all(relay->text, relay->count);
    relay->count = 0;
    relay->is_passing = true;
    pthread_mutex_unlock(&relay->lock);
}

static void stop_relay(struct relay *relay)
{
    atomic_store(&relay->is_over, true);
    if (relay->has_thread)
        pthread_join(relay->thread, NULL);
    free(relay->text);
}

static char *get_output(void *context)
{
    struct relay *relay = context;
    pthread_mutex_lock(&relay->lock);
    char *text = memory_allocate(relay->count + 1);
    for (size_t i = 0; i < relay->count; i++)
        text[i] = relay->text[i] != '\0' ? relay->text[i] : ' ';
    text[relay->count] = '\0';
    pthread_mutex_unlock(&relay->lock);
    return text;
}

/* Both ends; lines are left as they are, since they will go through the real terminal. */
static bool open_terminal(int *ours, int *theirs)
{
    struct termios settings;
    struct winsize size;
    char name[64];
    *ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*ours < 0 || grantpt(*ours) != 0 || unlockpt(*ours) != 0 ||
        ptsname_r(*ours, name, sizeof name) != 0)
        return false;
    *theirs = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*theirs < 0)
        return false;
    if (tcgetattr(*theirs, &settings) == 0) {
        settings.c_oflag &= ~(tcflag_t)OPOST;
        tcsetattr(*theirs, TCSANOW, &settings);
    }
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ||
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        ioctl(*theirs, TIOCSWINSZ, &size);
    return true;
}

/* ---- the child ----------------------------------------------------------------------------- */

static void become_recorder(int ours, int theirs)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* who ends us ends the program, as without a viewer */
    if (isatty(STDIN_FILENO)) {
        int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(nothing, STDIN_FILENO);
        close(nothing);
    }
    if (ours < 0)
        return;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (isatty(fd))
            dup2(theirs, fd);
    close(ours);
    close(theirs);
}

/* ---- the parent ---------------------------------------------------------------------------- */

static bool has_ended(pid_t child, int *status)
{
    return waitpid(child, status, WNOHANG) == child;
}

/* The session begins when the program does. False: the child ended before. */
static bool await_session(pid_t child, struct live_source *source, int *status)
{
    struct running_session session;
    struct error ignored;
    while (!has_ended(child, status)) {
        if (running_session_open_recorder(child, &session)) {
            bool is_open = live_source_open_session(&session, source, &ignored);
            if (is_open)
                return true;
            live_source_close(source);
        }
        poll(NULL, 0, STEP_MS);
    }
    return false;
}

static void show(const struct run_live_options *options, struct live_source *source,
                 struct relay *relay, struct error *error)
{
    struct live_view_options view = {.tui = {.screen = "live", .colors = options->colors},
                                     .interval_ns = INTERVAL_NS,
                                     .process = QUERY_ALL_PROCESSES};
    struct live_picture *first = live_source_take(source, error);
    if (relay->fd >= 0) {
        view.tui.get_output = get_output;
        view.tui.output_context = relay;
    }
    if (first && first->profile->process_count == 1)
        view.process = 0;
    if (first)
        live_view_run(source, first, &view, error);
}

/* Signals that were sent to us alone are meant for the program; the terminal's reach it by itself.
 */
static void await_end(pid_t child, int *status)
{
    static const int signals[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
    struct timespec step = {0, STEP_MS * 1000000};
    siginfo_t came;
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    while (!has_ended(child, status)) {
        int number = sigtimedwait(&set, &came, &step);
        if (number > 0 && number != SIGCHLD && came.si_code <= 0)
            kill(child, number);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void watch(const struct run_live_options *options, pid_t child, struct relay *relay)
    __attribute__((noreturn));
static void watch(const struct run_live_options *options, pid_t child, struct relay *relay)
{
    struct live_source source = {.session = {.recorder_fd = -1}};
    struct error error = {""};
    int status = 0;
    start_relay(relay);
    bool has_session = await_session(child, &source, &status);
    if (has_session)
        show(options, &source, relay, &error);
    if (relay->fd >= 0)
        begin_passing(relay);
    if (error.message[0] != '\0')
        log_error("%s", error.message);
    if (has_session && !running_session_is_over(&source.session))
        log_note("%s runs on and is recorded; seep top %d looks at it again", options->program,
                 (int)child);
    if (has_session)
        await_end(child, &status);
    live_source_close(&source);
    stop_relay(relay);
    struct command_outcome outcome = {
        .kind = WIFSIGNALED(status) ? COMMAND_SIGNALED : COMMAND_EXITED,
        .value = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
    };
    launcher_die_like(&outcome);
}

/* ---- one becomes two ------------------------------------------------------------------------ */

enum {
    STREAMS = 2 /* that the viewer reads and writes */
};

static void save_streams(int saved[STREAMS])
{
    for (int fd = 0; fd < STREAMS; fd++)
        saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static void restore_streams(const int saved[STREAMS])
{
    for (int fd = 0; fd < STREAMS; fd++) {
        if (saved[fd] < 0)
            close(fd);
        else
            dup2(saved[fd], fd);
    }
}

static void close_saved(const int saved[STREAMS])
{
    for (int fd = 0; fd < STREAMS; fd++)
        if (saved[fd] >= 0)
            close(saved[fd]);
}

/* The viewer reads and writes the terminal, wherever our own streams lead. */
static bool take_terminal(struct error *reason)
{
    const char *script = getenv("SEEP_SCRIPT");
    if (script && *script)
        return true;
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0)
        return error_set(reason, "there is no terminal");
    for (int fd = 0; fd < STREAMS; fd++)
        if (!isatty(fd))
            dup2(terminal, fd);
    close(terminal);
    return tui_is_possible(reason);
}

static pid_t split(const int saved[STREAMS], struct relay *relay, struct error *reason)
{
    int theirs = -1;
    bool is_terminal = (saved[STDOUT_FILENO] >= 0 && isatty(saved[STDOUT_FILENO])) ||
                       isatty(STDERR_FILENO);
    if (is_terminal && !open_terminal(&relay->fd, &theirs)) {
        error_set_errno(reason, errno, "cannot make a terminal for the program");
        return -1;
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        error_set_errno(reason, errno, "cannot start a process");
    if (child == 0) {
        restore_streams(saved);
        become_recorder(relay->fd, theirs);
    } else if (theirs >= 0) {
        close(theirs);
    }
    return child;
}

void run_live_split(const struct run_live_options *options, struct error *reason)
{
    struct relay relay = {.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER};
    int saved[STREAMS];
    reason->message[0] = '\0';
    save_streams(saved);
    pid_t child = take_terminal(reason) ? split(saved, &relay, reason) : -1;
    if (child < 0)
        restore_streams(saved);
    close_saved(saved);
    if (child > 0)
        watch(options, child, &relay);
}
