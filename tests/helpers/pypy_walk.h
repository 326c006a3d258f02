/* The part of python_walk that is about PyPy. */
#ifndef SEEP_TESTS_PYPY_WALK_H
#define SEEP_TESTS_PYPY_WALK_H

#include "snapshot/snapshot_scan.h"
#include "snapshot/target_memory.h"

/* Prints what is seen of PyPy; false: there is none. For what is printed see python_walk.c. */
bool pypy_walk(const struct target_memory *memory, const struct target_mappings *mappings);

#endif
