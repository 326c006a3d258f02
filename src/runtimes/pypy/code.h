/* Code that PyPy made while it ran, by the function that it was made for. */
#ifndef SEEP_RUNTIMES_PYPY_CODE_H
#define SEEP_RUNTIMES_PYPY_CODE_H

#include "runtimes/pypy/objects.h"
#include "snapshot/python_heap.h"

/* Adds a text for each function that has loops, and says how many bytes all of them take. */
void pypy_code_find(const struct pypy_objects *objects, struct python_heap *heap);

#endif
