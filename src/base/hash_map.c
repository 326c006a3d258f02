#include "base/hash_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Linear probing at a load of at most 3/4. Removal shifts later entries of the same run back, so
 * there are no tombstones and a table under steady churn never degrades. */

enum {
    FIRST_CAPACITY = 16
};

/* The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
 * 2014), a bijection. */
uint64_t hash_mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

/* A word at a time, each folded in by a 64x64->128 bit product. */
static uint64_t fold_word(uint64_t state, uint64_t word)
{
    unsigned __int128 product = (unsigned __int128)(state ^ word ^ 0x9e3779b97f4a7c15u) *
                                0xd6e8feb86659fd93u;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *bytes, size_t count, uint64_t seed)
{
    const uint8_t *at = bytes;
    uint64_t state = hash_mix(seed ^ count);
    size_t left = count;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = fold_word(state, word);
    }
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, at, left);
        state = fold_word(state, word);
    }
    return hash_mix(state);
}

static bool is_too_full(size_t count, size_t capacity)
{
    return count >= capacity - capacity / 4;
}

void hash_map_init(struct hash_map *map)
{
    *map = (struct hash_map){0};
}

void hash_map_clear(struct hash_map *map)
{
    free(map->entries);
    free(map->is_used);
    hash_map_init(map);
}

/* The place of the key, or the free place where it would go. The map has room. */
static size_t map_place(const struct hash_map *map, uint64_t key)
{
    size_t mask = map->capacity - 1;
    size_t place = hash_mix(key) & mask;
    while (map->is_used[place] && map->entries[place].key != key)
        place = (place + 1) & mask;
    return place;
}

static void map_grow(struct hash_map *map)
{
    struct hash_map old = *map;
    map->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    map->entries = memory_resize(NULL, map->capacity, sizeof *map->entries);
    map->is_used = memory_allocate_zeroed(map->capacity, 1);
    for (size_t i = 0; i < old.capacity; i++) {
        if (!old.is_used[i])
            continue;
        size_t place = map_place(map, old.entries[i].key);
        map->is_used[place] = 1;
        map->entries[place] = old.entries[i];
    }
    free(old.entries);
    free(old.is_used);
}

uint64_t *hash_map_find(const struct hash_map *map, uint64_t key)
{
    if (map->count == 0)
        return NULL;
    size_t place = map_place(map, key);
    return map->is_used[place] ? &map->entries[place].value : NULL;
}

uint64_t *hash_map_put(struct hash_map *map, uint64_t key, bool *is_new)
{
    uint64_t *found = hash_map_find(map, key);
    if (is_new)
        *is_new = !found;
    if (found)
        return found;
    if (is_too_full(map->count, map->capacity))
        map_grow(map);
    size_t place = map_place(map, key);
    map->is_used[place] = 1;
    map->entries[place] = (struct hash_map_entry){.key = key};
    map->count++;
    return &map->entries[place].value;
}

/* Moves back each entry behind the hole whose home is not between the hole and itself: Knuth, The
 * Art of Computer Programming 3, 6.4, algorithm R. */
static void close_hole(struct hash_map *map, size_t hole)
{
    size_t mask = map->capacity - 1;
    for (size_t at = (hole + 1) & mask; map->is_used[at]; at = (at + 1) & mask) {
        size_t home = hash_mix(map->entries[at].key) & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        map->entries[hole] = map->entries[at];
        hole = at;
    }
    map->is_used[hole] = 0;
}

bool hash_map_remove(struct hash_map *map, uint64_t key, uint64_t *value)
{
    if (map->count == 0)
        return false;
    size_t place = map_place(map, key);
    if (!map->is_used[place])
        return false;
    if (value)
        *value = map->entries[place].value;
    close_hole(map, place);
    map->count--;
    return true;
}

const struct hash_map_entry *hash_map_next(const struct hash_map *map, size_t *position)
{
    while (*position < map->capacity) {
        size_t place = (*position)++;
        if (map->is_used[place])
            return &map->entries[place];
    }
    return NULL;
}

void hash_index_init(struct hash_index *index)
{
    *index = (struct hash_index){0};
}

void hash_index_clear(struct hash_index *index)
{
    free(index->slots);
    hash_index_init(index);
}

/* Both halves count, also for a caller whose hash is weak in one of them. */
static uint32_t short_hash(uint64_t hash)
{
    return (uint32_t)(hash ^ (hash >> 32));
}

static void index_place(struct hash_index *index, uint32_t hash, uint32_t position_plus_1)
{
    size_t mask = index->capacity - 1;
    size_t place = hash_mix(hash) & mask;
    while (index->slots[place].position_plus_1 != 0)
        place = (place + 1) & mask;
    index->slots[place] = (struct hash_index_slot){position_plus_1, hash};
}

static void index_grow(struct hash_index *index)
{
    struct hash_index old = *index;
    index->capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    index->slots = memory_allocate_zeroed_large(index->capacity, sizeof *index->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].position_plus_1 != 0)
            index_place(index, old.slots[i].hash, old.slots[i].position_plus_1);
    free(old.slots);
}

uint32_t hash_index_find(const struct hash_index *index, uint64_t hash, const void *key,
                         hash_index_equals equals, const void *context)
{
    if (index->count == 0)
        return HASH_INDEX_NONE;
    uint32_t wanted = short_hash(hash);
    size_t mask = index->capacity - 1;
    size_t place = hash_mix(wanted) & mask;
    for (struct hash_index_slot slot; (slot = index->slots[place]).position_plus_1 != 0;
         place = (place + 1) & mask)
        if (slot.hash == wanted && equals(context, slot.position_plus_1 - 1, key))
            return slot.position_plus_1 - 1;
    return HASH_INDEX_NONE;
}

void hash_index_add(struct hash_index *index, uint64_t hash, uint32_t position)
{
    if (is_too_full(index->count, index->capacity))
        index_grow(index);
    index_place(index, short_hash(hash), position + 1);
    index->count++;
}
