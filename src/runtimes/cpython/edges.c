/* Each shape as the collector's own functions traverse it (tp_traverse of each type): what they
 * visit is counted; what they do not is left out where it does not hold what it refers to (what a
 * weak reference is to, the lists of weak references, globals of frames from 3.11 on, free slots of
 * lists), and visited without being counted where it does. */
#include "runtimes/cpython/edges.h"

#include "runtimes/cpython/containers.h"
#include "runtimes/cpython/dicts.h"

enum {
    ITEMS_MAX = 1 << 30,
    FRAME_SLOTS_MAX = 1 << 20,
    FIELDS_MAX_BYTES = 1 << 16,
    LIST_BYTES = 40,
    DICT_BYTES = 48,
    ORDERED_DICT_INSTANCE = 96, /* behind its own list */
    WEAKREF_CALLBACK = 24,
    LINK_NEXT = 24, /* of a cache's list, and of its elements */
    LINK_KEY = 40,
    LINK_RESULT = 48,
    LRU_FIELDS = 56,
    MODULE_DICT = 16,
    MODULE_STATE = 32,
    OLD_FRAME_VALUE_STACK = 64, /* up to 3.10 */
    OLD_FRAME_STACK_TOP = 72,   /* up to 3.9: an address, 0 while it runs */
    NEW_FRAME_STACK_DEPTH = 80, /* 3.10: int32_t, -1 while it runs */
    FRAME_OBJECT_FRAME = 24,    /* from 3.11 on */
    GENERATOR_STATE_BEFORE = 5, /* bytes in front of its frame */
    GENERATOR_UNVISITED = 24,   /* the link of exceptions, and an origin that only coroutines set */
    GENERATOR_RUNNING = 0
};

struct walk {
    const struct cpython *python;
    const struct cpython_type *type;
    uint64_t object;
    cpython_visit_edge visit;
    void *context;
};

static void tell(const struct walk *walk, const struct cpython_edge *edge)
{
    if (cpython_is_pointer(edge->target))
        walk->visit(walk->context, edge);
}

static uint64_t word_at(const struct walk *walk, uint64_t address)
{
    return memory_view_word_or_0(walk->python->view, address);
}

/* Words of the object from one offset to another. */
static void visit_fields(const struct walk *walk, uint64_t first, uint64_t end)
{
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_FIELD, .is_counted = walk->type->is_trusted};
    for (uint64_t offset = first; offset + 8 <= end; offset += 8) {
        if (walk->type->weak_offset != 0 && offset == walk->type->weak_offset)
            continue;
        edge.target = word_at(walk, walk->object + offset);
        edge.number = offset;
        if (edge.target != walk->object)
            tell(walk, &edge);
    }
}

/* Slots that classes add behind their built-in base. */
static void visit_slots(const struct walk *walk, uint64_t base_bytes)
{
    base_bytes = (base_bytes + 7) & ~UINT64_C(7);
    if (walk->type->basic_size > base_bytes && walk->type->basic_size < FIELDS_MAX_BYTES)
        visit_fields(walk, base_bytes, walk->type->basic_size);
}

static void visit_items(const struct walk *walk, uint64_t first, uint64_t count,
                        enum cpython_edge_kind kind)
{
    struct cpython_edge edge = {.kind = kind, .is_counted = true};
    for (; edge.number < count && edge.number < ITEMS_MAX; edge.number++) {
        if (!memory_view_word(walk->python->view, first + edge.number * 8, &edge.target))
            return;
        tell(walk, &edge);
    }
}

/* ---- dictionaries ---- */

static bool visit_entry(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)slot;
    const struct walk *walk = context;
    struct cpython_edge edge = {
        .target = key, .kind = CPYTHON_EDGE_KEY, .key = key, .is_counted = true};
    tell(walk, &edge);
    edge.target = value;
    edge.kind = CPYTHON_EDGE_VALUE;
    tell(walk, &edge);
    return true;
}

static bool has_embedded_values(const struct walk *walk)
{
    uint64_t values = word_at(walk, walk->object + CPYTHON_DICT_VALUES);
    return walk->python->offsets.minor >= 13 && values != 0 &&
           memory_view_byte_or_0(walk->python->view, values + 2) != 0;
}

