#include "runtimes/cpython/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/cpython/block_kinds.h"
#include "runtimes/cpython/edges.h"
#include "snapshot/mapping_search.h"

enum {
    STRING_STATE = 32,
    STRING_INTERNED = 3, /* bits of the state */
    STRING_INTERNED_MORTAL = 1,
    INTERNED_BY_TABLE = 2, /* as its key and as its value */
    VALUES_BEHIND_MOST = 32
};

#define BLOCKS_LIMIT  (UINT64_C(3) << 30)
#define OUTSIDE_LIMIT (UINT64_C(1) << 28)

/* ---- addresses and numbers ---- */

uint64_t cpython_objects_address(const struct cpython_objects *objects, uint32_t object)
{
    if (object >= objects->block_count)
        return objects->outside[object - objects->block_count].address;
    uint32_t place = objects->places[object];
    uint64_t address = objects->arenas->arenas[place >> CPYTHON_PLACE_BITS].address +
                       (uint64_t)(place & ((1 << CPYTHON_PLACE_BITS) - 1)) * OBMALLOC_ALIGNMENT;
    return address + cpython_objects_prefix(objects, object);
}

uint32_t cpython_objects_arena(const struct cpython_objects *objects, uint32_t block)
{
    return objects->places[block] >> CPYTHON_PLACE_BITS;
}

uint32_t cpython_objects_block_bytes(const struct cpython_objects *objects, uint32_t block)
{
    uint32_t place = objects->places[block], arena = place >> CPYTHON_PLACE_BITS;
    uint64_t address = objects->arenas->arenas[arena].address +
                       (uint64_t)(place & ((1 << CPYTHON_PLACE_BITS) - 1)) * OBMALLOC_ALIGNMENT;
    return obmalloc_block_bytes(objects->arenas, arena, address);
}

uint64_t cpython_objects_bytes(const struct cpython_objects *objects, uint32_t object)
{
    if (object < objects->block_count)
        return cpython_objects_block_bytes(objects, object);
    const struct cpython_outside *outside = &objects->outside[object - objects->block_count];
    const struct cpython_type *type = &objects->types.items[outside->type];
    uint64_t size = cpython_object_size(objects->python, type, outside->address);
    return size == UINT64_MAX ? type->basic_size : size + type->prefix_bytes;
}

uint64_t cpython_objects_references(const struct cpython_objects *objects, uint32_t object)
{
    const struct cpython *python = objects->python;
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    uint64_t address = cpython_objects_address(objects, object);
    uint64_t references = cpython_refcount(python, address);
    if (type->shape != CPYTHON_SHAPE_STRING)
        return references;
    uint32_t state = memory_view_half_or_0(python->view, address + STRING_STATE);
    return references +
           ((state & STRING_INTERNED) == STRING_INTERNED_MORTAL ? INTERNED_BY_TABLE : 0);
}

bool cpython_objects_is_tracked(const struct cpython_objects *objects, uint32_t object)
{
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    if (!(type->flags & CPYTHON_TYPE_COLLECTED))
        return false;
    uint64_t address = cpython_objects_address(objects, object);
    if (cpython_objects_is_static(objects, object))
        return false;
    return memory_view_word_or_0(objects->python->view, address - CPYTHON_HEAD_BYTES) != 0;
}

void cpython_objects_visit_edges(const struct cpython_objects *objects, uint32_t object,
                                 cpython_visit_edge visit, void *context)
{
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    cpython_edges_visit(objects->python, type, cpython_objects_address(objects, object), visit,
                        context);
}

/* ---- outside of arenas ---- */

static bool is_static(const struct cpython *python, uint64_t address)
{
    const struct target_mapping *mapping = mapping_search(python->mappings, address);
    if (mapping == NULL)
        return false;
    if (mapping->inode != 0)
        return true;
    for (size_t i = 0; i < python->data_count; i++)
        if (address - python->data[i].start < python->data[i].end - python->data[i].start)
            return true;
    return false;
}

static size_t kept_place(uint64_t address)
{
    return (address >> 4 ^ address >> 14) & (CPYTHON_OUTSIDE_KEPT - 1);
}

