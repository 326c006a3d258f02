#include "snapshot/block_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    CHUNK_BITS = BLOCK_INDEX_CHUNK_BITS,
    FEW_BLOCKS = 8, /* looked through one by one */
    ARRAY_HEAD_BYTES = 8
};

#define CHUNK_BYTES       (UINT64_C(1) << CHUNK_BITS)
#define LARGE_BLOCK_BYTES (UINT64_C(1) << 30)
#define ADDRESS_LIMIT     (UINT64_C(1) << 48)

/* The end of what counts as the block. */
static uint64_t reach_of(const struct snapshot_block *block)
{
    uint64_t bytes = block->bytes > 0 ? block->bytes : 1;
    return block->address + bytes + (bytes == ARRAY_HEAD_BYTES);
}

static bool is_large(const struct snapshot_block *block)
{
    return block->bytes > LARGE_BLOCK_BYTES;
}

static uint32_t chunk_key(uint64_t address)
{
    return (uint32_t)(address >> CHUNK_BITS);
}

/* Calls for each chunk that has blocks: its key, and the first and last of them. Large blocks among
 * them are passed over by their reach when asked. */
typedef void (*visit_chunk)(struct block_index *index, void *context, uint32_t key, uint32_t first,
                            uint32_t last);

static void visit_chunks(struct block_index *index, visit_chunk visit, void *context)
{
    uint32_t key = 0, first = SNAPSHOT_NONE, last = 0;
    for (uint32_t i = 0; i < index->block_count; i++) {
        const struct snapshot_block *block = &index->blocks[i];
        if (is_large(block))
            continue;
        uint32_t from = chunk_key(block->address);
        uint32_t to = chunk_key(reach_of(block) - 1);
        for (uint32_t at = from; at <= to; at++) {
            if (first != SNAPSHOT_NONE && at == key) {
                last = i;
                continue;
            }
            if (first != SNAPSHOT_NONE)
                visit(index, context, key, first, last);
            key = at;
            first = last = i;
        }
    }
    if (first != SNAPSHOT_NONE)
        visit(index, context, key, first, last);
}

struct sizes {
    size_t chunks, granules;
};

static uint32_t granule_bits(uint32_t first, uint32_t last)
{
    uint32_t bits = 31u - (uint32_t)__builtin_clz(last - first + 1);
    return bits < CHUNK_BITS ? bits : CHUNK_BITS;
}

static void count_chunk(struct block_index *index, void *context, uint32_t key, uint32_t first,
                        uint32_t last)
{
    (void)index;
    (void)key;
    struct sizes *sizes = context;
    sizes->chunks++;
    sizes->granules += ((size_t)1 << granule_bits(first, last)) + 1;
}

static void fill_chunk(struct block_index *index, void *context, uint32_t key, uint32_t first,
                       uint32_t last)
{
    size_t *used = context;
    uint32_t bits = granule_bits(first, last);
    *block_index_chunk(index, (uint64_t)key << CHUNK_BITS) = (struct index_chunk){
        .key_plus_1 = key + 1, .table = (uint32_t)*used, .shift = CHUNK_BITS - bits};
    uint32_t hint = key & (BLOCK_INDEX_HINTS - 1);
    index->hints[hint / 64] |= UINT64_C(1) << hint % 64;
    uint64_t granule_bytes = CHUNK_BYTES >> bits;
    uint64_t start = (uint64_t)key << CHUNK_BITS;
    uint32_t at = first;
    for (uint32_t i = 0; i < 1u << bits; i++, start += granule_bytes) {
        while (at < last && reach_of(&index->blocks[at]) <= start)
            at++;
        index->granules[(*used)++] = at;
    }
    index->granules[(*used)++] = last;
}

void block_index_init(struct block_index *index, const struct snapshot_block *blocks,
                      size_t block_count)
{
    *index = (struct block_index){.blocks = blocks, .block_count = block_count};
    if (block_count > 0) {
        index->low = blocks[0].address;
        index->high = reach_of(&blocks[block_count - 1]);
    }
    size_t large_capacity = 0;
    for (uint32_t i = 0; i < block_count; i++)
        if (is_large(&blocks[i])) {
            index->large = memory_grow(index->large, &large_capacity, index->large_count + 1,
                                       sizeof *index->large);
            index->large[index->large_count++] = i;
        }
    if (index->large_count > 0) /* which are in no chunk */
        memset(index->hints, 0xff, sizeof index->hints);
    struct sizes sizes = {0};
    visit_chunks(index, count_chunk, &sizes);
    size_t places = 16;
    while (places < sizes.chunks * 2)
        places *= 2;
    index->chunks = memory_allocate_zeroed(places, sizeof *index->chunks);
    index->chunk_mask = (uint32_t)(places - 1);
    index->granules = memory_allocate_large(sizes.granules + 1, sizeof *index->granules);
    size_t used = 0;
    visit_chunks(index, fill_chunk, &used);
}

void block_index_clear(struct block_index *index)
{
    free(index->chunks);
    free(index->granules);
    free(index->large);
    *index = (struct block_index){0};
}

/* The last block of [first, last] that begins at or before the address; `first` if none does. */
static uint32_t last_at_or_before(const struct snapshot_block *blocks, uint32_t first,
                                  uint32_t last, uint64_t address)
{
    while (last - first > FEW_BLOCKS) {
        uint32_t middle = first + (last - first) / 2;
        if (blocks[middle].address <= address)
            first = middle;
        else
            last = middle;
    }
    while (first < last && blocks[first + 1].address <= address)
        first++;
    return first;
}

static uint32_t find_large(const struct block_index *index, uint64_t address)
{
    size_t low = 0, high = index->large_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->blocks[index->large[middle]].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return SNAPSHOT_NONE;
    const struct snapshot_block *block = &index->blocks[index->large[low - 1]];
    return address - block->address < block->bytes ? index->large[low - 1] : SNAPSHOT_NONE;
}

uint32_t block_index_find_in(const struct block_index *index, const struct index_chunk *chunk,
                             uint64_t address)
{
    if (chunk->key_plus_1 != 0) {
        uint32_t granule = block_index_granule(chunk, address);
        uint32_t at = last_at_or_before(index->blocks, index->granules[granule],
                                        index->granules[granule + 1], address);
        const struct snapshot_block *block = &index->blocks[at];
        if (address >= block->address && address < reach_of(block))
            return at;
    }
    return index->large_count > 0 ? find_large(index, address) : SNAPSHOT_NONE;
}

uint32_t block_index_find(const struct block_index *index, uint64_t address)
{
    if (address < index->low || address >= index->high)
        return SNAPSHOT_NONE;
    return block_index_find_in(index, block_index_chunk(index, address), address);
}
