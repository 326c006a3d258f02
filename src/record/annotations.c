#include "record/annotations.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    MAX_REGIONS = 1 << 16
};

void annotations_clear(struct annotations *annotations)
{
    hash_map_clear(&annotations->ignored);
    free(annotations->regions);
    *annotations = (struct annotations){0};
}

void annotations_copy(struct annotations *to, const struct annotations *from)
{
    const struct hash_map_entry *entry;
    for (size_t position = 0; (entry = hash_map_next(&from->ignored, &position)) != NULL;)
        annotations_ignore(to, entry->key, entry->value);
    for (size_t i = 0; i < from->region_count; i++)
        annotations_add_region(to, from->regions[i].start,
                               from->regions[i].end - from->regions[i].start);
}

void annotations_ignore(struct annotations *annotations, uint64_t address, uint64_t time_ns)
{
    *hash_map_put(&annotations->ignored, address, NULL) = time_ns;
}

/* ---- regions ---------------------------------------------------------------------------- */

void annotations_add_region(struct annotations *annotations, uint64_t start, uint64_t bytes)
{
    if (bytes == 0 || start + bytes < start || annotations->region_count >= MAX_REGIONS)
        return;
    annotations->regions = memory_grow(annotations->regions, &annotations->region_capacity,
                                       annotations->region_count + 1, sizeof *annotations->regions);
    annotations->regions[annotations->region_count++] = (struct address_range){start,
                                                                               start + bytes};
}

void annotations_remove_region(struct annotations *annotations, uint64_t start, uint64_t bytes)
{
    for (size_t i = annotations->region_count; i-- > 0;) {
        const struct address_range *region = &annotations->regions[i];
        if (region->start != start || region->end - region->start != bytes)
            continue;
        memmove(&annotations->regions[i], &annotations->regions[i + 1],
                (--annotations->region_count - i) * sizeof *region);
        return;
    }
}

/* ---- blocks ----------------------------------------------------------------------------- */

/* The block that holds the address; NULL = none. */
static struct snapshot_block *find_block(struct snapshot_block *blocks, size_t count,
                                         uint64_t address)
{
    size_t low = 0, high = count;
    while (low < high) { /* the first block that begins behind the address */
        size_t middle = low + (high - low) / 2;
        if (blocks[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    struct snapshot_block *block = &blocks[low - 1];
    uint64_t extent = block->bytes != 0 ? block->bytes : 1;
    return address - block->address < extent ? block : NULL;
}

void annotations_flag_blocks(struct annotations *annotations, struct snapshot_block *blocks,
                             size_t count)
{
    const struct hash_map_entry *entry;
    struct hash_map kept = {0};
    for (size_t position = 0; (entry = hash_map_next(&annotations->ignored, &position)) != NULL;) {
        struct snapshot_block *block = find_block(blocks, count, entry->key);
        if (block == NULL || block->birth_ns > entry->value)
            continue;
        block->flags |= SNAPSHOT_BLOCK_IGNORED;
        *hash_map_put(&kept, entry->key, NULL) = entry->value;
    }
    hash_map_clear(&annotations->ignored);
    annotations->ignored = kept;
}
