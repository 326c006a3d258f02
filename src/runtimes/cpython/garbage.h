/* What only cycles keep: the objects that a full collection would find, without one. */
#ifndef SEEP_RUNTIMES_CPYTHON_GARBAGE_H
#define SEEP_RUNTIMES_CPYTHON_GARBAGE_H

#include "runtimes/cpython/objects.h"
#include "snapshot/python_heap.h"

struct cpython_garbage {
    struct cpython_objects *objects;
    int32_t *counts; /* references from outside of what the collector knows */
    /* References that those of other objects do not explain; INT32_MAX of what has no count that
     * means anything. */
    int32_t *unexplained;
    uint8_t *marks;                    /* enum garbage_mark */
    uint64_t count;                    /* objects of the garbage */
    uint64_t negative_count;           /* objects with more references found than counted */
    uint64_t bytes;                    /* of them, and of what nothing else holds */
    uint64_t start_count, start_bytes; /* of these, what the interpreter's start left */
};

enum garbage_mark {
    GARBAGE_TRACKED = 1,
    GARBAGE_PERMANENT = 2, /* the collector leaves it alone */
    GARBAGE_REACHED = 4,
    GARBAGE_IN_CYCLE = 8,
    GARBAGE_HELD = 16,    /* not tracked, and held by garbage alone */
    GARBAGE_OF_START = 32 /* the standard library left it when it was imported */
};

/* Finds out what is garbage, and how many references nothing explains; storage may be unknown yet.
 */
void cpython_garbage_find(struct cpython_garbage *garbage, struct cpython_objects *objects);
/* Says of the same objects, seen by whichever thread, how much the garbage is. */
void cpython_garbage_weigh(struct cpython_garbage *garbage, struct cpython_objects *objects);
void cpython_garbage_clear(struct cpython_garbage *garbage);

static inline bool cpython_garbage_has(const struct cpython_garbage *garbage, uint32_t object)
{
    return (garbage->marks[object] & (GARBAGE_TRACKED | GARBAGE_PERMANENT | GARBAGE_REACHED)) ==
           GARBAGE_TRACKED;
}

/* Marks what the standard library left when it was imported, as every start of an interpreter does;
 * part of cpython_garbage_weigh. */
void cpython_garbage_mark_start(struct cpython_garbage *garbage);

/* Its cycles, but for those of the start, alike ones counted together, as texts of `heap`. */
void cpython_cycles_tell(struct cpython_garbage *garbage, struct python_heap *heap);

/* Bytes of an object and of the storage that is its own. */
uint64_t cpython_garbage_bytes_of(struct cpython_objects *objects, uint32_t object);

#endif