static void take_outside(struct cpython_objects *objects, uint64_t address)
{
    const struct cpython *python = objects->python;
    bool is_new;
    uint64_t *kept = &objects->looked_at[kept_place(address)];
    if (*kept == address || objects->outside_count >= OUTSIDE_LIMIT)
        return;
    *kept = address;
    const struct target_mapping *mapping = mapping_search(python->mappings, address);
    if (mapping == NULL || !(mapping->flags & TARGET_MAPPING_WRITE))
        return;
    uint64_t *place = hash_map_put(&objects->outside_index, address, &is_new);
    if (!is_new)
        return;
    uint64_t type_address = memory_view_word_or_0(python->view, address + CPYTHON_OBJECT_TYPE);
    uint64_t count = cpython_refcount(python, address);
    if (!cpython_is_pointer(type_address) || count == 0 ||
        !cpython_is_count_sane(objects, memory_view_word_or_0(python->view, address)))
        return;
    uint32_t type = cpython_types_find(&objects->types, type_address);
    if (type == CPYTHON_NO_TYPE ||
        cpython_object_size(python, &objects->types.items[type], address) == UINT64_MAX)
        return;
    objects->outside = memory_grow(objects->outside, &objects->outside_capacity,
                                   objects->outside_count + 1, sizeof *objects->outside);
    objects->outside[objects->outside_count++] = (struct cpython_outside){
        .address = address, .type = type, .is_static = is_static(python, address)};
    *place = objects->outside_count;
}

uint32_t cpython_objects_find(struct cpython_objects *objects, uint64_t address)
{
    struct obmalloc_block block;
    if (!cpython_is_pointer(address))
        return CPYTHON_NO_OBJECT;
    if (obmalloc_find(objects->arenas, address, &block)) {
        bool is_start = cpython_objects_kind(objects, block.position) == CPYTHON_BLOCK_OBJECT &&
                        block.address + cpython_objects_prefix(objects, block.position) == address;
        return is_start ? (uint32_t)block.position : CPYTHON_NO_OBJECT;
    }
    size_t kept = kept_place(address);
    if (objects->found_at[kept] == address)
        return objects->found[kept];
    const uint64_t *place = hash_map_find(&objects->outside_index, address);
    if (place == NULL || *place == 0)
        return CPYTHON_NO_OBJECT;
    objects->found_at[kept] = address;
    return objects->found[kept] = objects->block_count + (uint32_t)*place - 1;
}

static void discover(void *context, const struct cpython_edge *edge)
{
    struct cpython_objects *objects = context;
    if (!obmalloc_is_arena(objects->arenas, edge->target))
        take_outside(objects, edge->target);
}

/* The collector's lists lead to what nothing else does: large objects of garbage. One that leads
 * round in a circle without its head comes upon a place that it was at (Brent 1980). */
static void discover_listed(struct cpython_objects *objects, uint64_t head)
{
    uint64_t next = memory_view_word_or_0(objects->python->view, head) & ~UINT64_C(3);
    uint64_t passed = 0, steps = 0, limit = 1;
    while (cpython_is_pointer(next) && next != head && next != passed) {
        uint64_t object = next + CPYTHON_HEAD_BYTES;
        if (!obmalloc_is_arena(objects->arenas, object))
            take_outside(objects, object);
        if (++steps == limit) {
            passed = next;
            limit *= 2;
            steps = 0;
        }
        next = memory_view_word_or_0(objects->python->view, next) & ~UINT64_C(3);
    }
}

static void discover_neighbour(struct cpython_objects *objects, uint64_t object)
{
    uint64_t next = memory_view_word_or_0(objects->python->view, object - CPYTHON_HEAD_BYTES) &
                    ~UINT64_C(3);
    if (cpython_is_pointer(next) && !obmalloc_is_arena(objects->arenas, next))
        take_outside(objects, next + CPYTHON_HEAD_BYTES);
}

static void discover_type(struct cpython_objects *objects, uint32_t position)
{
    struct cpython_type *type = &objects->types.items[position];
    if (type->is_looked_at)
        return;
    type->is_looked_at = true;
    take_outside(objects, type->address);
}

