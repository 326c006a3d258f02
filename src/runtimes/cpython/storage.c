/* Storage that objects keep apart from themselves: in blocks of the arenas, or of malloc's. */
#include "runtimes/cpython/containers.h"
#include "runtimes/cpython/dicts.h"
#include "runtimes/cpython/edges.h"

enum {
    FIELDS_MAX_BYTES = 1 << 12,
    ORDERED_NODE_NEXT = 16,
    ORDERED_NODE_BYTES = 32,
    BYTEARRAY_ALLOCATED = 24,
    BYTEARRAY_BYTES = 32,
    TYPE_HEAP_BYTES = 400, /* from here on, what only types made at run time have */
    TYPE_END = 960,
    TYPE_DOC = 176,
    STRING_OLD_WIDE = 40, /* up to 3.11 */
    DICT_BEFORE = 24,
    VALUES_BEFORE = 32
};

struct storing {
    const struct cpython *python;
    const struct cpython_type *type;
    uint64_t object;
    cpython_visit_storage visit;
    void *context;
};

static uint64_t word_at(const struct storing *storing, uint64_t address)
{
    return memory_view_word_or_0(storing->python->view, address);
}

static void tell(const struct storing *storing, uint64_t address, uint64_t bytes)
{
    if (address >= 4096 && address < UINT64_C(1) << 47)
        storing->visit(storing->context, address, bytes);
}

static void visit_fields(const struct storing *storing, uint64_t first, uint64_t end)
{
    if (end > FIELDS_MAX_BYTES)
        end = FIELDS_MAX_BYTES;
    for (uint64_t offset = first; offset + 8 <= end; offset += 8) {
        uint64_t address = word_at(storing, storing->object + offset);
        if (cpython_is_pointer(address))
            tell(storing, address, 0);
    }
}

static uint64_t keys_bytes(const struct storing *storing, uint64_t address)
{
    struct cpython_keys keys;
    if (!cpython_keys_read(storing->python, address, &keys))
        return 0;
    uint64_t usable = storing->python->offsets.minor <= 10 ? word_at(storing, address + 24)
                                                           : word_at(storing, address + 16);
    if (usable >> 32)
        return 0;
    return keys.entries - address + (keys.entry_count + usable) * keys.entry_bytes;
}

static void visit_dict(const struct storing *storing)
{
    uint64_t keys = word_at(storing, storing->object + CPYTHON_DICT_KEYS);
    uint64_t values = word_at(storing, storing->object + CPYTHON_DICT_VALUES);
    tell(storing, keys, values == 0 ? keys_bytes(storing, keys) : 0);
    /* Values have their number in front of them, in 3.11 and 3.12. */
    tell(storing,
         storing->python->offsets.minor == 11 || storing->python->offsets.minor == 12 ? values - 1
                                                                                      : values,
         0);
}

static void visit_ordered(const struct storing *storing)
{
    const struct cpython_offsets *offsets = &storing->python->offsets;
    visit_dict(storing);
    tell(storing, word_at(storing, storing->object + offsets->ordered_fast_nodes), 0);
    uint64_t node = word_at(storing, storing->object + offsets->ordered_first);
    uint64_t most = word_at(storing, storing->object + CPYTHON_DICT_USED);
    for (uint64_t i = 0; cpython_is_pointer(node) && i <= most && i < CPYTHON_LINKS_MAX; i++) {
        tell(storing, node, ORDERED_NODE_BYTES);
        node = word_at(storing, node + ORDERED_NODE_NEXT);
    }
}

static void visit_list(const struct storing *storing)
{
    uint64_t allocated = word_at(storing, storing->object + CPYTHON_LIST_ALLOCATED);
    tell(storing, word_at(storing, storing->object + CPYTHON_LIST_ITEMS),
         allocated >> 40 ? 0 : allocated * 8);
}

