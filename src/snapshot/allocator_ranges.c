#include <string.h>

#include "base/text.h"
#include "snapshot/libc_facts.h"
#include "snapshot/root_plan.h"

/* glibc's struct malloc_state: lock and flags, up to 2.42 10 lists of small free pieces; top,
 * last_remainder; then 127 rings of free pieces, a head being two words; a map of 16 bytes, and
 * what links the arenas. A head stands for a piece whose links are the head's words, so it begins
 * 16 bytes before them; an empty ring's words both hold that address. */
enum {
    WORD_BYTES = 8,
    PAGE_BYTES = 4096,
    LINKS_OFFSET = 16,           /* of a piece of free memory */
    SEGMENT_MAX_BYTES = 1 << 20, /* that is searched */
    RINGS = 127,
    RINGS_ENOUGH = 120, /* those of a call in progress may be half changed */
    FRONT_BYTES = 16 + 10 * WORD_BYTES + 2 * WORD_BYTES,
    FRONT_BYTES_SHORT = 8 + 2 * WORD_BYTES, /* since 2.43 */
    RINGS_BYTES = RINGS * 2 * WORD_BYTES,
    BACK_BYTES = 16 + 5 * WORD_BYTES,
    NEXT_BEHIND_RINGS = 16,
    ARENAS_MOST = 4096
};

_Static_assert(ALLOCATOR_ARENA_BYTES == FRONT_BYTES + RINGS_BYTES + BACK_BYTES, "up to 2.42");
_Static_assert(ALLOCATOR_ARENA_BYTES_SHORT == FRONT_BYTES_SHORT + RINGS_BYTES + BACK_BYTES,
               "since 2.43");

#define ARENA_HEAP_BYTES (UINT64_C(64) << 20)

static bool is_ring(struct word_cache *words, uint64_t address)
{
    uint64_t links[2], back, forward;
    uint64_t head = address - LINKS_OFFSET;
    if (!word_cache_read_bytes(words, address, links, sizeof links))
        return false;
    if (links[0] == head && links[1] == head)
        return true;
    return links[0] % 16 == 0 && links[1] % 16 == 0 && links[0] != 0 && links[1] != 0 &&
           word_cache_read(words, links[0] + LINKS_OFFSET + WORD_BYTES, &back) && back == head &&
           word_cache_read(words, links[1] + LINKS_OFFSET, &forward) && forward == head;
}

/* From an empty ring, how many stand in a row with it? */
static size_t count_rings(struct word_cache *words, const struct address_range *segment,
                          uint64_t address, uint64_t *first)
{
    const uint64_t step = 2 * WORD_BYTES;
    size_t count = 1;
    *first = address;
    while (count < RINGS && *first >= segment->start + step && is_ring(words, *first - step)) {
        *first -= step;
        count++;
    }
    for (uint64_t at = address + step;
         count < RINGS && at + step <= segment->end && is_ring(words, at); at += step)
        count++;
    return count;
}

/* An empty ring among the words that were read from an address on: one that holds its own head. The
 * count when there is none. */
static size_t find_empty_ring(const uint64_t *from, size_t at, size_t count, uint64_t address)
{
    while (at < count && from[at] != address + at * WORD_BYTES - LINKS_OFFSET)
        at++;
    return at;
}

/* Arenas lead from one to the next, and the last one to the main one: does that begin so many bytes
 * before its rings? */
static bool is_front(struct word_cache *words, uint64_t rings, uint64_t bytes)
{
    uint64_t at = rings - bytes;
    for (size_t i = 0; i < ARENAS_MOST; i++)
        if (!word_cache_read(words, at + bytes + RINGS_BYTES + NEXT_BEHIND_RINGS, &at) || at == 0)
            return false;
        else if (at == rings - bytes)
            return true;
    return false;
}

/* Is the row that this empty ring stands in long enough? In any case *end is where it ends. */
static bool judge_row(struct word_cache *words, const struct address_range *segment, uint64_t ring,
                      struct address_range *arena, uint64_t *end)
{
    uint64_t first;
    size_t count = count_rings(words, segment, ring, &first);
    *end = first + (uint64_t)count * 2 * WORD_BYTES;
    if (count < RINGS_ENOUGH)
        return false;
    uint64_t front = is_front(words, first, FRONT_BYTES_SHORT) ? FRONT_BYTES_SHORT : FRONT_BYTES;
    arena->start = first - segment->start > front ? first - front : segment->start;
    arena->end = segment->end - *end > BACK_BYTES ? *end + BACK_BYTES : segment->end;
    return true;
}

