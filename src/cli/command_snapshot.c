/* snapshot: asks the recorder of a running process for a snapshot of it, or looks at one that nobody
 * records. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/command.h"
#include "record/plain_snapshot.h"
#include "record/snapshot_request.h"

struct values {
    const char *output;
    bool is_force;
};

/* clang-format off */
static const struct option_row rows[] = {
    OPTION_OUTPUT(offsetof(struct values, output), OPTION_NOT_IN_FILES,
                  "look at a process that nobody records, into a recording of its own"),
    OPTION_FORCE(offsetof(struct values, is_force), OPTION_NOT_IN_FILES),
};
/* clang-format on */

static bool read_pid(const struct invocation *invocation, uint32_t *pid)
{
    char *end;

    if (invocation->operands.count != 1) {
        log_error("snapshot: name one process: seep snapshot PID");
        return false;
    }
    errno = 0;
    unsigned long number = strtoul(invocation->operands.items[0], &end, 10);
    if (errno != 0 || *end != '\0' || number == 0 || number > INT32_MAX) {
        log_error("snapshot: \"%s\" is no process number", invocation->operands.items[0]);
        return false;
    }
    *pid = (uint32_t)number;
    return true;
}

static int look_at(const struct invocation *invocation, uint32_t pid)
{
    const struct values *values = invocation->values;
    const struct plain_snapshot_request request = {pid, values->output, values->is_force};
    struct plain_snapshot_answer answer;
    struct error error;

    if (!plain_snapshot_take(&request, &answer, &error)) {
        log_error("%s", error.message);
        return EXIT_TROUBLE;
    }
    if (!invocation->common->is_quiet)
        puts(answer.text);
    return EXIT_SUCCESS;
}

static int run(const struct invocation *invocation)
{
    const struct values *values = invocation->values;
    struct snapshot_answer answer;
    struct error error;
    uint32_t pid;

    if (!read_pid(invocation, &pid))
        return EXIT_TROUBLE;
    if (values->output)
        return look_at(invocation, pid);
    if (!snapshot_request(pid, &answer, &error)) {
        log_error("%s", error.message);
        return EXIT_TROUBLE;
    }
    if (!invocation->common->is_quiet)
        puts(answer.text);
    return EXIT_SUCCESS;
}

const struct command cli_command_snapshot = {
    .name = "snapshot",
    .summary = "take a snapshot of a running process",
    .synopsis = "[options] PID",
    .options = {rows, sizeof rows / sizeof rows[0]},
    .values_bytes = sizeof(struct values),
    .most_operands = 1,
    .usage_status = EXIT_TROUBLE,
    .run = run,
};
