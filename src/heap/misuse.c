#include "heap/misuse.h"

#include <stdlib.h>

#include "base/memory.h"

#define BIT(name) (1u << FUNCTION_##name)

enum {
    /* Nothing is known of them. */
    ALWAYS = BIT(NONE) | BIT(CUSTOM) | BIT(PYTHON_MEMORY) | BIT(PYTHON_OBJECT),
    REALLOC_FAMILY = ALWAYS | BIT(FREE) | BIT(CFREE) | BIT(REALLOC) | BIT(REALLOCARRAY),
    MALLOC_FAMILY = REALLOC_FAMILY | BIT(FREE_SIZED)
};

/* ISO C23 7.24.3 for the malloc family, [new.delete] for operators. libc's free takes what its
 * aligned functions return. */
const uint32_t MISUSE_RELEASES_OF[FUNCTION_KIND_COUNT] = {
    [FUNCTION_MALLOC] = MALLOC_FAMILY,
    [FUNCTION_CALLOC] = MALLOC_FAMILY,
    [FUNCTION_REALLOC] = MALLOC_FAMILY,
    [FUNCTION_REALLOCARRAY] = MALLOC_FAMILY,
    [FUNCTION_POSIX_MEMALIGN] = REALLOC_FAMILY,
    [FUNCTION_ALIGNED_ALLOC] = REALLOC_FAMILY | BIT(FREE_ALIGNED_SIZED),
    [FUNCTION_MEMALIGN] = REALLOC_FAMILY,
    [FUNCTION_VALLOC] = REALLOC_FAMILY,
    [FUNCTION_PVALLOC] = REALLOC_FAMILY,
    [FUNCTION_NEW] = ALWAYS | BIT(DELETE),
    [FUNCTION_NEW_ARRAY] = ALWAYS | BIT(DELETE_ARRAY),
    [FUNCTION_NEW_ALIGNED] = ALWAYS | BIT(DELETE_ALIGNED),
    [FUNCTION_NEW_ARRAY_ALIGNED] = ALWAYS | BIT(DELETE_ARRAY_ALIGNED),
};
_Static_assert(FUNCTION_KIND_COUNT <= 32, "a set of functions is a word of 32 bits");

void misuses_clear(struct misuses *misuses)
{
    free(misuses->items);
    hash_index_clear(&misuses->index);
    *misuses = (struct misuses){0};
}

static bool is_same(const void *context, uint32_t position, const void *key)
{
    const struct misuses *misuses = context;
    const struct misuse *a = &misuses->items[position];
    const struct misuse *b = key;
    return a->kind == b->kind && a->function == b->function &&
           a->allocation_function == b->allocation_function && a->stack == b->stack &&
           a->allocation_stack == b->allocation_stack;
}

void misuses_add(struct misuses *misuses, const struct misuse *misuse)
{
    misuses->total_count++;
    uint64_t hash = hash_mix((uint64_t)misuse->stack << 32 | misuse->allocation_stack) ^
                    hash_mix((uint64_t)misuse->kind << 16 | (uint64_t)misuse->function << 8 |
                             misuse->allocation_function);
    uint32_t position = hash_index_find(&misuses->index, hash, misuse, is_same, misuses);
    if (position == HASH_INDEX_NONE) {
        if (misuses->count >= MISUSE_MAX)
            return;
        position = (uint32_t)misuses->count;
        misuses->items = memory_grow(misuses->items, &misuses->capacity, misuses->count + 1,
                                     sizeof *misuses->items);
        misuses->items[misuses->count++] = *misuse;
        misuses->items[position].count = 0;
        misuses->items[position].written_count = 0;
        hash_index_add(&misuses->index, hash, position);
    }
    misuses->items[position].count++;
}

uint64_t misuses_own_bytes(const struct misuses *misuses)
{
    return misuses->capacity * sizeof *misuses->items + misuses->index.capacity * 8;
}
