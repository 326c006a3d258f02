/* Two hash tables; both use open addressing with linear probing, grow by doubling, and hash with a
 * full 64-bit mixer, so keys that are addresses or small integers are fine.
 *
 * `struct hash_map`: a uint64_t key to a uint64_t value.
 * `struct hash_index`: finds items that live in the caller's own array by their content; it stores
 * only the hash and the array position of each. */
#ifndef SEEP_BASE_HASH_MAP_H
#define SEEP_BASE_HASH_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_map_entry {
    uint64_t key;
    uint64_t value;
};

struct hash_map {
    struct hash_map_entry *entries;
    uint8_t *is_used;
    size_t count;
    size_t capacity; /* a power of two, or 0 */
};

/* A zeroed struct is a valid empty map. */
void hash_map_init(struct hash_map *map);
void hash_map_clear(struct hash_map *map);

/* The value's place, borrowed until the next put or remove; NULL when the key is absent. */
uint64_t *hash_map_find(const struct hash_map *map, uint64_t key);

/* Finds or inserts; a new value is 0. *is_new may be NULL. Borrowed as above. */
uint64_t *hash_map_put(struct hash_map *map, uint64_t key, bool *is_new);

/* Returns whether the key was there; *value (may be NULL) is what it held. */
bool hash_map_remove(struct hash_map *map, uint64_t key, uint64_t *value);

/* Iteration in unspecified order: start with *position = 0; NULL at the end. The map must not
 * change meanwhile. */
const struct hash_map_entry *hash_map_next(const struct hash_map *map, size_t *position);

#define HASH_INDEX_NONE UINT32_MAX

struct hash_index_slot {
    uint32_t position_plus_1; /* in the caller's array; 0 = empty */
    uint32_t hash;
};

struct hash_index {
    struct hash_index_slot *slots;
    size_t count;
    size_t capacity;
};

/* Is the caller's item at `position` equal to `key`? */
typedef bool (*hash_index_equals)(const void *context, uint32_t position, const void *key);

void hash_index_init(struct hash_index *index);
void hash_index_clear(struct hash_index *index);

/* The position of the equal item, or HASH_INDEX_NONE. */
uint32_t hash_index_find(const struct hash_index *index, uint64_t hash, const void *key,
                         hash_index_equals equals, const void *context);

/* Adds a position that find did not find. */
void hash_index_add(struct hash_index *index, uint64_t hash, uint32_t position);

/* Mixers: all 64 bits of the result depend on all input bits. The second hashes bytes
 * (deterministic, not keyed; the values are not stored in files). */
uint64_t hash_mix(uint64_t value);
uint64_t hash_bytes(const void *bytes, size_t count, uint64_t seed);

#endif
