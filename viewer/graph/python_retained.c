#include "graph/python_retained.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/process_graph.h"

enum {
    NODES_MOST = 1000000,
    TYPES_MOST = 40
};

static const struct recording_snapshot *find_head(const struct snapshot_list *list, uint64_t id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->heads[i].id == id && list->heads[i].python_nodes > 0 &&
            list->heads[i].python_nodes + list->heads[i].block_count <= NODES_MOST)
            return &list->heads[i];
    return NULL;
}

/* Types of one name are one row, as they have one number in the graph. */
static uint64_t find_retained(const struct process_graph *graph, const char *name,
                              uint8_t *is_in_set)
{
    const struct snapshot_objects *objects = graph->snapshot->objects;
    uint64_t bytes, blocks;
    uint32_t type = 0;

    while (type < objects->type_count && strcmp(objects->type_names[type], name) != 0)
        type++;
    if (type == objects->type_count)
        return PYTHON_NOT_KNOWN;
    for (size_t i = 0; i < graph->snapshot->block_count; i++)
        is_in_set[i] = objects->types[i] == type;
    object_graph_retained_set(&graph->graph, is_in_set, &bytes, &blocks);
    return bytes;
}

static void fill(const struct process_graph *graph, struct python_heap *heap)
{
    struct python_type_table *types = &heap->tables[PYTHON_LIVE_TYPES];
    uint8_t *is_in_set = memory_allocate_zeroed(graph->snapshot->block_count + 1, 1);

    for (size_t i = 0; i < types->count && i < TYPES_MOST; i++)
        types->rows[i].retained_bytes = find_retained(graph, types->rows[i].name, is_in_set);
    free(is_in_set);
}

void python_retained_find(const struct profile *profile, struct recording_reader *reader,
                          const struct symbolizer_options *options, struct python_heaps *heaps)
{
    struct snapshot_list list = {0};

    if (heaps->count == 0 || !snapshot_list_read(&list, reader, NULL))
        return;
    for (size_t i = 0; i < heaps->count; i++) {
        const struct recording_snapshot *head = find_head(&list, heaps->items[i].snapshot_id);
        struct snapshot snapshot;
        struct process_graph graph;

        if (!head)
            continue;
        snapshot_init(&snapshot);
        if (process_graph_read(reader, head, &snapshot, NULL) && snapshot.objects) {
            process_graph_build(profile, heaps->items[i].process, &snapshot, options, &graph);
            fill(&graph, &heaps->items[i].heap);
            process_graph_clear(&graph);
        }
        snapshot_clear(&snapshot);
    }
    snapshot_list_clear(&list);
}
