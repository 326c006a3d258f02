/* As CPython's collector does it (Modules/gcmodule.c): of each object that it knows, take the count
 * of references and subtract those that come from other such objects; what keeps a count is held
 * from outside. What that reaches is alive, and the rest is garbage.
 *
 * Seen from outside, a reference that is subtracted wrongly would make garbage of something alive,
 * and one that is missed only hides garbage. So only what the collector would visit is subtracted,
 * while everything that may be a reference is followed. Objects that are frozen (gc.freeze) hold
 * what they refer to and are never garbage. */
#include "runtimes/cpython/garbage.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

struct tracing {
    struct cpython_garbage *garbage;
    uint32_t *stack;
    size_t count, capacity;
};

static void mark_tracked(struct cpython_garbage *garbage)
{
    struct cpython_objects *objects = garbage->objects;
    uint32_t count = cpython_objects_count(objects);
    for (uint32_t i = 0; i < count; i++) {
        garbage->unexplained[i] = INT32_MAX;
        if (!cpython_objects_is_object(objects, i))
            continue;
        if (!cpython_objects_is_static(objects, i)) {
            uint64_t references = cpython_objects_references(objects, i);
            garbage->unexplained[i] = references < INT32_MAX ? (int32_t)references : INT32_MAX;
        }
        if (!cpython_objects_is_tracked(objects, i))
            continue;
        uint64_t references = cpython_refcount(objects->python,
                                               cpython_objects_address(objects, i));
        garbage->marks[i] = GARBAGE_TRACKED;
        garbage->counts[i] = references > INT32_MAX ? INT32_MAX : (int32_t)references;
    }
}

static void mark_permanent(struct cpython_garbage *garbage)
{
    struct cpython_objects *objects = garbage->objects;
    const struct cpython *python = objects->python;
    for (size_t i = 0; i < python->interpreter_count; i++) {
        uint64_t head = cpython_collector(python, i) + python->offsets.gc_permanent;
        uint64_t at = memory_view_word_or_0(python->view, head) & ~UINT64_C(3);
        uint64_t most = cpython_objects_count(objects);
        for (; most > 0 && cpython_is_pointer(at) && at != head; most--) {
            uint32_t object = cpython_objects_find(objects, at + CPYTHON_HEAD_BYTES);
            if (object != CPYTHON_NO_OBJECT)
                garbage->marks[object] |= GARBAGE_PERMANENT;
            at = memory_view_word_or_0(python->view, at) & ~UINT64_C(3);
        }
    }
}

struct subtracting {
    struct cpython_garbage *garbage;
    bool is_collected; /* what is subtracted comes from an object that the collector visits */
    bool is_static;
};

/* What instances and their dictionaries have in common counts once. */
static void subtract(void *context, const struct cpython_edge *edge)
{
    const struct subtracting *subtracting = context;
    struct cpython_garbage *garbage = subtracting->garbage;
    uint32_t target = cpython_objects_find(garbage->objects, edge->target);
    if (target == CPYTHON_NO_OBJECT)
        return;
    if (!subtracting->is_static && garbage->unexplained[target] != INT32_MAX &&
        (edge->is_counted || edge->kind != CPYTHON_EDGE_VALUE))
        garbage->unexplained[target]--;
    if (subtracting->is_collected && edge->is_counted && garbage->marks[target] & GARBAGE_TRACKED &&
        garbage->counts[target] != INT32_MAX)
        garbage->counts[target]--;
}

static void subtract_all(struct cpython_garbage *garbage)
{
    struct cpython_objects *objects = garbage->objects;
    uint32_t count = cpython_objects_count(objects);
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_objects_is_object(objects, i))
            continue;
        struct subtracting subtracting = {
            .garbage = garbage,
            .is_collected = (garbage->marks[i] & (GARBAGE_TRACKED | GARBAGE_PERMANENT)) ==
                            GARBAGE_TRACKED,
            .is_static = cpython_objects_is_static(objects, i)};
        if (subtracting.is_collected || !subtracting.is_static)
            cpython_objects_visit_edges(objects, i, subtract, &subtracting);
    }
}

static void push(struct tracing *tracing, uint32_t object)
{
    tracing->garbage->marks[object] |= GARBAGE_REACHED;
    tracing->stack = memory_grow(tracing->stack, &tracing->capacity, tracing->count + 1,
                                 sizeof *tracing->stack);
    tracing->stack[tracing->count++] = object;
}

static void reach(void *context, const struct cpython_edge *edge)
{
    struct tracing *tracing = context;
    uint32_t target = cpython_objects_find(tracing->garbage->objects, edge->target);
    if (target != CPYTHON_NO_OBJECT &&
        (tracing->garbage->marks[target] & (GARBAGE_TRACKED | GARBAGE_REACHED)) == GARBAGE_TRACKED)
        push(tracing, target);
}

