#include "record/session_wishes.h"

#include <sys/random.h>

#include "base/clock.h"
#include "snapshot/stop_probe.h"
#include "wire/session.h"

uint32_t session_wishes_flags(const struct record_options *options)
{
    uint32_t flags = 0;
    if (options->on_full == RECORD_ON_FULL_DROP)
        flags |= SESSION_DROP_WHEN_FULL;
    if (options->is_oracle_wanted)
        flags |= SESSION_ORACLE;
    else if (options->python != RECORD_PYTHON_OFF)
        flags |= SESSION_PYTHON; /* libunwind knows no such frames: nothing to compare with */
    if (options->python == RECORD_PYTHON_OBJECTS)
        flags |= SESSION_PYTHON_OBJECTS;
    if (options->are_release_stacks_wanted)
        flags |= SESSION_RELEASE_STACKS;
    if (options->follow == RECORD_FOLLOW_FORK || options->follow == RECORD_FOLLOW_ALL)
        flags |= SESSION_FOLLOW_FORK;
    if (options->follow == RECORD_FOLLOW_EXEC || options->follow == RECORD_FOLLOW_ALL)
        flags |= SESSION_FOLLOW_EXEC;
    if (!options->is_scan_off)
        flags |= SESSION_SCAN_AT_EXIT;
    if (options->is_crash_scanned && !options->is_scan_off)
        flags |= SESSION_SCAN_ON_CRASH;
    if (options->are_forks_scanned)
        flags |= SESSION_SCAN_FORKS;
    if (options->stop == RECORD_STOP_SIGNAL ||
        (options->stop == RECORD_STOP_AUTO && !stop_probe_is_allowed()))
        flags |= SESSION_PARK;
    return flags;
}

enum process_hold_way session_wishes_hold_way(const struct record_options *options)
{
    static const enum process_hold_way ways[] = {[RECORD_STOP_AUTO] = PROCESS_HOLD_AUTO,
                                                 [RECORD_STOP_PTRACE] = PROCESS_HOLD_PTRACE,
                                                 [RECORD_STOP_SIGNAL] = PROCESS_HOLD_SIGNAL};
    return ways[options->stop];
}

uint64_t session_wishes_seed(const struct record_options *options)
{
    uint64_t seed = options->sampling_seed;
    if (options->bytes_per_sample != 0 && seed == 0 &&
        getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = clock_wall_ns();
    return seed;
}
