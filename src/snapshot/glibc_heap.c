#include "snapshot/glibc_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/mapping_search.h"
#include "snapshot/root_plan.h"

enum {
    WORD_BYTES = 8,
    PAGE_BYTES = 4096,
    PAGE_BITS = 12,
    ALIGNMENT = 16,
    LINKS_OFFSET = 16, /* of a chunk, where the contents of one in use begin */
    SIZE_OFFSET = 8,
    CHUNK_MIN_BYTES = 32,
    SMALL_LISTS = 10,
    ARENAS_MAX = 4096,
    HEAPS_MAX = 1 << 16, /* of an arena */
    CACHE_BINS_MAX = 80,
    LIST_MAX = 1 << 24,  /* chunks in one list */
    LINKS_MAX = 1 << 23, /* first words that are kept */
    CACHED_MAX_BYTES =
        0x420, /* of chunks in caches, as glibc is set up; else only their lists tell */
    WINDOW_BYTES = 32768
};

/* Of struct malloc_state, up to 2.42; since 2.43 there are no lists of small ones, and what follows
 * stands so much nearer to its beginning. */
enum {
    SMALL_OFFSET = 16,
    TOP_OFFSET = 96,
    NEXT_OFFSET = 2160
};

static uint64_t missing_bytes(const struct glibc_heap *heap)
{
    return ALLOCATOR_ARENA_BYTES - heap->arena_bytes;
}

static uint64_t next_arena(const struct glibc_heap *heap, uint64_t arena)
{
    return arena + NEXT_OFFSET - missing_bytes(heap);
}

#define SIZE_FLAGS       UINT64_C(7)
#define PREVIOUS_IN_USE  UINT64_C(1)
#define IS_MAPPED        UINT64_C(2)
#define IS_OF_THREADS    UINT64_C(4)
#define ARENA_HEAP_BYTES (UINT64_C(64) << 20)

/* ---- reading chunk after chunk ---- */

/* A part of the heap that was read at once. */
struct window {
    const struct target_memory *memory;
    uint64_t start;
    size_t count;
    uint8_t bytes[WINDOW_BYTES];
};

/* The chunk's size, and the word behind it, which is 0 where the region ends. */
static bool read_head(struct window *window, uint64_t chunk, uint64_t limit, uint64_t words[2])
{
    uint64_t at = chunk + SIZE_OFFSET;
    size_t count = limit - at >= 2 * WORD_BYTES ? 2 * WORD_BYTES : WORD_BYTES;
    if (at < window->start || at + count > window->start + window->count) {
        size_t wanted = limit - chunk < WINDOW_BYTES ? (size_t)(limit - chunk) : WINDOW_BYTES;
        window->start = chunk;
        window->count = window->memory->read(window->memory->context, chunk, window->bytes, wanted);
        if (window->count < SIZE_OFFSET + count)
            return false;
    }
    words[1] = 0;
    memcpy(words, window->bytes + (at - window->start), count);
    return true;
}

static bool is_chunk_size(uint64_t bytes)
{
    return bytes >= CHUNK_MIN_BYTES && bytes % ALIGNMENT == 0;
}

/* ---- chunks by address ---- */

static void add_chunk(struct glibc_chunks *chunks, uint64_t address)
{
    chunks->items = memory_grow(chunks->items, &chunks->capacity, chunks->count + 1,
                                sizeof *chunks->items);
    chunks->items[chunks->count++] = address;
}

