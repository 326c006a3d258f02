/* The heap as glibc's malloc keeps it: arenas, their heaps, and in these piece after piece. What it
 * calls a chunk begins 16 bytes before the memory that malloc returned, with the size of the chunk
 * before it (where that is free) and its own, whose lowest bits say: 1 the one before is in use, 2
 * it is mapped alone, 4 it is of an arena of threads. The last chunk is the top, from which
 * everything new is cut and whose end is all that can go back to the system by itself.
 *
 *     main arena     | chunk | chunk | ... | top |           the break's memory
 *     other arenas   | head, arena | chunk | ... | top | reserved |    64 MiB, one or several
 *
 * Chunks that lie in the caches of threads, or in the lists of small ones, still look as if they
 * were in use: their lists are followed, through pointers that are mangled since 2.32 (by the
 * address where they stand, shifted by a page).
 *
 * Everything is checked: sizes must lead from the heap's beginning to its top exactly, else nothing
 * is told of that heap. The layout is that of 2.27 to 2.43; another one fails the checks. */
#ifndef SEEP_SNAPSHOT_GLIBC_HEAP_H
#define SEEP_SNAPSHOT_GLIBC_HEAP_H

#include "snapshot/libc_facts.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_memory.h"
#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"

/* One heap of one arena. */
struct glibc_region {
    uint64_t start;         /* where the first chunk stands */
    uint64_t end;           /* behind the top, or behind the last chunk */
    uint64_t top;           /* 0 = the top is in another heap of this arena */
    uint64_t mapping_start; /* before `start` stands what is glibc's own */
    uint64_t reserved_end;  /* of an arena of threads: until here it may grow */
    uint32_t arena;         /* 0 = the main one */
};

/* Chunks, by address. */
struct glibc_chunks {
    uint64_t *items;
    size_t count, capacity;
};

struct glibc_heap {
    bool is_found; /* else `reason` says why not */
    char reason[128];
    uint64_t main_arena;
    uint64_t arena_bytes;         /* of what keeps an arena, which differs by version */
    struct glibc_region *regions; /* by address, disjoint */
    size_t region_count, region_capacity;
    uint32_t arena_count;       /* with the main one */
    struct glibc_chunks small;  /* in arenas' lists of small ones */
    struct glibc_chunks caches; /* what keeps the cache of a thread */
    struct glibc_chunks cached; /* in caches of threads */
    uint64_t broken_regions;    /* left out: their sizes lead nowhere */
};

struct glibc_heap_input {
    const struct target_memory *memory;
    const struct target_mappings *mappings;
    const struct target_modules *modules;
    struct word_cache *words;
    struct libc_facts *libc;             /* may be NULL */
    const struct snapshot_block *blocks; /* known to be live, by address */
    size_t block_count;
};

/* `heap` is filled, also where nothing was found. */
void glibc_heap_read(struct glibc_heap *heap, const struct glibc_heap_input *input);
void glibc_heap_clear(struct glibc_heap *heap);

enum glibc_chunk_state {
    GLIBC_CHUNK_USED,   /* by the program, or by libc itself */
    GLIBC_CHUNK_FREE,   /* in a list of an arena's */
    GLIBC_CHUNK_SMALL,  /* free, and to be joined with its neighbours later */
    GLIBC_CHUNK_CACHED, /* free, in the cache of a thread */
    GLIBC_CHUNK_CACHE,  /* such a cache itself */
    GLIBC_CHUNK_TOP
};

struct glibc_chunk {
    uint64_t address, bytes;
    enum glibc_chunk_state state;
    uint64_t first_word; /* of its contents: in lists, what leads to the next */
};

/* Calls for each chunk of a region, by address. False: it ended before its end. */
typedef void (*glibc_chunk_visit)(void *context, const struct glibc_chunk *chunk);
bool glibc_heap_visit(const struct glibc_heap *heap, const struct glibc_region *region,
                      const struct target_memory *memory, glibc_chunk_visit visit, void *context);

/* Is there a chunk that is mapped alone at this page's beginning? Its size is checked against
 * `limit`, the end of its mapping. */
bool glibc_heap_is_mapped_chunk(const uint64_t head[2], uint64_t address, uint64_t limit,
                                uint64_t *bytes);

#endif