static bool visit_embedded_entry(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)slot;
    struct cpython_edge edge = {
        .target = value, .kind = CPYTHON_EDGE_VALUE, .key = key, .is_counted = false};
    tell(context, &edge);
    return true;
}

/* What stands in the instance itself is the instance's to visit. */
static void visit_dict(const struct walk *walk)
{
    cpython_dict_visit(walk->python, walk->object,
                       has_embedded_values(walk) ? visit_embedded_entry : visit_entry,
                       (void *)walk);
}

/* Keys that instances share: values stand beside each instance. */
static void visit_values(const struct walk *walk, uint64_t values, uint64_t most)
{
    struct cpython_keys keys = {0};
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_ATTRIBUTE, .is_counted = true};
    bool has_keys = cpython_keys_read(walk->python, walk->type->shared_keys, &keys);
    if (has_keys && keys.entry_count < most)
        most = keys.entry_count;
    for (uint64_t i = 0; i < most; i++) {
        edge.target = word_at(walk, values + i * 8);
        edge.key = has_keys && edge.target != 0
                       ? word_at(walk, keys.entries + i * keys.entry_bytes + keys.key_offset)
                       : 0;
        tell(walk, &edge);
    }
}

enum {
    SHARED_KEYS_MAX = 64,
    DICT_BEFORE = 24, /* of the dictionary, or a tagged pointer to values */
    VALUES_BEFORE = 32
};

static void visit_managed(const struct walk *walk)
{
    uint32_t minor = walk->python->offsets.minor;
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_ATTRIBUTE, .is_counted = true};
    if (minor < 11 || !(walk->type->flags & CPYTHON_TYPE_MANAGED_DICT))
        return;
    uint64_t word = word_at(walk, walk->object - DICT_BEFORE);
    if (minor == 12 && word & 1) {
        visit_values(walk, word + 1, SHARED_KEYS_MAX);
        return;
    }
    edge.target = word;
    tell(walk, &edge);
    if (minor == 11) {
        uint64_t values = word_at(walk, walk->object - VALUES_BEFORE);
        if (cpython_is_pointer(values))
            visit_values(walk, values, SHARED_KEYS_MAX);
    }
    if (minor >= 13 && walk->type->flags & CPYTHON_TYPE_INLINE_VALUES) {
        uint64_t values = walk->object + walk->type->basic_size;
        uint8_t capacity = memory_view_byte_or_0(walk->python->view, values);
        if (memory_view_byte_or_0(walk->python->view, values + 3) != 0)
            visit_values(walk, values + 8, capacity);
    }
}

/* ---- other containers ---- */

static void visit_set(const struct walk *walk)
{
    uint64_t mask = word_at(walk, walk->object + CPYTHON_SET_MASK);
    uint64_t table = word_at(walk, walk->object + CPYTHON_SET_TABLE);
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_MEMBER, .is_counted = true};
    for (uint64_t i = 0; i <= mask && i < ITEMS_MAX; i++) {
        if (!memory_view_word(walk->python->view, table + i * CPYTHON_SET_ENTRY_BYTES,
                              &edge.target))
            return;
        tell(walk, &edge);
    }
}

static void visit_type(const struct walk *walk)
{
    static const uint32_t fields[] = {CPYTHON_TYPE_BASE, CPYTHON_TYPE_DICTIONARY,
                                      CPYTHON_TYPE_BASES, CPYTHON_TYPE_MRO, CPYTHON_TYPE_CACHE};
    bool is_heap = word_at(walk, walk->object + CPYTHON_TYPE_FLAGS) & CPYTHON_TYPE_HEAP;
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_FIELD, .is_counted = is_heap};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        edge.number = fields[i];
        edge.target = word_at(walk, walk->object + fields[i]);
        tell(walk, &edge);
    }
    if (is_heap && cpython_has_field(walk->python->offsets.heap_type_module)) {
        edge.number = walk->python->offsets.heap_type_module;
        edge.target = word_at(walk, walk->object + edge.number);
        tell(walk, &edge);
    }
}

static void visit_weakref(const struct walk *walk)
{
    struct cpython_edge edge = {
        .kind = CPYTHON_EDGE_FIELD, .number = WEAKREF_CALLBACK, .is_counted = true};
    edge.target = word_at(walk, walk->object + WEAKREF_CALLBACK);
    tell(walk, &edge);
    visit_slots(walk, walk->type->base_size);
}

