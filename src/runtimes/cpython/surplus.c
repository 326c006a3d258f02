/* A reference is held by a word somewhere: in another object or its storage, in a block of an
 * extension's, in a variable, on a stack, in a register. So an object whose count is larger than
 * the number of words in the process that hold its address has references that nobody can give
 * back, whoever the others are and whatever they mean: nothing has to be known of extensions.
 *
 * Every word counts that may be in use, also one that holds no reference of its own (a cache, what
 * a stack still has from before): that can hide a leak, and never makes one. So the number is the
 * least that it can be. What cannot hold anything is left out, since old addresses would hide leaks
 * there: free blocks, free places of lists, dead parts of stacks (used_memory.h), and what weak
 * references are to.
 *
 * Only objects are counted for that other objects alone do not explain; these are few.
 *
 * Not judged are static and immortal objects: what their count says means nothing. Some of
 * CPython's own extension modules leak a reference or two when they are imported, to what they make
 * then or to themselves: these are counted apart. */
#include "runtimes/cpython/surplus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "runtimes/cpython/containers.h"
#include "runtimes/cpython/dicts.h"
#include "runtimes/cpython/edges.h"
#include "runtimes/cpython/watched.h"

enum {
    BLOCK_WORDS_MAX = 64, /* of an arena's block */
    WEAK_REFERENCES_BEFORE = 32,
    DICT_BEFORE = 24,
    VALUES_BEFORE = 32,
    VALUES_BEHIND_MOST = 40,
    REFERENCES_MOST = 1 << 29, /* four letters, where a count would stand, are more */
    OF_IMPORT_MOST = 2,        /* references that an import leaks */
    MODULE_DICT = 16,
    MODULE_DEFINITION = 24
};

#define PATIENCE_NS UINT64_C(3000000000)

struct counted {
    uint32_t object;
    uint32_t references;
    uint32_t words;
};

struct counting {
    const struct cpython_surplus_input *input;
    struct cpython_objects *objects;
    struct counted *items;
    size_t count, capacity;
    size_t open;                    /* of them, how many have more references than words */
    struct cpython_watched watched; /* their positions */
    struct hash_map dying; /* blocks of objects without references that a stack refers to */
    struct used_memory *memory;
};

/* ---- what is looked at ---- */

static void choose(struct counting *counting)
{
    const struct cpython_surplus_input *input = counting->input;
    uint32_t count = cpython_objects_count(counting->objects);
    for (uint32_t i = 0; i < count; i++) {
        if (input->unexplained[i] <= 0 || input->unexplained[i] == INT32_MAX ||
            cpython_objects_is_static(counting->objects, i))
            continue;
        uint64_t references = cpython_objects_references(counting->objects, i);
        if (references >= REFERENCES_MOST)
            continue;
        counting->items = memory_grow(counting->items, &counting->capacity, counting->count + 1,
                                      sizeof *counting->items);
        cpython_watched_add(&counting->watched, cpython_objects_address(counting->objects, i),
                            counting->count);
        counting->items[counting->count++] = (struct counted){i, (uint32_t)references, 0};
    }
    counting->open = counting->count;
}

/* ---- counting ---- */

/* Its contents refer to nothing. */
static bool is_text(const struct cpython_type *type)
{
    return type->shape == CPYTHON_SHAPE_LEAF || type->shape == CPYTHON_SHAPE_STRING ||
           type->shape == CPYTHON_SHAPE_BYTEARRAY;
}

static void count_word(struct counting *counting, uint64_t word)
{
    const uint64_t *position = cpython_watched_find(&counting->watched, word);
    if (position == NULL)
        return;
    struct counted *counted = &counting->items[*position];
    if (++counted->words == counted->references)
        counting->open--;
}

static bool count_words(struct counting *counting, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        count_word(counting, words[i]);
    return counting->open > 0;
}

static bool count_rest(void *context, uint64_t address, const uint64_t *words, size_t count)
{
    struct counting *counting = context;
    for (size_t i = 0; i < count; i++)
        if (cpython_watched_may_have(&counting->watched, words[i]) &&
            !used_memory_is_of_free_list(counting->memory, address, words, count, i))
            count_word(counting, words[i]);
    return counting->open > 0;
}

/* An object that is being freed has no references, and still holds what it refers to. */
static bool count_stack(void *context, uint64_t address, const uint64_t *words, size_t count)
{
    (void)address;
    struct counting *counting = context;
    struct cpython_objects *objects = counting->objects;
    struct obmalloc_block block;
    for (size_t i = 0; i < count; i++) {
        uint64_t word = words[i] & ~counting->watched.tags;
        count_word(counting, word);
        if (cpython_is_pointer(word) && obmalloc_is_arena(objects->arenas, word) &&
            obmalloc_find(objects->arenas, word, &block) &&
            cpython_objects_kind(objects, block.position) == CPYTHON_BLOCK_FREE)
            hash_map_put(&counting->dying, block.position, NULL);
    }
    return true;
}

static void count_counted_edge(void *context, const struct cpython_edge *edge)
{
    if (edge->is_counted)
        count_word(context, edge->target);
}

