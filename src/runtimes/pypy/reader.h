/* Reads all that can be told of a PyPy process. */
#ifndef SEEP_RUNTIMES_PYPY_READER_H
#define SEEP_RUNTIMES_PYPY_READER_H

#include "runtimes/memory_view.h"
#include "snapshot/python_heap.h"
#include "snapshot/snapshot.h"
#include "snapshot/target_modules.h"

/* `heap` is initialised; it stays absent when there is no PyPy. `native`: as in
 * python_runtimes_input. */
void pypy_read(struct memory_view *view, const struct target_mappings *mappings,
               const struct target_modules *modules, struct word_cache *words,
               const struct snapshot *native, struct python_heap *heap);

#endif
