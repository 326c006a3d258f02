/* Strongly connected sets of blocks: those that all refer to each other, directly or through
 * others. By Tarjan ("Depth-first search and linear graph algorithms", 1972), without recursion,
 * since lists of ten million blocks are normal. */
#ifndef SEEP_SNAPSHOT_STRONG_SETS_H
#define SEEP_SNAPSHOT_STRONG_SETS_H

#include <stdint.h>

#include "snapshot/snapshot.h"

#define STRONG_SETS_NONE UINT32_MAX

struct strong_sets {
    uint32_t *set_of; /* by block; STRONG_SETS_NONE: not among the members */
    uint32_t count;   /* sets are numbered so that references lead to the same set or a lower one */
};

/* Of the blocks whose byte in `is_member` is not 0; references from and to others do not count.
 * Clear after use. 8 bytes a block, while it works 8 more and 16 for each block on the path. */
void strong_sets_find(const struct snapshot *snapshot, const uint8_t *is_member,
                      struct strong_sets *sets);
void strong_sets_clear(struct strong_sets *sets);

#endif
