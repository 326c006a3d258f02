/* Names found after the recording: on the machine where it is read, or once debug files are there
 * that were missing when it was made.
 *
 * A file counts only if its build-id is the module's, wherever it was found; so a module without a
 * build-id keeps what it has. The files are read in a child process: one that is hostile or damaged
 * costs the names of its own module. */
#ifndef SEEP_ANALYSIS_LATE_NAMES_H
#define SEEP_ANALYSIS_LATE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/profile.h"
#include "base/error.h"
#include "recording/recording_copy.h"
#include "symbols/symbolizer.h"

enum late_names_scope {
    LATE_NAMES_UNNAMED,    /* frames without a function */
    LATE_NAMES_INCOMPLETE, /* and those without a file and line */
    LATE_NAMES_ALL         /* and those that have everything: what is found anew replaces it */
};

struct late_names_options {
    struct symbolizer_options symbols; /* lists in it are borrowed */
    enum late_names_scope scope;
    /* How far it is, now and then; NULL = not wanted. False: what was found so far is enough. */
    bool (*progress)(void *context, uint32_t done_frames, uint32_t frames);
    void *context;
};

struct late_name { /* of a frame that is better known now */
    uint32_t frame;
    uint32_t first_location, location_count; /* in late_names.locations; innermost first */
};

struct late_location {
    const char *function; /* "" = not known */
    const char *file;     /* "" = not known */
    uint32_t line;
    bool is_inlined;
};

/* Functions that ended in a jump, as in RECORDING_tail_calls; their frames are new ones, with ids
 * behind those of the recording. */
struct late_frame {
    uint32_t id;
    uint32_t module;
    uint64_t offset;
    bool is_exact;
};

struct late_tail_calls {
    uint32_t caller_frame;
    uint32_t callee_frame_plus_1;
    enum function_kind function;
    size_t first_frame, frame_count; /* in late_names.tail_frames */
};

struct late_module {               /* one for each module of the profile */
    uint64_t wanted_frames;        /* that were looked up */
    uint64_t improved_frames;      /* that are better known now */
    enum symbolizer_detail detail; /* 0 = not looked at */
    char *reason;                  /* why there is no more; NULL = nothing to say */
};

struct late_names {
    struct late_name *names; /* by frame */
    size_t name_count;
    struct late_location *locations;
    size_t location_count;
    struct late_frame *frames; /* by id */
    size_t frame_count;
    struct late_tail_calls *tail_calls;
    size_t tail_call_count;
    uint64_t *tail_frames;
    size_t tail_frame_count;
    struct late_module *modules;
    size_t module_count;
    struct late_names_memory *memory; /* owns all texts */
};

/* Looks the frames up. Caller owns the result, which does not need the profile any more; NULL with
 * *error when no process could be started. */
struct late_names *late_names_find(const struct profile *profile,
                                   const struct late_names_options *options, struct error *error);
void late_names_destroy(struct late_names *names);

/* Adds them to a copy of the recording that `reader` has open. */
bool late_names_add(const struct late_names *names, struct recording_reader *reader,
                    struct recording_copy *copy, struct error *error);

#endif
