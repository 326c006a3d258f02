#include "graph/graph_tree.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "graph/graph_path.h"
#include "graph/graph_rank.h"
#include "graph/graph_ways.h"

struct growing {
    struct graph_tree *tree;
    size_t capacity;
    struct hash_map places; /* of children: parent << 32 | what tells it from its siblings */
};

static uint32_t add_node(struct growing *growing, uint32_t parent, enum graph_tree_kind kind)
{
    struct graph_tree *tree = growing->tree;

    tree->nodes = memory_grow(tree->nodes, &growing->capacity, tree->count + 1,
                              sizeof *tree->nodes);
    tree->nodes[tree->count] = (struct graph_tree_node){
        .kind = kind,
        .parent = parent,
        .first_child = GRAPH_TREE_NONE,
        .next_sibling = GRAPH_TREE_NONE,
        .depth = parent == GRAPH_TREE_NONE ? 0 : tree->nodes[parent].depth + 1,
        .root = OBJECT_GRAPH_NONE,
        .block = SNAPSHOT_NONE};
    if (parent != GRAPH_TREE_NONE)
        tree->nodes[parent].child_count++;
    return (uint32_t)tree->count++;
}

/* What tells a child from its siblings: numbers of roots and classes are below 2^31 - 2. */
static uint32_t key_of(enum graph_tree_kind kind, uint32_t what)
{
    const uint32_t mark = UINT32_C(1) << 31;

    return kind == GRAPH_TREE_SHARED    ? UINT32_MAX
           : kind == GRAPH_TREE_OMITTED ? UINT32_MAX - 1
           : kind == GRAPH_TREE_ROOT    ? what | mark
                                        : what & ~mark;
}

static uint32_t child_of(struct growing *growing, uint32_t parent, enum graph_tree_kind kind,
                         uint32_t what)
{
    bool is_new;
    uint64_t *place = hash_map_put(&growing->places, (uint64_t)parent << 32 | key_of(kind, what),
                                   &is_new);

    if (is_new) {
        uint32_t node = add_node(growing, parent, kind);

        *place = node;
        if (kind == GRAPH_TREE_ROOT)
            growing->tree->nodes[node].root = what;
        else
            growing->tree->nodes[node].class_id = what;
    }
    return (uint32_t)*place;
}

/* ---- order ---- */

struct sortable {
    const struct graph_tree_node *nodes;
    uint32_t node;
};

static int compare(const void *left, const void *right)
{
    const struct sortable *x = left, *y = right;
    const struct graph_tree_node *a = &x->nodes[x->node], *b = &y->nodes[y->node];

    if (a->parent != b->parent)
        return a->parent < b->parent ? -1 : 1;
    if (a->retained_bytes != b->retained_bytes)
        return a->retained_bytes < b->retained_bytes ? 1 : -1;
    if (a->retained_blocks != b->retained_blocks)
        return a->retained_blocks < b->retained_blocks ? 1 : -1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->root != b->root)
        return a->root < b->root ? -1 : 1;
    return a->class_id < b->class_id ? -1 : a->class_id > b->class_id;
}

static void link_children(struct graph_tree *tree)
{
    struct sortable *order = memory_allocate_large(tree->count, sizeof *order);

    for (uint32_t i = 0; i < tree->count; i++)
        order[i] = (struct sortable){tree->nodes, i};
    qsort(order, tree->count, sizeof *order, compare);
    for (size_t i = tree->count; i-- > 0;) {
        struct graph_tree_node *node = &tree->nodes[order[i].node];

        if (node->parent == GRAPH_TREE_NONE)
            continue;
        node->next_sibling = tree->nodes[node->parent].first_child;
        tree->nodes[node->parent].first_child = order[i].node;
    }
    free(order);
}

/* Children come behind their parents. */
static void sum_up(struct graph_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        tree->nodes[i].retained_blocks = tree->nodes[i].blocks;
        tree->nodes[i].retained_bytes = tree->nodes[i].bytes;
    }
    for (size_t i = tree->count; i-- > 1;) {
        struct graph_tree_node *parent = &tree->nodes[tree->nodes[i].parent];

        parent->retained_blocks += tree->nodes[i].retained_blocks;
        parent->retained_bytes += tree->nodes[i].retained_bytes;
    }
}

/* ---- dominators ---- */

struct placing {
    struct growing growing;
    const struct process_graph *graph;
    uint32_t *places; /* by node of the graph: of the tree */
    uint32_t *stack;
    uint32_t shared;
};

static void add_block(struct placing *placing, uint32_t place, uint32_t node)
{
    const struct object_graph *objects = &placing->graph->graph;
    struct graph_tree_node *into = &placing->growing.tree->nodes[place];
    uint32_t block = object_graph_block(objects, node);

    into->blocks++;
    into->bytes += placing->graph->snapshot->blocks[block].bytes;
    if (into->block == SNAPSHOT_NONE ||
        objects->retained_bytes[node] >
            objects->retained_bytes[object_graph_node(objects, into->block)])
        into->block = block;
}

