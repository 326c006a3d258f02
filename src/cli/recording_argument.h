/* The recording that a reading command was asked for: FILE, FILE@INSTANT, or none, which means the
 * newest recording in the current folder (said in a note). */
#ifndef SEEP_CLI_RECORDING_ARGUMENT_H
#define SEEP_CLI_RECORDING_ARGUMENT_H

#include <stdbool.h>

#include "analysis/profile.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/instant.h"
#include "recording/recording_reader.h"

struct recording_argument {
    bool takes_snapshots;          /* set by the caller before: may the instant be a snapshot? */
    bool takes_marks_as_snapshots; /* the same: of a mark, the snapshot is meant that it names, and
                                      of the peak the one that was taken there */
    bool takes_times;   /* the same: may it be the start, or a time? A snapshot then, unless
                           takes_snapshots, is the time at which it was taken */
    bool is_left_whole; /* the same: whatever the instants, the profile is of the end */
    const struct progress *opening, *loading, *naming; /* the same: asked while that is done; NULL =
                                                          nobody asks */
    const char *from, *to; /* the same: --from and --to, of intervals; NULL = not given */
    char *path;
    enum instant_kind instant; /* the end, unless one was named */
    uint64_t snapshot;         /* its number, of INSTANT_SNAPSHOT */
    const char *mark;   /* its name, of INSTANT_MARK: the profile is as it was then. Borrowed */
    struct instant at;  /* the same, as it was parsed */
    bool has_instant;   /* one was named */
    char *instant_text; /* "end", "mark:ready", ...: what headers and JSON show */
    struct recording_reader *reader;
    struct profile *profile; /* NULL unless it was asked for */
    struct profile *whole;   /* what `profile` is an interval of; else NULL */
};

/* `at` is the value of --at or NULL; it may not contradict an instant in the operand. */
bool recording_argument_open(struct recording_argument *argument,
                             const struct option_operands *operands, const char *at,
                             struct error *error);

/* Also loads the profile. In a torn recording, frames without a name get what this system has of
 * them, by build-id (late_names.h). */
bool recording_argument_load(struct recording_argument *argument,
                             const struct option_operands *operands, const char *at,
                             const struct profile_options *options, struct error *error);

/* The position of the process with this id, as --process takes it. */
bool recording_argument_find_process(const struct recording_argument *argument, uint64_t id,
                                     uint32_t *position, struct error *error);

/* Allowed on a zeroed struct and after a failure. */
void recording_argument_close(struct recording_argument *argument);

#endif
