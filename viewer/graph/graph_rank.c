#include "graph/graph_rank.h"

#include <stdlib.h>

#include "base/memory.h"

struct ranked {
    uint64_t retained_bytes;
    uint32_t block;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return a->block < b->block ? -1 : a->block > b->block;
}

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
    if (*count > 0)
        qsort(ranked, *count, sizeof *ranked, compare_ranked);
    blocks = memory_allocate_zeroed(*count + 1, sizeof *blocks);
    for (size_t i = 0; i < *count; i++)
        blocks[i] = ranked[i].block;
    free(ranked);
    return blocks;
}
