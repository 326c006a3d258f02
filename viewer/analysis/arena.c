#include "analysis/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LEAST_BLOCK_BYTES = 1 << 20, /* of the first block; then twice as much each time */
    MOST_BLOCK_BYTES = 64 << 20,
    LARGE_BYTES = 256 << 10,
    ALIGNMENT = 8
};

struct arena_block {
    struct arena_block *next;
    uint64_t bytes[];
};

struct arena {
    struct arena_block *blocks;
    char *free_bytes; /* in the first block */
    size_t free_count;
    size_t next_block_bytes;
};

struct arena *arena_create(void)
{
    struct arena *arena = memory_allocate_zeroed(1, sizeof *arena);
    arena->next_block_bytes = LEAST_BLOCK_BYTES;
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    free(arena);
}

static char *add_block(struct arena *arena, size_t bytes)
{
    struct arena_block *block = memory_allocate_large(sizeof *block + bytes, 1);
    block->next = arena->blocks;
    arena->blocks = block;
    return (char *)block->bytes;
}

/* Large requests get a block of their own, behind the one that is being filled. */
static void *allocate_large(struct arena *arena, size_t bytes)
{
    struct arena_block *current = arena->blocks;
    char *result = add_block(arena, bytes);
    if (current) {
        struct arena_block *own = arena->blocks;
        own->next = current->next;
        current->next = own;
        arena->blocks = current;
    }
    return result;
}

void *arena_allocate(struct arena *arena, size_t bytes)
{
    if (bytes > LARGE_BYTES)
        return allocate_large(arena, bytes);
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (bytes > arena->free_count) {
        arena->free_bytes = add_block(arena, arena->next_block_bytes);
        arena->free_count = arena->next_block_bytes;
        if (arena->next_block_bytes < MOST_BLOCK_BYTES)
            arena->next_block_bytes *= 2;
    }
    void *result = arena->free_bytes;
    arena->free_bytes += bytes;
    arena->free_count -= bytes;
    return result;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t count)
{
    void *copy = arena_allocate(arena, count);
    if (count)
        memcpy(copy, bytes, count);
    return copy;
}

char *arena_copy_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_print(struct arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int count = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t bytes = count < 0 ? 1 : (size_t)count + 1;
    char *text = arena_allocate(arena, bytes);
    text[0] = 0;
    vsnprintf(text, bytes, format, again);
    va_end(again);
    return text;
}
