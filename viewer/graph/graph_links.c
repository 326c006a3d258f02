#include "graph/graph_links.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "graph/object_edges.h"

enum {
    WORD_BYTES = 8,
    WAY_BEGINNING = GRAPH_LINKS_WAY / 2
};

struct growing {
    struct graph_link *items;
    size_t count, capacity;
};

static void add(struct growing *list, const struct graph_link *link)
{
    list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = *link;
}

static struct graph_link block_link(const struct process_graph *graph, uint32_t from,
                                    const struct snapshot_reference *reference)
{
    bool is_near = reference->slot != SNAPSHOT_FAR_SLOT;

    return (struct graph_link){
        .node = object_graph_node(&graph->graph, reference->block),
        .from = object_graph_node(&graph->graph, from),
        .root = SNAPSHOT_NONE,
        .offset = is_near ? (uint64_t)reference->slot * WORD_BYTES : GRAPH_LINK_NO_OFFSET,
        .is_interior = !snapshot_counts_as_start((enum snapshot_reference_kind)reference->kind),
        .is_keeping = object_edges_counts(&graph->graph, from, reference)};
}

static struct graph_link root_link(const struct process_graph *graph, uint32_t slot)
{
    const struct snapshot_root *root = &graph->snapshot->roots[slot];
    bool is_interior = !snapshot_counts_as_start((enum snapshot_reference_kind)root->reference);

    return (struct graph_link){.node = object_graph_node(&graph->graph, root->block),
                               .from = graph->names.root_of_slot[slot] + 1,
                               .root = slot,
                               .offset = GRAPH_LINK_NO_OFFSET,
                               .is_interior = is_interior,
                               .is_keeping = !is_interior ||
                                             graph->graph.reach[root->block] != REACH_SURE};
}

/* Nobody refers to what hangs from "lost" by its leader. */
static struct graph_link lost_link(const struct process_graph *graph, uint32_t node)
{
    return (struct graph_link){.node = node,
                               .from = object_graph_lost(&graph->graph),
                               .root = SNAPSHOT_NONE,
                               .offset = GRAPH_LINK_NO_OFFSET,
                               .is_keeping = true};
}

/* ---- what it refers to ---- */

static void find_referents(const struct process_graph *graph, uint32_t node, struct growing *list)
{
    const struct object_graph *objects = &graph->graph;
    const struct snapshot *snapshot = graph->snapshot;

    if (object_graph_is_block(objects, node)) {
        uint32_t block = object_graph_block(objects, node);

        for (uint64_t i = snapshot->first_reference[block];
             i < snapshot->first_reference[block + 1]; i++) {
            struct graph_link link = block_link(graph, block, &snapshot->references[i]);

            add(list, &link);
        }
    } else if (node == object_graph_lost(objects)) {
        for (uint64_t i = objects->root_starts[node - 1]; i < objects->root_starts[node]; i++) {
            struct graph_link link = lost_link(graph,
                                               object_graph_node(objects, objects->root_blocks[i]));

            add(list, &link);
        }
    } else {
        for (uint32_t i = 0; i < snapshot->root_count; i++)
            if (graph->names.root_of_slot[i] + 1 == node) {
                struct graph_link link = root_link(graph, i);

                add(list, &link);
            }
    }
}

/* ---- who refers to it ---- */

struct sortable {
    struct graph_link link;
    uint64_t retained_bytes;
    bool is_block;
};

static int compare_retainers(const void *left, const void *right)
{
    const struct sortable *a = left, *b = right;

    if (a->link.is_keeping != b->link.is_keeping)
        return a->link.is_keeping ? -1 : 1;
    if (a->is_block != b->is_block)
        return a->is_block ? 1 : -1;
    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    if (a->link.from != b->link.from)
        return a->link.from < b->link.from ? -1 : 1;
    if (a->link.root != b->link.root)
        return a->link.root < b->link.root ? -1 : 1;
    return a->link.offset < b->link.offset ? -1 : a->link.offset > b->link.offset;
}

static void sort_retainers(const struct process_graph *graph, struct growing *list)
{
    struct sortable *order = memory_allocate_zeroed(list->count ? list->count : 1, sizeof *order);

    for (size_t i = 0; i < list->count; i++)
        order[i] = (struct sortable){list->items[i],
                                     graph->graph.retained_bytes[list->items[i].node],
                                     object_graph_is_block(&graph->graph, list->items[i].node)};
    if (list->count > 0)
        qsort(order, list->count, sizeof *order, compare_retainers);
    for (size_t i = 0; i < list->count; i++)
        list->items[i] = order[i].link;
    free(order);
}

