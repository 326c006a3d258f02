/* A word is taken for a type when what it points to has a type that is `type` itself or derived
 * from it, is ready, has a printable name and a size that objects can have. How its objects refer
 * to others is told by its flags and by the names of its built-in bases; what the collector would
 * visit of them is known only if every base's function for that is CPython's own or of its library.
 */
#include "runtimes/cpython/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/mapping_search.h"

enum {
    METACLASSES_MAX = 4,
    BASES_MAX = 64,
    BASIC_SIZE_MAX = 100000,
    ITEM_SIZE_MAX = 65536,
    COLLECTOR_HEAD_BYTES = 16,
    MANAGED_BYTES = 16,
    TYPES_MAX = 1 << 20
};

void cpython_types_init(struct cpython_types *types, const struct cpython *python)
{
    *types = (struct cpython_types){.python = python};
    hash_map_init(&types->index);
    for (size_t i = 0; i < 256; i++) {
        types->last_address[i] = 1; /* no type is there */
        types->last_type[i] = CPYTHON_NO_TYPE;
    }
}

void cpython_types_clear(struct cpython_types *types)
{
    free(types->items);
    hash_map_clear(&types->index);
    *types = (struct cpython_types){0};
}

/* ---- shapes ---- */

struct named_shape {
    const char *name;
    enum cpython_shape shape;
};

/* By what types built in are called; beside those that have a flag. */
static const struct named_shape named_shapes[] = {
    {"async_generator", CPYTHON_SHAPE_GENERATOR},
    {"bool", CPYTHON_SHAPE_LEAF},
    {"code", CPYTHON_SHAPE_CODE},
    {"bytearray", CPYTHON_SHAPE_BYTEARRAY},
    {"collections.OrderedDict", CPYTHON_SHAPE_ORDERED_DICT},
    {"collections.deque", CPYTHON_SHAPE_DEQUE},
    {"complex", CPYTHON_SHAPE_LEAF},
    {"coroutine", CPYTHON_SHAPE_GENERATOR},
    {"float", CPYTHON_SHAPE_LEAF},
    {"frame", CPYTHON_SHAPE_FRAME},
    {"frozenset", CPYTHON_SHAPE_SET},
    {"functools._lru_cache_wrapper", CPYTHON_SHAPE_LRU_CACHE},
    {"functools._lru_list_elem", CPYTHON_SHAPE_LRU_LINK},
    {"generator", CPYTHON_SHAPE_GENERATOR},
    {"module", CPYTHON_SHAPE_MODULE},
    {"set", CPYTHON_SHAPE_SET},
    {"weakcallableproxy", CPYTHON_SHAPE_WEAKREF},
    {"weakproxy", CPYTHON_SHAPE_WEAKREF},
    {"weakref", CPYTHON_SHAPE_WEAKREF},
    {"weakref.CallableProxyType", CPYTHON_SHAPE_WEAKREF},
    {"weakref.ProxyType", CPYTHON_SHAPE_WEAKREF},
    {"weakref.ReferenceType", CPYTHON_SHAPE_WEAKREF},
};

static bool find_named_shape(const char *name, enum cpython_shape *shape)
{
    for (size_t i = 0; i < sizeof named_shapes / sizeof *named_shapes; i++)
        if (strcmp(named_shapes[i].name, name) == 0) {
            *shape = named_shapes[i].shape;
            return true;
        }
    return false;
}

static bool find_flagged_shape(uint64_t flags, enum cpython_shape *shape)
{
    static const struct {
        uint64_t flag;
        enum cpython_shape shape;
    } flagged[] = {
        {CPYTHON_TYPE_TYPE, CPYTHON_SHAPE_TYPE},     {CPYTHON_TYPE_LIST, CPYTHON_SHAPE_LIST},
        {CPYTHON_TYPE_TUPLE, CPYTHON_SHAPE_TUPLE},   {CPYTHON_TYPE_DICT, CPYTHON_SHAPE_DICT},
        {CPYTHON_TYPE_STRING, CPYTHON_SHAPE_STRING}, {CPYTHON_TYPE_LONG, CPYTHON_SHAPE_LEAF},
        {CPYTHON_TYPE_BYTES, CPYTHON_SHAPE_LEAF},
    };
    for (size_t i = 0; i < sizeof flagged / sizeof *flagged; i++)
        if (flags & flagged[i].flag) {
            *shape = flagged[i].shape;
            return true;
        }
    return false;
}

static bool is_trusted_code(const struct cpython *python, uint64_t address)
{
    for (size_t i = 0; i < python->code_count; i++)
        if (address - python->code[i].start < python->code[i].end - python->code[i].start)
            return true;
    return false;
}