static void discover_from(struct cpython_objects *objects, uint32_t object)
{
    uint32_t position = cpython_objects_type(objects, object);
    discover_type(objects, position);
    if (objects->types.items[position].is_leaf)
        return;
    /* The table of types may move meanwhile. */
    struct cpython_type type = objects->types.items[position];
    uint64_t address = cpython_objects_address(objects, object);
    cpython_edges_visit(objects->python, &type, address, discover, objects);
    /* In 3.12 static types keep nothing in front of them, nor are they in lists. */
    if (cpython_objects_is_tracked(objects, object))
        discover_neighbour(objects, address);
}

static void discover_roots(struct cpython_objects *objects)
{
    const struct cpython *python = objects->python;
    for (size_t i = 0; i < python->interpreter_count; i++) {
        const uint32_t fields[] = {python->offsets.interpreter_modules,
                                   python->offsets.interpreter_sysdict,
                                   python->offsets.interpreter_builtins};
        uint64_t collector = cpython_collector(python, i);
        for (size_t j = 0; j < sizeof fields / sizeof *fields; j++) {
            uint64_t target = cpython_field(python, python->interpreters[i], fields[j]);
            if (cpython_is_pointer(target) && !obmalloc_is_arena(objects->arenas, target))
                take_outside(objects, target);
        }
        discover_listed(objects, collector + python->offsets.gc_permanent);
    }
}

static void discover_all(struct cpython_objects *objects)
{
    discover_roots(objects);
    for (uint32_t i = 0; i < objects->block_count; i++)
        if (cpython_objects_kind(objects, i) == CPYTHON_BLOCK_OBJECT)
            discover_from(objects, i);
    for (size_t i = 0; i < objects->outside_count; i++)
        discover_from(objects, objects->block_count + (uint32_t)i);
    for (size_t i = 0; i < objects->outside_count; i++)
        objects->static_count += objects->outside[i].is_static;
}

/* ---- storage ---- */

/* Sums are kept apart until the end: others read types meanwhile, which stand in the same lines of
 * the cache. */
struct owning {
    struct cpython_objects *objects;
    uint32_t owner;
    uint32_t type;
    struct cpython_type_count *live, *free; /* by type */
};

/* What belongs to an object may begin with what is left of another. But code keeps the last frame
 * that ran it, up to 3.10. */
static bool is_free_by_chance(const struct cpython_objects *objects, uint32_t block)
{
    return cpython_objects_kind(objects, block) == CPYTHON_BLOCK_FREE &&
           objects->types.items[objects->values[block]].shape != CPYTHON_SHAPE_FRAME;
}

static void own(void *context, uint64_t address, uint64_t bytes)
{
    struct owning *owning = context;
    struct cpython_objects *objects = owning->objects;
    struct obmalloc_block block;
    struct cpython_type_count *live = &owning->live[owning->type];
    if (!obmalloc_is_arena(objects->arenas, address)) {
        if (bytes > 0 && mapping_search(objects->python->mappings, address) != NULL &&
            !is_static(objects->python, address))
            live->bytes += bytes;
        return;
    }
    if (!obmalloc_find(objects->arenas, address, &block) ||
        (cpython_objects_kind(objects, block.position) != CPYTHON_BLOCK_UNKNOWN &&
         !is_free_by_chance(objects, (uint32_t)block.position)))
        return;
    if (address != block.address && address - block.address > VALUES_BEHIND_MOST)
        return; /* values of instances stand a little behind their start */
    cpython_objects_set_kind(objects, block.position, CPYTHON_BLOCK_STORAGE);
    objects->values[block.position] = owning->owner;
    live->bytes += block.bytes;
}

static void find_storage(struct owning *owning)
{
    struct cpython_objects *objects = owning->objects;
    uint32_t count = cpython_objects_count(objects);
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_objects_is_object(objects, i))
            continue;
        owning->owner = i;
        owning->type = cpython_objects_type(objects, i);
        const struct cpython_type *type = &objects->types.items[owning->type];
        if (!type->is_whole)
            cpython_edges_visit_storage(objects->python, type, cpython_objects_address(objects, i),
                                        own, owning);
    }
}

