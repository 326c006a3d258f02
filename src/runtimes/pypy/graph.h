/* All of PyPy's objects and what they refer to, as a part of the snapshot (python_graph.h). */
#ifndef SEEP_RUNTIMES_PYPY_GRAPH_H
#define SEEP_RUNTIMES_PYPY_GRAPH_H

#include "runtimes/pypy/paths.h"
#include "snapshot/python_heap.h"
#include "snapshot/snapshot.h"

/* Into `heap`, with a note where it is left out. `native`: the blocks of malloc's; NULL = not
 * known. */
void pypy_graph_make(const struct pypy_objects *objects, const struct pypy_paths *paths,
                     struct pypy_names *names, const struct snapshot *native,
                     struct python_heap *heap);

#endif
