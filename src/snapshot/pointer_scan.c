/* Most words are no pointers and fall through one comparison. The others are gathered, some dozens
 * at a time, and go through the index in step, so that their cache misses overlap. */
#include "snapshot/pointer_scan.h"

enum {
    BATCH = 64
};

struct candidate {
    uint64_t slot;
    uint64_t pointer;
    const struct index_chunk *chunk;
};

static void settle(const struct block_index *index, struct candidate *candidates, size_t count,
                   pointer_found found, void *context)
{
    for (size_t i = 0; i < count; i++)
        candidates[i].chunk = block_index_chunk(index, candidates[i].pointer);
    for (size_t i = 0; i < count; i++)
        if (candidates[i].chunk)
            block_index_prefetch(index, candidates[i].chunk, candidates[i].pointer);
    for (size_t i = 0; i < count; i++) {
        if (!candidates[i].chunk && index->large_count == 0)
            continue;
        uint32_t block = block_index_find_in(index, candidates[i].chunk, candidates[i].pointer);
        if (block != SNAPSHOT_NONE)
            found(context, candidates[i].slot, candidates[i].pointer, block);
    }
}

void pointer_scan(const struct block_index *index, const uint64_t *words, size_t count,
                  uint64_t address, pointer_found found, void *context)
{
    struct candidate candidates[BATCH];
    size_t gathered = 0;
    uint64_t low = index->low;
    uint64_t span = index->high - low;
    for (size_t i = 0; i < count; i++) {
        if (words[i] - low >= span)
            continue;
        candidates[gathered++] = (struct candidate){.slot = address + 8 * i, .pointer = words[i]};
        if (gathered == BATCH) {
            settle(index, candidates, gathered, found, context);
            gathered = 0;
        }
    }
    settle(index, candidates, gathered, found, context);
}
