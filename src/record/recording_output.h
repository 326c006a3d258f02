/* Writes what the recorder knows into the recording: what changed, at checkpoints; everything, when
 * it is compacted. Names of frames are found between checkpoints, in a child process. */
#ifndef SEEP_RECORD_RECORDING_OUTPUT_H
#define SEEP_RECORD_RECORDING_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/process_tree.h"
#include "record/snapshot_job.h"
#include "recording/recording_writer.h"
#include "snapshot/snapshot.h"
#include "symbols/symbolizer.h"

struct recording_output;

struct recording_output_options {
    struct recording_writer *writer;   /* borrowed */
    struct process_tree *tree;         /* borrowed */
    struct symbolizer_options symbols; /* lists in it are borrowed */
    uint64_t start_time_unix_ns;
    uint64_t stack_depth;
    uint64_t checkpoint_ns;
    uint64_t bytes_per_sample, sampling_seed; /* as in struct recording_session */
    char *const *command;                     /* borrowed */
};

/* Caller owns. */
struct recording_output *recording_output_create(const struct recording_output_options *options);
void recording_output_destroy(struct recording_output *output);

/* Appends what changed since the last call, and the snapshots that wait for it. Compacts the
 * journal when timelines were coarsened. */
bool recording_output_checkpoint(struct recording_output *output, struct error *error);

/* A number that no snapshot of this recording has. */
uint32_t recording_output_number_snapshot(struct recording_output *output);

/* Appends a snapshot, which has its number, behind everything that changed. */
bool recording_output_add_snapshot(struct recording_output *output, const struct snapshot *snapshot,
                                   struct error *error);

/* The same at the next checkpoint, together with others; takes what the snapshot holds. What a
 * snapshot begins with, the state of all processes that live, would else be written thousands of
 * times where thousands of small ones end, while each of them waits. */
void recording_output_defer_snapshot(struct recording_output *output, struct snapshot *snapshot);

/* Have such snapshots waited for long enough, or are they large? */
bool recording_output_is_snapshot_due(const struct recording_output *output);

/* The same of one that a job has made; *is_there: it has. The head's note is the caller's to free.
 */
bool recording_output_add_job(struct recording_output *output, struct snapshot_job *job,
                              struct recording_snapshot *head, bool *is_there, struct error *error);

/* A snapshot of this number is not wanted any more. */
void recording_output_drop_snapshot(struct recording_output *output, uint32_t number);

/* Starts naming frames that are new, unless a batch is under way; takes what a batch found. Returns
 * whether a batch is under way. Unless it is the last one, the child waits for more with all the
 * files that it has read; then it is ready. */
bool recording_output_name_frames(struct recording_output *output, bool is_last);
bool recording_output_is_naming_ready(const struct recording_output *output);

/* Lets that child go, which may take much memory. */
void recording_output_dismiss_naming(struct recording_output *output);

/* The running batch's progress, in frames; false when none runs. */
bool recording_output_naming_progress(const struct recording_output *output, uint32_t *done,
                                      uint32_t *wanted);

/* Readable when the running batch has something to take; -1 = none runs. */
int recording_output_naming_fd(const struct recording_output *output);

/* Are there frames without an attempt at a name? */
bool recording_output_has_unnamed(const struct recording_output *output);

/* The last word: everything, compacted, with the `end` record. */
bool recording_output_finish(struct recording_output *output, bool is_complete,
                             struct error *error);

#endif
