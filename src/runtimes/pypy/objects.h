/* The objects of PyPy's heap: old ones in the pages of its arenas, and large ones by themselves,
 * are all found. Young ones in the nursery, and those in the variables of its library, which are no
 * heap, are found as far as something refers to them.
 *
 * A page of an arena holds blocks of one size; which, follows from the list that the page is on.
 * What is not on the page's list of free blocks is an object, also when nothing refers to it any
 * more: the collector finds out later. The nursery is not walked from end to end: texts in it
 * become shorter in their place, and what lies behind them then is of before.
 *
 * Objects are numbered as they were found; old ones stand page by page. 12 bytes an object. */
#ifndef SEEP_RUNTIMES_PYPY_OBJECTS_H
#define SEEP_RUNTIMES_PYPY_OBJECTS_H

#include "base/hash_map.h"
#include "runtimes/pypy/pypy.h"

#define PYPY_NO_OBJECT UINT32_MAX

enum pypy_place {
    PYPY_PLACE_ARENA,
    PYPY_PLACE_LARGE,
    PYPY_PLACE_NURSERY,
    PYPY_PLACE_STATIC
};

struct pypy_page {
    uint64_t address;
    uint32_t first; /* object */
    uint32_t count; /* of objects */
    uint64_t arena; /* address of its record */
    uint32_t block_bytes;
};

struct pypy_objects {
    struct pypy *pypy;
    uint64_t *addresses;
    uint32_t *types;
    size_t count, address_capacity, type_capacity;
    struct pypy_page *pages;
    size_t page_count, page_capacity;
    struct hash_map page_index;        /* address / size to position + 1 */
    struct hash_map outside;           /* of large and static ones: address to number */
    uint32_t large_first, found_first; /* of large ones, and of those found by references */
    uint64_t used_bytes;               /* in arenas, of blocks that are no free ones */
    uint64_t free_bytes;               /* in pages with objects, of free blocks */
    uint64_t large_bytes;
    uint64_t unknown_blocks, unknown_bytes; /* that are neither free nor objects */
    uint64_t torn_pages;                    /* that were stopped while they changed */
    uint64_t moved_objects; /* young ones that are old by now: it is in a minor collection */
    bool has_all_large;     /* else their list could not be read */
};

/* Finds them all. False with a reason: what is found makes no sense, or is too much.
 */
bool pypy_objects_read(struct pypy_objects *objects, struct pypy *pypy, char *reason,
                       size_t reason_bytes);
void pypy_objects_clear(struct pypy_objects *objects);

/* The object at exactly this address, or PYPY_NO_OBJECT. */
uint32_t pypy_objects_find(const struct pypy_objects *objects, uint64_t address);

enum pypy_place pypy_objects_place(const struct pypy_objects *objects, uint32_t object);

/* Bytes that it takes. */
uint64_t pypy_objects_bytes(const struct pypy_objects *objects, uint32_t object);

/* A reference: of a field at `offset`, or (is_item) of an item's field. */
struct pypy_edge {
    uint64_t target;
    uint64_t item;   /* its position */
    uint32_t offset; /* within the object, or within the item */
    bool is_item;
};
typedef void (*pypy_visit_edge)(void *context, const struct pypy_edge *edge);

/* All that it refers to, but for what weak references refer to. */
void pypy_edges_visit(const struct pypy *pypy, uint32_t type, uint64_t address,
                      pypy_visit_edge visit, void *context);

/* The items of one of the collector's lists, which is at an offset from its field `nursery`.
 * False: that is no such list. */
typedef void (*pypy_visit_address)(void *context, uint64_t address);
bool pypy_list_visit(const struct pypy *pypy, int64_t offset, pypy_visit_address visit,
                     void *context);

enum {
    PYPY_LIST_LARGE = 15 * 8,       /* old ones outside of arenas */
    PYPY_LIST_LARGE_SWEPT = 19 * 8, /* the same, while it looks which are dead */
    PYPY_LIST_STATIC_ROOTS = 17 * 8 /* variables that refer to what is no variable */
};

#endif
