/* Two floods. The first goes through starts of blocks only, so that what it meets is sure. The
 * second begins at whatever interior pointers of roots and of sure blocks lead to and takes every
 * reference; what it meets is possible, unless it was sure before. No block is looked at twice: a
 * sure block never becomes possible, and the second flood knows all sure ones. */
#include "config.h"

#include "snapshot/reachability.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct flood {
    const struct snapshot *snapshot;
    uint8_t *reach;
    uint32_t *pending; /* met, their references not yet followed; each block stands here at most
                          once a flood */
    size_t count;
    uint64_t roots_off;
};

static bool is_start(const struct flood *flood, unsigned kind)
{
    return snapshot_counts_as_start((enum snapshot_reference_kind)kind) &&
           (flood->roots_off & REACHABILITY_SHAPE_OFF(kind)) == 0;
}

static void meet(struct flood *flood, uint32_t block, enum reach how)
{
    if (flood->reach[block] != REACH_NONE)
        return;
    flood->reach[block] = (uint8_t)how;
    flood->pending[flood->count++] = block;
}

static void follow_all(struct flood *flood, enum reach how)
{
    const struct snapshot *snapshot = flood->snapshot;
    while (flood->count) {
        uint32_t block = flood->pending[--flood->count];
        uint64_t end = snapshot->first_reference[block + 1];
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++) {
            const struct snapshot_reference *reference = &snapshot->references[i];
            if (how == REACH_POSSIBLE || is_start(flood, reference->kind))
                meet(flood, reference->block, how);
        }
    }
}

static void meet_roots(struct flood *flood, enum reach how)
{
    const struct snapshot *snapshot = flood->snapshot;
    for (size_t i = 0; i < snapshot->root_count; i++) {
        const struct snapshot_root *root = &snapshot->roots[i];
        if (!(flood->roots_off >> root->kind & 1) &&
            (how == REACH_POSSIBLE || is_start(flood, root->reference)))
            meet(flood, root->block, how);
    }
    for (uint32_t i = 0; how == REACH_SURE && i < snapshot->block_count; i++)
        if (snapshot->blocks[i].flags & (SNAPSHOT_BLOCK_TRANSIT | SNAPSHOT_BLOCK_IGNORED))
            meet(flood, i, how);
}

/* What sure blocks refer to, and is not sure itself. */
static void meet_interiors(struct flood *flood)
{
    const struct snapshot *snapshot = flood->snapshot;
    for (uint32_t block = 0; block < snapshot->block_count; block++) {
        if (flood->reach[block] != REACH_SURE)
            continue;
        uint64_t end = snapshot->first_reference[block + 1];
        for (uint64_t i = snapshot->first_reference[block]; i < end; i++)
            meet(flood, snapshot->references[i].block, REACH_POSSIBLE);
    }
}

void reachability_mark(const struct snapshot *snapshot, uint64_t roots_off, uint8_t *reach)
{
    struct flood flood = {.snapshot = snapshot, .reach = reach, .roots_off = roots_off};
    if (!snapshot->block_count)
        return;
    memset(reach, REACH_NONE, snapshot->block_count);
    flood.pending = memory_allocate_large(snapshot->block_count, sizeof *flood.pending);
    meet_roots(&flood, REACH_SURE);
    follow_all(&flood, REACH_SURE);
    meet_roots(&flood, REACH_POSSIBLE);
    meet_interiors(&flood);
    follow_all(&flood, REACH_POSSIBLE);
    free(flood.pending);
}
