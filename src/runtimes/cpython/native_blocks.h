/* The recorded block that an object stands in. */
#ifndef SEEP_RUNTIMES_CPYTHON_NATIVE_BLOCKS_H
#define SEEP_RUNTIMES_CPYTHON_NATIVE_BLOCKS_H

#include "runtimes/cpython/objects.h"
#include "snapshot/snapshot.h"

struct cpython_native {
    const struct snapshot *snapshot; /* NULL = nobody recorded */
    struct obmalloc *arenas;
    uint64_t recorded_count; /* of blocks in arenas, each by itself */
    bool has_arena_blocks;
};

/* Both are borrowed. */
void cpython_native_init(struct cpython_native *native, const struct snapshot *snapshot,
                         struct obmalloc *arenas);

/* Position in snapshot.blocks of the block at an address, or SNAPSHOT_NONE. */
uint32_t cpython_native_find(const struct cpython_native *native, uint64_t address);

#endif
