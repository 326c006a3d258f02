/* Which parts of a process's memory are what, as it told itself and as its model has it: for the
 * scan of it. */
#ifndef SEEP_RECORD_PROCESS_RANGES_H
#define SEEP_RECORD_PROCESS_RANGES_H

#include "record/process_tree.h"
#include "snapshot/range_list.h"

/* A zeroed struct is empty. */
struct process_ranges {
    struct range_list own;     /* seep's */
    struct range_list regions; /* that the program named, and heads of pools */
    struct range_list program; /* mappings that it made itself */
    struct range_list heaps;   /* mappings that an allocator made */
};

/* The first two; while it stands still. */
void process_ranges_add_told(struct process_ranges *ranges, const struct process_tree *tree,
                             const struct recorded_process *process);

/* The others, by its model. */
void process_ranges_add_mapped(struct process_ranges *ranges,
                               const struct recorded_process *process);

void process_ranges_clear(struct process_ranges *ranges);

#endif
