#include "base/string_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"

/* Texts stand in pages that never move, so a borrowed text stays where it is while the pool grows.
 */

enum {
    PAGE_BYTES = 64 << 10
};

struct string_pool {
    char **pages;
    size_t page_count;
    size_t page_capacity;
    char *free_bytes; /* the rest of the current page */
    size_t free_count;
    const char **texts; /* by id */
    size_t text_count;
    size_t text_capacity;
    struct hash_index by_content;
};

struct key {
    const char *bytes;
    size_t count;
};

static bool text_equals(const void *context, uint32_t position, const void *wanted)
{
    const struct string_pool *pool = context;
    const struct key *key = wanted;
    const char *text = pool->texts[position];
    return strncmp(text, key->bytes, key->count) == 0 && text[key->count] == '\0';
}

struct string_pool *string_pool_create(void)
{
    struct string_pool *pool = memory_allocate_zeroed(1, sizeof *pool);
    string_pool_add_bytes(pool, "", 0);
    return pool;
}

void string_pool_destroy(struct string_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->page_count; i++)
        free(pool->pages[i]);
    free(pool->pages);
    free(pool->texts);
    hash_index_clear(&pool->by_content);
    free(pool);
}

static char *add_page(struct string_pool *pool, size_t bytes)
{
    pool->pages = memory_grow(pool->pages, &pool->page_capacity, pool->page_count + 1,
                              sizeof *pool->pages);
    char *page = memory_allocate(bytes);
    pool->pages[pool->page_count++] = page;
    return page;
}

static char *take_bytes(struct string_pool *pool, size_t count)
{
    if (count > PAGE_BYTES / 4)
        return add_page(pool, count); /* a page of its own: wastes nothing of the current one */
    if (count > pool->free_count) {
        pool->free_bytes = add_page(pool, PAGE_BYTES);
        pool->free_count = PAGE_BYTES;
    }
    char *taken = pool->free_bytes;
    pool->free_bytes += count;
    pool->free_count -= count;
    return taken;
}

struct string_id string_pool_add(struct string_pool *pool, const char *text)
{
    return string_pool_add_bytes(pool, text, strlen(text));
}

struct string_id string_pool_add_bytes(struct string_pool *pool, const char *bytes, size_t count)
{
    count = strnlen(bytes, count); /* a NUL in foreign bytes ends the text */
    struct key key = {.bytes = bytes, .count = count};
    uint64_t hash = hash_bytes(bytes, count, 0);
    uint32_t found = hash_index_find(&pool->by_content, hash, &key, text_equals, pool);
    if (found != HASH_INDEX_NONE)
        return (struct string_id){found};

    char *copy = take_bytes(pool, count + 1);
    memcpy(copy, bytes, count);
    copy[count] = '\0';
    pool->texts = memory_grow(pool->texts, &pool->text_capacity, pool->text_count + 1,
                              sizeof *pool->texts);
    struct string_id id = {(uint32_t)pool->text_count};
    pool->texts[pool->text_count++] = copy;
    hash_index_add(&pool->by_content, hash, id.index);
    return id;
}

const char *string_pool_text(const struct string_pool *pool, struct string_id id)
{
    return id.index < pool->text_count ? pool->texts[id.index] : "";
}

size_t string_pool_count(const struct string_pool *pool)
{
    return pool->text_count;
}
