/* Writes a recording anew with records added, into another file or in place of itself.
 *
 * What stands in it is copied chunk by chunk as it is, also kinds that this version does not know;
 * the new records follow in chunks of their own, and replace those that name the same things. The
 * copy has an index and a trailer, but a torn recording stays one: it gets no `end` record. It
 * takes its name by rename() once it is whole and on disk. */
#ifndef SEEP_RECORDING_COPY_H
#define SEEP_RECORDING_COPY_H

#include <stdbool.h>

#include "base/error.h"
#include "recording/recording_reader.h"
#include "recording/recording_records.h"

struct recording_copy;

struct recording_copy_options {
    const char *path; /* as of the reader's file, or another */
    bool is_force;    /* replace any file; else only a seep recording, or nothing there */
    bool keeps_mode;  /* as the original; else nobody but the owner may read it */
};

/* Copies what stands in the recording. `reader` is borrowed during the call. Caller owns. */
struct recording_copy *recording_copy_open(struct recording_reader *reader,
                                           const struct recording_copy_options *options,
                                           struct error *error);

/* `record` points to the struct recording_<kind>. */
void recording_copy_add(struct recording_copy *copy, enum recording_kind kind, const void *record);

/* Writes what was added and gives the copy its name. On failure what stood there stands there. */
bool recording_copy_finish(struct recording_copy *copy, struct error *error);

/* Removes what was not finished. NULL is allowed. */
void recording_copy_close(struct recording_copy *copy);

#endif
