/* snapshot: asks the recorder of a running process for a snapshot of it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/command.h"
#include "record/snapshot_request.h"

static int run(const struct invocation *invocation)
{
    struct snapshot_answer answer;
    struct error error;
    char *end;

    if (invocation->operands.count != 1) {
        log_error("snapshot: name one process: seep snapshot PID");
        return EXIT_TROUBLE;
    }
    errno = 0;
    unsigned long pid = strtoul(invocation->operands.items[0], &end, 10);
    if (errno != 0 || *end != '\0' || pid == 0 || pid > INT32_MAX) {
        log_error("snapshot: \"%s\" is no process number", invocation->operands.items[0]);
        return EXIT_TROUBLE;
    }
    if (!snapshot_request((uint32_t)pid, &answer, &error)) {
        log_error("%s", error.message);
        return EXIT_TROUBLE;
    }
    if (!invocation->common->is_quiet)
        puts(answer.text);
    return EXIT_SUCCESS;
}

const struct command cli_command_snapshot = {
    .name = "snapshot",
    .summary = "take a snapshot of a running process that is recorded",
    .synopsis = "[options] PID",
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
