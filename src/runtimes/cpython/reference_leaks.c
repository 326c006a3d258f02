/* What a leaked reference keeps is what would go if it were given back: objects that nothing else
 * leads to. All objects with references that no object explains are where the others hang from; of
 * these, the leaked ones whose only such references are the surplus are left out, and what is then
 * out of reach, and no garbage, is theirs. So structures of any shape are told right, with their
 * cycles. Each object is counted to the first group that leads to it. */
#include "runtimes/cpython/reference_leaks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/cpython/allocation_sites.h"
#include "runtimes/cpython/dicts.h"

enum {
    GROUPS_TOLD = 100,
    TYPE_NAME = 24,
    FUNCTION_NAME = 32
};

enum keeping_mark {
    KEPT_BY_OTHERS = 1,
    KEPT_COUNTED = 2,
    KEPT_LEAKED = 4
};

struct leak_group {
    uint32_t type, surplus;
    uint64_t count, alone, bytes, retained_bytes;
    uint32_t example; /* an object; one that something else keeps where there is one */
    bool is_example_alone;
};

struct telling {
    const struct cpython_leaks_input *input;
    struct cpython_objects *objects;
    struct leak_group *groups;
    size_t count, capacity;
    struct hash_map index; /* by type and surplus: position */
    uint8_t *marks;        /* by object: enum keeping_mark */
    uint32_t *stack;
    size_t stack_count, stack_capacity;
};

static void push(struct telling *telling, uint32_t object, enum keeping_mark mark)
{
    telling->marks[object] |= mark;
    telling->stack = memory_grow(telling->stack, &telling->stack_capacity, telling->stack_count + 1,
                                 sizeof *telling->stack);
    telling->stack[telling->stack_count++] = object;
}

/* ---- what others keep ---- */

static void keep_target(void *context, const struct cpython_edge *edge)
{
    struct telling *telling = context;
    uint32_t target = cpython_objects_find(telling->objects, edge->target);
    if (target != CPYTHON_NO_OBJECT && !(telling->marks[target] & KEPT_BY_OTHERS))
        push(telling, target, KEPT_BY_OTHERS);
}

static void keep_from(struct telling *telling, uint32_t object)
{
    if (telling->marks[object] & KEPT_BY_OTHERS)
        return;
    push(telling, object, KEPT_BY_OTHERS);
    while (telling->stack_count > 0)
        cpython_objects_visit_edges(telling->objects, telling->stack[--telling->stack_count],
                                    keep_target, telling);
}

static void find_kept(struct telling *telling)
{
    const struct cpython_leaks_input *input = telling->input;
    uint32_t count = cpython_objects_count(telling->objects);
    for (size_t i = 0; i < input->surpluses->count; i++) {
        const struct cpython_surplus *surplus = &input->surpluses->items[i];
        if (input->unexplained[surplus->object] <= (int64_t)surplus->count)
            telling->marks[surplus->object] |= KEPT_LEAKED;
    }
    for (uint32_t i = 0; i < count; i++)
        if (cpython_objects_is_object(telling->objects, i) && input->unexplained[i] > 0 &&
            !(telling->marks[i] & KEPT_LEAKED))
            keep_from(telling, i);
}

/* ---- what leaks keep ---- */

static bool is_free_to_count(const struct telling *telling, uint32_t object)
{
    return !(telling->marks[object] & (KEPT_BY_OTHERS | KEPT_COUNTED)) &&
           !cpython_garbage_has(telling->input->garbage, object);
}

static void count_target(void *context, const struct cpython_edge *edge)
{
    struct telling *telling = context;
    uint32_t target = cpython_objects_find(telling->objects, edge->target);
    if (target != CPYTHON_NO_OBJECT && is_free_to_count(telling, target))
        push(telling, target, KEPT_COUNTED);
}

static uint64_t count_retained(struct telling *telling, uint32_t object)
{
    uint64_t bytes = 0;
    if (!is_free_to_count(telling, object))
        return 0;
    push(telling, object, KEPT_COUNTED);
    while (telling->stack_count > 0) {
        uint32_t at = telling->stack[--telling->stack_count];
        bytes += cpython_garbage_bytes_of(telling->objects, at);
        cpython_objects_visit_edges(telling->objects, at, count_target, telling);
    }
    return bytes;
}

/* ---- groups ---- */

static struct leak_group *find_group(struct telling *telling, const struct cpython_surplus *surplus)
{
    bool is_new;
    uint32_t type = cpython_objects_type(telling->objects, surplus->object);
    uint64_t *place = hash_map_put(&telling->index, (uint64_t)type << 32 | surplus->count, &is_new);
    if (is_new) {
        *place = telling->count;
        telling->groups = memory_grow(telling->groups, &telling->capacity, telling->count + 1,
                                      sizeof *telling->groups);
        telling->groups[telling->count++] = (struct leak_group){.type = type,
                                                                .surplus = surplus->count,
                                                                .example = surplus->object,
                                                                .is_example_alone = true};
    }
    return &telling->groups[*place];
}

