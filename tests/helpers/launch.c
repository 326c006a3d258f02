/* launch [-p PRELOAD] [-n] [-m] CMD...: what `seep run` does with a command, without recording.
 * Prints to stderr what it was told of failures and stops; -n refuses when the process is ready; -m
 * has a large child of its own, and tells whether the command was smaller than that. */
#include "config.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record/launcher.h"

enum {
    LARGE_BYTES = 64 << 20
};

static void have_large_child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        void *memory = mmap(NULL, LARGE_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        _exit(memory == MAP_FAILED);
    }
    waitpid(pid, NULL, 0);
}

static bool refuse(void *context, pid_t pid, struct error *error)
{
    (void)context;
    return error_set(error, "refused with a pid that is %s", pid > 0 ? "known" : "unknown");
}

int main(int argument_count, char **arguments)
{
    struct launch_request request = {0};
    struct command_outcome outcome;
    struct error error;
    bool is_measuring = false;
    int option;

    while ((option = getopt(argument_count, arguments, "+p:nm")) != -1) {
        if (option == 'p')
            request.preload_path = optarg;
        else if (option == 'n')
            request.ready = refuse;
        else if (option == 'm')
            is_measuring = true;
        else
            return 2;
    }
    if (optind == argument_count)
        return 2;
    request.command = arguments + optind;

    struct launcher *launcher = launcher_start(&request, &outcome, &error);
    if (!launcher) {
        fprintf(stderr, "launch: %s\n", error.message);
        launcher_die_like(&outcome);
    }
    if (is_measuring)
        have_large_child();
    for (;;) {
        struct pollfd wait = {.fd = launcher_fd(launcher), .events = POLLIN};
        enum launcher_state state = launcher_poll(launcher, &outcome);

        if (state == LAUNCHER_ENDED)
            break;
        if (state == LAUNCHER_STOPPED) {
            fputs("launch: stopping\n", stderr);
            launcher_stop_self(launcher);
            fputs("launch: continued\n", stderr);
        }
        poll(&wait, 1, -1);
    }
    if (is_measuring)
        fprintf(stderr, "launch: %s\n",
                outcome.peak_resident_bytes == 0            ? "not measured"
                : outcome.peak_resident_bytes < LARGE_BYTES ? "small"
                                                            : "large");
    launcher_close(launcher);
    launcher_die_like(&outcome);
}