/* The bases, from the type itself on: the first that is not made by a class statement tells. */
static void find_shape(const struct cpython *python, struct cpython_type *type)
{
    uint64_t base = type->address;
    bool has_shape = false;
    type->is_trusted = true;
    type->shape = CPYTHON_SHAPE_FIELDS;
    type->base_size = CPYTHON_OBJECT_SIZE;
    for (size_t i = 0; i < BASES_MAX && cpython_is_pointer(base); i++) {
        char name[sizeof type->name];
        uint64_t traverse = cpython_field(python, base, CPYTHON_TYPE_TRAVERSE);
        uint64_t flags = cpython_field(python, base, CPYTHON_TYPE_FLAGS);
        if (traverse != 0 && !is_trusted_code(python, traverse))
            type->is_trusted = false;
        memory_view_text(python->view, cpython_field(python, base, CPYTHON_TYPE_NAME), name,
                         sizeof name);
        bool is_built_in = !(flags & CPYTHON_TYPE_HEAP) || strchr(name, '.') != NULL;
        if (!has_shape && is_built_in && find_named_shape(name, &type->shape)) {
            has_shape = true;
            type->base_size = (uint32_t)cpython_field(python, base, CPYTHON_TYPE_BASIC_SIZE);
        }
        uint64_t next = cpython_field(python, base, CPYTHON_TYPE_BASE);
        bool is_flag_own = (flags & ~cpython_field(python, next, CPYTHON_TYPE_FLAGS)) != 0;
        if (!has_shape && is_flag_own && !(flags & CPYTHON_TYPE_HEAP) &&
            find_flagged_shape(flags, &type->shape)) {
            has_shape = true;
            type->base_size = (uint32_t)cpython_field(python, base, CPYTHON_TYPE_BASIC_SIZE);
        }
        base = next;
    }
    if (!has_shape && find_flagged_shape(type->flags, &type->shape))
        type->base_size = (uint32_t)type->basic_size;
    if (!has_shape && strcmp(type->name, "object") == 0)
        type->shape = CPYTHON_SHAPE_LEAF;
}

/* ---- finding ---- */

static uint32_t prefix_of(const struct cpython *python, uint64_t flags)
{
    uint64_t managed = python->offsets.minor >= 12
                           ? CPYTHON_TYPE_MANAGED_DICT | CPYTHON_TYPE_MANAGED_WEAKREF
                       : python->offsets.minor == 11 ? CPYTHON_TYPE_MANAGED_DICT
                                                     : 0;
    return (flags & CPYTHON_TYPE_COLLECTED ? COLLECTOR_HEAD_BYTES : 0) +
           (flags & managed ? MANAGED_BYTES : 0);
}

/* Types stand in variables or in memory of malloc's, which can be written. */
static bool is_place(const struct cpython *python, uint64_t address)
{
    if (!cpython_is_pointer(address))
        return false;
    const struct target_mapping *mapping = mapping_search(python->mappings, address);
    return mapping != NULL && mapping->flags & TARGET_MAPPING_WRITE &&
           mapping->end - address >= CPYTHON_TYPE_BYTES_READ;
}

static bool is_metaclass(const struct cpython *python, uint64_t address)
{
    for (size_t depth = 0; depth < METACLASSES_MAX; depth++) {
        if (address == python->type_type)
            return true;
        if (!is_place(python, address) ||
            !(cpython_field(python, address, CPYTHON_TYPE_FLAGS) & CPYTHON_TYPE_TYPE))
            return false;
        address = cpython_field(python, address, CPYTHON_OBJECT_TYPE);
    }
    return false;
}

/* Most objects are of such types: most of what goes through all objects can leave them out. */
static void tell_leaves(struct cpython_type *type)
{
    bool has_slots = type->basic_size > type->base_size || type->dict_offset != 0 ||
                     type->flags & (CPYTHON_TYPE_HEAP | CPYTHON_TYPE_MANAGED_DICT);
    type->is_leaf = !has_slots &&
                    (type->shape == CPYTHON_SHAPE_LEAF || type->shape == CPYTHON_SHAPE_STRING ||
                     type->shape == CPYTHON_SHAPE_BYTEARRAY);
    type->is_whole = !(type->flags & CPYTHON_TYPE_MANAGED_DICT) &&
                     (type->shape == CPYTHON_SHAPE_LEAF || type->shape == CPYTHON_SHAPE_TUPLE);
}

