/* The formats are those of Objects/obmalloc.c: struct arena_object and struct pool_header, 48 bytes
 * each in all versions. Blocks that are free stand in a chain that begins in the pool's head; what
 * was never handed out lies behind `nextoffset` and is in no chain. A thread that was stopped while
 * it took or gave back a block may have done one half of it: such a pool counts as torn. */
#include "runtimes/cpython/obmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/cpython/arena_search.h"

enum {
    POOL_HEAD_BYTES = 48,
    POOL_BYTES_MAX = 16384,
    WORD_BITS = 64,
    STARTS_MOST = 1 << 22, /* stretches that arenas lie within, to be found by a table */
    INVERSE_BITS = 16,
    POOL_WORDS_MAX = POOL_BYTES_MAX / OBMALLOC_ALIGNMENT / WORD_BITS
};

struct pool_head {
    uint32_t live_count;
    uint32_t padding;
    uint64_t free_block;
    uint64_t next_pool, previous_pool;
    uint32_t arena;
    uint32_t size_class;
    uint32_t next_offset, most_offset;
};

_Static_assert(sizeof(struct pool_head) == POOL_HEAD_BYTES, "as in all versions");

static uint32_t add_words(struct obmalloc *heap, size_t count)
{
    size_t first = heap->word_count;
    heap->live_bits = memory_grow(heap->live_bits, &heap->word_capacity, first + count,
                                  sizeof *heap->live_bits);
    heap->ranks = memory_grow(heap->ranks, &heap->rank_capacity, first + count,
                              sizeof *heap->ranks);
    memset(heap->live_bits + first, 0, count * sizeof *heap->live_bits);
    heap->word_count += count;
    return (uint32_t)first;
}

/* Takes the bits of the free chain away; returns how many blocks were in it. */
static uint32_t take_free(struct obmalloc *heap, const struct obmalloc_pool *pool,
                          const uint8_t *bytes, uint64_t address, uint64_t free_block)
{
    uint64_t *bits = heap->live_bits + pool->first_word;
    uint32_t count = 0;
    while (free_block != 0 && count < pool->carved_count) {
        uint64_t offset = free_block - address;
        if (free_block < address + POOL_HEAD_BYTES || offset >= heap->pool_bytes ||
            (offset - POOL_HEAD_BYTES) % pool->block_bytes != 0)
            break;
        uint64_t position = (offset - POOL_HEAD_BYTES) / pool->block_bytes;
        uint64_t bit = UINT64_C(1) << (position % WORD_BITS);
        if (position >= pool->carved_count || !(bits[position / WORD_BITS] & bit))
            break;
        bits[position / WORD_BITS] &= ~bit;
        memcpy(&free_block, bytes + offset, sizeof free_block);
        count++;
    }
    return count;
}

static void set_bits(uint64_t *bits, uint32_t count)
{
    for (uint32_t i = 0; i < count / WORD_BITS; i++)
        bits[i] = UINT64_MAX;
    if (count % WORD_BITS != 0)
        bits[count / WORD_BITS] = (UINT64_C(1) << (count % WORD_BITS)) - 1;
}