/* The place of a node whose dominator has one. */
static uint32_t place_of(struct placing *placing, uint32_t node)
{
    const struct object_graph *objects = &placing->graph->graph;
    uint32_t dominator = objects->dominators[node];
    uint32_t above = placing->places[dominator], class_id;

    if (!object_graph_is_block(objects, node))
        return child_of(&placing->growing, 0, GRAPH_TREE_ROOT, node);
    if (dominator == OBJECT_GRAPH_WHOLE)
        above = child_of(&placing->growing, 0, GRAPH_TREE_SHARED, 0);
    class_id = process_graph_class(placing->graph, object_graph_block(objects, node));
    if (placing->growing.tree->nodes[above].kind == GRAPH_TREE_BLOCKS &&
        placing->growing.tree->nodes[above].class_id == class_id)
        return above;
    return child_of(&placing->growing, above, GRAPH_TREE_BLOCKS, class_id);
}

/* Also those of its dominators that have none yet. */
static void place_node(struct placing *placing, uint32_t node)
{
    const struct object_graph *objects = &placing->graph->graph;
    size_t count = 0;

    for (; placing->places[node] == GRAPH_TREE_NONE; node = objects->dominators[node])
        placing->stack[count++] = node;
    while (count > 0) {
        uint32_t next = placing->stack[--count], place = place_of(placing, next);

        placing->places[next] = place;
        if (object_graph_is_block(objects, next))
            add_block(placing, place, next);
    }
}

void graph_tree_build(const struct process_graph *graph, struct graph_tree *tree)
{
    const struct object_graph *objects = &graph->graph;
    struct placing placing = {.growing = {.tree = tree}, .graph = graph};

    *tree = (struct graph_tree){0};
    placing.places = memory_allocate_large(objects->node_count, sizeof *placing.places);
    placing.stack = memory_allocate_large(objects->node_count, sizeof *placing.stack);
    for (uint32_t i = 0; i < objects->node_count; i++)
        placing.places[i] = GRAPH_TREE_NONE;
    placing.places[OBJECT_GRAPH_WHOLE] = add_node(&placing.growing, GRAPH_TREE_NONE,
                                                  GRAPH_TREE_WHOLE);
    for (uint32_t node = 1; node < objects->node_count; node++)
        if (objects->dominators[node] != OBJECT_GRAPH_NONE && objects->retained_blocks[node] > 0)
            place_node(&placing, node);
    hash_map_clear(&placing.growing.places);
    free(placing.stack);
    tree->places = placing.places;
    sum_up(tree);
    link_children(tree);
}

/* ---- bottom-up ---- */

static void add_way(struct growing *growing, const struct graph_way *way)
{
    uint32_t at = 0;

    for (size_t i = way->step_count; i-- > 0;) {
        struct graph_tree_node *node;

        if (way->omitted_steps && i + 1 < way->step_count && i + 2 == way->step_count)
            at = child_of(growing, at, GRAPH_TREE_OMITTED, 0);
        at = child_of(growing, at, GRAPH_TREE_BLOCKS, way->steps[i].class_id);
        node = &growing->tree->nodes[at];
        if (way->steps[i].blocks > node->chain)
            node->chain = way->steps[i].blocks;
        if (node->block == SNAPSHOT_NONE)
            node->block = way->steps[i].block;
    }
    at = child_of(growing, at, GRAPH_TREE_ROOT, way->root);
    growing->tree->nodes[at].blocks += way->blocks;
    growing->tree->nodes[at].bytes += way->bytes;
}

void graph_tree_build_upwards(const struct graph_way *ways, size_t way_count,
                              struct graph_tree *tree)
{
    struct growing growing = {.tree = tree};

    *tree = (struct graph_tree){0};
    add_node(&growing, GRAPH_TREE_NONE, GRAPH_TREE_WHOLE);
    for (size_t i = 0; i < way_count; i++)
        add_way(&growing, &ways[i]);
    hash_map_clear(&growing.places);
    sum_up(tree);
    link_children(tree);
    for (size_t i = 0; i < tree->count; i++) {
        tree->nodes[i].blocks = tree->nodes[i].retained_blocks;
        tree->nodes[i].bytes = tree->nodes[i].retained_bytes;
    }
}

/* ---- what a node stands for ---- */

void graph_tree_add_holder(const struct process_graph *graph, const struct graph_tree *tree,
                           uint32_t node, struct text *out)
{
    const struct graph_tree_node *of = &tree->nodes[node];
    struct graph_path path;

    if (of->kind != GRAPH_TREE_BLOCKS || tree->nodes[of->parent].kind != GRAPH_TREE_SHARED)
        return;
    graph_path_find(graph, of->block, &path);
    text_add(out, " (");
    graph_path_write(&path, out);
    text_add(out, " and others)");
    graph_path_clear(&path);
}

struct tree_place {
    const struct graph_tree *tree;
    uint32_t node;
};

static bool is_of_node(const struct process_graph *graph, uint32_t block, const void *context)
{
    const struct tree_place *place = context;
    const struct graph_tree *tree = place->tree;

    return tree->places ? tree->places[object_graph_node(&graph->graph, block)] == place->node
                        : process_graph_class(graph, block) == tree->nodes[place->node].class_id;
}

uint32_t *graph_tree_list(const struct process_graph *graph, const struct graph_tree *tree,
                          uint32_t node, size_t *count)
{
    const struct tree_place place = {tree, node};

    *count = 0;
    return tree->nodes[node].kind == GRAPH_TREE_BLOCKS
               ? graph_rank_blocks(graph, is_of_node, &place, count)
               : NULL;
}

void graph_tree_clear(struct graph_tree *tree)
{
    free(tree->places);
    free(tree->nodes);
    *tree = (struct graph_tree){0};
}
