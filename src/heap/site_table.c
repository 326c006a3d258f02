#include "heap/site_table.h"

#include <stdlib.h>

#include "base/memory.h"
#include "heap/page_memory.h"

enum {
    FIRST_INDEX_BITS = 7,
    MOST_EXPECTED_BITS = BLOCK_SITE_BITS + 1
};

static struct site *touched_site(const struct site_table *table, uint32_t id)
{
    struct site *chunk = table->chunks[id / SITE_TABLE_CHUNK];
    return chunk ? &chunk[id % SITE_TABLE_CHUNK] : NULL;
}

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

/* What is known to come need not be put in order again and again. */
static void expect(struct site_table *table, uint32_t count)
{
    table->index_bits = FIRST_INDEX_BITS;
    while (table->index_bits < MOST_EXPECTED_BITS &&
           count >= ((uint64_t)1 << table->index_bits) / 4 * 3)
        table->index_bits++;
    table->index = page_memory_allocate(sizeof(uint64_t) << table->index_bits);
}

void site_table_clear(struct site_table *table)
{
    for (uint32_t id = 0; id < table->count; id++) {
        struct site *site = touched_site(table, id);
        if (site == NULL)
            continue;
        /* Thousands of processes end with the session, in pages that its children share. */
        histogram_free(&site->sizes);
        histogram_free(&site->lifetimes);
        if (site->threads.list != NULL)
            site_threads_clear(&site->threads, &table->thread_entry_count);
    }
    for (size_t i = 0; i < table->chunk_count; i++)
        free(table->chunks[i]);
    free(table->chunks);
    free(table->inherited);
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

/* What was written of a site that is in no set of changed ones any more is what it inherited. */
static void fill_inherited(const struct site_table *table, uint32_t id, struct site *site)
{
    const struct inherited_site *inherited = &table->inherited[id];
    site->stack = inherited->stack;
    site->function = inherited->function;
    site->inherited_blocks = inherited->blocks;
    site->inherited_bytes = inherited->bytes;
    site->is_changed = id_set_has(&table->changed, id);
    site->written_peak_blocks = site->is_changed ? 0 : inherited->blocks;
    site->written_peak_bytes = site->is_changed ? 0 : inherited->bytes;
}

void site_table_make_chunk(const struct site_table *table, uint32_t chunk)
{
    struct site *sites = memory_allocate_zeroed_lines(SITE_TABLE_CHUNK, sizeof *sites);
    for (uint32_t i = 0; i < SITE_TABLE_CHUNK; i++)
        if (chunk * SITE_TABLE_CHUNK + i < table->inherited_count)
            fill_inherited(table, chunk * SITE_TABLE_CHUNK + i, &sites[i]);
    table->chunks[chunk] = sites;
}

const struct site *site_table_look(const struct site_table *table, uint32_t id,
                                   struct site *untouched)
{
    const struct site *site = touched_site(table, id);
    if (site)
        return site;
    *untouched = (struct site){0};
    fill_inherited(table, id, untouched);
    return untouched;
}

static struct inherited_site inherit(const struct site_table *parent, uint32_t id)
{
    const struct site *site = touched_site(parent, id);
    if (!site)
        return parent->inherited[id];
    return (struct inherited_site){.blocks = site_live_blocks(site),
                                   .bytes = site_live_bytes(site),
                                   .stack = site->stack,
                                   .function = site->function};
}

void site_table_inherit(struct site_table *table, const struct site_table *parent)
{
    uint32_t count = id_set_count(&parent->live);
    expect(table, count);
    table->inherited = memory_allocate(count * sizeof *table->inherited);
    table->chunk_count = (count + SITE_TABLE_CHUNK - 1) / SITE_TABLE_CHUNK;
    table->chunk_capacity = table->chunk_count;
    table->chunks = memory_allocate_zeroed(table->chunk_count, sizeof *table->chunks);
    for (uint32_t id = 0; id_set_next(&parent->live, &id); id++) {
        struct inherited_site *inherited = &table->inherited[table->count];
        *inherited = inherit(parent, id);
        uint64_t key = key_of(inherited->stack, inherited->function);
        *find_word(table, key) = key | ++table->count;
    }
    table->inherited_count = table->count;
    id_set_fill(&table->live, table->count);
    id_set_fill(&table->changed, table->count);
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
                     table->inherited_count * sizeof *table->inherited +
                     (table->live.word_count + table->changed.word_count) * sizeof(uint64_t);
    for (size_t i = 0; i < table->chunk_count; i++)
        bytes += table->chunks[i] ? SITE_TABLE_CHUNK * sizeof **table->chunks : 0;
    for (uint32_t id = 0; id < table->count; id++) {
        const struct site *site = touched_site(table, id);
        if (site)
            bytes += histogram_own_bytes(&site->sizes) + histogram_own_bytes(&site->lifetimes);
    }
    return bytes + table->thread_entry_count * 2 * sizeof(struct site_thread);
}
