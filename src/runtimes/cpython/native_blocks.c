#include "runtimes/cpython/native_blocks.h"

void cpython_native_init(struct cpython_native *native, const struct snapshot *snapshot,
                         struct obmalloc *arenas)
{
    *native = (struct cpython_native){.snapshot = snapshot, .arenas = arenas};
    for (size_t i = 0; snapshot != NULL && i < snapshot->block_count; i++)
        if (obmalloc_is_arena(arenas, snapshot->blocks[i].address))
            native->recorded_count++;
    native->has_arena_blocks = native->recorded_count > 0;
}

uint32_t cpython_native_find(const struct cpython_native *native, uint64_t address)
{
    if (native->snapshot == NULL || native->snapshot->block_count == 0 ||
        (!native->has_arena_blocks && obmalloc_is_arena(native->arenas, address)))
        return SNAPSHOT_NONE;
    return snapshot_find_block(native->snapshot, address);
}
