#include "runtimes/graph_labels.h"

#include <stdio.h>

enum {
    NODES_MOST = 20000000,
    LABELS_MOST = 1 << 20,
    LABELS_KNOWN_MOST = 1 << 22
};

void graph_labels_clear(struct graph_labels *labels)
{
    hash_map_clear(&labels->known);
}

uint32_t graph_labels_add(struct graph_labels *labels, const char *text)
{
    return PYTHON_GRAPH_TEXTS + string_pool_add(labels->graph->labels, text).index;
}

bool graph_labels_find(const struct graph_labels *labels, uint64_t key, uint32_t *label)
{
    const uint64_t *known = hash_map_find(&labels->known, key);
    if (known != NULL)
        *label = (uint32_t)*known;
    return known != NULL;
}

void graph_labels_keep(struct graph_labels *labels, uint64_t key, uint32_t label)
{
    if (labels->known.count < LABELS_KNOWN_MOST)
        *hash_map_put(&labels->known, key, NULL) = label;
}

bool graph_labels_are_many(const struct graph_labels *labels)
{
    return string_pool_count(labels->graph->labels) >= LABELS_MOST;
}

bool graph_labels_have_room(uint64_t object_count, struct python_heap *heap)
{
    if (object_count > NODES_MOST && heap->note[0] == '\0')
        snprintf(heap->note, sizeof heap->note,
                 "what refers to what is left out: there are more than %d objects", NODES_MOST);
    return object_count <= NODES_MOST;
}
