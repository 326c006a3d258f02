#include "heap/site_table.h"

#include <stdlib.h>

#include "base/memory.h"
#include "heap/page_memory.h"

enum {
    FIRST_INDEX_BITS = 7,
    MOST_EXPECTED_BITS = BLOCK_SITE_BITS + 1
};

static uint64_t key_of(uint32_t stack, uint8_t function)
{
    return (uint64_t)stack << 32 | (uint64_t)function << BLOCK_SITE_BITS;
}

/* Stacks are numbered as they come, so one product spreads them (Knuth, TAOCP 3, 6.4: Fibonacci
 * hashing). */
static uint64_t index_home(const struct site_table *table, uint64_t key)
{
    return (key >> BLOCK_SITE_BITS) * 0x9e3779b97f4a7c15u >> (64 - table->index_bits);
}

/* The word of this key, or the empty one where it would go. */
static uint64_t *find_word(const struct site_table *table, uint64_t key)
{
    uint64_t mask = ((uint64_t)1 << table->index_bits) - 1;
    uint64_t place = index_home(table, key);
    while (table->index[place] != 0 && (table->index[place] ^ key) >> BLOCK_SITE_BITS != 0)
        place = (place + 1) & mask;
    return &table->index[place];
}

static uint64_t index_bytes(const struct site_table *table)
{
    return table->index ? sizeof(uint64_t) << table->index_bits : 0;
}

static void grow_index(struct site_table *table)
{
    struct site_table old = *table;
    table->index_bits = old.index ? old.index_bits + 1 : FIRST_INDEX_BITS;
    table->index = page_memory_allocate(sizeof(uint64_t) << table->index_bits);
    uint64_t words = old.index ? (uint64_t)1 << old.index_bits : 0;
    for (uint64_t i = 0; i < words; i++)
        if (old.index[i] != 0)
            *find_word(table, old.index[i] & ~(uint64_t)BLOCK_SITE_NONE) = old.index[i];
    page_memory_release(old.index, index_bytes(&old));
}

static void make_room(struct site_table *table)
{
    uint64_t words = table->index ? (uint64_t)1 << table->index_bits : 0;
    if (table->count >= words - words / 4)
        grow_index(table);
    if (table->count < table->chunk_count * SITE_TABLE_CHUNK)
        return;
    table->chunks = memory_grow(table->chunks, &table->chunk_capacity, table->chunk_count + 1,
                                sizeof *table->chunks);
    table->chunks[table->chunk_count++] = memory_allocate_zeroed_lines(SITE_TABLE_CHUNK,
                                                                       sizeof **table->chunks);
}

void site_table_expect(struct site_table *table, uint32_t count)
{
    if (table->index)
        return;
    table->index_bits = FIRST_INDEX_BITS;
    while (table->index_bits < MOST_EXPECTED_BITS &&
           count >= ((uint64_t)1 << table->index_bits) / 4 * 3)
        table->index_bits++;
    table->index = page_memory_allocate(sizeof(uint64_t) << table->index_bits);
}

void site_table_clear(struct site_table *table)
{
    for (uint32_t id = 0; id < table->count; id++) {
        struct site *site = site_table_at(table, id);
        /* Thousands of processes end with the session, in pages that its children share. */
        histogram_free(&site->sizes);
        histogram_free(&site->lifetimes);
        if (site->threads.list != NULL)
            site_threads_clear(&site->threads, &table->thread_entry_count);
    }
    for (size_t i = 0; i < table->chunk_count; i++)
        free(table->chunks[i]);
    free(table->chunks);
    page_memory_release(table->index, index_bytes(table));
    id_set_clear(&table->live);
    id_set_clear(&table->changed);
    *table = (struct site_table){0};
}

/* Out of line: finding, which every birth does, saves no registers for it. */
static __attribute__((noinline)) uint32_t add_new(struct site_table *table, uint32_t stack,
                                                  uint8_t function)
{
    if (table->count >= SITE_TABLE_MAX && stack != 0)
        return site_table_add(table, 0, function);
    make_room(table);
    uint64_t key = key_of(stack, function);
    uint32_t id = table->count++;
    *find_word(table, key) = key | (id + 1);
    struct site *site = site_table_at(table, id);
    site->stack = stack;
    site->function = function;
    return id;
}

uint32_t site_table_add(struct site_table *table, uint32_t stack, uint8_t function)
{
    uint64_t word = table->index ? *find_word(table, key_of(stack, function)) : 0;
    return word != 0 ? (uint32_t)(word & BLOCK_SITE_NONE) - 1 : add_new(table, stack, function);
}

struct site *site_table_find(const struct site_table *table, uint32_t stack, uint8_t function,
                             uint32_t *id)
{
    if (!table->index)
        return NULL;
    uint64_t word = *find_word(table, key_of(stack, function));
    if (word == 0)
        return NULL;
    *id = (uint32_t)(word & BLOCK_SITE_NONE) - 1;
    return site_table_at(table, *id);
}

void site_table_prefetch(const struct site_table *table, uint32_t stack, uint8_t function)
{
    if (table->index)
        __builtin_prefetch(&table->index[index_home(table, key_of(stack, function))]);
}

uint64_t site_table_own_bytes(const struct site_table *table)
{
    uint64_t bytes = index_bytes(table) + table->chunk_capacity * sizeof *table->chunks +
                     table->chunk_count * SITE_TABLE_CHUNK * sizeof **table->chunks +
                     (table->live.word_count + table->changed.word_count) * sizeof(uint64_t);
    for (uint32_t id = 0; id < table->count; id++) {
        const struct site *site = site_table_at(table, id);
        bytes += histogram_own_bytes(&site->sizes) + histogram_own_bytes(&site->lifetimes);
    }
    return bytes + table->thread_entry_count * 2 * sizeof(struct site_thread);
}
