/* All objects and what they refer to, as a part of the snapshot (python_graph.h). */
#ifndef SEEP_RUNTIMES_CPYTHON_GRAPH_H
#define SEEP_RUNTIMES_CPYTHON_GRAPH_H

#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/holders.h"
#include "runtimes/cpython/native_blocks.h"
#include "runtimes/cpython/objects.h"
#include "snapshot/python_heap.h"

/* What a search from the roots has found; by object. All is borrowed. */
struct cpython_graph_input {
    struct cpython_objects *objects;
    const struct cpython_garbage *garbage;
    const uint8_t *is_reached;
    const uint8_t *is_held_by_code; /* it is reached because C code holds it */
    const uint8_t *of_attributes;   /* a dictionary of attributes */
    const struct cpython_native *native;
    const struct cpython_holders *holders; /* of what C code holds, where they were found */
};

/* Into `graph`, which was just created. */
void cpython_graph_make(const struct cpython_graph_input *input, struct python_graph *graph);

#endif