static void visit_deque(const struct walk *walk)
{
    uint64_t block = word_at(walk, walk->object + CPYTHON_DEQUE_LEFT);
    uint64_t right = word_at(walk, walk->object + CPYTHON_DEQUE_RIGHT);
    uint64_t first = word_at(walk, walk->object + CPYTHON_DEQUE_LEFT_INDEX);
    uint64_t last = word_at(walk, walk->object + CPYTHON_DEQUE_RIGHT_INDEX);
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_ITEM, .is_counted = true};
    uint64_t most = cpython_deque_blocks(walk->python, walk->object);
    for (uint64_t i = 0; cpython_is_pointer(block) && i < most; i++) {
        uint64_t end = block == right ? last : CPYTHON_DEQUE_BLOCK_ITEMS - 1;
        for (uint64_t j = first; j <= end && j < CPYTHON_DEQUE_BLOCK_ITEMS; j++, edge.number++) {
            edge.target = word_at(walk, block + 8 + j * 8);
            tell(walk, &edge);
        }
        if (block == right)
            break;
        first = 0;
        block = word_at(walk, block + CPYTHON_DEQUE_BLOCK_NEXT);
    }
    visit_slots(walk, walk->type->base_size);
}

/* The cache visits what its elements hold; they are unknown to the collector. */
static void visit_lru_cache(const struct walk *walk)
{
    uint64_t link = word_at(walk, walk->object + LINK_NEXT);
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_ITEM, .is_counted = true};
    for (; cpython_is_pointer(link) && link != walk->object && edge.number < CPYTHON_LINKS_MAX;
         edge.number++) {
        edge.is_counted = false;
        edge.target = link;
        tell(walk, &edge);
        edge.is_counted = true;
        edge.target = word_at(walk, link + LINK_KEY);
        tell(walk, &edge);
        edge.target = word_at(walk, link + LINK_RESULT);
        tell(walk, &edge);
        link = word_at(walk, link + LINK_NEXT);
    }
    visit_fields(walk, LRU_FIELDS, walk->type->basic_size);
}

static void visit_lru_link(const struct walk *walk)
{
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_FIELD, .number = LINK_RESULT};
    edge.target = word_at(walk, walk->object + LINK_RESULT);
    tell(walk, &edge);
}

/* ---- frames ---- */

static void visit_locals(const struct walk *walk, uint64_t first, uint64_t count, uint64_t code,
                         bool is_counted)
{
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_LOCAL, .key = code, .is_counted = is_counted};
    for (; edge.number < count && edge.number < FRAME_SLOTS_MAX; edge.number++) {
        edge.target = word_at(walk, first + edge.number * 8);
        if (walk->python->offsets.minor >= 14)
            edge.target &= ~UINT64_C(3);
        tell(walk, &edge);
    }
}

uint64_t cpython_old_frame_end(const struct cpython *python, uint64_t frame)
{
    if (python->offsets.minor < 10) {
        uint64_t top = cpython_field(python, frame, OLD_FRAME_STACK_TOP);
        return top != 0 ? top : UINT64_MAX;
    }
    int32_t depth = (int32_t)memory_view_half_or_0(python->view, frame + NEW_FRAME_STACK_DEPTH);
    return depth < 0 ? UINT64_MAX
                     : cpython_field(python, frame, OLD_FRAME_VALUE_STACK) + (uint64_t)depth * 8;
}

/* A frame object up to 3.10. While it runs, the collector leaves its stack out. */
static void visit_old_frame(const struct walk *walk)
{
    static const uint32_t before[] = {24, 32, 40, 48,
                                      56}; /* back, code, builtins, globals, locals */
    const struct cpython_offsets *offsets = &walk->python->offsets;
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_FIELD, .is_counted = true};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        edge.number = before[i];
        edge.target = word_at(walk, walk->object + before[i]);
        tell(walk, &edge);
    }
    edge.number = offsets->minor == 10 ? 72 : 80; /* f_trace */
    edge.target = word_at(walk, walk->object + edge.number);
    tell(walk, &edge);
    uint64_t code = word_at(walk, walk->object + offsets->frame_code);
    uint64_t locals = walk->object + offsets->frame_locals_plus;
    uint64_t stack = word_at(walk, walk->object + OLD_FRAME_VALUE_STACK);
    if (stack < locals || stack - locals > FRAME_SLOTS_MAX * UINT64_C(8))
        return;
    visit_locals(walk, locals, (stack - locals) / 8, code, true);
    uint64_t top = cpython_old_frame_end(walk->python, walk->object);
    if (top > stack && top != UINT64_MAX)
        visit_items(walk, stack, (top - stack) / 8, CPYTHON_EDGE_ITEM);
}

