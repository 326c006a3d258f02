/* What keeps objects: the shortest way to each from where the program's own names begin. */
#ifndef SEEP_RUNTIMES_CPYTHON_PATHS_H
#define SEEP_RUNTIMES_CPYTHON_PATHS_H

#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/objects.h"
#include "runtimes/python_runtimes.h"
#include "snapshot/python_heap.h"
#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"

/* Is this block of a pinned arena? */
typedef bool (*cpython_is_pinned_block)(const struct cpython_objects *objects, uint32_t block);

/* All is borrowed. */
struct cpython_paths_input {
    struct cpython_objects *objects;
    const struct cpython_garbage *garbage;
    cpython_is_pinned_block is_pinned;
    const struct python_runtimes_input *process;
    const struct target_modules *modules;
    struct word_cache *words;
};

/* Looks for the ways from all that has a name; garbage and storage need not be known yet. `input`
 * is borrowed until the end. */
struct cpython_paths;
struct cpython_paths *cpython_paths_search(const struct cpython_paths_input *input);

/* Adds the ways to the objects of the largest types, and to what pins arenas, as texts of `heap`;
 * the graph of all objects, joined with the blocks of malloc's; and the objects that have more
 * references than anything holds. */
void cpython_paths_tell(struct cpython_paths *paths, const struct cpython_team *team,
                        struct python_heap *heap);
void cpython_paths_destroy(struct cpython_paths *paths);

#endif
