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

struct suspect_list {
    struct graph_suspect *items;
    size_t count, capacity;
    uint64_t total, least; /* bytes in the graph; that a suspect has more than */
};

static void add(struct suspect_list *list, const struct graph_suspect *suspect)
{
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count] = *suspect;
    list->items[list->count++].share = (double)suspect->retained_bytes / (double)list->total;
}

static void add_single(const struct process_graph *graph, const uint32_t *largest, uint32_t node,
                       struct suspect_list *list)
{
    const struct object_graph *objects = &graph->graph;
    struct graph_suspect suspect = {.node = node,
                                    .gathering = node,
                                    .retained_bytes = objects->retained_bytes[node],
                                    .retained_blocks = objects->retained_blocks[node]};

    while (largest[suspect.gathering] != OBJECT_GRAPH_NONE &&
           (double)objects->retained_bytes[largest[suspect.gathering]] >=
               GATHERING_SHARE * (double)objects->retained_bytes[suspect.gathering])
        suspect.gathering = largest[suspect.gathering];
    find_site(graph, &suspect);
    add(list, &suspect);
}

/* ---- groups ---- */

struct grouping {
    const struct process_graph *graph;
    uint64_t least;        /* blocks that are suspects alone are left out */
    uint32_t *holders;     /* by node: process_graph_holder, once it was asked for */
    struct hash_map bytes; /* class << 32 | holder: how many */
};

static bool is_of_group(const struct grouping *grouping, uint32_t node, uint32_t *class_id)
{
    const struct object_graph *objects = &grouping->graph->graph;

    if (objects->dominators[node] != OBJECT_GRAPH_WHOLE ||
        objects->retained_bytes[node] > grouping->least)
        return false;
    *class_id = process_graph_class(grouping->graph, object_graph_block(objects, node));
    return *class_id != GRAPH_NO_SITE;
}

/* Ways are long, and share their beginnings. */
static uint32_t find_holder(struct grouping *grouping, uint32_t node)
{
    const struct object_graph *objects = &grouping->graph->graph;
    uint32_t at = node, holder;

    while (object_graph_is_block(objects, at) && grouping->holders[at] == 0)
        at = objects->parents[at];
    holder = object_graph_is_block(objects, at) ? grouping->holders[at] : at;
    for (at = node; object_graph_is_block(objects, at) && grouping->holders[at] == 0;
         at = objects->parents[at])
        grouping->holders[at] = holder;
    return holder;
}

static uint64_t *bytes_of_holder(struct grouping *grouping, uint32_t class_id, uint32_t node)
{
    return hash_map_put(&grouping->bytes, (uint64_t)class_id << 32 | find_holder(grouping, node),
                        NULL);
}

/* The block that stands for each group of `positions` (by class). */
static void choose_blocks(struct grouping *grouping, const struct hash_map *positions,
                          struct graph_suspect *groups)
{
    const struct object_graph *objects = &grouping->graph->graph;
    uint32_t class_id;

    grouping->holders = memory_allocate_zeroed_large(objects->node_count,
                                                     sizeof *grouping->holders);
    for (uint32_t node = objects->root_count + 1; node < objects->node_count; node++)
        if (is_of_group(grouping, node, &class_id))
            *bytes_of_holder(grouping, class_id, node) += objects->retained_bytes[node];
    for (uint32_t node = objects->root_count + 1; node < objects->node_count; node++) {
        if (!is_of_group(grouping, node, &class_id))
            continue;
        struct graph_suspect *group = &groups[*hash_map_find(positions, class_id)];
        uint64_t bytes = *bytes_of_holder(grouping, class_id, node);
        uint64_t best = *bytes_of_holder(grouping, class_id, group->node);
        if (bytes > best ||
            (bytes == best && objects->retained_bytes[node] > objects->retained_bytes[group->node]))
            group->node = group->gathering = node;
    }
    hash_map_clear(&grouping->bytes);
    free(grouping->holders);
}

static void add_groups(const struct process_graph *graph, struct suspect_list *list)
{
    const struct object_graph *objects = &graph->graph;
    struct grouping grouping = {.graph = graph, .least = list->least};
    struct hash_map positions = {0};
    struct suspect_list groups = {.total = list->total};
    bool is_new, is_any = false;
    uint32_t class_id;

    for (uint32_t node = objects->root_count + 1; node < objects->node_count; node++) {
        if (!is_of_group(&grouping, node, &class_id))
            continue;
        uint64_t *position = hash_map_put(&positions, class_id, &is_new);
        if (is_new) {
            *position = groups.count;
            add(&groups,
                &(struct graph_suspect){.node = node, .gathering = node, .site = GRAPH_NO_SITE});
        }
        struct graph_suspect *group = &groups.items[*position];
        group->group++;
        group->retained_bytes += objects->retained_bytes[node];
        group->retained_blocks += objects->retained_blocks[node];
        is_any = is_any || (group->group > 1 && group->retained_bytes > list->least);
    }
    if (is_any)
        choose_blocks(&grouping, &positions, groups.items);
    for (size_t i = 0; i < groups.count; i++) {
        groups.items[i].share = (double)groups.items[i].retained_bytes / (double)list->total;
        if (groups.items[i].group > 1 && groups.items[i].retained_bytes > list->least)
            add(list, &groups.items[i]);
    }
    hash_map_clear(&positions);
    free(groups.items);
}

/* ---- all ---- */

struct graph_suspect *process_graph_suspects(const struct process_graph *graph, double share,
                                             size_t *count)
{
    const struct object_graph *objects = &graph->graph;
    uint64_t total = objects->retained_bytes[OBJECT_GRAPH_WHOLE];
    struct suspect_list list = {.total = total, .least = (uint64_t)(share * (double)total)};
    uint32_t *largest = find_largest_children(objects);

    for (uint32_t node = 1; node < objects->node_count; node++)
        if (objects->dominators[node] == OBJECT_GRAPH_WHOLE && total > 0 &&
            objects->retained_bytes[node] > list.least)
            add_single(graph, largest, node, &list);
    if (total > 0)
        add_groups(graph, &list);
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, compare_suspects);
    free(largest);
    *count = list.count;
    return list.items;
}
