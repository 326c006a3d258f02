/* How a lost cycle closes: the shortest way from a block back to itself. */
#ifndef SEEP_ANALYSIS_LEAK_CYCLE_H
#define SEEP_ANALYSIS_LEAK_CYCLE_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot.h"

struct leak_cycle_step {
    uint32_t block; /* that refers to the next step's; the last one's to the first's */
    uint32_t slot;  /* by the word at this position; SNAPSHOT_FAR_SLOT: far into the block */
    enum snapshot_reference_kind kind;
};

/* Fills at most `capacity` steps, the first of which is `block`. Returns how many the cycle has,
 * which may be more (then the steps are its first ones and, in the last place, the one that closes
 * it); 0 when there is none, or none was found among the first million blocks. */
size_t leak_cycle_find(const struct snapshot *snapshot, uint32_t block,
                       struct leak_cycle_step *steps, size_t capacity);

#endif