uint64_t cpython_frame_slots(const struct cpython *python, uint64_t frame, uint64_t code,
                             bool *is_running)
{
    const struct cpython_offsets *offsets = &python->offsets;
    uint64_t locals = frame + offsets->frame_locals_plus, count = 0;
    *is_running = false;
    if (cpython_has_field(offsets->frame_stack_top)) {
        int32_t top = (int32_t)memory_view_half_or_0(python->view,
                                                     frame + offsets->frame_stack_top);
        *is_running = top < 0;
        count = top > 0 ? (uint64_t)top : 0;
    } else {
        uint64_t top = cpython_field(python, frame, offsets->frame_stack_pointer);
        *is_running = top < locals;
        count = *is_running ? 0 : (top - locals) / 8;
    }
    if (*is_running)
        count = memory_view_half_or_0(python->view, code + offsets->code_locals_plus_count);
    return count < FRAME_SLOTS_MAX ? count : 0;
}

static void visit_new_frame(const struct walk *walk, uint64_t frame)
{
    const struct cpython_offsets *offsets = &walk->python->offsets;
    const uint32_t fields[] = {offsets->frame_code, offsets->frame_function, offsets->frame_locals,
                               offsets->frame_object};
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_FIELD, .is_counted = true};
    uint64_t code = word_at(walk, frame + offsets->frame_code) & ~UINT64_C(3);
    bool is_running;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        edge.number = CPYTHON_FRAME_FIELDS + fields[i];
        edge.target = word_at(walk, frame + fields[i]) & ~UINT64_C(3);
        tell(walk, &edge);
    }
    uint64_t count = cpython_frame_slots(walk->python, frame, code, &is_running);
    visit_locals(walk, frame + offsets->frame_locals_plus, count, code, !is_running);
}

static void visit_generator(const struct walk *walk)
{
    const struct cpython_offsets *offsets = &walk->python->offsets;
    if (offsets->minor <= 10) {
        visit_fields(walk, CPYTHON_OBJECT_SIZE, walk->type->basic_size);
        return;
    }
    uint64_t frame = walk->object + offsets->generator_frame;
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_FIELD, .is_counted = true};
    for (uint64_t offset = CPYTHON_OBJECT_SIZE; offset + 8 <= offsets->generator_frame;
         offset += 8) {
        edge.number = offset;
        edge.target = word_at(walk, walk->object + offset);
        edge.is_counted = offset + GENERATOR_UNVISITED < offsets->generator_frame;
        if (offset != offsets->generator_weakrefs)
            tell(walk, &edge);
    }
    int8_t state = (int8_t)memory_view_byte_or_0(walk->python->view,
                                                 frame - GENERATOR_STATE_BEFORE);
    if (state <= GENERATOR_RUNNING)
        visit_new_frame(walk, frame);
}

static void visit_frame_object(const struct walk *walk)
{
    const struct cpython_offsets *offsets = &walk->python->offsets;
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_FIELD, .is_counted = true};
    if (offsets->minor <= 10) {
        visit_old_frame(walk);
        return;
    }
    uint64_t frame = word_at(walk, walk->object + FRAME_OBJECT_FRAME);
    for (edge.number = 16; edge.number <= 32; edge.number += 16) { /* back, trace */
        edge.target = word_at(walk, walk->object + edge.number);
        tell(walk, &edge);
    }
    if (memory_view_byte_or_0(walk->python->view, frame + offsets->frame_owner) ==
        CPYTHON_FRAME_OF_OBJECT)
        visit_new_frame(walk, frame);
}

/* ---- all of them ---- */

static void visit_module(const struct walk *walk)
{
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_ATTRIBUTE, .is_counted = true};
    edge.target = word_at(walk, walk->object + MODULE_DICT);
    tell(walk, &edge);
    visit_slots(walk, walk->type->base_size);
}

