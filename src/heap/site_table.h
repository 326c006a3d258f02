/* All sites of one process, found by (stack, function), named by dense ids.
 *
 * Sites stand in chunks that never move; the index is one 8-byte word a slot that holds the key and
 * the id, so that a search touches no site but the one that it finds. Memory is bounded: when ids
 * run out, further stacks are counted under "no stack known" of their function.
 *
 * A forked child is born with thousands of sites of its parent's, and touches a few of them before
 * it ends or runs another program. So what it inherits stands in a short form, and a chunk is made
 * when one of its sites is touched. */
#ifndef SEEP_HEAP_SITE_TABLE_H
#define SEEP_HEAP_SITE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "heap/block.h"
#include "heap/id_set.h"
#include "heap/site.h"

enum {
    SITE_TABLE_CHUNK = 64, /* sites */
    SITE_TABLE_MAX = (1 << BLOCK_SITE_BITS) - 512
};

struct inherited_site {
    uint64_t blocks;
    uint64_t bytes;
    uint32_t stack;
    uint8_t function;
};

/* A zeroed struct is a valid empty table. */
struct site_table {
    struct site **chunks;             /* NULL: of its sites none was touched */
    struct inherited_site *inherited; /* the first ids; NULL = none */
    uint32_t inherited_count;
    size_t chunk_count;
    size_t chunk_capacity;
    uint32_t count;
    uint64_t *index; /* stack << 32 | function << 24 | id + 1; 0 = empty */
    uint32_t index_bits;
    struct id_set live;    /* sites with live blocks, so that a fork visits no others */
    struct id_set changed; /* sites whose record is to be written, or may have to be */
    uint64_t thread_entry_count;
};

void site_table_clear(struct site_table *table);

/* Finds or makes. */
uint32_t site_table_add(struct site_table *table, uint32_t stack, uint8_t function);

/* Gives an empty table the sites of another one that have live blocks, in their order: as
 * inherited, live, and changed. */
void site_table_inherit(struct site_table *table, const struct site_table *parent);

/* The site, or NULL. Starts loading it too, for prefetching. */
struct site *site_table_find(const struct site_table *table, uint32_t stack, uint8_t function,
                             uint32_t *id);

/* Starts loading the index word for this key. */
void site_table_prefetch(const struct site_table *table, uint32_t stack, uint8_t function);

/* Makes the chunk of sites that were not touched yet. */
void site_table_make_chunk(const struct site_table *table, uint32_t chunk);

/* To be touched. */
static inline struct site *site_table_at(const struct site_table *table, uint32_t id)
{
    struct site *const *chunk = &table->chunks[id / SITE_TABLE_CHUNK];
    if (__builtin_expect(*chunk == NULL, 0))
        site_table_make_chunk(table, id / SITE_TABLE_CHUNK);
    return &(*chunk)[id % SITE_TABLE_CHUNK];
}

/* The same for who only looks: one that was not touched is filled in in `untouched`, and stays so.
 */
const struct site *site_table_look(const struct site_table *table, uint32_t id,
                                   struct site *untouched);

uint64_t site_table_own_bytes(const struct site_table *table);

#endif