static void visit_set(const struct storing *storing)
{
    uint64_t table = word_at(storing, storing->object + CPYTHON_SET_TABLE);
    uint64_t mask = word_at(storing, storing->object + CPYTHON_SET_MASK);
    if (table != storing->object + CPYTHON_SET_SMALL_TABLE)
        tell(storing, table, mask >> 40 ? 0 : (mask + 1) * CPYTHON_SET_ENTRY_BYTES);
}

static void visit_deque(const struct storing *storing)
{
    uint64_t block = word_at(storing, storing->object + CPYTHON_DEQUE_LEFT);
    uint64_t right = word_at(storing, storing->object + CPYTHON_DEQUE_RIGHT);
    uint64_t most = cpython_deque_blocks(storing->python, storing->object);
    for (uint64_t i = 0; cpython_is_pointer(block) && i < most; i++) {
        tell(storing, block, CPYTHON_DEQUE_BLOCK_BYTES);
        if (block == right)
            return;
        block = word_at(storing, block + CPYTHON_DEQUE_BLOCK_NEXT);
    }
}

static void visit_string(const struct storing *storing)
{
    const struct cpython_offsets *offsets = &storing->python->offsets;
    uint64_t object = storing->object;
    uint32_t state = memory_view_half_or_0(storing->python->view, object + CPYTHON_STRING_STATE);
    if (offsets->minor < 12)
        tell(storing, word_at(storing, object + STRING_OLD_WIDE), 0);
    if (!cpython_string_is_ascii(state, offsets->minor))
        tell(storing, word_at(storing, object + offsets->string_ascii_data + 8), 0);
    if (!cpython_string_is_compact(state, offsets->minor))
        tell(storing, word_at(storing, object + offsets->string_compact_data), 0);
}

static void visit_managed(const struct storing *storing)
{
    uint32_t minor = storing->python->offsets.minor;
    if (!(storing->type->flags & CPYTHON_TYPE_MANAGED_DICT))
        return;
    if (minor == 11)
        tell(storing, word_at(storing, storing->object - VALUES_BEFORE) - 1, 0);
    uint64_t word = minor == 12 ? word_at(storing, storing->object - DICT_BEFORE) : 0;
    if (word & 1)
        tell(storing, word, 0);
}

void cpython_edges_visit_storage(const struct cpython *python, const struct cpython_type *type,
                                 uint64_t object, cpython_visit_storage visit, void *context)
{
    const struct storing storing = {python, type, object, visit, context};
    if (type->is_whole)
        return;
    if (type->shape == CPYTHON_SHAPE_DICT)
        visit_dict(&storing);
    else if (type->shape == CPYTHON_SHAPE_ORDERED_DICT)
        visit_ordered(&storing);
    else if (type->shape == CPYTHON_SHAPE_LIST)
        visit_list(&storing);
    else if (type->shape == CPYTHON_SHAPE_SET)
        visit_set(&storing);
    else if (type->shape == CPYTHON_SHAPE_DEQUE)
        visit_deque(&storing);
    else if (type->shape == CPYTHON_SHAPE_STRING)
        visit_string(&storing);
    else if (type->shape == CPYTHON_SHAPE_BYTEARRAY)
        tell(&storing, word_at(&storing, object + BYTEARRAY_BYTES),
             word_at(&storing, object + BYTEARRAY_ALLOCATED));
    else if (type->shape == CPYTHON_SHAPE_TYPE) {
        tell(&storing, word_at(&storing, object + CPYTHON_TYPE_NAME), 0);
        tell(&storing, word_at(&storing, object + TYPE_DOC), 0);
        if (word_at(&storing, object + CPYTHON_TYPE_FLAGS) & CPYTHON_TYPE_HEAP)
            visit_fields(&storing, TYPE_HEAP_BYTES, TYPE_END);
    } else if (type->shape != CPYTHON_SHAPE_LEAF && type->shape != CPYTHON_SHAPE_TUPLE) {
        visit_fields(&storing, CPYTHON_OBJECT_SIZE, type->basic_size);
    }
    visit_managed(&storing);
}
