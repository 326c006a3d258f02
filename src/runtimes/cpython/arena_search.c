/* Since 3.12 an interpreter says where its array of arenas is. Before, it is a static variable that
 * a stripped file does not name: it is found by what it points to. An arena's entry holds six
 * words: an address, which is a multiple of the page size and mapped as far as an arena is long;
 * the end of what was cut into pools, within; how many pools are free and how many there are, the
 * former no more than the latter, the latter as many as fit; and links. The first pool of an arena
 * names the entry by its position. No other word in the variables of the interpreter points to
 * something of this shape; beside it stands the length of the array, a power of two. */
#include "runtimes/cpython/arena_search.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/mapping_search.h"

enum {
    PAGE_BYTES = 4096,
    ENTRIES_MAX = 1 << 22, /* 4 TiB of arenas */
    ENTRIES_LEAST = 16,
    LENGTH_WORDS_AROUND = 4,
    OLD_ARENA_BITS = 18, /* up to 3.9 */
    OLD_POOL_BITS = 12,
    ARENA_BITS = 20,
    POOL_BITS = 14,
    POOL_ARENA = 32,       /* in a pool's head: the position of its arena */
    OBMALLOC_ARENAS = 512, /* in struct _obmalloc_state */
    OBMALLOC_LENGTH = 520,
    FIRST_WITH_POINTER = 13, /* the first minor version that keeps the state apart */
    PLACES_AROUND = 1024     /* bytes */
};

/* struct arena_object, as in all versions. */
struct arena_object {
    uint64_t address;
    uint64_t pool_address; /* where the next pool will be cut */
    uint32_t free_pools;
    uint32_t total_pools;
    uint64_t free_list;
    uint64_t next, previous;
};

_Static_assert(sizeof(struct arena_object) == 48, "as in all versions");

void arena_search_sizes(const struct cpython *python, uint64_t *arena_bytes, uint64_t *pool_bytes)
{
    bool is_old = python->offsets.minor <= 9;
    *arena_bytes = UINT64_C(1) << (is_old ? OLD_ARENA_BITS : ARENA_BITS);
    *pool_bytes = UINT64_C(1) << (is_old ? OLD_POOL_BITS : POOL_BITS);
}

/* The array is in memory of malloc's. */
static bool is_writable(const struct cpython *python, uint64_t address)
{
    const struct target_mapping *mapping = mapping_search(python->mappings, address);
    return mapping != NULL && mapping->flags & TARGET_MAPPING_WRITE;
}

static bool is_readable(const struct cpython *python, uint64_t address)
{
    uint64_t word;
    return memory_view_word(python->view, address, &word);
}

/* Whose arena is there. One whose address is 0 is unused. */
static bool is_arena(const struct cpython *python, const struct arena_object *object,
                     uint64_t position)
{
    uint64_t arena_bytes, pool_bytes;
    arena_search_sizes(python, &arena_bytes, &pool_bytes);
    uint64_t most = arena_bytes / pool_bytes;
    uint64_t first_pool = (object->address + pool_bytes - 1) & ~(pool_bytes - 1);
    if (object->pool_address > first_pool &&
        memory_view_half_or_0(python->view, first_pool + POOL_ARENA) != position)
        return false;
    return object->address != 0 && object->address % PAGE_BYTES == 0 &&
           object->address < UINT64_C(1) << 47 && object->pool_address >= object->address &&
           object->pool_address <= object->address + arena_bytes &&
           object->pool_address % pool_bytes == 0 && object->total_pools >= most - 1 &&
           object->total_pools <= most && object->free_pools <= object->total_pools;
}

static void take_array(const struct cpython *python, uint64_t array, uint64_t length,
                       struct arena_list *list)
{
    for (uint64_t i = 0; i < length && i < ENTRIES_MAX; i++) {
        struct arena_object object;
        if (!memory_view_read(python->view, array + i * sizeof object, &object, sizeof object))
            return;
        if (!is_arena(python, &object, i))
            continue;
        list->items = memory_grow(list->items, &list->capacity, list->count + 1,
                                  sizeof *list->items);
        list->items[list->count++] = (struct arena_entry){object.address, object.pool_address};
    }
}

/* Arrays of arenas double. */
static bool is_length(uint32_t length)
{
    return length >= ENTRIES_LEAST && length <= ENTRIES_MAX && (length & (length - 1)) == 0;
}