static void add_retainer(struct growing *list, struct graph_link link)
{
    link.node = link.from;
    add(list, &link);
}

static void find_retainers(const struct process_graph *graph, uint32_t node, struct growing *list)
{
    const struct object_graph *objects = &graph->graph;
    const struct snapshot *snapshot = graph->snapshot;
    uint32_t block;

    if (!object_graph_is_block(objects, node))
        return;
    block = object_graph_block(objects, node);
    for (uint32_t i = 0; i < snapshot->root_count; i++)
        if (snapshot->roots[i].block == block)
            add_retainer(list, root_link(graph, i));
    for (uint32_t from = 0; from < snapshot->block_count; from++)
        for (uint64_t i = snapshot->first_reference[from]; i < snapshot->first_reference[from + 1];
             i++)
            if (snapshot->references[i].block == block)
                add_retainer(list, block_link(graph, from, &snapshot->references[i]));
    sort_retainers(graph, list);
}

/* ---- the way ---- */

/* The slot of `from` that leads to `node`: the first that keeps it alive. */
static struct graph_link find_link(const struct process_graph *graph, uint32_t from, uint32_t node)
{
    struct growing list = {0};
    struct graph_link found = lost_link(graph, node);

    found.from = from;
    find_referents(graph, from, &list);
    for (size_t i = list.count; i-- > 0;)
        if (list.items[i].node == node && list.items[i].is_keeping)
            found = list.items[i];
    free(list.items);
    return found;
}

static void find_way(const struct process_graph *graph, uint32_t node, struct growing *list)
{
    const struct object_graph *objects = &graph->graph;
    uint32_t *steps = NULL;
    size_t count = 0, capacity = 0;

    if (!object_graph_is_block(objects, node))
        return;
    for (; node != OBJECT_GRAPH_WHOLE && node != OBJECT_GRAPH_NONE; node = objects->parents[node]) {
        steps = memory_grow(steps, &capacity, count + 1, sizeof *steps);
        steps[count++] = node;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t step = steps[count - 1 - i];
        struct graph_link link = i > 0 ? find_link(graph, steps[count - i], step)
                                       : lost_link(graph, step);

        if (i == WAY_BEGINNING && count > GRAPH_LINKS_WAY) {
            size_t omitted = count - GRAPH_LINKS_WAY;

            i += omitted;
            step = steps[count - 1 - i];
            link = find_link(graph, steps[count - i], step);
            link.omitted = omitted;
        }
        add(list, &link);
    }
    free(steps);
}

void graph_links_find(const struct process_graph *graph, uint32_t node, struct graph_links *links)
{
    struct growing way = {0}, retainers = {0}, referents = {0};

    find_way(graph, node, &way);
    find_retainers(graph, node, &retainers);
    find_referents(graph, node, &referents);
    *links = (struct graph_links){way.items, retainers.items, referents.items,
                                  way.count, retainers.count, referents.count};
}

void graph_links_clear(struct graph_links *links)
{
    free(links->way);
    free(links->retainers);
    free(links->referents);
    *links = (struct graph_links){0};
}

static void add_root_slot(const struct process_graph *graph, uint32_t slot, struct text *out)
{
    const struct snapshot_root *root = &graph->snapshot->roots[slot];
    char name[32];

    if (graph->types && type_names_add_root_slot(graph->types, slot, out))
        return;
    if (root->kind == SNAPSHOT_ROOT_REGISTER) {
        snapshot_register_name(root->address, name, sizeof name);
        text_add(out, name);
    } else if (root->kind != SNAPSHOT_ROOT_KEY) {
        text_print(out, "0x%" PRIx64, root->address);
    }
}

void graph_link_add_slot(const struct process_graph *graph, const struct graph_link *link,
                         struct text *out)
{
    struct text member = {0};

    if (link->root != SNAPSHOT_NONE)
        add_root_slot(graph, link->root, out);
    if (link->offset == GRAPH_LINK_NO_OFFSET)
        return;
    text_print(out, "+%" PRIu64, link->offset);
    if (graph->types &&
        type_names_add_slot(graph->types, object_graph_block(&graph->graph, link->from),
                            link->offset, &member))
        text_print(out, " %s", text_get(&member));
    text_clear(&member);
}
