#include "record/pools.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    MAX_POOLS = 1 << 20
};

static void clear_pool(struct pool *pool)
{
    hash_map_clear(&pool->objects);
}

void pools_clear(struct pools *pools)
{
    for (size_t i = 0; i < pools->count; i++)
        clear_pool(&pools->items[i]);
    free(pools->items);
    hash_map_clear(&pools->places);
    *pools = (struct pools){0};
}

static struct pool *add_pool(struct pools *pools, uint64_t start)
{
    pools->items = memory_grow(pools->items, &pools->capacity, pools->count + 1,
                               sizeof *pools->items);
    *hash_map_put(&pools->places, start, NULL) = pools->count;
    struct pool *pool = &pools->items[pools->count++];
    *pool = (struct pool){.start = start};
    return pool;
}

void pools_copy(struct pools *to, const struct pools *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct pool *pool = add_pool(to, from->items[i].start);
        const struct hash_map_entry *entry;
        *pool = from->items[i];
        hash_map_init(&pool->objects);
        for (size_t at = 0; (entry = hash_map_next(&from->items[i].objects, &at)) != NULL;)
            hash_map_put(&pool->objects, entry->key, NULL);
    }
}

static struct pool *find(const struct pools *pools, uint64_t start)
{
    const uint64_t *place = hash_map_find(&pools->places, start);
    return place != NULL ? &pools->items[*place] : NULL;
}

/* The last one takes its place. */
static void drop(struct pools *pools, struct pool *pool)
{
    hash_map_remove(&pools->places, pool->start, NULL);
    const struct pool *last = &pools->items[--pools->count];
    if (pool != last) {
        *pool = *last;
        *hash_map_put(&pools->places, pool->start, NULL) = (uint64_t)(pool - pools->items);
    }
}

/* ---- events ----------------------------------------------------------------------------- */

static void apply(const struct pool_teller *teller, struct heap_event event)
{
    event.time_ns = teller->time_ns;
    event.thread = teller->thread;
    heap_model_apply(teller->model, &event, 1);
}

static void release(const struct pool_teller *teller, uint64_t address)
{
    apply(teller, (struct heap_event){
                      .kind = HEAP_EVENT_RELEASE, .address = address, .function = FUNCTION_CUSTOM});
}

static void bear(const struct pool_teller *teller, const struct heap_block *block)
{
    apply(teller, (struct heap_event){.kind = HEAP_EVENT_BIRTH,
                                      .address = block->address,
                                      .size = block->size,
                                      .stack = block->stack,
                                      .function = block->function});
}

/* ---- pools ------------------------------------------------------------------------------ */

void pools_make(const struct pool_teller *teller, uint64_t start, uint64_t bytes)
{
    if (bytes == 0 || start + bytes < start)
        return;
    pools_remove(teller, start);
    if (teller->pools->count >= MAX_POOLS)
        return;
    struct pool *pool = add_pool(teller->pools, start);
    pool->bytes = bytes;
    pool->lowest = start + bytes;
    pool->has_parent = heap_model_find_block(teller->model, start, &pool->parent);
    if (pool->has_parent)
        release(teller, start);
}

static void remove_inner(const struct pool_teller *teller, uint64_t start, uint64_t bytes)
{
    for (size_t i = teller->pools->count; i-- > 0;) {
        const struct pool *pool = &teller->pools->items[i];
        if (pool->start != start && pool->start - start < bytes) {
            pools_remove(teller, pool->start);
            i = teller->pools->count; /* it may have had others in it */
        }
    }
}

void pools_remove(const struct pool_teller *teller, uint64_t start)
{
    const struct hash_map_entry *entry;
    struct pool *found = find(teller->pools, start);
    if (found == NULL)
        return;
    remove_inner(teller, start, found->bytes);
    found = find(teller->pools, start);
    struct pool pool = *found;
    drop(teller->pools, found);
    for (size_t at = 0; (entry = hash_map_next(&pool.objects, &at)) != NULL;)
        release(teller, entry->key);
    if (pool.has_parent)
        bear(teller, &pool.parent);
    clear_pool(&pool);
}

void pools_bear(const struct pool_teller *teller, uint64_t start, uint64_t object, uint64_t bytes,
                struct stack_id stack)
{
    struct pool *pool = find(teller->pools, start);
    if (pool != NULL && object - start < pool->bytes) {
        hash_map_put(&pool->objects, object, NULL);
        if (object < pool->lowest)
            pool->lowest = object;
    }
    bear(teller,
         &(struct heap_block){
             .address = object, .size = bytes, .stack = stack, .function = FUNCTION_CUSTOM});
}

void pools_release(const struct pool_teller *teller, uint64_t start, uint64_t object)
{
    struct pool *pool = find(teller->pools, start);
    if (pool != NULL)
        hash_map_remove(&pool->objects, object, NULL);
    release(teller, object);
}

struct address_range pools_head(const struct pools *pools, size_t position)
{
    const struct pool *pool = &pools->items[position];
    return (struct address_range){pool->start, pool->lowest};
}