static void count_leak(struct telling *telling, const struct cpython_surplus *surplus)
{
    struct leak_group *group = find_group(telling, surplus);
    bool is_alone = !(telling->marks[surplus->object] & KEPT_BY_OTHERS);
    group->count++;
    group->alone += is_alone;
    group->bytes += cpython_garbage_bytes_of(telling->objects, surplus->object);
    group->retained_bytes += count_retained(telling, surplus->object);
    if (!is_alone && group->is_example_alone) {
        group->example = surplus->object;
        group->is_example_alone = false;
    }
}

static int compare_groups(const void *left, const void *right)
{
    const struct leak_group *a = left, *b = right;
    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return a->surplus < b->surplus ? 1 : -1;
}

/* ---- in words ---- */

/* What a person would know it by. */
static void describe(const struct telling *telling, uint32_t object, char *text, size_t text_bytes)
{
    const struct cpython *python = telling->objects->python;
    const struct cpython_type *type =
        &telling->objects->types.items[cpython_objects_type(telling->objects, object)];
    uint64_t address = cpython_objects_address(telling->objects, object);
    text[0] = '\0';
    if (type->shape == CPYTHON_SHAPE_STRING)
        cpython_string(python, address, text, text_bytes);
    else if (type->shape == CPYTHON_SHAPE_TYPE)
        memory_view_text(python->view, cpython_field(python, address, TYPE_NAME), text, text_bytes);
    else if (strcmp(type->name, "function") == 0 && python->offsets.minor >= 10)
        cpython_string(python, cpython_field(python, address, FUNCTION_NAME), text, text_bytes);
}

static void tell_sites(const struct telling *telling, const struct leak_group *group, size_t number,
                       struct python_heap *heap)
{
    const struct cpython_leaks_input *input = telling->input;
    struct cpython_site_counts sites = {0};
    for (size_t i = 0; i < input->surpluses->count; i++) {
        const struct cpython_surplus *surplus = &input->surpluses->items[i];
        uint32_t type = cpython_objects_type(telling->objects, surplus->object);
        if (type == group->type && surplus->count == group->surplus)
            cpython_sites_count(&sites, input->native, &telling->objects->types.items[type],
                                cpython_objects_address(telling->objects, surplus->object),
                                cpython_objects_bytes(telling->objects, surplus->object));
    }
    cpython_sites_tell(&sites, PYTHON_SITE_LEAK, number, heap);
}

static void tell_group(const struct telling *telling, const struct leak_group *group, size_t number,
                       struct python_heap *heap)
{
    const struct cpython_leaks_input *input = telling->input;
    struct text path = {0};
    char example[80];
    describe(telling, group->example, example, sizeof example);
    if (!group->is_example_alone)
        input->add_path(input->context, group->example, &path);
    python_heap_add_leak(
        heap, &(struct python_leak){.type = telling->objects->types.items[group->type].name,
                                    .example = example,
                                    .path = (char *)text_get(&path),
                                    .count = group->count,
                                    .surplus = group->surplus,
                                    .alone = group->alone,
                                    .bytes = group->bytes,
                                    .retained_bytes = group->retained_bytes});
    tell_sites(telling, group, number, heap);
    text_clear(&path);
}

static void tell_all(struct telling *telling, struct python_heap *heap)
{
    struct python_figures *figures = &heap->figures;
    const struct cpython_surpluses *surpluses = telling->input->surpluses;
    telling->marks = memory_allocate_zeroed_large(
        (size_t)cpython_objects_count(telling->objects) + 1, 1);
    find_kept(telling);
    for (size_t i = 0; i < surpluses->count; i++)
        count_leak(telling, &surpluses->items[i]);
    qsort(telling->groups, telling->count, sizeof *telling->groups, compare_groups);
    for (size_t i = 0; i < telling->count; i++) {
        figures->leaked_bytes += telling->groups[i].bytes;
        figures->leaked_retained_bytes += telling->groups[i].retained_bytes;
        if (i < GROUPS_TOLD)
            tell_group(telling, &telling->groups[i], i, heap);
    }
    hash_map_clear(&telling->index);
    free(telling->groups);
    free(telling->marks);
    free(telling->stack);
}

static uint64_t count_unjudged(const struct cpython_leaks_input *input)
{
    uint32_t count = cpython_objects_count(input->objects);
    uint64_t unjudged = 0;
    for (uint32_t i = 0; i < count; i++)
        unjudged += cpython_objects_is_object(input->objects, i) &&
                    input->unexplained[i] == INT32_MAX;
    return unjudged;
}

void cpython_leaks_tell(const struct cpython_leaks_input *input, struct python_heap *heap)
{
    struct telling telling = {.input = input, .objects = input->objects};
    struct python_figures *figures = &heap->figures;
    if (input->surpluses->refusal[0] != '\0') {
        python_heap_add_text(heap,
                             &(struct python_text){.kind = PYTHON_TEXT_UNJUDGED,
                                                   .subject = (char *)"",
                                                   .text = (char *)input->surpluses->refusal});
        return;
    }
    figures->leaked_objects = input->surpluses->count;
    figures->leaked_bytes = figures->leaked_retained_bytes = 0;
    figures->import_leaked_objects = input->surpluses->of_imports;
    figures->unjudged_objects = count_unjudged(input);
    if (input->surpluses->count > 0)
        tell_all(&telling, heap);
}
