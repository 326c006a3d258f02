#include "snapshot/leak_counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/leak_leaders.h"
#include "snapshot/reachability.h"

enum {
    KIND_BITS = 3
};

void leak_history_clear(struct leak_history *history)
{
    hash_map_clear(&history->lost);
    hash_map_clear(&history->blocks);
    hash_map_clear(&history->bytes);
    *history = (struct leak_history){0};
}

/* ---- kinds ------------------------------------------------------------------------------ */

static void judge_lost(const struct snapshot *snapshot, uint8_t *kind_of)
{
    struct leak_leaders leaders;
    uint8_t *is_lost = memory_allocate_zeroed(snapshot->block_count, 1);
    bool is_any = false;
    for (size_t i = 0; i < snapshot->block_count; i++) {
        is_lost[i] = kind_of[i] == LEAK_INDIRECT;
        is_any |= is_lost[i] != 0;
    }
    if (is_any) {
        leak_leaders_find(snapshot, is_lost, &leaders);
        for (size_t i = 0; i < leaders.count; i++)
            kind_of[leaders.items[i].block] = LEAK_DEFINITE;
        leak_leaders_clear(&leaders);
    }
    free(is_lost);
}

void leak_counts_judge(const struct snapshot *snapshot, uint8_t *kind_of,
                       void (*beat)(void *context), void *context)
{
    static const uint8_t kinds[] = {[REACH_NONE] = LEAK_INDIRECT,
                                    [REACH_POSSIBLE] = LEAK_POSSIBLE,
                                    [REACH_SURE] = LEAK_REACHABLE};
    reachability_mark(snapshot, 0, kind_of);
    if (beat != NULL)
        beat(context);
    for (size_t i = 0; i < snapshot->block_count; i++)
        kind_of[i] = (snapshot->blocks[i].flags & SNAPSHOT_BLOCK_INHERITED) != 0
                         ? LEAK_KIND_COUNT
                         : kinds[kind_of[i]];
    judge_lost(snapshot, kind_of);
    if (beat != NULL)
        beat(context);
}

/* ---- counting --------------------------------------------------------------------------- */

static uint64_t sum_key(const struct snapshot_block *block, uint8_t kind)
{
    return (uint64_t)block->site << KIND_BITS | kind;
}

static uint64_t memory_of(const struct snapshot_block *block, uint8_t kind)
{
    return block->birth_ns << 1 | (kind != LEAK_POSSIBLE);
}

static bool is_new(const struct leak_history *history, const struct snapshot_block *block,
                   uint8_t kind)
{
    if (kind == LEAK_REACHABLE)
        return history->time_ns == 0 || block->birth_ns > history->time_ns;
    const uint64_t *then = hash_map_find(&history->lost, block->address);
    return then == NULL || *then >> 1 != block->birth_ns ||
           ((*then & 1) == 0 && kind != LEAK_POSSIBLE);
}

static uint64_t value_of(const struct hash_map *map, uint64_t key)
{
    const uint64_t *value = hash_map_find(map, key);
    return value != NULL ? *value : 0;
}

static bool has_changed(const struct leak_history *now, const struct leak_history *then,
                        const struct snapshot_block *block, uint8_t kind)
{
    uint64_t key = sum_key(block, kind);
    return value_of(&now->blocks, key) != value_of(&then->blocks, key) ||
           value_of(&now->bytes, key) != value_of(&then->bytes, key);
}

static void remember(struct leak_history *now, const struct snapshot *snapshot,
                     const uint8_t *kind_of)
{
    for (size_t i = 0; i < snapshot->block_count; i++) {
        const struct snapshot_block *block = &snapshot->blocks[i];
        if (kind_of[i] >= LEAK_KIND_COUNT)
            continue;
        if (kind_of[i] != LEAK_REACHABLE)
            *hash_map_put(&now->lost, block->address, NULL) = memory_of(block, kind_of[i]);
        ++*hash_map_put(&now->blocks, sum_key(block, kind_of[i]), NULL);
        *hash_map_put(&now->bytes, sum_key(block, kind_of[i]), NULL) += block->bytes;
    }
    now->time_ns = snapshot->time_ns;
}

void leak_counts_take(const struct snapshot *snapshot, const uint8_t *kind_of,
                      enum leak_counts_scope scope, struct leak_history *history,
                      struct leak_counts *counts)
{
    struct leak_history now = {0};
    *counts = (struct leak_counts){0};
    remember(&now, snapshot, kind_of);
    for (size_t i = 0; i < snapshot->block_count; i++) {
        const struct snapshot_block *block = &snapshot->blocks[i];
        uint8_t kind = kind_of[i];
        if (kind >= LEAK_KIND_COUNT ||
            (scope == LEAK_COUNTS_NEW && !is_new(history, block, kind)) ||
            (scope == LEAK_COUNTS_CHANGED && !has_changed(&now, history, block, kind)))
            continue;
        counts->blocks[kind]++;
        counts->bytes[kind] += block->bytes;
    }
    leak_history_clear(history);
    *history = now;
}