static uint64_t length_beside(const struct cpython *python, uint64_t variable)
{
    uint64_t longest = 0;
    for (int i = -2 * LENGTH_WORDS_AROUND; i <= 2 * LENGTH_WORDS_AROUND; i++) {
        uint64_t address = variable + (uint64_t)(int64_t)(i * 4);
        uint32_t length = memory_view_half_or_0(python->view, address);
        bool is_in_pointer = i == 0 || i == 1;
        if (!is_in_pointer && is_length(length) && length > longest)
            longest = length;
    }
    return longest;
}

/* Do entries of arenas stand there? Those that are not used say nothing. */
static bool is_array(const struct cpython *python, uint64_t array, uint64_t length)
{
    uint64_t arena_bytes, pool_bytes, good = 0;
    arena_search_sizes(python, &arena_bytes, &pool_bytes);
    for (uint64_t i = 0; i < length && (i < ENTRIES_LEAST || good == 0); i++) {
        struct arena_object object;
        if (!memory_view_read(python->view, array + i * sizeof object, &object, sizeof object))
            return false;
        if (object.address == 0)
            continue;
        if (!is_arena(python, &object, i) || !is_readable(python, object.address) ||
            !is_readable(python, object.address + arena_bytes - sizeof(uint64_t)))
            return false;
        good++;
    }
    return good > 0;
}

/* Its array of arenas begins with one, but for entries that are not used any more. */
static bool is_state(const struct cpython *python, uint64_t state)
{
    uint64_t array = cpython_field(python, state, OBMALLOC_ARENAS);
    uint32_t length = memory_view_half_or_0(python->view, state + OBMALLOC_LENGTH);
    struct arena_object object;
    if (!cpython_is_pointer(array) || !is_length(length))
        return false;
    for (uint32_t i = 0; i < length; i++) {
        if (!memory_view_read(python->view, array + i * sizeof object, &object, sizeof object))
            return false;
        if (object.address != 0)
            return is_arena(python, &object, i);
    }
    return false;
}

/* Of an interpreter. 3.12 keeps it in itself. Later ones point to it, from a place behind what its
 * releases have changed: where it is not where it was, it is looked for. */
static uint64_t find_state(const struct cpython *python, uint64_t interpreter)
{
    uint64_t place = interpreter + python->offsets.interpreter_obmalloc;
    if (python->offsets.minor < FIRST_WITH_POINTER)
        return place;
    uint64_t named = memory_view_word_or_0(python->view, place);
    if (cpython_is_pointer(named) && is_state(python, named))
        return named;
    for (uint64_t at = place - PLACES_AROUND; at < place + PLACES_AROUND; at += 8) {
        uint64_t state = memory_view_word_or_0(python->view, at);
        if (cpython_is_pointer(state) && is_writable(python, state) && is_state(python, state))
            return state;
    }
    return 0;
}

/* Since 3.12: each interpreter's own, or one that several share. */
static void take_named(const struct cpython *python, struct arena_list *list)
{
    uint64_t seen[CPYTHON_INTERPRETERS_MAX];
    size_t seen_count = 0;
    for (size_t i = 0; i < python->interpreter_count; i++) {
        uint64_t state = find_state(python, python->interpreters[i]);
        uint64_t array = cpython_field(python, state, OBMALLOC_ARENAS);
        uint64_t length = memory_view_half_or_0(python->view, state + OBMALLOC_LENGTH);
        bool is_new = array != 0;
        for (size_t j = 0; j < seen_count; j++)
            is_new = is_new && seen[j] != array;
        if (!is_new)
            continue;
        seen[seen_count++] = array;
        take_array(python, array, length, list);
    }
}

static void take_by_shape(const struct cpython *python, struct arena_list *list)
{
    for (size_t i = 0; i < python->data_count; i++) {
        struct address_range range = python->data[i];
        for (uint64_t at = range.start & ~UINT64_C(7); at + 8 <= range.end; at += 8) {
            uint64_t array = memory_view_word_or_0(python->view, at);
            if (!cpython_is_pointer(array) || !is_writable(python, array))
                continue;
            uint64_t length = length_beside(python, at);
            if (length == 0 || !is_array(python, array, length))
                continue;
            take_array(python, array, length, list);
            return;
        }
    }
}

bool arena_search(const struct cpython *python, struct arena_list *list)
{
    if (cpython_has_field(python->offsets.interpreter_obmalloc))
        take_named(python, list);
    else
        take_by_shape(python, list);
    return list->count > 0;
}

void arena_list_clear(struct arena_list *list)
{
    free(list->items);
    *list = (struct arena_list){0};
}
