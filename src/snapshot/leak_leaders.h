/* Who leads what is lost: of the blocks that no root reaches, the sets (strong_sets.h) to which
 * nothing else that is lost refers. Freeing the structure that begins there would have freed all
 * that hangs from it.
 *
 * A set of several blocks is a lost cycle; its oldest block stands for it. What hangs from several
 * leaders is counted with the oldest of them, so that sums come out and are the same each time. */
#ifndef SEEP_SNAPSHOT_LEAK_LEADERS_H
#define SEEP_SNAPSHOT_LEAK_LEADERS_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot/snapshot.h"

struct leak_leader {
    uint32_t block;
    uint32_t set_blocks;      /* that refer to each other, this one included; 1: no cycle */
    uint64_t indirect_blocks; /* what is lost with it, itself not included */
    uint64_t indirect_bytes;
};

struct leak_leaders {
    struct leak_leader *items; /* by age, oldest first */
    size_t count;
};

/* `is_lost` has a byte a block. Linear; 17 bytes a block while it works. Clear after use. */
void leak_leaders_find(const struct snapshot *snapshot, const uint8_t *is_lost,
                       struct leak_leaders *leaders);
void leak_leaders_clear(struct leak_leaders *leaders);

/* Is `left` older? By birth, then by address: the order of leaders. */
bool leak_leaders_is_older(const struct snapshot *snapshot, uint32_t left, uint32_t right);

#endif
