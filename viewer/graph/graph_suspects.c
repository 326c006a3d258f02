#include "graph/graph_suspects.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "graph/graph_tables.h"

static const double GATHERING_SHARE = 0.7;

/* By node, the largest child in the tree of dominators; OBJECT_GRAPH_NONE = none. */
static uint32_t *find_largest_children(const struct object_graph *objects)
{
    uint32_t *largest = memory_allocate_zeroed(objects->node_count, sizeof *largest);

    for (uint32_t i = 0; i < objects->node_count; i++)
        largest[i] = OBJECT_GRAPH_NONE;
    for (uint32_t i = 1; i < objects->node_count; i++) {
        uint32_t parent = objects->dominators[i];

        if (parent != OBJECT_GRAPH_NONE &&
            (largest[parent] == OBJECT_GRAPH_NONE ||
             objects->retained_bytes[i] > objects->retained_bytes[largest[parent]]))
            largest[parent] = i;
    }
    return largest;
}

static bool is_dominated_by(const struct object_graph *objects, uint32_t node, uint32_t dominator,
                            uint8_t *known)
{
    enum {
        UNKNOWN,
        YES,
        NO
    };
    uint32_t at = node;

    while (at != OBJECT_GRAPH_NONE && at != dominator && known[at] == UNKNOWN)
        at = objects->dominators[at];
    uint8_t answer = at == OBJECT_GRAPH_NONE ? NO : at == dominator ? YES : known[at];
    for (at = node; at != OBJECT_GRAPH_NONE && at != dominator && known[at] == UNKNOWN;
         at = objects->dominators[at])
        known[at] = answer;
    return answer == YES;
}

/* Which site has most of what hangs there. */
static void find_site(const struct process_graph *graph, struct graph_suspect *suspect)
{
    const struct object_graph *objects = &graph->graph;
    uint8_t *known = memory_allocate_zeroed(objects->node_count, 1);
    struct hash_map positions = {0};
    struct graph_site *sites = NULL;
    size_t count = 0, capacity = 0;

    for (uint32_t i = 0; i < graph->snapshot->block_count; i++) {
        bool is_new;
        uint64_t *position;

        if (!is_dominated_by(objects, object_graph_node(objects, i), suspect->node, known))
            continue;
        position = hash_map_put(&positions, graph->site_of_block[i], &is_new);
        if (is_new) {
            *position = count;
            sites = memory_grow(sites, &capacity, count + 1, sizeof *sites);
            sites[count++] = (struct graph_site){.site = graph->site_of_block[i]};
        }
        sites[*position].blocks++;
        sites[*position].bytes += graph->snapshot->blocks[i].bytes;
    }
    suspect->site = GRAPH_NO_SITE;
    for (size_t i = 0; i < count; i++)
        if (sites[i].bytes > suspect->site_bytes) {
            suspect->site = sites[i].site;
            suspect->site_bytes = sites[i].bytes;
            suspect->site_blocks = sites[i].blocks;
        }
    hash_map_clear(&positions);
    free(known);
    free(sites);
}

static int compare_suspects(const void *left, const void *right)
{
    const struct graph_suspect *a = left, *b = right;

    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    return a->node < b->node ? -1 : a->node > b->node;
}

struct graph_suspect *process_graph_suspects(const struct process_graph *graph, double share,
                                             size_t *count)
{
    const struct object_graph *objects = &graph->graph;
    uint32_t *largest = find_largest_children(objects);
    double total = (double)objects->retained_bytes[OBJECT_GRAPH_WHOLE];
    struct graph_suspect *suspects = NULL;
    size_t capacity = 0;

    *count = 0;
    for (uint32_t node = 1; node < objects->node_count; node++) {
        uint64_t retained = objects->retained_bytes[node];
        uint32_t gathering = node;

        if (objects->dominators[node] != OBJECT_GRAPH_WHOLE || total <= 0 ||
            (double)retained <= share * total)
            continue;
        while (largest[gathering] != OBJECT_GRAPH_NONE &&
               (double)objects->retained_bytes[largest[gathering]] >=
                   GATHERING_SHARE * (double)objects->retained_bytes[gathering])
            gathering = largest[gathering];
        suspects = memory_grow(suspects, &capacity, *count + 1, sizeof *suspects);
        suspects[*count] = (struct graph_suspect){.node = node,
                                                  .gathering = gathering,
                                                  .retained_bytes = retained,
                                                  .share = (double)retained / total};
        find_site(graph, &suspects[(*count)++]);
    }
    if (*count > 0)
        qsort(suspects, *count, sizeof *suspects, compare_suspects);
    free(largest);
    return suspects;
}
