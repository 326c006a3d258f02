/* What keeps objects: the shortest way to each from where the program's own names begin. */
#ifndef SEEP_RUNTIMES_CPYTHON_PATHS_H
#define SEEP_RUNTIMES_CPYTHON_PATHS_H

#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/objects.h"
#include "snapshot/python_heap.h"
#include "snapshot/snapshot.h"

/* Is this block of a pinned arena? */
typedef bool (*cpython_is_pinned_block)(const void *context, uint32_t block);

/* Adds the ways to the objects of the largest types, and to what pins arenas, as texts of `heap`;
 * and the graph of all objects, joined with the blocks of `native` (NULL = not known). */
void cpython_paths_tell(struct cpython_objects *objects, const struct cpython_garbage *garbage,
                        cpython_is_pinned_block is_pinned, const void *context,
                        const struct snapshot *native, struct python_heap *heap);

#endif