static void reach_all(struct cpython_garbage *garbage)
{
    struct tracing tracing = {.garbage = garbage};
    uint32_t count = cpython_objects_count(garbage->objects);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t marks = garbage->marks[i];
        garbage->negative_count += marks & GARBAGE_TRACKED && garbage->counts[i] < 0;
        bool is_root = marks & GARBAGE_PERMANENT ||
                       (marks & GARBAGE_TRACKED && garbage->counts[i] > 0);
        if (!is_root || marks & GARBAGE_REACHED)
            continue;
        push(&tracing, i);
        while (tracing.count > 0)
            cpython_objects_visit_edges(garbage->objects, tracing.stack[--tracing.count], reach,
                                        &tracing);
    }
    free(tracing.stack);
}

/* ---- what it holds ---- */

struct summing {
    struct cpython_objects *objects;
    uint32_t owner;
    uint64_t bytes;
};

static void add_storage(void *context, uint64_t address, uint64_t bytes)
{
    struct summing *summing = context;
    struct obmalloc_block block;
    if (!obmalloc_is_arena(summing->objects->arenas, address)) {
        summing->bytes += bytes;
        return;
    }
    if (obmalloc_find(summing->objects->arenas, address, &block) &&
        cpython_objects_kind(summing->objects, block.position) == CPYTHON_BLOCK_STORAGE &&
        summing->objects->values[block.position] == summing->owner)
        summing->bytes += block.bytes;
}

uint64_t cpython_garbage_bytes_of(struct cpython_objects *objects, uint32_t object)
{
    struct summing summing = {objects, object, cpython_objects_bytes(objects, object)};
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    cpython_edges_visit_storage(objects->python, type, cpython_objects_address(objects, object),
                                add_storage, &summing);
    return summing.bytes;
}

/* What the collector does not know is held by garbage alone when all its references were found
 * there. */
struct holding {
    struct cpython_garbage *garbage;
    struct hash_map found; /* references to an object */
    uint32_t *stack;
    size_t count, capacity;
};

static void hold(void *context, const struct cpython_edge *edge)
{
    struct holding *holding = context;
    struct cpython_objects *objects = holding->garbage->objects;
    uint32_t target = cpython_objects_find(objects, edge->target);
    if (target == CPYTHON_NO_OBJECT || holding->garbage->marks[target] != 0 ||
        cpython_objects_is_static(objects, target))
        return;
    uint64_t *found = hash_map_put(&holding->found, target, NULL);
    if (++*found < cpython_refcount(objects->python, cpython_objects_address(objects, target)))
        return;
    holding->garbage->marks[target] |= GARBAGE_HELD;
    holding->garbage->bytes += cpython_garbage_bytes_of(objects, target);
    holding->stack = memory_grow(holding->stack, &holding->capacity, holding->count + 1,
                                 sizeof *holding->stack);
    holding->stack[holding->count++] = target;
}

static void weigh_all(struct cpython_garbage *garbage)
{
    struct holding holding = {.garbage = garbage};
    struct cpython_objects *objects = garbage->objects;
    uint32_t count = cpython_objects_count(objects);
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_garbage_has(garbage, i))
            continue;
        struct cpython_type_count *sum =
            &objects->types.items[cpython_objects_type(objects, i)].garbage;
        uint64_t bytes = cpython_garbage_bytes_of(objects, i);
        garbage->count++;
        garbage->bytes += bytes;
        sum->objects++;
        sum->bytes += bytes;
        cpython_objects_visit_edges(objects, i, hold, &holding);
        while (holding.count > 0)
            cpython_objects_visit_edges(objects, holding.stack[--holding.count], hold, &holding);
    }
    hash_map_clear(&holding.found);
    free(holding.stack);
}

void cpython_garbage_find(struct cpython_garbage *garbage, struct cpython_objects *objects)
{
    uint32_t count = cpython_objects_count(objects);
    *garbage = (struct cpython_garbage){.objects = objects};
    garbage->counts = memory_allocate_zeroed_large((size_t)count + 1, sizeof *garbage->counts);
    garbage->marks = memory_allocate_zeroed_large((size_t)count + 1, sizeof *garbage->marks);
    garbage->unexplained = memory_allocate_large((size_t)count + 1, sizeof *garbage->unexplained);
    mark_tracked(garbage);
    mark_permanent(garbage);
    subtract_all(garbage);
    reach_all(garbage);
}

void cpython_garbage_weigh(struct cpython_garbage *garbage, struct cpython_objects *objects)
{
    garbage->objects = objects;
    weigh_all(garbage);
    cpython_garbage_mark_start(garbage);
}

void cpython_garbage_clear(struct cpython_garbage *garbage)
{
    free(garbage->counts);
    free(garbage->unexplained);
    free(garbage->marks);
    *garbage = (struct cpython_garbage){0};
}
