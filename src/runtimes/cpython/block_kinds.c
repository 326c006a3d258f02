/* A block is taken for an object when the word where its type would stand is a type, and the type
 * says that just so many bytes stand in front of its objects, that its references can be counted,
 * and that an object of its size takes a block of this class. In measurements every object that the
 * interpreter itself could name was told so, of the right type.
 *
 * What is left belongs to an object that points to it, or nobody knows.
 *
 * Arenas are looked at side by side, each part of them with a table of types of its own. Taken over
 * part after part, types have the numbers that they would have if one had looked at all blocks. */
#include "runtimes/cpython/block_kinds.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/mapping_search.h"

enum {
    HEAD_FLAGS = 3,
    FLOAT_FREE_BYTES = 32,
    FLOAT_FREE_MOST = 4096,
    LOOKED_AT_BYTES = 48, /* of a block: the longest that stands in front of an object, and that */
    PARTS_A_THREAD = 4
};

/* ---- one block ---- */

static bool is_size_fitting(const struct cpython_objects *objects, const struct cpython_type *type,
                            uint64_t object, uint32_t block_bytes)
{
    uint64_t size = cpython_object_size(objects->python, type, object);
    if (size > block_bytes)
        return false;
    uint64_t needed = (size + type->prefix_bytes + OBMALLOC_ALIGNMENT - 1) &
                      ~(uint64_t)(OBMALLOC_ALIGNMENT - 1);
    if (needed > block_bytes)
        return false;
    bool has_tail = type->item_size != 0 || type->flags & CPYTHON_TYPE_LIST ||
                    (objects->python->offsets.minor >= 13 &&
                     type->flags & CPYTHON_TYPE_INLINE_VALUES);
    return has_tail || block_bytes - needed <= OBMALLOC_ALIGNMENT;
}

/* The collector's head: untracked, with at most a flag in its second word; or in a list, where the
 * next one leads back. Within a collection links back hold other things. */
static bool is_head_sane(const struct cpython_objects *objects, const struct cpython_type *type,
                         uint64_t object)
{
    uint64_t head[2], back;
    if (!(type->flags & CPYTHON_TYPE_COLLECTED))
        return true;
    if (!memory_view_read(objects->python->view, object - CPYTHON_HEAD_BYTES, head, sizeof head))
        return false;
    if (head[0] == 0)
        return head[1] <= HEAD_FLAGS;
    uint64_t next = head[0] & ~(uint64_t)HEAD_FLAGS;
    return cpython_is_pointer(next) &&
           memory_view_word(objects->python->view, next + sizeof next, &back) &&
           (objects->is_collecting ||
            (back & ~(uint64_t)HEAD_FLAGS) == object - CPYTHON_HEAD_BYTES);
}

bool cpython_is_count_sane(const struct cpython_objects *objects, uint64_t word)
{
    uint32_t minor = objects->python->offsets.minor;
    uint64_t count = minor >= 12 ? word & UINT32_MAX : word;
    uint64_t address = minor >= 14 ? word & ~(uint64_t)CPYTHON_REFERENCE_TAGS : word;
    if (minor >= 14 && (word >> 32 & UINT16_MAX) != 0)
        return false;
    return count >> CPYTHON_REFCOUNT_LIMIT_LOG2 == 0 &&
           (!cpython_is_pointer(address) ||
            mapping_search(objects->python->mappings, address) == NULL);
}

/* From 3.14 on objects that wait to be used again are linked where their count was. */
static bool is_free_link(struct cpython_objects *objects, const uint64_t words[2])
{
    uint64_t type;
    return objects->python->offsets.minor >= 14 && obmalloc_is_arena(objects->arenas, words[0]) &&
           memory_view_word(objects->python->view, words[0] + CPYTHON_OBJECT_TYPE, &type) &&
           type == words[1];
}

/* Objects without references are kept of some types only. Elsewhere it is what is left of an object
 * in memory that somebody uses for something else, and has not filled. */
static bool has_free_list(const struct cpython_type *type)
{
    if (type->flags & CPYTHON_TYPE_HEAP || type->shape == CPYTHON_SHAPE_STRING ||
        type->shape == CPYTHON_SHAPE_BYTEARRAY || type->shape == CPYTHON_SHAPE_TYPE)
        return false;
    return type->shape != CPYTHON_SHAPE_LEAF || strcmp(type->name, "float") == 0;
}

