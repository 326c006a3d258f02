/* Records one session: starts a command with the preload in it, drains its events and those of the
 * processes that it begets, keeps the model, and writes the recording. */
#ifndef SEEP_RECORD_RECORDER_H
#define SEEP_RECORD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/launcher.h"
#include "record/snapshot_levels.h"

enum record_on_full {
    RECORD_ON_FULL_WAIT,
    RECORD_ON_FULL_DROP
};
enum record_wait {
    RECORD_WAIT_COMMAND,
    RECORD_WAIT_TREE
};

/* How a process is held while its memory is read. */
enum record_stop {
    RECORD_STOP_AUTO,   /* by ptrace, or where that is refused by a signal */
    RECORD_STOP_PTRACE, /* the target's signals are left alone */
    RECORD_STOP_SIGNAL
};

/* What is recorded of Python. */
enum record_python {
    RECORD_PYTHON_AUTO, /* stacks, where the process has a CPython that is known */
    RECORD_PYTHON_OFF,
    RECORD_PYTHON_OBJECTS /* and each of its objects is a block */
};

/* Which processes are recorded beside the command's own image. */
enum record_follow {
    RECORD_FOLLOW_NONE, /* CMD's image only */
    RECORD_FOLLOW_FORK, /* and what it forks, while they run the same image */
    RECORD_FOLLOW_EXEC, /* and what it starts by exec, but not bare forks */
    RECORD_FOLLOW_ALL
};

struct record_options {
    char *const *command;     /* NULL-terminated; borrowed */
    const char *output;       /* explicit -o (patterns not yet expanded), or NULL for the default */
    const char *preload_path; /* NULL: find it beside the program or where it was installed */
    uint64_t stack_depth;     /* 0 = 256 */
    uint64_t checkpoint_ns;   /* 0 = 5 s */
    /* Only samples are recorded, one in so many bytes; 0 = every block. At most
     * RECORD_MAX_SAMPLING. */
    uint64_t bytes_per_sample;
    uint64_t sampling_seed; /* 0 = another one each time */
    enum record_on_full on_full;
    enum record_wait wait;
    enum record_follow follow;
    const char *const *only; /* globs on executables; followed processes only */
    uint64_t only_count;
    const char *const *skip;
    uint64_t skip_count;
    const char *const *allocators; /* prefixes of families of allocation functions */
    uint64_t allocator_count;
    const char *const *debug_folders;
    uint64_t debug_folder_count;
    bool is_debuginfod_allowed;
    const char *cache_folder;       /* as in struct symbolizer_options */
    bool is_force;                  /* -o may replace any file */
    bool is_best_effort;            /* of what cannot be preloaded only that it ran is recorded */
    bool is_progress_shown;         /* symbolizing progress on stderr */
    bool are_release_stacks_wanted; /* of every release; else from the first misuse on */
    enum record_stop stop;
    enum record_python python;
    bool is_crash_scanned;         /* processes are held, too, where a signal ends them */
    bool are_forks_scanned;        /* and children that were forked and run no image of their own */
    bool is_scan_off;              /* processes are not held and scanned where they end */
    uint64_t scan_budget_ns;       /* for each scan; 0 = 5 s */
    uint64_t snapshot_interval_ns; /* 0 = none at intervals */
    const struct snapshot_level *snapshot_levels; /* at which one is taken, too; borrowed */
    uint64_t snapshot_level_count;                /* at most SNAPSHOT_LEVELS_MOST */
    int snapshot_signal;                          /* to us: one of every process; 0 = none */
    uint64_t kept_snapshots;                      /* of those at intervals; 0 = 8 */
    uint64_t roots_off;      /* set of 1 << enum snapshot_root_kind: not taken for roots */
    uint64_t content_limit;  /* so many of each block's first bytes are kept; 0 = none */
    bool are_heuristics_off; /* pointers into blocks count as interior, whatever they look like */
    bool is_oracle_wanted;   /* test mode: every stack is also unwound by libunwind, and compared */
};

#define RECORD_MAX_SAMPLING (UINT64_C(1) << 40)

struct record_outcome {
    struct command_outcome command;
    struct launcher_inherited inherited; /* what the command gets, or would have got */
    char *path; /* of the recording; NULL when there is none. Caller frees */
    bool is_recorded;
    struct error late_error;      /* went wrong after CMD started; "" when nothing did */
    uint64_t oracle_stacks;       /* test mode: stacks compared */
    uint64_t oracle_equal_stacks; /* and equal */
};

/* Runs the whole session; returns when CMD ended (or its tree, by options). False when CMD was
 * never started: *error says why and outcome->command how to exit. */
bool recorder_run(const struct record_options *options, struct record_outcome *outcome,
                  struct error *error);

#endif
