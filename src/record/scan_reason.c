#define _GNU_SOURCE
#include "record/scan_reason.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static bool is_crash(uint64_t number)
{
    static const int signals[] = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
                                  SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (number == (uint64_t)signals[i])
            return true;
    return false;
}

void scan_reason_tell(const struct recorded_process *process, bool is_off,
                      struct snapshot *snapshot)
{
    const char *note = "";
    snapshot->end = SNAPSHOT_FAILED;
    if (is_off) {
        snapshot->end = SNAPSHOT_OFF;
    } else if (!process->is_own_image) {
        snapshot->end = SNAPSHOT_OFF;
        note = "a forked child without an image of its own";
    } else if (process->exit_kind == RECORDING_EXIT_SIGNAL) {
        bool has_crashed = is_crash(process->exit_value);
        snapshot->end = has_crashed ? SNAPSHOT_CRASHED : SNAPSHOT_KILLED;
        note = sigabbrev_np((int)process->exit_value);
    } else if (process->exit_kind == RECORDING_EXIT_RUNNING) {
        note = "it ran on when the recording ended";
    } else if (process->exit_kind == RECORDING_EXIT_EXEC) {
        snapshot->end = SNAPSHOT_EXECED;
    } else if (process->has_run_out) {
        snapshot->end = SNAPSHOT_BUDGET;
    } else {
        note = "it ended without a word";
    }
    snprintf(snapshot->note, sizeof snapshot->note, "%s", note != NULL ? note : "");
}
