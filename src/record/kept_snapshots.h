/* Which of the snapshots that are taken at intervals are kept: of each process the first, the
 * newest, the one at which the heap was largest, and of the others the fewer the older they are, so
 * that the gaps between them grow with their age. */
#ifndef SEEP_RECORD_KEPT_SNAPSHOTS_H
#define SEEP_RECORD_KEPT_SNAPSHOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kept_snapshot {
    uint32_t number;
    uint32_t process_id;
    uint64_t time_ns;
    uint64_t live_bytes;
};

/* A zeroed struct is empty. */
struct kept_snapshots {
    struct kept_snapshot *items; /* the oldest first */
    size_t count, capacity;
};

/* Adds the newest one. When its process has more than `most` (0 = no limit) one of them goes: true,
 * with its number. */
bool kept_snapshots_add(struct kept_snapshots *kept, const struct kept_snapshot *added,
                        uint64_t most, uint32_t *dropped);

void kept_snapshots_clear(struct kept_snapshots *kept);

#endif
