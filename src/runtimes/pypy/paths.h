/* What keeps PyPy's objects: the shortest way to each from where the program's own names begin. */
#ifndef SEEP_RUNTIMES_PYPY_PATHS_H
#define SEEP_RUNTIMES_PYPY_PATHS_H

#include "runtimes/pypy/labels.h"
#include "runtimes/pypy/names.h"
#include "snapshot/python_heap.h"

/* Which objects anything refers to, and by which way. */
struct pypy_paths;

/* Caller owns. Both are borrowed. */
struct pypy_paths *pypy_paths_find(const struct pypy_objects *objects,
                                   const struct pypy_names *names);
void pypy_paths_destroy(struct pypy_paths *paths);

/* Was it found from any root? */
bool pypy_paths_has(const struct pypy_paths *paths, uint32_t object);

/* Of what was found: do only roots of PyPy's own lead to it (its stack, its variables), and no name
 * of the program's? */
bool pypy_paths_is_own(const struct pypy_paths *paths, uint32_t object);
/* What it is to labels, which are borrowed. */
enum pypy_role pypy_paths_role(const struct pypy_paths *paths, uint32_t object);
const struct pypy_labels *pypy_paths_labels(const struct pypy_paths *paths);
/* The name of the module that it is, or whose variables it keeps; NULL: that is none. */
const char *pypy_paths_module(const struct pypy_paths *paths, uint32_t object);

/* Adds the ways to objects of chosen types as texts: `told` says of each name how many ways. */
void pypy_paths_tell(struct pypy_paths *paths, struct pypy_names *names, uint8_t *told,
                     struct python_heap *heap);

#endif
