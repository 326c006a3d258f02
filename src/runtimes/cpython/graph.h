/* All objects and what they refer to, as a part of the snapshot (python_graph.h). */
#ifndef SEEP_RUNTIMES_CPYTHON_GRAPH_H
#define SEEP_RUNTIMES_CPYTHON_GRAPH_H

#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/objects.h"
#include "snapshot/python_heap.h"
#include "snapshot/snapshot.h"

/* What a search from the roots has found; by object. All is borrowed. */
struct cpython_graph_input {
    struct cpython_objects *objects;
    const struct cpython_garbage *garbage;
    const uint8_t *is_reached;
    const uint8_t *is_held_by_code; /* it is reached because C code holds it */
    const uint8_t *of_attributes;   /* a dictionary of attributes */
    const struct snapshot *native;  /* with the blocks of malloc's; NULL = not known */
};

/* Into `heap`, with a note where it is left out. */
void cpython_graph_make(const struct cpython_graph_input *input, struct python_heap *heap);

#endif
