/* What the roots of a snapshot reach, and how surely: memcheck's cases 1, 2 and 5 to 8. */
#ifndef SEEP_SNAPSHOT_REACHABILITY_H
#define SEEP_SNAPSHOT_REACHABILITY_H

#include <stdint.h>

#include "snapshot/snapshot.h"

enum reach {
    REACH_NONE,     /* no chain leads there */
    REACH_POSSIBLE, /* only chains with an interior pointer on them */
    REACH_SURE      /* a chain through starts of blocks */
};

/* Beside kinds of roots: pointers of this shape count as what they are, interior ones. */
#define REACHABILITY_SHAPE_OFF(kind) (UINT64_C(1) << (32 + (kind)))

/* Fills `reach` (a byte a block: enum reach). Roots whose kind is in `roots_off` (1 << enum
 * snapshot_root_kind) do not count, nor do shapes (REACHABILITY_SHAPE_OFF, of enum
 * snapshot_reference_kind). Blocks within a realloc count as reached: whoever holds them
 * may be in a register of the call; and so do those that the program wants to be ignored. Linear in
 * blocks and references; the list of what is still to be looked at takes 4 bytes a block. */
void reachability_mark(const struct snapshot *snapshot, uint64_t roots_off, uint8_t *reach);

#endif
