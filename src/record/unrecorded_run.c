#include "record/unrecorded_run.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

bool unrecorded_run(char *const *command, const struct launcher_inherited *inherited,
                    struct command_outcome *outcome, struct error *error)
{
    const struct launch_request request = {.inherited = *inherited, .command = command};
    struct launcher *launcher = launcher_start(&request, outcome, error);
    if (launcher == NULL)
        return false;
    struct pollfd news = {.fd = launcher_fd(launcher), .events = POLLIN};
    enum launcher_state state;
    while ((state = launcher_poll(launcher, outcome)) != LAUNCHER_ENDED) {
        if (state == LAUNCHER_STOPPED)
            launcher_stop_self(launcher);
        else if (poll(&news, 1, -1) < 0 && errno != EINTR)
            break; /* cannot happen: it is ours */
    }
    launcher_close(launcher);
    return true;
}
