/* launch [-p PRELOAD] [-n] CMD...: what `seep run` does with a command, without recording. Prints
 * to stderr what it was told of failures and stops; -n refuses when the process is ready. */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "record/launcher.h"

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
    int option;

    while ((option = getopt(argument_count, arguments, "+p:n")) != -1) {
        if (option == 'p')
            request.preload_path = optarg;
        else if (option == 'n')
            request.ready = refuse;
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
    launcher_close(launcher);
    launcher_die_like(&outcome);
}
