/* What a program said of its memory: blocks that are no leaks, and regions that hold references.
 *
 * A block that is to be ignored is remembered by an address in it and the time at which that was
 * said: where a younger block stands now, it is not meant. 16 bytes each; what is outdated goes at
 * the next snapshot. */
#ifndef SEEP_RECORD_ANNOTATIONS_H
#define SEEP_RECORD_ANNOTATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_scan.h"

/* A zeroed struct has none. */
struct annotations {
    struct hash_map ignored; /* address -> time_ns */
    struct address_range *regions;
    size_t region_count, region_capacity;
};

void annotations_clear(struct annotations *annotations);

/* For the child of a fork. `to` has none. */
void annotations_copy(struct annotations *to, const struct annotations *from);

void annotations_ignore(struct annotations *annotations, uint64_t address, uint64_t time_ns);

/* Regions are taken back as they were added; what was never added is let be. */
void annotations_add_region(struct annotations *annotations, uint64_t start, uint64_t bytes);
void annotations_remove_region(struct annotations *annotations, uint64_t start, uint64_t bytes);

/* Flags those of the blocks (sorted by address) that are to be ignored. */
void annotations_flag_blocks(struct annotations *annotations, struct snapshot_block *blocks,
                             size_t count);

#endif
