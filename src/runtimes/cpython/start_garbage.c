/* Importing the standard library leaves garbage: classes that are made only to be looked at, or
 * whose place is taken by those of an extension module, with their functions and descriptors. It is
 * there in every process until its first full collection, and no fault of the program's.
 *
 * It is known by what it is: among the garbage that hangs together there is a class, all classes
 * are of modules that the interpreter's start imports, and there is no instance of any class. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/cpython/dicts.h"
#include "runtimes/cpython/garbage.h"

enum group_fact {
    GROUP_HAS_CLASS = 1,
    GROUP_HAS_OTHER = 2
};

struct grouping {
    struct cpython_garbage *garbage;
    uint32_t *leaders; /* of objects: another of its group, in the end its leader */
    uint8_t *facts;    /* of leaders: set of enum group_fact */
    uint32_t from;
};

static uint32_t find_leader(struct grouping *grouping, uint32_t object)
{
    while (grouping->leaders[object] != object) {
        grouping->leaders[object] = grouping->leaders[grouping->leaders[object]];
        object = grouping->leaders[object];
    }
    return object;
}

static void join(void *context, const struct cpython_edge *edge)
{
    struct grouping *grouping = context;
    uint32_t target = cpython_objects_find(grouping->garbage->objects, edge->target);
    if (target != CPYTHON_NO_OBJECT && cpython_garbage_has(grouping->garbage, target))
        grouping->leaders[find_leader(grouping, target)] = find_leader(grouping, grouping->from);
}

static bool is_module_of_start(const char *name)
{
    static const char *const names[] = {
        "types",    "enum",          "signal",       "operator",  "functools",
        "abc",      "codecs",        "collections",  "io",        "os",
        "re",       "typing",        "contextlib",   "keyword",   "reprlib",
        "warnings", "_weakrefset",   "weakref",      "zipimport", "importlib._bootstrap",
        "copyreg",  "sre_constants", "re._constants"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool is_class_of_start(const struct cpython *python, uint64_t address)
{
    char name[64];
    uint64_t module, dict = cpython_field(python, address, CPYTHON_TYPE_DICTIONARY);
    return cpython_is_pointer(dict) && cpython_dict_find(python, dict, "__module__", &module) &&
           cpython_string(python, module, name, sizeof name) && is_module_of_start(name);
}

static uint8_t judge(const struct cpython_objects *objects, uint32_t object)
{
    const struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    if (type->shape == CPYTHON_SHAPE_TYPE)
        return is_class_of_start(objects->python, cpython_objects_address(objects, object))
                   ? GROUP_HAS_CLASS
                   : GROUP_HAS_OTHER;
    return type->flags & CPYTHON_TYPE_HEAP ? GROUP_HAS_OTHER : 0;
}

static void mark(struct grouping *grouping, uint32_t count)
{
    struct cpython_garbage *garbage = grouping->garbage;
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_garbage_has(garbage, i) ||
            grouping->facts[find_leader(grouping, i)] != GROUP_HAS_CLASS)
            continue;
        garbage->marks[i] |= GARBAGE_OF_START;
        garbage->start_count++;
        garbage->start_bytes += cpython_garbage_bytes_of(garbage->objects, i);
    }
}

void cpython_garbage_mark_start(struct cpython_garbage *garbage)
{
    struct cpython_objects *objects = garbage->objects;
    uint32_t count = cpython_objects_count(objects);
    struct grouping grouping = {.garbage = garbage};
    if (garbage->count == 0)
        return;
    grouping.leaders = memory_allocate_large((size_t)count + 1, sizeof *grouping.leaders);
    grouping.facts = memory_allocate_zeroed_large((size_t)count + 1, sizeof *grouping.facts);
    for (uint32_t i = 0; i < count; i++)
        grouping.leaders[i] = i;
    for (uint32_t i = 0; i < count; i++) {
        grouping.from = i;
        if (cpython_garbage_has(garbage, i))
            cpython_objects_visit_edges(objects, i, join, &grouping);
    }
    for (uint32_t i = 0; i < count; i++)
        if (cpython_garbage_has(garbage, i))
            grouping.facts[find_leader(&grouping, i)] |= judge(objects, i);
    mark(&grouping, count);
    free(grouping.leaders);
    free(grouping.facts);
}
