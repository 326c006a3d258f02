/* Most words are no pointers, and most others point to where no block is, such as code. Which is
 * which cannot be guessed, and wrong guesses are what costs: so words are sifted without branches,
 * a batch at a time; only where several in a row are nothing at all, that is seen at once. What is
 * left goes through the index in step, so that its cache misses overlap. */
#include "snapshot/pointer_scan.h"

enum {
    BATCH = 128,
    AT_ONCE = 4 /* words */
};

struct candidate {
    const uint64_t *at;
    const struct index_chunk *chunk;
};

static bool is_any_near(const struct block_index *index, const uint64_t *words)
{
    uint64_t low = index->low, span = index->high - low;
    return (words[0] - low < span) | (words[1] - low < span) | (words[2] - low < span) |
           (words[3] - low < span);
}

static size_t sift(const struct block_index *index, const uint64_t *words, size_t count,
                   struct candidate *candidates)
{
    size_t gathered = 0, i = 0;
    for (; i + AT_ONCE <= count; i += AT_ONCE)
        if (is_any_near(index, words + i))
            for (size_t j = i; j < i + AT_ONCE; j++) {
                candidates[gathered].at = words + j;
                gathered += block_index_may_hold(index, words[j]);
            }
    for (; i < count; i++) {
        candidates[gathered].at = words + i;
        gathered += block_index_may_hold(index, words[i]);
    }
    return gathered;
}

static void find_chunks(const struct block_index *index, struct candidate *candidates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t pointer = *candidates[i].at;
        const struct index_chunk *chunk = block_index_chunk(index, pointer);
        if (chunk->key_plus_1 != 0)
            __builtin_prefetch(&index->granules[block_index_granule(chunk, pointer)]);
        candidates[i].chunk = chunk;
    }
    for (size_t i = 0; i < count; i++)
        if (candidates[i].chunk->key_plus_1 != 0)
            block_index_prefetch(index, candidates[i].chunk, *candidates[i].at);
}

void pointer_scan(const struct block_index *index, const uint64_t *words, size_t count,
                  uint64_t address, pointer_found found, void *context)
{
    struct candidate candidates[BATCH + 1]; /* the last is never one */
    for (size_t begin = 0; begin < count; begin += BATCH) {
        size_t batch = count - begin < BATCH ? count - begin : BATCH;
        size_t gathered = sift(index, words + begin, batch, candidates);
        find_chunks(index, candidates, gathered);
        for (size_t i = 0; i < gathered; i++) {
            uint64_t pointer = *candidates[i].at;
            uint32_t block = block_index_find_in(index, candidates[i].chunk, pointer);
            if (block != SNAPSHOT_NONE)
                found(context, address + 8 * (uint64_t)(candidates[i].at - words), pointer, block);
        }
    }
}