/* Junk is asked for as often as types are: what is no pointer to a type costs no search. */
static uint32_t find_type(struct cpython_objects *objects, uint64_t word)
{
    if (!cpython_is_pointer(word))
        return CPYTHON_NO_TYPE;
    uint32_t type = cpython_types_find_kept(&objects->types, word);
    if (type != CPYTHON_NO_TYPE)
        return type;
    /* Types are too large for arenas. */
    return obmalloc_is_arena(objects->arenas, word) ? CPYTHON_NO_TYPE
                                                    : cpython_types_find(&objects->types, word);
}

static bool classify_with(struct cpython_objects *objects, const struct obmalloc_block *block,
                          uint32_t prefix, const uint64_t words[2])
{
    uint32_t position = find_type(objects, words[1]);
    if (position == CPYTHON_NO_TYPE)
        return false;
    const struct cpython_type *type = &objects->types.items[position];
    bool is_linked = is_free_link(objects, words);
    uint64_t count = objects->python->offsets.minor >= 12 ? words[0] & UINT32_MAX : words[0];
    if (is_linked)
        count = 0;
    if (type->prefix_bytes != prefix || (!is_linked && !cpython_is_count_sane(objects, words[0])) ||
        !is_size_fitting(objects, type, block->address + prefix, block->bytes) ||
        (count == 0 && !has_free_list(type)) ||
        (count != 0 && !is_head_sane(objects, type, block->address + prefix)))
        return false;
    objects->values[block->position] = position;
    enum cpython_block_kind kind = count == 0 ? CPYTHON_BLOCK_FREE : CPYTHON_BLOCK_OBJECT;
    objects->kinds[block->position] = (uint8_t)(prefix / OBMALLOC_ALIGNMENT << CPYTHON_KIND_BITS |
                                                kind);
    return true;
}

static void classify(void *context, const struct obmalloc_block *block)
{
    static const uint32_t prefixes[] = {16, 0, 32};
    struct cpython_objects *objects = context;
    struct memory_view *view = objects->python->view;
    uint64_t offset = block->address - objects->arenas->arenas[block->arena].address;
    uint32_t looked_at = block->bytes < LOOKED_AT_BYTES ? block->bytes : LOOKED_AT_BYTES;
    uint64_t words[LOOKED_AT_BYTES / 8] = {0};
    objects->places[block->position] = block->arena << CPYTHON_PLACE_BITS |
                                       (uint32_t)(offset / OBMALLOC_ALIGNMENT);
    const uint8_t *bytes = memory_view_at(view, block->address, looked_at);
    if (bytes != NULL)
        memcpy(words, bytes, looked_at);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        uint64_t *here = &words[prefixes[i] / 8];
        if (prefixes[i] + 16 > block->bytes ||
            (bytes == NULL && !memory_view_read(view, block->address + prefixes[i], here, 16)))
            continue;
        if (classify_with(objects, block, prefixes[i], here))
            return;
    }
}

/* Floats that were freed are linked through the word where their type was. */
static void find_free_floats(struct cpython_objects *objects, uint32_t float_type)
{
    uint8_t *is_link = memory_allocate_zeroed((size_t)objects->block_count + 1, 1);
    uint32_t *links = NULL;
    size_t count = 0, capacity = 0;
    for (uint32_t i = 0; i < objects->block_count && count < FLOAT_FREE_MOST; i++) {
        uint64_t words[2];
        struct obmalloc_block next;
        if (cpython_objects_kind(objects, i) != CPYTHON_BLOCK_UNKNOWN ||
            !memory_view_read(objects->python->view, cpython_objects_address(objects, i), words,
                              sizeof words) ||
            words[0] != 0 || cpython_objects_block_bytes(objects, i) != FLOAT_FREE_BYTES)
            continue;
        if (words[1] != 0 &&
            (!obmalloc_find(objects->arenas, words[1], &next) || next.address != words[1] ||
             next.bytes != FLOAT_FREE_BYTES ||
             cpython_objects_kind(objects, next.position) != CPYTHON_BLOCK_UNKNOWN))
            continue;
        if (words[1] != 0)
            is_link[next.position] = 1;
        else if (!is_link[i])
            continue; /* the last of a chain; alone it may be anything */
        links = memory_grow(links, &capacity, count + 1, sizeof *links);
        links[count++] = i;
    }
    for (size_t i = 0; i < count; i++) {
        objects->kinds[links[i]] = CPYTHON_BLOCK_FREE;
        objects->values[links[i]] = float_type;
    }
    free(links);
    free(is_link);
}

