#include "analysis/key_table.h"

#include <stdlib.h>

#include "base/memory.h"

void key_table_clear(struct key_table *table)
{
    free(table->keys);
    hash_map_clear(&table->positions);
    *table = (struct key_table){0};
}

size_t key_table_find(struct key_table *table, uint64_t key, bool *is_new)
{
    *is_new = true;
    if (!table->is_indexed && table->count && key <= table->keys[table->count - 1]) {
        table->is_indexed = true;
        for (size_t i = 0; i < table->count; i++)
            *hash_map_put(&table->positions, table->keys[i], NULL) = i;
    }
    if (table->is_indexed) {
        uint64_t *position = hash_map_put(&table->positions, key, is_new);
        if (!*is_new)
            return (size_t)*position;
        *position = table->count;
    }
    table->keys = memory_grow(table->keys, &table->capacity, table->count + 1, sizeof *table->keys);
    table->keys[table->count] = key;
    return table->count++;
}

bool key_table_has(const struct key_table *table, uint64_t key)
{
    if (table->is_indexed)
        return hash_map_find(&table->positions, key) != NULL;
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < table->count && table->keys[low] == key;
}
