/* What each live block of the arenas is: an object, with its type; storage that belongs to an
 * object; an object that is kept to be used again; or not known. And the objects outside of arenas:
 * those too large for them, and those in the variables of modules.
 *
 * Objects are numbered: first the live blocks by their positions, then those outside in the order
 * in which they were found. 9 bytes a block. */
#ifndef SEEP_RUNTIMES_CPYTHON_OBJECTS_H
#define SEEP_RUNTIMES_CPYTHON_OBJECTS_H

#include "runtimes/cpython/edges.h"
#include "runtimes/cpython/obmalloc.h"
#include "runtimes/cpython/team.h"
#include "runtimes/cpython/types.h"

#define CPYTHON_NO_OBJECT UINT32_MAX

enum {
    CPYTHON_OUTSIDE_KEPT = 1024, /* a power of two */
    CPYTHON_PLACE_BITS = 16,     /* of a place: where a block stands in its arena */
    CPYTHON_REFCOUNT_LIMIT_LOG2 = 36,
    CPYTHON_HEAD_BYTES = 16 /* the collector's; its first word is 0 for what it does not know */
};

enum cpython_block_kind {
    CPYTHON_BLOCK_UNKNOWN = 0,
    CPYTHON_BLOCK_OBJECT = 1,
    CPYTHON_BLOCK_STORAGE = 2,
    CPYTHON_BLOCK_FREE = 3 /* an object on a free list */
};

struct cpython_outside {
    uint64_t address;
    uint32_t type;
    bool is_static;
};

struct cpython_objects {
    const struct cpython *python;
    struct obmalloc *arenas;
    struct cpython_types types;
    bool is_collecting; /* stopped within a collection */
    uint32_t *values;   /* of blocks: type, or of storage the owning object */
    uint8_t *kinds;     /* enum cpython_block_kind, and what stands in front of objects: by these */
    uint32_t *places;   /* arena << 16 | offset / 16 */
    uint32_t block_count;
    struct cpython_outside *outside;
    size_t outside_count, outside_capacity;
    struct hash_map outside_index; /* address to position + 1; 0: no object is there */
    /* Few objects outside are referred to by many: addresses that were just looked at, by their
     * lower bits, and which object was found there, where one was. */
    uint64_t looked_at[CPYTHON_OUTSIDE_KEPT], found_at[CPYTHON_OUTSIDE_KEPT];
    uint32_t found[CPYTHON_OUTSIDE_KEPT];
    uint64_t storage_blocks, storage_block_bytes;
    uint64_t unknown_blocks, unknown_bytes;
    uint64_t static_count;
};

/* Classifies all blocks, and finds everything outside that is referred to. Storage is unknown yet.
 * False: too many. */
bool cpython_objects_read(struct cpython_objects *objects, const struct cpython_team *team,
                          struct obmalloc *arenas, char *reason, size_t reason_bytes);
void cpython_objects_clear(struct cpython_objects *objects);

/* Finds out which blocks are storage, and counts all of each type. What looks at objects alone may
 * go on meanwhile in other threads. */
void cpython_objects_find_storage(struct cpython_objects *objects);

/* The same objects, seen by another thread: tables are borrowed, what was just looked up is its
 * own. To be freed. */
struct cpython_objects *cpython_objects_share(const struct cpython_objects *objects,
                                              const struct cpython *python);

static inline uint32_t cpython_objects_count(const struct cpython_objects *objects)
{
    return objects->block_count + (uint32_t)objects->outside_count;
}

/* The object at exactly this address, or CPYTHON_NO_OBJECT. */
uint32_t cpython_objects_find(struct cpython_objects *objects, uint64_t address);

enum {
    CPYTHON_KIND_BITS = 2, /* of a block's kind; in those above, 16 bytes each that are in front */
    CPYTHON_KINDS = (1 << CPYTHON_KIND_BITS) - 1
};

/* Of a block that is no object another thread may just find that it is storage: both see no object
 * in it, before and then. */
static inline uint8_t cpython_objects_kind_byte(const struct cpython_objects *objects,
                                                uint64_t block)
{
    return __atomic_load_n(&objects->kinds[block], __ATOMIC_RELAXED);
}

static inline enum cpython_block_kind cpython_objects_kind(const struct cpython_objects *objects,
                                                           uint64_t block)
{
    return (enum cpython_block_kind)(cpython_objects_kind_byte(objects, block) & CPYTHON_KINDS);
}

static inline void cpython_objects_set_kind(struct cpython_objects *objects, uint64_t block,
                                            enum cpython_block_kind kind)
{
    __atomic_store_n(&objects->kinds[block], (uint8_t)kind, __ATOMIC_RELAXED);
}

/* Bytes of the block in front of its object. */
static inline uint32_t cpython_objects_prefix(const struct cpython_objects *objects, uint64_t block)
{
    return (uint32_t)(cpython_objects_kind_byte(objects, block) >> CPYTHON_KIND_BITS) *
           OBMALLOC_ALIGNMENT;
}

/* Is this block an object (all outside of arenas are)? */
static inline bool cpython_objects_is_object(const struct cpython_objects *objects, uint32_t object)
{
    return object >= objects->block_count ||
           cpython_objects_kind(objects, object) == CPYTHON_BLOCK_OBJECT;
}

/* Is it a variable of a module's, not made at run time? */
static inline bool cpython_objects_is_static(const struct cpython_objects *objects, uint32_t object)
{
    return object >= objects->block_count &&
           objects->outside[object - objects->block_count].is_static;
}

static inline uint32_t cpython_objects_type(const struct cpython_objects *objects, uint32_t object)
{
    return object < objects->block_count ? objects->values[object]
                                         : objects->outside[object - objects->block_count].type;
}

/* The arena of a block: its position. */
uint32_t cpython_objects_arena(const struct cpython_objects *objects, uint32_t block);

uint64_t cpython_objects_address(const struct cpython_objects *objects, uint32_t object);

/* All that an object refers to, and its type where that counts. */
void cpython_objects_visit_edges(const struct cpython_objects *objects, uint32_t object,
                                 cpython_visit_edge visit, void *context);

/* How many references it has, with those of the table of interned strings, which the string itself
 * does not count; immortal objects have very many. */
uint64_t cpython_objects_references(const struct cpython_objects *objects, uint32_t object);

/* Does the collector know it? */
bool cpython_objects_is_tracked(const struct cpython_objects *objects, uint32_t object);

/* Bytes of its block, or of itself and what is in front of it. */
uint64_t cpython_objects_bytes(const struct cpython_objects *objects, uint32_t object);

/* The block of a live block's position. */
uint32_t cpython_objects_block_bytes(const struct cpython_objects *objects, uint32_t block);

#endif
