#include "snapshot/word_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    PAGE_BITS = 12,
    PAGE_BYTES = 1 << PAGE_BITS,
    CACHE_PAGES = 256
};

#define NO_PAGE UINT64_MAX

struct word_cache {
    const struct target_memory *memory;
    uint64_t numbers[CACHE_PAGES]; /* of the pages that are held */
    size_t counts[CACHE_PAGES];    /* bytes of them that could be read */
    uint8_t pages[CACHE_PAGES][PAGE_BYTES];
};

struct word_cache *word_cache_create(const struct target_memory *memory)
{
    struct word_cache *cache = memory_allocate(sizeof *cache);
    cache->memory = memory;
    for (size_t i = 0; i < CACHE_PAGES; i++)
        cache->numbers[i] = NO_PAGE;
    return cache;
}

void word_cache_destroy(struct word_cache *cache)
{
    free(cache);
}

/* Images of tests begin anywhere, so what a page lacks at its front is looked for piece by piece.
 */
static bool read_within(struct word_cache *cache, uint64_t address, void *bytes, size_t count)
{
    uint64_t number = address >> PAGE_BITS;
    size_t place = number % CACHE_PAGES;
    if (cache->numbers[place] != number) {
        cache->numbers[place] = number;
        cache->counts[place] = cache->memory->read(cache->memory->context, number << PAGE_BITS,
                                                   cache->pages[place], PAGE_BYTES);
    }
    size_t offset = address & (PAGE_BYTES - 1);
    if (offset + count > cache->counts[place])
        return target_memory_read(cache->memory, address, bytes, count);
    memcpy(bytes, cache->pages[place] + offset, count);
    return true;
}

bool word_cache_read_bytes(struct word_cache *cache, uint64_t address, void *bytes, size_t count)
{
    char *to = bytes;
    if (address > UINT64_MAX - count)
        return false;
    while (count > 0) {
        size_t part = target_memory_page_part(address, count);
        if (!read_within(cache, address, to, part))
            return false;
        address += part;
        to += part;
        count -= part;
    }
    return true;
}

bool word_cache_read(struct word_cache *cache, uint64_t address, uint64_t *word)
{
    return word_cache_read_bytes(cache, address, word, sizeof *word);
}
