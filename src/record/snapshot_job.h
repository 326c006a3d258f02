/* A child of the recorder that makes a snapshot from what the recorder knew when it was born, while
 * the recorder goes on: the model is at exactly the instant, and nobody has to wait. The snapshot
 * comes back as the records that the recording will have. */
#ifndef SEEP_RECORD_SNAPSHOT_JOB_H
#define SEEP_RECORD_SNAPSHOT_JOB_H

#include <stdbool.h>

#include "base/error.h"
#include "recording/recording_records.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_store.h"

struct snapshot_job;

/* Runs `make` in a child; `snapshot` is initialised and has what `make` need not fill in, and a
 * number that no other has. What `pidfd` is of is killed when the job is destroyed, and
 * the descriptor closed. NULL with *error when there can be no child. */
typedef void (*snapshot_make)(void *context, struct snapshot *snapshot);
struct snapshot_job *snapshot_job_start(snapshot_make make, void *context,
                                        struct snapshot *snapshot, int pidfd, struct error *error);

/* Is it done? Waits for it if asked to. */
bool snapshot_job_is_over(struct snapshot_job *job, bool is_waited_for);

/* Of one that is over: hands over its records, and fills in the head, whose note is the caller's to
 * free. False when it ended without a snapshot. */
bool snapshot_job_take(struct snapshot_job *job, snapshot_add_record add, void *context,
                       struct recording_snapshot *head);

/* NULL is allowed; a child that is not done is killed. */
void snapshot_job_destroy(struct snapshot_job *job);

#endif