/* Nearly all words are looked at once and never again, so they are read in stretches. */
bool allocator_find_main_arena(struct word_cache *words, const struct address_range *segment,
                               struct address_range *arena)
{
    uint64_t limit = segment->end - segment->start < SEGMENT_MAX_BYTES
                         ? segment->end
                         : segment->start + SEGMENT_MAX_BYTES;
    uint64_t at = (segment->start + 7) & ~UINT64_C(7), row_end = at, bytes;
    for (; at + 2 * WORD_BYTES <= limit; at += bytes) {
        uint64_t stretch[PAGE_BYTES / WORD_BYTES];
        bytes = PAGE_BYTES - at % PAGE_BYTES;
        if (bytes > limit - at)
            bytes = (limit - at) & ~UINT64_C(7);
        size_t count = word_cache_read_bytes(words, at, stretch, bytes) ? bytes / WORD_BYTES : 0;
        for (size_t i = 0; (i = find_empty_ring(stretch, i, count, at)) < count; i++) {
            uint64_t ring = at + i * WORD_BYTES;
            if (ring >= row_end && is_ring(words, ring) &&
                judge_row(words, segment, ring, arena, &row_end))
                return true;
        }
    }
    return false;
}

bool allocator_is_main_arena(struct word_cache *words, const struct address_range *arena)
{
    size_t count = 0;
    uint64_t bytes = arena->end - arena->start;
    if (bytes != ALLOCATOR_ARENA_BYTES && bytes != ALLOCATOR_ARENA_BYTES_SHORT)
        return false;
    uint64_t rings = arena->end - BACK_BYTES - RINGS_BYTES;
    for (size_t i = 0; i < RINGS; i++)
        count += is_ring(words, rings + i * 2 * WORD_BYTES);
    return count >= RINGS_ENOUGH;
}

bool allocator_is_libc(const struct target_module *module)
{
    const char *name = text_file_name(module->path);
    return text_starts_with(name, "libc.so") || text_starts_with(name, "libc-2");
}

bool allocator_find_in_libc(struct word_cache *words, const struct target_module *module,
                            const struct address_range *segment, struct libc_facts *facts,
                            struct address_range *arena)
{
    struct libc_build *build = libc_facts_find(facts, module);
    if (build == NULL)
        return allocator_find_main_arena(words, segment, arena);
    if (build->arena.end == 0) {
        bool is_found = allocator_find_main_arena(words, segment, arena);
        if (is_found && allocator_is_main_arena(words, arena))
            build->arena = (struct address_range){arena->start - module->bias,
                                                  arena->end - module->bias};
        return is_found;
    }
    *arena = (struct address_range){module->bias + build->arena.start,
                                    module->bias + build->arena.end};
    return arena->start >= segment->start && arena->end <= segment->end &&
           allocator_is_main_arena(words, arena);
}

bool allocator_locate_main_arena(struct word_cache *words, const struct target_modules *modules,
                                 struct libc_facts *facts, struct address_range *arena)
{
    for (size_t i = 0; i < modules->count; i++) {
        const struct target_module *module = &modules->items[i];
        for (size_t j = 0; allocator_is_libc(module) && j < module->writable_count; j++)
            if (allocator_find_in_libc(words, module, &module->writable[j], facts, arena) &&
                allocator_is_main_arena(words, arena))
                return true;
    }
    return false;
}

/* struct heap_info: arena, heap before it, size, size that is accessible. The arena itself stands
 * in the first heap, right behind the head. */
bool allocator_is_arena_heap(struct word_cache *words, const struct target_mapping *mapping)
{
    uint64_t head[3];
    if (mapping->start % ARENA_HEAP_BYTES != 0 ||
        !word_cache_read_bytes(words, mapping->start, head, sizeof head))
        return false;
    uint64_t offset = head[0] % ARENA_HEAP_BYTES;
    bool is_first = head[0] - offset == mapping->start && head[1] == 0;
    bool is_further = head[1] != 0 && head[1] % ARENA_HEAP_BYTES == 0;
    return offset > 0 && offset <= 128 && (is_first || is_further) && head[2] > 0 &&
           head[2] % PAGE_BYTES == 0 && head[2] <= ARENA_HEAP_BYTES;
}