/* ---- counting ---- */

static void count_block(void *context, const struct obmalloc_block *block)
{
    struct owning *owning = context;
    struct cpython_objects *objects = owning->objects;
    uint32_t value = objects->values[block->position];
    switch (cpython_objects_kind(objects, block->position)) {
    case CPYTHON_BLOCK_UNKNOWN:
        objects->unknown_blocks++;
        objects->unknown_bytes += block->bytes;
        return;
    case CPYTHON_BLOCK_STORAGE:
        objects->storage_blocks++;
        objects->storage_block_bytes += block->bytes;
        return;
    case CPYTHON_BLOCK_OBJECT:
        owning->live[value].objects++;
        owning->live[value].bytes += block->bytes;
        return;
    case CPYTHON_BLOCK_FREE:
        owning->free[value].objects++;
        owning->free[value].bytes += block->bytes;
        return;
    }
}

static void count_all(struct owning *owning)
{
    struct cpython_objects *objects = owning->objects;
    obmalloc_visit_blocks(objects->arenas, count_block, owning);
    for (size_t i = 0; i < objects->outside_count; i++) {
        const struct cpython_outside *outside = &objects->outside[i];
        if (outside->is_static)
            continue;
        struct cpython_type_count *live = &owning->live[outside->type];
        live->objects++;
        live->bytes += cpython_objects_bytes(objects, objects->block_count + (uint32_t)i);
    }
}

void cpython_objects_find_storage(struct cpython_objects *objects)
{
    struct owning owning = {.objects = objects};
    owning.live = memory_allocate_zeroed(objects->types.count + 1, sizeof *owning.live);
    owning.free = memory_allocate_zeroed(objects->types.count + 1, sizeof *owning.free);
    find_storage(&owning);
    count_all(&owning);
    for (size_t i = 0; i < objects->types.count; i++) {
        objects->types.items[i].live = owning.live[i];
        objects->types.items[i].free = owning.free[i];
    }
    free(owning.live);
    free(owning.free);
}

/* ---- all of it ---- */

struct cpython_objects *cpython_objects_share(const struct cpython_objects *objects,
                                              const struct cpython *python)
{
    struct cpython_objects *own = memory_duplicate(objects, sizeof *objects);
    own->python = own->types.python = python;
    return own;
}

bool cpython_objects_read(struct cpython_objects *objects, const struct cpython_team *team,
                          struct obmalloc *arenas, char *reason, size_t reason_bytes)
{
    const struct cpython *python = team->pythons[0];
    *objects = (struct cpython_objects){.python = python, .arenas = arenas};
    cpython_types_init(&objects->types, python);
    if (arenas->block_count >= BLOCKS_LIMIT || arenas->arena_count >> CPYTHON_PLACE_BITS != 0) {
        snprintf(reason, reason_bytes, "objects are not told apart: there are too many");
        return false;
    }
    objects->block_count = (uint32_t)arenas->block_count;
    objects->values = memory_allocate_zeroed_large(arenas->block_count + 1,
                                                   sizeof *objects->values);
    objects->kinds = memory_allocate_zeroed_large(arenas->block_count + 1, sizeof *objects->kinds);
    objects->places = memory_allocate_zeroed_large(arenas->block_count + 1,
                                                   sizeof *objects->places);
    for (size_t i = 0; i < python->interpreter_count; i++)
        objects->is_collecting |= memory_view_half_or_0(python->view,
                                                        cpython_collector(python, i) +
                                                            python->offsets.gc_collecting) != 0;
    cpython_block_kinds_find(objects, team);
    discover_all(objects);
    return true;
}

void cpython_objects_clear(struct cpython_objects *objects)
{
    free(objects->values);
    free(objects->kinds);
    free(objects->places);
    free(objects->outside);
    hash_map_clear(&objects->outside_index);
    cpython_types_clear(&objects->types);
    *objects = (struct cpython_objects){0};
}