static bool read_type(const struct cpython *python, uint64_t address, struct cpython_type *type)
{
    if (!is_place(python, address) ||
        !is_metaclass(python, cpython_field(python, address, CPYTHON_OBJECT_TYPE)))
        return false;
    *type = (struct cpython_type){
        .address = address,
        .basic_size = cpython_field(python, address, CPYTHON_TYPE_BASIC_SIZE),
        .item_size = cpython_field(python, address, CPYTHON_TYPE_ITEM_SIZE),
        .flags = cpython_field(python, address, CPYTHON_TYPE_FLAGS),
        .weak_offset = cpython_field(python, address, CPYTHON_TYPE_WEAK_OFFSET),
        .dict_offset = (int64_t)cpython_field(python, address, CPYTHON_TYPE_DICT_OFFSET),
        .base = cpython_field(python, address, CPYTHON_TYPE_BASE),
    };
    if (!(type->flags & CPYTHON_TYPE_READY) || type->basic_size < CPYTHON_OBJECT_SIZE ||
        type->basic_size >= BASIC_SIZE_MAX || type->item_size >= ITEM_SIZE_MAX ||
        !memory_view_text(python->view, cpython_field(python, address, CPYTHON_TYPE_NAME),
                          type->name, sizeof type->name))
        return false;
    type->prefix_bytes = prefix_of(python, type->flags);
    find_shape(python, type);
    tell_leaves(type);
    if (type->flags & CPYTHON_TYPE_HEAP)
        type->shared_keys = cpython_field(python, address, python->offsets.heap_type_keys);
    return true;
}

/* How many there are then. */
static size_t add_type(struct cpython_types *types, const struct cpython_type *type)
{
    types->items = memory_grow(types->items, &types->capacity, types->count + 1,
                               sizeof *types->items);
    types->items[types->count++] = *type;
    return types->count;
}

uint32_t cpython_types_find_slow(struct cpython_types *types, uint64_t address)
{
    struct cpython_type type;
    bool is_new;
    if (!is_place(types->python, address))
        return CPYTHON_NO_TYPE; /* numbers that look like addresses are many, and not remembered */
    uint64_t *found = hash_map_put(&types->index, address, &is_new);
    if (!is_new)
        return (uint32_t)(*found - 1);
    if (types->count >= TYPES_MAX || !read_type(types->python, address, &type))
        return CPYTHON_NO_TYPE; /* 0 - 1 */
    *found = add_type(types, &type);
    return (uint32_t)(*found - 1);
}

uint32_t cpython_types_adopt(struct cpython_types *types, const struct cpython_type *type)
{
    bool is_new;
    uint64_t *found = hash_map_put(&types->index, type->address, &is_new);
    if (is_new && types->count < TYPES_MAX)
        *found = add_type(types, type);
    return (uint32_t)(*found - 1);
}

/* ---- objects ---- */

enum {
    DIGIT_BYTES = 4,
    ITEMS_MAX_LOG2 = 40
};

static uint64_t string_size(const struct cpython *python, const struct cpython_type *type,
                            uint64_t object)
{
    uint32_t state = memory_view_half_or_0(python->view, object + CPYTHON_STRING_STATE);
    uint64_t length = cpython_field(python, object, CPYTHON_STRING_LENGTH);
    uint32_t minor = python->offsets.minor, width = cpython_string_kind(state, minor);
    if (!cpython_string_is_compact(state, minor))
        return type->basic_size;
    if (length >> ITEMS_MAX_LOG2 || (width != 1 && width != 2 && width != 4))
        return UINT64_MAX;
    return cpython_string_is_ascii(state, minor)
               ? python->offsets.string_ascii_data + length + 1
               : python->offsets.string_compact_data + (length + 1) * width;
}

static uint64_t long_size(const struct cpython *python, const struct cpython_type *type,
                          uint64_t object)
{
    uint64_t word = cpython_field(python, object, CPYTHON_OBJECT_SIZE);
    int64_t signed_count = (int64_t)word;
    uint64_t digits = python->offsets.minor >= 12 ? word >> 3 : signed_count < 0 ? 0 - word : word;
    if (digits >> ITEMS_MAX_LOG2)
        return UINT64_MAX;
    uint64_t fixed = type->basic_size < 24 ? 24 : 24 + (type->basic_size - 24) / 8 * 8;
    if (python->offsets.minor >= 12 && digits == 0)
        digits = 1;
    return fixed + digits * DIGIT_BYTES;
}

uint64_t cpython_object_size(const struct cpython *python, const struct cpython_type *type,
                             uint64_t object)
{
    uint64_t size;
    if (type->flags & CPYTHON_TYPE_STRING) {
        size = string_size(python, type, object);
    } else if (type->flags & CPYTHON_TYPE_LONG) {
        size = long_size(python, type, object);
    } else if (type->item_size == 0 || type->shape == CPYTHON_SHAPE_GENERATOR ||
               type->shape == CPYTHON_SHAPE_FRAME || type->shape == CPYTHON_SHAPE_TYPE) {
        size = type->basic_size;
    } else {
        uint64_t count = cpython_field(python, object, CPYTHON_OBJECT_SIZE);
        size = count >> ITEMS_MAX_LOG2 ? UINT64_MAX : type->basic_size + count * type->item_size;
    }
    return size;
}

uint64_t cpython_refcount(const struct cpython *python, uint64_t object)
{
    uint64_t word = cpython_field(python, object, 0);
    return python->offsets.minor >= 12 ? word & UINT32_MAX : word;
}