static int compare_addresses(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void sort_chunks(struct glibc_chunks *chunks)
{
    if (chunks->count > 0)
        qsort(chunks->items, chunks->count, sizeof *chunks->items, compare_addresses);
}

static size_t first_from(const struct glibc_chunks *chunks, uint64_t address)
{
    size_t low = 0, high = chunks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (chunks->items[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Chunks are asked for by growing addresses: where each list stands. */
struct places {
    size_t small, caches, cached;
};

static struct places places_from(const struct glibc_heap *heap, uint64_t address)
{
    return (struct places){first_from(&heap->small, address), first_from(&heap->caches, address),
                           first_from(&heap->cached, address)};
}

static bool has_chunk(const struct glibc_chunks *chunks, size_t *place, uint64_t address)
{
    while (*place < chunks->count && chunks->items[*place] < address)
        ++*place;
    return *place < chunks->count && chunks->items[*place] == address;
}

static enum glibc_chunk_state state_of(const struct glibc_heap *heap, struct places *places,
                                       uint64_t chunk, uint64_t size_behind)
{
    if (!(size_behind & PREVIOUS_IN_USE))
        return GLIBC_CHUNK_FREE;
    if (has_chunk(&heap->cached, &places->cached, chunk))
        return GLIBC_CHUNK_CACHED;
    if (has_chunk(&heap->small, &places->small, chunk))
        return GLIBC_CHUNK_SMALL;
    return has_chunk(&heap->caches, &places->caches, chunk) ? GLIBC_CHUNK_CACHE : GLIBC_CHUNK_USED;
}

/* A heap that is not its arena's last ends with a chunk of 16 bytes, where one of 32 would have no
 * room. */
static bool is_fence(const struct glibc_region *region, uint64_t chunk, uint64_t bytes)
{
    return region->top == 0 && bytes < CHUNK_MIN_BYTES && region->end - chunk <= 2 * ALIGNMENT;
}

bool glibc_heap_visit(const struct glibc_heap *heap, const struct glibc_region *region,
                      const struct target_memory *memory, glibc_chunk_visit visit, void *context)
{
    struct window *window = memory_allocate(sizeof *window);
    struct places places = places_from(heap, region->start);
    uint64_t at = region->start, head[2], behind[2];
    window->memory = memory;
    window->start = window->count = 0;
    bool is_good = at < region->end && read_head(window, at, region->end, head);
    while (is_good && at != region->top) {
        uint64_t bytes = head[0] & ~SIZE_FLAGS;
        if (is_fence(region, at, bytes))
            break;
        is_good = is_chunk_size(bytes) && bytes <= region->end - at - ALIGNMENT &&
                  !(head[0] & IS_MAPPED) && read_head(window, at + bytes, region->end, behind);
        if (!is_good)
            break;
        const struct glibc_chunk chunk = {at, bytes, state_of(heap, &places, at, behind[0]),
                                          head[1]};
        visit(context, &chunk);
        at += bytes;
        memcpy(head, behind, sizeof head);
    }
    if (is_good && region->top != 0) {
        const struct glibc_chunk top = {at, region->end - at, GLIBC_CHUNK_TOP, 0};
        visit(context, &top);
    }
    free(window);
    return is_good;
}

/* ---- regions ---- */

static bool is_in_regions(const struct glibc_heap *heap, uint64_t address)
{
    size_t low = 0, high = heap->region_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (heap->regions[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < heap->region_count && heap->regions[low].start <= address;
}

static void add_region(struct glibc_heap *heap, const struct glibc_region *region)
{
    heap->regions = memory_grow(heap->regions, &heap->region_capacity, heap->region_count + 1,
                                sizeof *heap->regions);
    heap->regions[heap->region_count++] = *region;
}

static int compare_regions(const void *left, const void *right)
{
    uint64_t a = ((const struct glibc_region *)left)->start;
    uint64_t b = ((const struct glibc_region *)right)->start;
    return (a > b) - (a < b);
}

static void sort_regions(struct glibc_heap *heap)
{
    size_t kept = 0;
    uint64_t end = 0;
    if (heap->region_count > 0)
        qsort(heap->regions, heap->region_count, sizeof *heap->regions, compare_regions);
    for (size_t i = 0; i < heap->region_count; i++)
        if (heap->regions[i].mapping_start >= end) {
            end = heap->regions[i].reserved_end;
            heap->regions[kept++] = heap->regions[i];
        }
    heap->region_count = kept;
}

/* The break's memory, in one line of maps or in several that touch. */
static bool find_break(const struct target_mappings *mappings, uint64_t top, uint64_t *start,
                       uint64_t *end)
{
    const struct target_mapping *mapping = mapping_search(mappings, top);
    if (mapping == NULL || strcmp(mapping->path, "[heap]") != 0)
        return false;
    size_t first = (size_t)(mapping - mappings->items), last = first;
    while (first > 0 && mappings->items[first - 1].end == mappings->items[first].start &&
           strcmp(mappings->items[first - 1].path, "[heap]") == 0)
        first--;
    while (last + 1 < mappings->count &&
           mappings->items[last + 1].start == mappings->items[last].end &&
           strcmp(mappings->items[last + 1].path, "[heap]") == 0)
        last++;
    *start = mappings->items[first].start;
    *end = mappings->items[last].end;
    return true;
}

static bool read_top(const struct glibc_heap *heap, const struct glibc_heap_input *input,
                     uint64_t arena, uint64_t *top, uint64_t *end)
{
    uint64_t size;
    if (!word_cache_read(input->words, arena + TOP_OFFSET - missing_bytes(heap), top) ||
        *top % ALIGNMENT != 0 || *top == 0 ||
        !word_cache_read(input->words, *top + SIZE_OFFSET, &size))
        return false;
    *end = *top + (size & ~SIZE_FLAGS);
    return *end > *top;
}

/* Before the first call of malloc the top is in the arena itself: then there is no heap yet. */
static bool add_main(struct glibc_heap *heap, const struct glibc_heap_input *input)
{
    struct glibc_region region = {0};
    uint64_t break_end;
    if (!read_top(heap, input, heap->main_arena, &region.top, &region.end) ||
        !find_break(input->mappings, region.top, &region.mapping_start, &break_end) ||
        region.end > break_end)
        return false;
    region.start = region.mapping_start;
    region.reserved_end = region.end;
    add_region(heap, &region);
    return true;
}

/* The heaps of an arena of threads, from the newest on: each begins with the arena's address, that
 * of the heap before it, and its size. */
static bool add_heaps(struct glibc_heap *heap, const struct glibc_heap_input *input, uint64_t arena,
                      uint32_t number)
{
    uint64_t top, end, head[3];
    uint64_t arena_offset = arena % ARENA_HEAP_BYTES;
    if (!read_top(heap, input, arena, &top, &end) || arena_offset > PAGE_BYTES)
        return false;
    uint64_t at = top & ~(ARENA_HEAP_BYTES - 1);
    for (unsigned count = 0; at != 0 && count < HEAPS_MAX; count++, at = head[1], top = 0) {
        if (!word_cache_read_bytes(input->words, at, head, sizeof head) || head[0] != arena ||
            head[1] % ARENA_HEAP_BYTES != 0 || head[2] > ARENA_HEAP_BYTES || head[2] < PAGE_BYTES)
            return count > 0;
        bool is_first = at == arena - arena_offset;
        uint64_t offset = arena_offset + (is_first ? heap->arena_bytes : 0);
        struct glibc_region region = {
            .start = at + ((offset + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1)),
            .end = top != 0 ? end : at + head[2],
            .top = top,
            .mapping_start = at,
            .reserved_end = at + ARENA_HEAP_BYTES,
            .arena = number,
        };
        if (region.end > region.reserved_end || region.start >= region.end)
            return count > 0;
        add_region(heap, &region);
    }
    return true;
}

static void add_arenas(struct glibc_heap *heap, const struct glibc_heap_input *input)
{
    uint64_t arena = heap->main_arena;
    heap->arena_count = 1;
    while (heap->arena_count < ARENAS_MAX &&
           word_cache_read(input->words, next_arena(heap, arena), &arena) &&
           arena != heap->main_arena && arena != 0) {
        if (!add_heaps(heap, input, arena, heap->arena_count))
            heap->broken_regions++;
        heap->arena_count++;
    }
}

/* ---- free chunks that look used ---- */

/* The pointer that stands at `place`, mangled or not; false: neither leads into a heap. */
static bool follow(const struct glibc_heap *heap, uint64_t place, uint64_t word, uint64_t *pointer)
{
    uint64_t plain = word ^ place >> PAGE_BITS;
    if (word == 0 || plain == 0) {
        *pointer = 0;
        return true;
    }
    *pointer = plain % ALIGNMENT == 0 && is_in_regions(heap, plain) ? plain : word;
    return *pointer % ALIGNMENT == 0 && is_in_regions(heap, *pointer);
}

/* What a first walk over all chunks found. */
struct gathering {
    struct glibc_heap *heap;
    const struct glibc_heap_input *input;
    size_t block;       /* the first that is not before the chunk */
    uint64_t first;     /* chunk of the region */
    struct link *links; /* first words of what may be in a list, by address */
    size_t link_count, link_capacity;
    struct glibc_chunks candidates; /* that may keep a cache, by their sizes */
    struct glibc_chunks firsts;     /* those that are the first of their region */
};

struct link {
    uint64_t chunk, word;
};

/* Lists lead all over the heap: their words were gathered as they passed by. */
static bool read_link(const struct gathering *gathering, uint64_t chunk, uint64_t *word)
{
    size_t low = 0, high = gathering->link_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (gathering->links[middle].chunk < chunk)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < gathering->link_count && gathering->links[low].chunk == chunk) {
        *word = gathering->links[low].word;
        return true;
    }
    return word_cache_read(gathering->input->words, chunk + LINKS_OFFSET, word);
}

/* From a chunk on; what leads to chunks stands `distance` bytes before what it points to. A list
 * that runs in a circle ends with as many as there can be: then none of it counts. */
static void take_list(const struct gathering *gathering, uint64_t at, uint64_t distance,
                      struct glibc_chunks *chunks)
{
    size_t before = chunks->count;
    size_t most = gathering->link_count < LINKS_MAX ? gathering->link_count : LIST_MAX;
    uint64_t word;
    while (at != 0) {
        uint64_t chunk = at - distance;
        if (chunks->count - before > most) {
            chunks->count = before;
            return;
        }
        add_chunk(chunks, chunk);
        if (!read_link(gathering, chunk, &word) ||
            !follow(gathering->heap, chunk + LINKS_OFFSET, word, &at))
            return;
    }
}

static void take_small(const struct gathering *gathering, uint64_t arena)
{
    uint64_t lists[SMALL_LISTS];
    if (missing_bytes(gathering->heap) != 0)
        return;
    if (!word_cache_read_bytes(gathering->input->words, arena + SMALL_OFFSET, lists, sizeof lists))
        return;
    for (size_t i = 0; i < SMALL_LISTS; i++)
        if (lists[i] % ALIGNMENT == 0 && lists[i] != 0 && is_in_regions(gathering->heap, lists[i]))
            take_list(gathering, lists[i], 0, &gathering->heap->small);
}

/* What keeps the cache of a thread, by version: numbers of chunks (since 2.42: of free places),
 * then the heads of their lists. */
static const struct cache_shape {
    uint32_t chunk_bytes;
    uint32_t number_bytes;
    uint32_t bins;
    bool are_numbers_free_places;
} cache_shapes[] = {
    {0x250, 1, 64, false}, /* 2.26 to 2.29 */
    {0x290, 2, 64, false}, /* 2.30 to 2.41 */
    {0x300, 2, 76, true},  /* 2.42 */
    {0x310, 2, 76, true},
};

/* One that is empty is known by being the first chunk of its heap. */
static bool is_cache(const struct glibc_heap *heap, const struct cache_shape *shape,
                     const uint8_t *bytes, bool is_first)
{
    bool is_used = is_first;
    for (uint32_t i = 0; i < shape->bins; i++) {
        uint64_t entry;
        uint16_t number = 0;
        memcpy(&number, bytes + (size_t)i * shape->number_bytes, shape->number_bytes);
        memcpy(&entry, bytes + (size_t)shape->bins * shape->number_bytes + i * sizeof entry,
               sizeof entry);
        if (entry % ALIGNMENT != 0 || (entry != 0 && !is_in_regions(heap, entry)) ||
            (!shape->are_numbers_free_places && (number == 0) != (entry == 0)))
            return false;
        is_used |= entry != 0;
    }
    return is_used;
}

static void look_for_cache(const struct gathering *gathering, uint64_t chunk,
                           const struct cache_shape *shape, bool is_first)
{
    uint8_t bytes[CACHE_BINS_MAX * (sizeof(uint64_t) + sizeof(uint16_t))];
    size_t numbers_bytes = (size_t)shape->bins * shape->number_bytes;
    if (!word_cache_read_bytes(gathering->input->words, chunk + LINKS_OFFSET, bytes,
                               numbers_bytes + shape->bins * sizeof(uint64_t)) ||
        !is_cache(gathering->heap, shape, bytes, is_first))
        return;
    add_chunk(&gathering->heap->caches, chunk);
    for (uint32_t bin = 0; bin < shape->bins; bin++) {
        uint64_t entry;
        memcpy(&entry, bytes + numbers_bytes + bin * sizeof entry, sizeof entry);
        if (entry != 0)
            take_list(gathering, entry, LINKS_OFFSET, &gathering->heap->cached);
    }
}

static const struct cache_shape *shape_of(uint64_t bytes)
{
    for (size_t i = 0; i < sizeof cache_shapes / sizeof *cache_shapes; i++)
        if (bytes == cache_shapes[i].chunk_bytes)
            return &cache_shapes[i];
    return NULL;
}

/* A block that is known to be live is in no list. */
static bool is_known(struct gathering *gathering, const struct glibc_chunk *chunk)
{
    const struct glibc_heap_input *input = gathering->input;
    uint64_t start = chunk->address + LINKS_OFFSET;
    while (gathering->block < input->block_count && input->blocks[gathering->block].address < start)
        gathering->block++;
    return gathering->block < input->block_count &&
           input->blocks[gathering->block].address - start < chunk->bytes - LINKS_OFFSET;
}

static void gather(void *context, const struct glibc_chunk *chunk)
{
    struct gathering *gathering = context;
    if (chunk->state != GLIBC_CHUNK_USED || chunk->bytes > CACHED_MAX_BYTES ||
        is_known(gathering, chunk))
        return;
    if (shape_of(chunk->bytes) != NULL)
        add_chunk(chunk->address == gathering->first ? &gathering->firsts : &gathering->candidates,
                  chunk->address);
    if (gathering->link_count == LINKS_MAX)
        return;
    gathering->links = memory_grow(gathering->links, &gathering->link_capacity,
                                   gathering->link_count + 1, sizeof *gathering->links);
    gathering->links[gathering->link_count++] = (struct link){chunk->address, chunk->first_word};
}

/* Regions whose sizes lead nowhere are left out. */
static void gather_all(struct gathering *gathering)
{
    struct glibc_heap *heap = gathering->heap;
    size_t kept = 0;
    for (size_t i = 0; i < heap->region_count; i++) {
        size_t link_count = gathering->link_count;
        gathering->first = heap->regions[i].start;
        if (glibc_heap_visit(heap, &heap->regions[i], gathering->input->memory, gather,
                             gathering)) {
            heap->regions[kept++] = heap->regions[i];
        } else {
            gathering->link_count = link_count;
            heap->broken_regions++;
        }
    }
    heap->region_count = kept;
}

static void look_for_caches(const struct gathering *gathering, const struct glibc_chunks *chunks,
                            bool are_first)
{
    for (size_t i = 0; i < chunks->count; i++) {
        uint64_t size;
        const struct cache_shape *shape = NULL;
        if (word_cache_read(gathering->input->words, chunks->items[i] + SIZE_OFFSET, &size))
            shape = shape_of(size & ~SIZE_FLAGS);
        if (shape != NULL)
            look_for_cache(gathering, chunks->items[i], shape, are_first);
    }
}

/* Chunks that are free, and look as if they were in use. */
static void find_lists(struct glibc_heap *heap, const struct glibc_heap_input *input)
{
    struct gathering gathering = {.heap = heap, .input = input};
    uint64_t arena = heap->main_arena;
    gather_all(&gathering);
    take_small(&gathering, arena);
    for (uint32_t i = 1; i < heap->arena_count; i++)
        if (word_cache_read(input->words, next_arena(heap, arena), &arena))
            take_small(&gathering, arena);
    look_for_caches(&gathering, &gathering.firsts, true);
    look_for_caches(&gathering, &gathering.candidates, false);
    sort_chunks(&heap->small);
    sort_chunks(&heap->caches);
    sort_chunks(&heap->cached);
    free(gathering.links);
    free(gathering.firsts.items);
    free(gathering.candidates.items);
}

/* ---- all of it ---- */

void glibc_heap_read(struct glibc_heap *heap, const struct glibc_heap_input *input)
{
    struct address_range arena;
    *heap = (struct glibc_heap){0};
    if (!allocator_locate_main_arena(input->words, input->modules, input->libc, &arena)) {
        snprintf(heap->reason, sizeof heap->reason,
                 "the heap of glibc was not found: not used, or of a version with another layout");
        return;
    }
    heap->main_arena = arena.start;
    heap->arena_bytes = arena.end - arena.start;
    bool has_main = add_main(heap, input);
    add_arenas(heap, input);
    sort_regions(heap);
    find_lists(heap, input);
    heap->is_found = heap->broken_regions == 0 && (has_main || heap->region_count > 0);
    if (!heap->is_found)
        snprintf(heap->reason, sizeof heap->reason,
                 heap->broken_regions > 0
                     ? "the heap of glibc was being changed, or is not as glibc keeps it"
                     : "the heap of glibc is empty, or not in the memory of the break");
}

void glibc_heap_clear(struct glibc_heap *heap)
{
    free(heap->regions);
    free(heap->small.items);
    free(heap->caches.items);
    free(heap->cached.items);
    *heap = (struct glibc_heap){0};
}

bool glibc_heap_is_mapped_chunk(const uint64_t head[2], uint64_t address, uint64_t limit,
                                uint64_t *bytes)
{
    uint64_t size = head[1] & ~SIZE_FLAGS;
    *bytes = size + head[0];
    return (head[1] & SIZE_FLAGS) == IS_MAPPED && head[0] < PAGE_BYTES && size >= PAGE_BYTES &&
           *bytes > size - 1 && *bytes % PAGE_BYTES == 0 && address < limit &&
           *bytes <= limit - address;
}
