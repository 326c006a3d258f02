#include "snapshot/block_shapes.h"

#include <stdlib.h>

#include "base/memory.h"
#include "snapshot/mapping_search.h"

enum {
    WORD_BYTES = 8,
    STRING_HEAD_BYTES = 24,
    TABLE_WORDS_MAX = 20, /* looked at; as memcheck does */
    TABLE_FUNCTIONS = 2,  /* that make it a table */
    KNOWN_TABLES_MIN = 64,
    KNOWN_TABLES_MAX = 4096,
    PAGE_BYTES = 4096
};

struct known_table {
    uint64_t address; /* 0 = none */
    bool is_table;
};

struct block_shapes {
    uint8_t *shapes;
    bool is_shared; /* `shapes` is another one's */
    const struct target_mappings *mappings;
    struct word_cache *words;
    struct known_table *known; /* by address; a power of two, for a small heap few */
    size_t known_count;
};

static size_t choose_known_count(size_t block_count)
{
    size_t count = KNOWN_TABLES_MIN;
    while (count < block_count && count < KNOWN_TABLES_MAX)
        count *= 2;
    return count;
}

struct block_shapes *block_shapes_create(size_t block_count, const struct target_mappings *mappings,
                                         struct word_cache *words)
{
    struct block_shapes *shapes = memory_allocate_zeroed(1, sizeof *shapes);
    shapes->shapes = memory_allocate_zeroed(block_count, 1);
    shapes->known_count = choose_known_count(block_count);
    shapes->known = memory_allocate_zeroed(shapes->known_count, sizeof *shapes->known);
    shapes->mappings = mappings;
    shapes->words = words;
    return shapes;
}

struct block_shapes *block_shapes_share(const struct block_shapes *shapes, struct word_cache *words)
{
    struct block_shapes *own = memory_duplicate(shapes, sizeof *shapes);
    own->is_shared = true;
    own->known = memory_allocate_zeroed(own->known_count, sizeof *own->known);
    own->words = words;
    return own;
}

void block_shapes_destroy(struct block_shapes *shapes)
{
    if (!shapes)
        return;
    if (!shapes->is_shared)
        free(shapes->shapes);
    free(shapes->known);
    free(shapes);
}

/* Words of a file's mapping that are 0 or point to code, two of them to code: a table of virtual
 * functions, as far as one can see. */
static bool looks_like_table(const struct block_shapes *shapes, uint64_t address)
{
    const struct target_mapping *mapping = mapping_search(shapes->mappings, address);
    if (!mapping || mapping->inode == 0 || !(mapping->flags & TARGET_MAPPING_READ))
        return false;
    unsigned functions = 0;
    for (unsigned i = 0; i < TABLE_WORDS_MAX; i++, address += WORD_BYTES) {
        uint64_t word;
        if (address + WORD_BYTES >= mapping->end || !word_cache_read(shapes->words, address, &word))
            return false;
        if (word == 0)
            continue;
        const struct target_mapping *code = mapping_search(shapes->mappings, word);
        if (!code || !(code->flags & TARGET_MAPPING_EXECUTE))
            return false;
        if (++functions == TABLE_FUNCTIONS)
            return true;
    }
    return false;
}

static bool is_table(struct block_shapes *shapes, uint64_t address)
{
    if (address % WORD_BYTES != 0 || address < PAGE_BYTES)
        return false;
    struct known_table *known =
        &shapes->known[(address >> 3 ^ address >> 15) & (shapes->known_count - 1)];
    if (known->address != address)
        *known = (struct known_table){.address = address,
                                      .is_table = looks_like_table(shapes, address)};
    return known->is_table;
}

void block_shapes_note(struct block_shapes *shapes, uint32_t position,
                       const struct snapshot_block *block, const uint64_t *words, size_t count)
{
    uint8_t shape = 0;
    uint64_t bytes = block->bytes;
    if (count < 1 || bytes < WORD_BYTES)
        return;
    if (bytes == WORD_BYTES)
        shape = words[0] == 0 ? BLOCK_SHAPE_EMPTY_ARRAY : 0;
    else if (words[0] == bytes - WORD_BYTES)
        shape |= BLOCK_SHAPE_LENGTH | BLOCK_SHAPE_ARRAY;
    else if (words[0] > 0 && words[0] <= bytes && (bytes - WORD_BYTES) % words[0] == 0)
        shape |= BLOCK_SHAPE_ARRAY;
    if (count >= 2 && words[0] <= words[1] && words[1] < bytes &&
        STRING_HEAD_BYTES + words[1] + 1 == bytes)
        shape |= BLOCK_SHAPE_STRING;
    if (words[0] >= PAGE_BYTES && is_table(shapes, words[0]))
        shape |= BLOCK_SHAPE_VIRTUAL;
    shapes->shapes[position] = shape;
}

unsigned block_shapes_judge(const struct block_shapes *shapes, uint32_t position,
                            unsigned pointer_place)
{
    uint8_t shape = shapes->shapes[position];
    if (pointer_place < POINTER_AT_8)
        return pointer_place;
    if (pointer_place == POINTER_AT_END)
        return shape & BLOCK_SHAPE_EMPTY_ARRAY ? SNAPSHOT_NEW_ARRAY : (unsigned)POINTER_IS_NONE;
    if (pointer_place == POINTER_AT_24 && shape & BLOCK_SHAPE_STRING)
        return SNAPSHOT_STRING;
    if (pointer_place == POINTER_AT_8 && shape & BLOCK_SHAPE_LENGTH)
        return SNAPSHOT_LENGTH;
    if (pointer_place == POINTER_AT_8 && shape & BLOCK_SHAPE_ARRAY)
        return SNAPSHOT_NEW_ARRAY;
    return shape & BLOCK_SHAPE_VIRTUAL ? (unsigned)POINTER_IS_OPEN : SNAPSHOT_INTERIOR;
}

bool block_shapes_is_inheritance(struct block_shapes *shapes, uint64_t pointer)
{
    uint64_t word;
    return pointer % WORD_BYTES == 0 && word_cache_read(shapes->words, pointer, &word) &&
           is_table(shapes, word);
}