static void visit_shape(const struct walk *walk)
{
    const struct cpython_type *type = walk->type;
    uint64_t size;
    switch (type->shape) {
    case CPYTHON_SHAPE_LEAF:
    case CPYTHON_SHAPE_STRING:
    case CPYTHON_SHAPE_BYTEARRAY:
        visit_slots(walk, type->base_size);
        return;
    case CPYTHON_SHAPE_LIST:
        visit_items(walk, word_at(walk, walk->object + CPYTHON_LIST_ITEMS),
                    word_at(walk, walk->object + CPYTHON_OBJECT_SIZE), CPYTHON_EDGE_ITEM);
        visit_slots(walk, LIST_BYTES);
        return;
    case CPYTHON_SHAPE_TUPLE:
        visit_items(walk, walk->object + walk->python->offsets.tuple_items,
                    word_at(walk, walk->object + CPYTHON_OBJECT_SIZE), CPYTHON_EDGE_ITEM);
        return;
    case CPYTHON_SHAPE_DICT:
        visit_dict(walk);
        visit_slots(walk, DICT_BYTES);
        return;
    case CPYTHON_SHAPE_ORDERED_DICT:
        visit_dict(walk);
        visit_slots(walk, ORDERED_DICT_INSTANCE);
        return;
    case CPYTHON_SHAPE_SET:
        visit_set(walk);
        visit_slots(walk, type->base_size);
        return;
    case CPYTHON_SHAPE_TYPE:
        visit_type(walk);
        return;
    case CPYTHON_SHAPE_WEAKREF:
        visit_weakref(walk);
        return;
    case CPYTHON_SHAPE_GENERATOR:
        visit_generator(walk);
        return;
    case CPYTHON_SHAPE_FRAME:
        visit_frame_object(walk);
        return;
    case CPYTHON_SHAPE_DEQUE:
        visit_deque(walk);
        return;
    case CPYTHON_SHAPE_LRU_CACHE:
        visit_lru_cache(walk);
        return;
    case CPYTHON_SHAPE_LRU_LINK:
        visit_lru_link(walk);
        return;
    case CPYTHON_SHAPE_MODULE:
        visit_module(walk);
        return;
    case CPYTHON_SHAPE_CODE:
        size = walk->python->offsets.code_bytecode;
        visit_fields(walk, CPYTHON_OBJECT_SIZE, size < type->basic_size ? size : type->basic_size);
        return;
    case CPYTHON_SHAPE_FIELDS:
        size = cpython_object_size(walk->python, type, walk->object);
        if (size > FIELDS_MAX_BYTES)
            size = type->basic_size;
        visit_fields(walk, CPYTHON_OBJECT_SIZE, size);
        return;
    }
}

/* Instances whose size varies have their dictionary at their end. */
static void visit_dict_at_end(const struct walk *walk)
{
    struct cpython_edge edge = {.kind = CPYTHON_EDGE_ATTRIBUTE, .is_counted = true};
    if (walk->type->dict_offset >= 0 || walk->type->dict_offset < -FIELDS_MAX_BYTES ||
        (walk->type->flags & CPYTHON_TYPE_MANAGED_DICT && walk->python->offsets.minor >= 11))
        return;
    uint64_t size = cpython_object_size(walk->python, walk->type, walk->object);
    if (size > UINT64_C(1) << 40)
        return;
    edge.target = word_at(walk, walk->object + ((size + 7) & ~UINT64_C(7)) +
                                    (uint64_t)walk->type->dict_offset);
    tell(walk, &edge);
}

void cpython_edges_visit(const struct cpython *python, const struct cpython_type *type,
                         uint64_t object, cpython_visit_edge visit, void *context)
{
    const struct walk walk = {python, type, object, visit, context};
    if (type->is_leaf)
        return;
    if (type->flags & CPYTHON_TYPE_HEAP) {
        const struct cpython_edge edge = {
            .target = type->address, .kind = CPYTHON_EDGE_TYPE, .is_counted = type->is_trusted};
        tell(&walk, &edge);
    }
    visit_shape(&walk);
    visit_managed(&walk);
    visit_dict_at_end(&walk);
}

void cpython_edges_visit_frame(const struct cpython *python, uint64_t frame,
                               cpython_visit_edge visit, void *context)
{
    const struct cpython_type none = {.is_trusted = true};
    const struct walk walk = {python, &none, frame, visit, context};
    visit_new_frame(&walk, frame);
}