static void count_edge(void *context, const struct cpython_edge *edge)
{
    count_word(context, edge->target);
}

/* Where what is in use of a frame up to 3.10, or of a generator's from 3.11 on, ends; UINT64_MAX:
 * that is not told. */
static uint64_t end_of_frame(const struct cpython *python, const struct cpython_type *type,
                             uint64_t object)
{
    const struct cpython_offsets *offsets = &python->offsets;
    uint64_t frame = object + offsets->generator_frame;
    if (type->shape == CPYTHON_SHAPE_FRAME)
        return offsets->minor <= 10 ? cpython_old_frame_end(python, object) : UINT64_MAX;
    if (offsets->minor <= 10)
        return object + type->basic_size;
    bool is_running;
    uint64_t code = cpython_field(python, frame, offsets->frame_code) &
                    ~(uint64_t)CPYTHON_REFERENCE_TAGS;
    uint64_t used = cpython_frame_slots(python, frame, code, &is_running);
    /* From 3.14 on a frame that runs still says where its stack ended once. */
    return is_running || offsets->minor >= 14 ? UINT64_MAX
                                              : frame + offsets->frame_locals_plus + used * 8;
}

/* Where what an object says itself ends: its block may be longer, and hold what was there before.
 */
static uint64_t end_of_object(const struct cpython *python, const struct cpython_type *type,
                              uint64_t object)
{
    if (type->shape == CPYTHON_SHAPE_FRAME || type->shape == CPYTHON_SHAPE_GENERATOR)
        return end_of_frame(python, type, object);
    if (type->shape == CPYTHON_SHAPE_TYPE || type->shape == CPYTHON_SHAPE_CODE ||
        type->flags & (CPYTHON_TYPE_INLINE_VALUES | CPYTHON_TYPE_LONG))
        return UINT64_MAX;
    uint64_t size = cpython_object_size(python, type, object);
    /* Objects whose size varies may have their dictionary behind their items. */
    return size == UINT64_MAX || (type->item_size != 0 && type->dict_offset < 0) ? UINT64_MAX
                                                                                 : object + size;
}

/* What refers to it weakly holds nothing. */
static void count_object(struct counting *counting, uint32_t object, uint64_t address,
                         const uint64_t *words, size_t count)
{
    struct cpython_objects *objects = counting->objects;
    const struct cpython *python = objects->python;
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    size_t left_out = type->weak_offset != 0 ? (type->prefix_bytes + type->weak_offset) / 8
                                             : SIZE_MAX;
    if (type->shape == CPYTHON_SHAPE_WEAKREF) {
        cpython_objects_visit_edges(objects, object, count_counted_edge, counting);
        return;
    }
    if (is_text(type)) {
        cpython_objects_visit_edges(objects, object, count_edge, counting);
        return;
    }
    if (python->offsets.minor >= 12 && type->flags & CPYTHON_TYPE_MANAGED_WEAKREF &&
        type->prefix_bytes == WEAK_REFERENCES_BEFORE)
        left_out = 0;
    uint64_t end = end_of_object(python, type, address + type->prefix_bytes);
    for (size_t i = 0; i < count && address + i * 8 < end; i++)
        if (i != left_out)
            count_word(counting, words[i]);
}

/* Where the values of an instance stand; in front of them is their order. */
static uint64_t first_value(const struct cpython *python, const struct cpython_type *type,
                            uint64_t object)
{
    uint64_t word = 0;
    if (type->flags & CPYTHON_TYPE_MANAGED_DICT && python->offsets.minor == 11)
        return cpython_field(python, object - VALUES_BEFORE, 0);
    if (type->flags & CPYTHON_TYPE_MANAGED_DICT && python->offsets.minor == 12)
        word = cpython_field(python, object - DICT_BEFORE, 0);
    return word & 1                            ? word + 1
           : type->shape == CPYTHON_SHAPE_DICT ? cpython_field(python, object, CPYTHON_DICT_VALUES)
                                               : 0;
}

/* The words of a storage that are in use: of a list its items, of values those themselves. */
static void count_storage(struct counting *counting, uint32_t owner, uint64_t address,
                          const uint64_t *words, size_t count)
{
    const struct cpython_objects *objects = counting->objects;
    const struct cpython *python = objects->python;
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, owner)];
    uint64_t object = cpython_objects_address(objects, owner);
    uint64_t values = first_value(python, type, object);
    size_t first = 0;
    if (is_text(type))
        return;
    if (type->shape == CPYTHON_SHAPE_LIST &&
        cpython_field(python, object, CPYTHON_LIST_ITEMS) == address) {
        uint64_t used = cpython_field(python, object, CPYTHON_OBJECT_SIZE);
        count = used < count ? (size_t)used : count;
    } else if (values > address && values - address <= VALUES_BEHIND_MOST) {
        first = (size_t)(values - address) / 8;
    }
    if (first < count)
        count_words(counting, words + first, count - first);
}

