/* The live blocks of a process, as a snapshot takes them. */
#ifndef SEEP_RECORD_PROCESS_BLOCKS_H
#define SEEP_RECORD_PROCESS_BLOCKS_H

#include <stddef.h>

#include "record/process_tree.h"
#include "snapshot/snapshot.h"

/* By address, with their flags. The model knows all that happened so far; a block that is between
 * two places counts where it was. Caller frees. */
struct snapshot_block *process_blocks_list(struct process_tree *tree,
                                           struct recorded_process *process, size_t *count);

#endif
