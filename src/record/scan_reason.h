/* Why there is no snapshot of a process where it ended. */
#ifndef SEEP_RECORD_SCAN_REASON_H
#define SEEP_RECORD_SCAN_REASON_H

#include <stdbool.h>

#include "record/recorded_process.h"
#include "snapshot/snapshot.h"

/* Into the snapshot's end and note. `is_off`: nobody wanted any. */
void scan_reason_tell(const struct recorded_process *process, bool is_off,
                      struct snapshot *snapshot);

#endif
