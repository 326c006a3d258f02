/* The types of an RPython program, which is what PyPy is: all of them, with the names of their
 * fields, stand in its library, for its own gc.dump_rpy_heap.
 *
 * Three tables are found by what they must be. The text of all types, compressed by zlib, begins
 * with "member0"; its line i is type i. The list of type ids has as many entries; a type id is an
 * offset in the third, the group, and what objects begin with. A record of the group says its own
 * number and a key: whatever does not agree in every one of its records is no group.
 *
 *     record   infobits: bits 0-15 number, 16 has items, 17 items have pointers, 19 weak
 *              reference, 20 instance of a class (its virtual table follows), 21 traced by a
 *              function of its own, 26-31 key; customdata; size; address of a list of the
 *              offsets of pointers (count, offsets)
 *              with items: bytes of an item, offset of the items, offset of their count, address
 *              of the list of pointers within an item
 *              of a class: the first and last number of the classes that derive from it
 *
 * Fields stand in the order of their names within a class, those of 8 bytes first, and those of
 * the class that it derives from before. */
#ifndef SEEP_RUNTIMES_PYPY_TYPES_H
#define SEEP_RUNTIMES_PYPY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtimes/memory_view.h"

#define PYPY_NO_TYPE UINT32_MAX

enum pypy_type_flags {
    PYPY_TYPE_HAS_ITEMS = 1 << 16,
    PYPY_TYPE_HAS_POINTERS_IN_ITEMS = 1 << 17,
    PYPY_TYPE_IS_WEAK_REFERENCE = 1 << 19,
    PYPY_TYPE_IS_INSTANCE = 1 << 20,
    PYPY_TYPE_HAS_OWN_TRACE = 1 << 21
};

struct pypy_type {
    const char *text; /* as PyPy has it: "GcStruct pypy.a.W_B { super, inst_c }" */
    char *name;       /* for people: "W_B" */
    uint32_t flags;   /* enum pypy_type_flags */
    uint32_t bytes;   /* without items */
    uint32_t item_bytes, items_offset, count_offset;
    uint32_t pointers, pointer_count; /* offsets: position in types.offsets */
    uint32_t item_pointers, item_pointer_count;
    uint32_t parent; /* the class that it derives from, or PYPY_NO_TYPE */
    uint32_t first_class, last_class;
    bool is_jit; /* of the compiler: what it keeps of loops, and what it makes on the way */
};

struct pypy_types {
    struct pypy_type *items; /* by number; those without a text are no objects */
    size_t count;
    uint32_t *by_id; /* type id / 8 to number, or PYPY_NO_TYPE */
    size_t id_count;
    uint32_t *offsets;
    size_t offset_count, offset_capacity;
    char *text;
    uint64_t group;            /* address */
    uint64_t packed_text, ids; /* addresses: where they were found */
    size_t packed_bytes;
};

/* A copy of the variables of PyPy's library, for searches in all of them. */
struct pypy_data {
    uint64_t address;
    uint8_t *bytes;
    size_t count;
};

/* False: some table was not found, and `missing` says which. */
bool pypy_types_find(struct pypy_types *types, struct memory_view *view,
                     const struct pypy_data *data, const char **missing);
void pypy_types_clear(struct pypy_types *types);

/* The type of what begins with this word; PYPY_NO_TYPE: that is no object. */
static inline uint32_t pypy_types_of(const struct pypy_types *types, uint64_t head)
{
    uint32_t id = (uint32_t)head;
    return (id & 7) == 0 && id / 8 < types->id_count ? types->by_id[id / 8] : PYPY_NO_TYPE;
}

/* The first type whose text begins so, behind "GcStruct " or "GcArray of "; or PYPY_NO_TYPE. */
uint32_t pypy_types_find_text(const struct pypy_types *types, const char *start);

/* Is it of this class, or of one that derives from it? */
bool pypy_types_is_a(const struct pypy_types *types, uint32_t type, uint32_t class);

/* The offset of a field of 8 bytes by its name, also of what the class derives from; 0: there is
 * none, or what the table says of pointers speaks against it. */
uint32_t pypy_types_field(const struct pypy_types *types, uint32_t type, const char *name,
                          bool is_pointer);

/* The name of the pointer at an offset, without what RPython puts before it; "": not known. */
void pypy_types_field_name(const struct pypy_types *types, uint32_t type, uint32_t offset,
                           char *name, size_t name_bytes);

#endif
