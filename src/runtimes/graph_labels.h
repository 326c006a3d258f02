/* Labels of a graph of objects while it is made, for all interpreters: each is spelt once, however
 * many references have it. */
#ifndef SEEP_RUNTIMES_GRAPH_LABELS_H
#define SEEP_RUNTIMES_GRAPH_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "snapshot/python_graph.h"
#include "snapshot/python_heap.h"

struct graph_labels {
    struct python_graph *graph; /* borrowed */
    struct hash_map known;      /* by what a label follows from */
};

void graph_labels_clear(struct graph_labels *labels);

/* A text as a label. */
uint32_t graph_labels_add(struct graph_labels *labels, const char *text);
/* False: what has this key was not spelt yet. */
bool graph_labels_find(const struct graph_labels *labels, uint64_t key, uint32_t *label);
void graph_labels_keep(struct graph_labels *labels, uint64_t key, uint32_t label);
/* Are there so many that keys of dictionaries share one from here on? */
bool graph_labels_are_many(const struct graph_labels *labels);

/* Can so many objects be nodes? Where not, a note says that there is no graph. */
bool graph_labels_have_room(uint64_t object_count, struct python_heap *heap);

#endif
