/* Types of a CPython process: what their objects look like, and what is counted of them. */
#ifndef SEEP_RUNTIMES_CPYTHON_TYPES_H
#define SEEP_RUNTIMES_CPYTHON_TYPES_H

#include "base/hash_map.h"
#include "runtimes/cpython/cpython.h"

#define CPYTHON_NO_TYPE UINT32_MAX

/* How the objects of a type refer to others. A class has the shape of the base that is built in. */
enum cpython_shape {
    CPYTHON_SHAPE_FIELDS, /* words of the object itself */
    CPYTHON_SHAPE_LEAF,   /* refers to nothing */
    CPYTHON_SHAPE_LIST,
    CPYTHON_SHAPE_TUPLE,
    CPYTHON_SHAPE_DICT,
    CPYTHON_SHAPE_ORDERED_DICT,
    CPYTHON_SHAPE_SET,
    CPYTHON_SHAPE_TYPE,
    CPYTHON_SHAPE_WEAKREF,
    CPYTHON_SHAPE_GENERATOR,
    CPYTHON_SHAPE_FRAME,
    CPYTHON_SHAPE_DEQUE,
    CPYTHON_SHAPE_LRU_CACHE,
    CPYTHON_SHAPE_LRU_LINK,
    CPYTHON_SHAPE_MODULE,
    CPYTHON_SHAPE_CODE,
    CPYTHON_SHAPE_STRING,
    CPYTHON_SHAPE_BYTEARRAY
};

enum cpython_type_flags {
    CPYTHON_TYPE_INLINE_VALUES = 1 << 2,   /* 3.13 on */
    CPYTHON_TYPE_MANAGED_WEAKREF = 1 << 3, /* 3.12 on */
    CPYTHON_TYPE_MANAGED_DICT = 1 << 4,    /* 3.11 on */
    CPYTHON_TYPE_HEAP = 1 << 9,
    CPYTHON_TYPE_READY = 1 << 12,
    CPYTHON_TYPE_COLLECTED = 1 << 14, /* objects have a head of the collector's */
    CPYTHON_TYPE_LONG = 1 << 24,
    CPYTHON_TYPE_LIST = 1 << 25,
    CPYTHON_TYPE_TUPLE = 1 << 26,
    CPYTHON_TYPE_BYTES = 1 << 27,
    CPYTHON_TYPE_STRING = 1 << 28,
    CPYTHON_TYPE_DICT = 1 << 29
};
#define CPYTHON_TYPE_TYPE (UINT64_C(1) << 31)

enum cpython_type_layout {
    CPYTHON_TYPE_BASIC_SIZE = 32,
    CPYTHON_TYPE_ITEM_SIZE = 40,
    CPYTHON_TYPE_TRAVERSE = 184,
    CPYTHON_TYPE_WEAK_OFFSET = 208,
    CPYTHON_TYPE_BASE = 256,
    CPYTHON_TYPE_DICTIONARY = 264,
    CPYTHON_TYPE_DICT_OFFSET = 288,
    CPYTHON_TYPE_BASES = 336,
    CPYTHON_TYPE_MRO = 344,
    CPYTHON_TYPE_CACHE = 352,
    CPYTHON_TYPE_BYTES_READ = 408
};

struct cpython_type_count {
    uint64_t objects, bytes;
};

struct cpython_type {
    uint64_t address;
    char name[80];
    uint64_t basic_size, item_size, flags;
    uint64_t weak_offset; /* 0 = none */
    int64_t dict_offset;  /* below 0: from the end of the object */
    uint64_t base;
    uint32_t
        prefix_bytes; /* in front of the object: for the collector, its dict, weak references */
    enum cpython_shape shape;
    uint32_t base_size; /* of the built-in base whose shape it has: what is behind are slots */
    /* The collector's traversal of its objects is known: it is CPython's own. */
    bool is_trusted;
    /* Its objects refer to nothing; and keep nothing apart. */
    bool is_leaf, is_whole;
    bool is_looked_at;    /* as an object itself */
    uint64_t shared_keys; /* that its instances' values belong to; 0 = none */
    struct cpython_type_count live, free, pinning, garbage;
};

struct cpython_types {
    const struct cpython *python;
    struct cpython_type *items;
    size_t count, capacity;
    struct hash_map index;      /* address to position + 1; 0: it is none */
    uint64_t last_address[256]; /* of types that were just found */
    uint32_t last_type[256];
};

void cpython_types_init(struct cpython_types *types, const struct cpython *python);
void cpython_types_clear(struct cpython_types *types);

/* Position of the type at an address, or CPYTHON_NO_TYPE. */
uint32_t cpython_types_find_slow(struct cpython_types *types, uint64_t address);

static inline unsigned cpython_types_place(uint64_t address)
{
    return (address >> 4 ^ address >> 12) & 255;
}

/* Where it was just asked for; CPYTHON_NO_TYPE: it was not. */
static inline uint32_t cpython_types_find_kept(const struct cpython_types *types, uint64_t address)
{
    unsigned place = cpython_types_place(address);
    return types->last_address[place] == address ? types->last_type[place] : CPYTHON_NO_TYPE;
}

static inline uint32_t cpython_types_find(struct cpython_types *types, uint64_t address)
{
    unsigned place = cpython_types_place(address);
    if (types->last_address[place] == address)
        return types->last_type[place];
    uint32_t type = cpython_types_find_slow(types, address);
    if (type != CPYTHON_NO_TYPE) {
        types->last_type[place] = type;
        types->last_address[place] = address;
    }
    return type;
}

/* The position of a type that was found for another table of the same interpreter's, or
 * CPYTHON_NO_TYPE: there are too many. */
uint32_t cpython_types_adopt(struct cpython_types *types, const struct cpython_type *type);

/* Bytes from the object's start that it takes itself; UINT64_MAX: it makes no sense. */
uint64_t cpython_object_size(const struct cpython *python, const struct cpython_type *type,
                             uint64_t object);

/* What counts references, as far as it is known; immortal ones have a very large one. */
uint64_t cpython_refcount(const struct cpython *python, uint64_t object);

#endif
