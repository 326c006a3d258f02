#include "graph/graph_rank.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/ranked.h"

uint32_t *graph_rank_blocks(const struct process_graph *graph, graph_rank_is_wanted is_wanted,
                            const void *context, size_t *count)
{
    size_t block_count = graph->snapshot->block_count, capacity = 0;
    struct ranked *ranked = NULL;
    uint32_t *blocks;

    *count = 0;
    for (uint32_t i = 0; i < block_count; i++)
        if (is_wanted(graph, i, context)) {
            ranked = memory_grow(ranked, &capacity, *count + 1, sizeof *ranked);
            ranked[(*count)++] = (struct ranked){
                graph->graph.retained_bytes[object_graph_node(&graph->graph, i)], i};
        }
    ranked_sort(ranked, *count);
    blocks = memory_allocate_zeroed(*count + 1, sizeof *blocks);
    for (size_t i = 0; i < *count; i++)
        blocks[i] = ranked[i].item;
    free(ranked);
    return blocks;
}