/* ---- all of them ---- */

/* Arenas one behind the other, and the types that were found there. */
struct block_part {
    size_t first_arena, end_arena;
    uint32_t first_block, end_block;
    struct cpython_types types;
    uint32_t *numbers; /* of its types among all; NULL: they have the same */
};

struct classifying {
    struct cpython_objects *objects;
    const struct cpython_team *team;
    struct block_part parts[PARALLEL_MOST * PARTS_A_THREAD];
    size_t part_count;
};

static void plan_parts(struct classifying *classifying)
{
    const struct obmalloc *arenas = classifying->objects->arenas;
    size_t threads = classifying->team->thread_count;
    size_t wanted = threads == 1 ? 1 : threads * PARTS_A_THREAD;
    size_t arena = 0;
    uint64_t block = 0;
    for (size_t i = 0; i < wanted; i++) {
        struct block_part *part = &classifying->parts[classifying->part_count++];
        *part = (struct block_part){.first_arena = arena, .first_block = (uint32_t)block};
        uint64_t end = i + 1 < wanted ? arenas->block_count / wanted * (i + 1) : UINT64_MAX;
        while (arena < arenas->arena_count && block < end)
            block += arenas->arenas[arena++].live_blocks;
        part->end_arena = arena;
        part->end_block = (uint32_t)block;
    }
}

static void classify_part(void *context, size_t number, size_t thread)
{
    struct classifying *classifying = context;
    struct block_part *part = &classifying->parts[number];
    struct cpython_objects *own = cpython_objects_share(classifying->objects,
                                                        classifying->team->pythons[thread]);
    cpython_types_init(&own->types, own->python);
    obmalloc_visit_arenas(own->arenas, part->first_arena, part->end_arena, classify, own);
    part->types = own->types;
    free(own);
}

static void adopt_types(struct cpython_objects *objects, struct block_part *part)
{
    bool is_same = true;
    part->numbers = memory_allocate(part->types.count * sizeof *part->numbers);
    for (size_t i = 0; i < part->types.count; i++) {
        part->numbers[i] = cpython_types_adopt(&objects->types, &part->types.items[i]);
        is_same = is_same && part->numbers[i] == i;
    }
    cpython_types_clear(&part->types);
    if (is_same) {
        free(part->numbers);
        part->numbers = NULL;
    }
}

static void renumber_part(void *context, size_t number, size_t thread)
{
    (void)thread;
    struct classifying *classifying = context;
    struct cpython_objects *objects = classifying->objects;
    const struct block_part *part = &classifying->parts[number];
    for (uint32_t i = part->first_block; part->numbers != NULL && i < part->end_block; i++) {
        if (cpython_objects_kind(objects, i) == CPYTHON_BLOCK_UNKNOWN)
            continue;
        objects->values[i] = part->numbers[objects->values[i]];
        if (objects->values[i] == CPYTHON_NO_TYPE)
            objects->kinds[i] = CPYTHON_BLOCK_UNKNOWN;
    }
}

static uint32_t find_type_named(const struct cpython_objects *objects, const char *name)
{
    for (size_t i = 0; i < objects->types.count; i++)
        if (strcmp(objects->types.items[i].name, name) == 0 &&
            !(objects->types.items[i].flags & CPYTHON_TYPE_HEAP))
            return (uint32_t)i;
    return CPYTHON_NO_TYPE;
}

void cpython_block_kinds_find(struct cpython_objects *objects, const struct cpython_team *team)
{
    struct classifying classifying = {.objects = objects, .team = team};
    plan_parts(&classifying);
    parallel_run(team->thread_count, classifying.part_count, classify_part, &classifying);
    for (size_t i = 0; i < classifying.part_count; i++)
        adopt_types(objects, &classifying.parts[i]);
    parallel_run(team->thread_count, classifying.part_count, renumber_part, &classifying);
    for (size_t i = 0; i < classifying.part_count; i++)
        free(classifying.parts[i].numbers);
    uint32_t float_type = find_type_named(objects, "float");
    if (float_type != CPYTHON_NO_TYPE)
        find_free_floats(objects, float_type);
}