/* Bits set, without an instruction that not every processor has. */
static unsigned count_bits(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

static void set_ranks(struct obmalloc *heap, const struct obmalloc_pool *pool)
{
    unsigned before = 0;
    for (uint32_t i = 0; i * WORD_BITS < pool->carved_count; i++) {
        heap->ranks[pool->first_word + i] = (uint16_t)before;
        before += count_bits(heap->live_bits[pool->first_word + i]);
    }
}

/* What cannot be is torn, and holds nothing. */
static bool is_head_sane(const struct obmalloc *heap, const struct pool_head *head)
{
    return head->size_class < OBMALLOC_CLASSES && head->next_offset >= POOL_HEAD_BYTES &&
           head->next_offset <= heap->pool_bytes + OBMALLOC_CLASSES * OBMALLOC_ALIGNMENT &&
           (head->next_offset - POOL_HEAD_BYTES) % ((head->size_class + 1) * OBMALLOC_ALIGNMENT) ==
               0;
}

static void read_used_pool(struct obmalloc *heap, struct obmalloc_arena *arena,
                           struct obmalloc_pool *pool, const struct pool_head *head,
                           const uint8_t *bytes, uint64_t address)
{
    uint32_t block_bytes = (head->size_class + 1) * OBMALLOC_ALIGNMENT;
    uint32_t room = (uint32_t)(heap->pool_bytes - POOL_HEAD_BYTES) / block_bytes;
    uint32_t carved = (head->next_offset - POOL_HEAD_BYTES) / block_bytes;
    if (carved > room)
        carved = room;
    pool->block_bytes = (uint16_t)block_bytes;
    pool->carved_count = (uint16_t)carved;
    pool->first_word = add_words(heap, (carved + WORD_BITS - 1) / WORD_BITS);
    set_bits(heap->live_bits + pool->first_word, carved);
    uint32_t live = carved - take_free(heap, pool, bytes, address, head->free_block);
    set_ranks(heap, pool);
    heap->torn_pools += live != head->live_count;
    struct obmalloc_class *class = &heap->classes[head->size_class];
    class->pools++;
    class->used_blocks += live;
    class->free_blocks += room - live;
    arena->live_blocks += live;
    arena->live_bytes += (uint64_t)live * block_bytes;
    arena->used_pools++;
    heap->block_count += live;
    heap->live_bytes += (uint64_t)live * block_bytes;
    heap->partly_free_bytes += (uint64_t)(room - live) * block_bytes;
    heap->overhead_bytes += heap->pool_bytes - (uint64_t)room * block_bytes;
}

static void read_pool(struct obmalloc *heap, struct obmalloc_arena *arena,
                      const struct cpython *python, uint64_t address)
{
    uint8_t bytes[POOL_BYTES_MAX];
    struct pool_head head = {0};
    heap->pools = memory_grow(heap->pools, &heap->pool_capacity, heap->pool_count + 1,
                              sizeof *heap->pools);
    struct obmalloc_pool *pool = &heap->pools[heap->pool_count++];
    *pool = (struct obmalloc_pool){.first_block = heap->block_count,
                                   .arena = (uint32_t)(arena - heap->arenas)};
    if (!memory_view_read(python->view, address, &head, sizeof head)) {
        heap->torn_pools++;
        return;
    }
    if (head.live_count == 0) {
        heap->free_pool_bytes += heap->pool_bytes;
        return;
    }
    if (!is_head_sane(heap, &head) ||
        !memory_view_read(python->view, address, bytes, heap->pool_bytes)) {
        heap->torn_pools++;
        return;
    }
    read_used_pool(heap, arena, pool, &head, bytes, address);
}

static void read_arena(struct obmalloc *heap, size_t position, const struct cpython *python,
                       uint64_t pools_end)
{
    struct obmalloc_arena *arena = &heap->arenas[position];
    uint64_t end = arena->address + heap->arena_bytes;
    arena->first_pool = (uint32_t)heap->pool_count;
    arena->first_pool_address = (arena->address + heap->pool_bytes - 1) & ~(heap->pool_bytes - 1);
    if (pools_end > end || pools_end < arena->first_pool_address)
        pools_end = arena->first_pool_address;
    uint64_t address = arena->first_pool_address;
    for (; address + heap->pool_bytes <= pools_end; address += heap->pool_bytes) {
        read_pool(heap, arena, python, address);
        arena->pool_count++;
    }
    /* The first piece is not aligned, and then the last one is too short for a pool. */
    uint64_t odd = arena->first_pool_address - arena->address;
    uint64_t usable = (heap->arena_bytes - odd) / heap->pool_bytes * heap->pool_bytes;
    heap->overhead_bytes += heap->arena_bytes - usable;
    heap->free_pool_bytes += usable - (address - arena->first_pool_address);
}

static int compare_entries(const void *left, const void *right)
{
    const struct arena_entry *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

/* `list` is sorted. */
static void prepare_starts(struct obmalloc *heap, const struct arena_list *list)
{
    uint64_t first = list->items[0].address >> heap->arena_bits;
    uint64_t count = (list->items[list->count - 1].address >> heap->arena_bits) - first + 1;
    if (count > STARTS_MOST)
        return;
    heap->starts = memory_allocate_zeroed(count, sizeof *heap->starts);
    heap->first_start = first;
    heap->start_count = count;
}

/* Arenas are as large as what the index is cut into: of each piece, at most one begins in it. */
static void add_start(struct obmalloc *heap, uint32_t position)
{
    uint64_t start = heap->arenas[position].address >> heap->arena_bits;
    if (heap->starts != NULL)
        heap->starts[start - heap->first_start] = position + 1;
    else
        *hash_map_put(&heap->arena_index, start, NULL) = position + 1;
}

bool obmalloc_read(struct obmalloc *heap, const struct cpython *python, char *reason,
                   size_t reason_bytes)
{
    struct arena_list list = {0};
    *heap = (struct obmalloc){0};
    arena_search_sizes(python, &heap->arena_bytes, &heap->pool_bytes);
    heap->arena_bits = (unsigned)__builtin_ctzll(heap->arena_bytes);
    heap->pool_bits = (unsigned)__builtin_ctzll(heap->pool_bytes);
    if (!arena_search(python, &list)) {
        snprintf(reason, reason_bytes,
                 "it has no arenas, as with PYTHONMALLOC=malloc (or they cannot be found)");
        arena_list_clear(&list);
        return false;
    }
    qsort(list.items, list.count, sizeof *list.items, compare_entries);
    prepare_starts(heap, &list);
    heap->arenas = memory_allocate_zeroed(list.count, sizeof *heap->arenas);
    for (size_t i = 0; i < list.count; i++) {
        uint64_t address = list.items[i].address;
        if (i > 0 && address < list.items[i - 1].address + heap->arena_bytes)
            continue;
        heap->arenas[heap->arena_count].address = address;
        add_start(heap, (uint32_t)heap->arena_count);
        read_arena(heap, heap->arena_count++, python, list.items[i].pools_end);
    }
    arena_list_clear(&list);
    return true;
}

void obmalloc_clear(struct obmalloc *heap)
{
    free(heap->arenas);
    free(heap->pools);
    free(heap->live_bits);
    free(heap->ranks);
    free(heap->starts);
    hash_map_clear(&heap->arena_index);
    *heap = (struct obmalloc){0};
}

static inline uint32_t find_start(const struct obmalloc *heap, uint64_t stretch)
{
    if (heap->starts != NULL)
        return stretch - heap->first_start < heap->start_count
                   ? heap->starts[stretch - heap->first_start]
                   : 0;
    const uint64_t *found = hash_map_find(&heap->arena_index, stretch);
    return found == NULL ? 0 : (uint32_t)*found;
}

static inline uint32_t find_arena(const struct obmalloc *heap, uint64_t address)
{
    uint64_t stretch = address >> heap->arena_bits;
    uint32_t here = find_start(heap, stretch);
    if (here == 0 || address < heap->arenas[here - 1].address) {
        here = find_start(heap, stretch - 1);
        if (here == 0 || address - heap->arenas[here - 1].address >= heap->arena_bytes)
            return OBMALLOC_NONE;
    }
    return here - 1;
}

bool obmalloc_is_arena(const struct obmalloc *heap, uint64_t address)
{
    return find_arena(heap, address) != OBMALLOC_NONE;
}

static const struct obmalloc_pool *find_pool(const struct obmalloc *heap, uint32_t position,
                                             uint64_t address, uint64_t *pool_address)
{
    const struct obmalloc_arena *arena = &heap->arenas[position];
    uint64_t number = (address - arena->first_pool_address) >> heap->pool_bits;
    if (address < arena->first_pool_address || number >= arena->pool_count)
        return NULL;
    *pool_address = arena->first_pool_address + (number << heap->pool_bits);
    return &heap->pools[arena->first_pool + number];
}

/* offset / block_bytes, of an offset within a pool: exact, since it counts less than 1024 units of
 * alignment, and the inverse is too large by less than one 32nd of what would make one more. */
static uint64_t slot_of(uint64_t offset, uint32_t block_bytes)
{
    static const uint32_t inverses[OBMALLOC_CLASSES + 1] = {
#define INVERSE(units) ((UINT32_C(1) << INVERSE_BITS) + (units)-1) / (units)
        0,           INVERSE(1),  INVERSE(2),  INVERSE(3),  INVERSE(4),  INVERSE(5),  INVERSE(6),
        INVERSE(7),  INVERSE(8),  INVERSE(9),  INVERSE(10), INVERSE(11), INVERSE(12), INVERSE(13),
        INVERSE(14), INVERSE(15), INVERSE(16), INVERSE(17), INVERSE(18), INVERSE(19), INVERSE(20),
        INVERSE(21), INVERSE(22), INVERSE(23), INVERSE(24), INVERSE(25), INVERSE(26), INVERSE(27),
        INVERSE(28), INVERSE(29), INVERSE(30), INVERSE(31), INVERSE(32),
#undef INVERSE
    };
    return offset / OBMALLOC_ALIGNMENT * inverses[block_bytes / OBMALLOC_ALIGNMENT] >> INVERSE_BITS;
}

bool obmalloc_find(const struct obmalloc *heap, uint64_t address, struct obmalloc_block *block)
{
    uint64_t pool_address;
    uint32_t position = find_arena(heap, address);
    if (position == OBMALLOC_NONE)
        return false;
    const struct obmalloc_pool *pool = find_pool(heap, position, address, &pool_address);
    if (pool == NULL || pool->block_bytes == 0 || address < pool_address + POOL_HEAD_BYTES)
        return false;
    uint64_t start = pool_address + POOL_HEAD_BYTES;
    uint64_t slot = slot_of(address - start, pool->block_bytes);
    if (slot >= pool->carved_count)
        return false;
    uint64_t word = pool->first_word + slot / WORD_BITS, bits = heap->live_bits[word];
    if (!(bits >> slot % WORD_BITS & 1))
        return false;
    uint64_t before = bits & ((UINT64_C(1) << slot % WORD_BITS) - 1);
    *block = (struct obmalloc_block){.address = start + slot * pool->block_bytes,
                                     .position = pool->first_block + heap->ranks[word] +
                                                 count_bits(before),
                                     .bytes = pool->block_bytes,
                                     .arena = position};
    return true;
}

uint32_t obmalloc_block_bytes(const struct obmalloc *heap, uint32_t arena, uint64_t address)
{
    uint64_t pool_address;
    const struct obmalloc_pool *pool = find_pool(heap, arena, address, &pool_address);
    return pool == NULL ? 0 : pool->block_bytes;
}

static void visit_pool(const struct obmalloc *heap, const struct obmalloc_pool *pool,
                       uint64_t address, obmalloc_visit visit, void *context)
{
    struct obmalloc_block block = {
        .position = pool->first_block, .bytes = pool->block_bytes, .arena = pool->arena};
    for (uint32_t word = 0; word * WORD_BITS < pool->carved_count; word++) {
        uint64_t bits = heap->live_bits[pool->first_word + word];
        for (; bits != 0; bits &= bits - 1) {
            uint64_t slot = word * WORD_BITS + (uint64_t)__builtin_ctzll(bits);
            block.address = address + POOL_HEAD_BYTES + slot * pool->block_bytes;
            visit(context, &block);
            block.position++;
        }
    }
}

void obmalloc_visit_blocks(const struct obmalloc *heap, obmalloc_visit visit, void *context)
{
    obmalloc_visit_arenas(heap, 0, heap->arena_count, visit, context);
}

void obmalloc_visit_arenas(const struct obmalloc *heap, size_t first, size_t end,
                           obmalloc_visit visit, void *context)
{
    for (size_t i = first; i < end; i++) {
        const struct obmalloc_arena *arena = &heap->arenas[i];
        for (uint32_t j = 0; j < arena->pool_count; j++) {
            const struct obmalloc_pool *pool = &heap->pools[arena->first_pool + j];
            if (pool->block_bytes != 0)
                visit_pool(heap, pool, arena->first_pool_address + j * heap->pool_bytes, visit,
                           context);
        }
    }
}