static void count_block(void *context, const struct obmalloc_block *block)
{
    struct counting *counting = context;
    struct cpython_objects *objects = counting->objects;
    uint32_t number = (uint32_t)block->position;
    uint64_t words[BLOCK_WORDS_MAX];
    size_t count = block->bytes / 8;
    if (counting->open == 0 || count > BLOCK_WORDS_MAX)
        return;
    enum cpython_block_kind kind = cpython_objects_kind(objects, number);
    if (kind == CPYTHON_BLOCK_FREE && hash_map_find(&counting->dying, number) == NULL)
        return;
    if (!memory_view_read(objects->python->view, block->address, words, count * 8)) {
        counting->memory->is_unreadable = true;
        return;
    }
    if (kind == CPYTHON_BLOCK_OBJECT)
        count_object(counting, number, block->address, words, count);
    else if (kind == CPYTHON_BLOCK_STORAGE)
        count_storage(counting, objects->values[number], block->address, words, count);
    else
        count_words(counting, words, count);
}

static void count_all(struct counting *counting)
{
    used_memory_visit_stacks(counting->memory, count_stack, counting);
    obmalloc_visit_blocks(counting->objects->arenas, count_block, counting);
    if (counting->open > 0)
        used_memory_visit_rest(counting->memory, count_rest, counting);
}

/* ---- what comes of it ---- */

static void refuse(const struct counting *counting, struct cpython_surpluses *surpluses)
{
    if (counting->memory->is_late)
        snprintf(surpluses->refusal, sizeof surpluses->refusal,
                 "there is too much memory to look through");
    else if (counting->memory->is_unreadable)
        snprintf(surpluses->refusal, sizeof surpluses->refusal,
                 "not all of its memory could be read");
}

/* ---- CPython's own modules ---- */

static bool add_attribute(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)key;
    (void)slot;
    hash_map_put(context, value, NULL);
    return true;
}

static bool is_own(const struct cpython *python, uint64_t address)
{
    for (size_t i = 0; i < python->code_count; i++)
        if (address - python->code[i].start < python->code[i].end - python->code[i].start)
            return true;
    return false;
}

static void add_attributes(const struct cpython *python, uint64_t dict, struct hash_map *own)
{
    if (cpython_is_pointer(dict))
        cpython_dict_visit(python, dict, add_attribute, own);
}

/* Modules and types in C that come with the interpreter, and what stands in them, by address. */
static void list_own(const struct counting *counting, struct hash_map *own)
{
    const struct cpython_objects *objects = counting->objects;
    const struct cpython *python = objects->python;
    uint32_t count = cpython_objects_count(objects);
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_objects_is_object(objects, i))
            continue;
        enum cpython_shape shape = objects->types.items[cpython_objects_type(objects, i)].shape;
        uint64_t address = cpython_objects_address(objects, i);
        if (shape == CPYTHON_SHAPE_TYPE && is_own(python, address))
            add_attributes(python, cpython_field(python, address, CPYTHON_TYPE_DICTIONARY), own);
        if (shape != CPYTHON_SHAPE_MODULE ||
            !is_own(python, cpython_field(python, address, MODULE_DEFINITION)))
            continue;
        hash_map_put(own, address, NULL);
        add_attributes(python, cpython_field(python, address, MODULE_DICT), own);
    }
}

/* ---- all of it ---- */

static void keep(const struct counting *counting, struct cpython_surpluses *surpluses)
{
    struct hash_map own = {0};
    if (counting->open > 0)
        list_own(counting, &own);
    for (size_t i = 0; i < counting->count; i++) {
        const struct counted *counted = &counting->items[i];
        if (counted->words >= counted->references)
            continue;
        if (counted->references - counted->words <= OF_IMPORT_MOST &&
            hash_map_find(&own, cpython_objects_address(counting->objects, counted->object)) !=
                NULL) {
            surpluses->of_imports++;
            continue;
        }
        surpluses->items = memory_grow(surpluses->items, &surpluses->capacity, surpluses->count + 1,
                                       sizeof *surpluses->items);
        surpluses->items[surpluses->count++] = (struct cpython_surplus){
            counted->object, counted->references - counted->words, counted->words};
    }
    hash_map_clear(&own);
}

void cpython_surplus_find(const struct cpython_surplus_input *input,
                          struct cpython_surpluses *surpluses)
{
    struct counting counting = {.input = input, .objects = input->objects, .memory = input->memory};
    *surpluses = (struct cpython_surpluses){0};
    used_memory_begin(input->memory, PATIENCE_NS);
    cpython_watched_init(&counting.watched, input->objects->python);
    choose(&counting);
    if (counting.open > 0)
        count_all(&counting);
    if (counting.open > 0)
        refuse(&counting, surpluses);
    if (surpluses->refusal[0] == '\0')
        keep(&counting, surpluses);
    free(counting.items);
    cpython_watched_clear(&counting.watched);
    hash_map_clear(&counting.dying);
}

void cpython_surplus_clear(struct cpython_surpluses *surpluses)
{
    free(surpluses->items);
    *surpluses = (struct cpython_surpluses){0};
}
