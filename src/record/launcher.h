/* Starts the command, stands between it and whoever started seep, and ends as it ended.
 *
 * The command must not notice that it has another parent: it starts with the signal mask and the
 * dispositions that seep was given, with seep's descriptors closed, and with an environment that
 * differs by one entry in LD_PRELOAD. Whoever started seep must not notice either: signals that
 * are meant for the command reach it, ^Z stops both, and the exit status is the command's own.
 *
 * While a launcher is open the signals that it forwards are blocked in this thread and in those
 * that it creates, and are read through a descriptor, so no handler ever runs. */
#ifndef SEEP_RECORD_LAUNCHER_H
#define SEEP_RECORD_LAUNCHER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "record/raised_limits.h"

/* How the command ended; for the exit status of `seep run`. */
struct command_outcome {
    enum {
        COMMAND_NOT_STARTED,    /* seep failed: 125 */
        COMMAND_NOT_EXECUTABLE, /* 126 */
        COMMAND_NOT_FOUND,      /* 127 */
        COMMAND_EXITED,
        COMMAND_SIGNALED
    } kind;
    int value;                    /* status or signal */
    uint64_t peak_resident_bytes; /* once it ended: of it, and of what it waited for */
};

/* Called when the command's process exists but does not run yet: its pid is known, and what needs
 * it (the recording's name, the session) can be made. False gives the start up. */
typedef bool (*launcher_ready)(void *context, pid_t pid, struct error *error);

/* What the command gets as seep got it. Signals that libc keeps for itself (32 and 33): it catches
 * them once a thread is made, and lets nobody set them, so whether they are ignored is asked before
 * seep's first thread. Limits: seep goes on with as much as it may have, and what is too large for
 * them is like a full disk to it. */
struct launcher_inherited {
    bool is_first_ignored, is_second_ignored;
    struct sigaction size_action; /* of SIGXFSZ, which seep ignores from then on */
    struct raised_limits limits;
};
struct launcher_inherited launcher_inherit(void);

struct launch_request {
    struct launcher_inherited inherited;
    char *const *command; /* NULL-terminated, at least one word; borrowed during the start */
    const char
        *preload_path;    /* put in front of LD_PRELOAD; NULL = the environment stays as it is */
    int own_signal;       /* is for us, and not handed on; 0 = none */
    launcher_ready ready; /* may be NULL */
    void *ready_context;
};

enum launcher_state {
    LAUNCHER_RUNNING,
    LAUNCHER_STOPPED, /* ^Z stopped the command: launcher_stop_self is due */
    LAUNCHER_ENDED
};

struct launcher;

/* Finds the command as execvp does and starts it. NULL when it did not start: *outcome says which
 * of the three ways, *error the line to print. One launcher at a time. Caller owns. */
struct launcher *launcher_start(const struct launch_request *request,
                                struct command_outcome *outcome, struct error *error);

pid_t launcher_pid(const struct launcher *launcher);

/* A descriptor that becomes readable (poll) when launcher_poll has something to do. Borrowed. */
int launcher_fd(const struct launcher *launcher);

/* Forwards signals that came, and looks how the command is, without waiting. *outcome is filled
 * when it ended. */
enum launcher_state launcher_poll(struct launcher *launcher, struct command_outcome *outcome);

/* Did the signal that is for us come, since this was last asked? */
bool launcher_take_signal(struct launcher *launcher);

/* Takes leave of a command that has ended; launcher_close does so at the latest. Not at once: see
 * there. */
void launcher_reap(struct launcher *launcher);

/* Stops this process as the command was stopped; returns when somebody continued it. */
void launcher_stop_self(struct launcher *launcher);

/* Gives the signals back as they were; the command, if it runs still, runs on. */
void launcher_close(struct launcher *launcher);

/* Ends this process as the command ended: with its status, or by the same signal but without a
 * second core dump. As process 1, which signals do not kill, with 128 + signal. */
void launcher_die_like(const struct command_outcome *outcome) __attribute__((noreturn));

#endif
