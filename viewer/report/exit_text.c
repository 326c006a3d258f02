#include "config.h"

#include "report/exit_text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void format_signal(uint64_t number, char text[EXIT_TEXT_BYTES])
{
    const char *name = number < 65 ? sigabbrev_np((int)number) : NULL;
    if (name)
        snprintf(text, EXIT_TEXT_BYTES, "SIG%s", name);
    else
        snprintf(text, EXIT_TEXT_BYTES, "sig %" PRIu64, number);
}

const char *exit_text_format_short(const struct recording_process *process,
                                   char text[EXIT_TEXT_BYTES])
{
    snprintf(text, EXIT_TEXT_BYTES, "?");
    if (process->exit_kind == RECORDING_EXIT_STATUS)
        snprintf(text, EXIT_TEXT_BYTES, "%" PRIu64, process->exit_value);
    else if (process->exit_kind == RECORDING_EXIT_SIGNAL)
        format_signal(process->exit_value, text);
    else if (process->exit_kind == RECORDING_EXIT_EXEC)
        snprintf(text, EXIT_TEXT_BYTES, "exec");
    else if (process->exit_kind == RECORDING_EXIT_RUNNING)
        snprintf(text, EXIT_TEXT_BYTES, "running");
    return text;
}

const char *exit_text_format(const struct recording_process *process, char text[EXIT_TEXT_BYTES])
{
    char name[EXIT_TEXT_BYTES];
    snprintf(text, EXIT_TEXT_BYTES, "not known");
    if (process->exit_kind == RECORDING_EXIT_STATUS)
        snprintf(text, EXIT_TEXT_BYTES, "status %" PRIu64, process->exit_value);
    else if (process->exit_kind == RECORDING_EXIT_SIGNAL)
        snprintf(text, EXIT_TEXT_BYTES, "killed by %.30s", exit_text_format_short(process, name));
    else if (process->exit_kind == RECORDING_EXIT_EXEC)
        snprintf(text, EXIT_TEXT_BYTES, "became another program by exec");
    else if (process->exit_kind == RECORDING_EXIT_RUNNING)
        snprintf(text, EXIT_TEXT_BYTES, "still running");
    return text;
}
