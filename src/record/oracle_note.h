/* Test mode: a line in the log for a stack that libunwind finds otherwise than the rules did. */
#ifndef SEEP_RECORD_ORACLE_NOTE_H
#define SEEP_RECORD_ORACLE_NOTE_H

#include <stdint.h>

#include "record/process_tree.h"
#include "record/remote_unwind.h"

/* Both are nodes of the tree's stacks, 0 = none; `end`: how libunwind's ended. */
void oracle_note_difference(struct process_tree *tree, struct recorded_process *process,
                            uint32_t own_stack, uint32_t libunwind_stack,
                            enum remote_unwind_end end);

#endif
