/* Finds the record that a later one replaces, by its key.
 *
 * As long as the keys of a table come in ascending order, as a compacted recording has them, none
 * can come twice and they are only noted; the first that does not ascend makes a hash map of them
 * all. */
#ifndef SEEP_ANALYSIS_KEY_TABLE_H
#define SEEP_ANALYSIS_KEY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"

struct key_table {
    uint64_t *keys; /* by position */
    size_t count, capacity;
    struct hash_map positions;
    bool is_indexed;
};

/* Empties it; a zeroed struct is an empty table. */
void key_table_clear(struct key_table *table);

/* The key's position; a new one gets the next. */
size_t key_table_find(struct key_table *table, uint64_t key, bool *is_new);
bool key_table_has(const struct key_table *table, uint64_t key);

#endif
