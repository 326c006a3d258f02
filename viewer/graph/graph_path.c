#include "graph/graph_path.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/held_containers.h"

enum {
    MOST_ELEMENTS = 13
};

/* Nodes of one class that follow each other: the first and the last of them. */
struct run {
    uint32_t first, last;
    uint64_t blocks;
};

struct runs {
    struct run items[MOST_ELEMENTS];
    size_t count;
};

static uint32_t class_of(const struct process_graph *graph, uint32_t node)
{
    return process_graph_class(graph, object_graph_block(&graph->graph, node));
}

static bool is_python_object(const struct process_graph *graph, uint32_t node)
{
    const struct snapshot_objects *objects = graph->snapshot->objects;

    return objects && objects->types[object_graph_block(&graph->graph, node)] != SNAPSHOT_NONE;
}

/* People write ways to Python's objects step by step, and a dictionary in another is two; of long
 * chains the first two are told. */
static bool is_told(const struct process_graph *graph, const struct runs *runs, uint32_t node)
{
    const struct run *before = runs->count > 1 ? &runs->items[runs->count - 2] : NULL;

    return !is_python_object(graph, node) || runs->items[runs->count - 1].blocks > 1 ||
           (before && before->blocks > 0 && class_of(graph, before->last) == class_of(graph, node));
}

/* Nodes come from the root on. When there are too many, the last takes the place of the one before.
 */
static void add_node(const struct process_graph *graph, struct runs *runs, uint32_t node)
{
    struct run *last = runs->count ? &runs->items[runs->count - 1] : NULL;
    bool is_block = object_graph_is_block(&graph->graph, node);

    if (last && is_block && last->blocks > 0 &&
        class_of(graph, last->last) == class_of(graph, node) && is_told(graph, runs, node)) {
        last->last = node;
        last->blocks++;
    } else {
        if (runs->count == MOST_ELEMENTS)
            runs->count--;
        runs->items[runs->count++] = (struct run){node, node, is_block};
    }
}

static void follow(const struct process_graph *graph, const uint32_t *above, uint32_t node,
                   struct runs *runs)
{
    uint32_t *nodes = NULL;
    size_t count = 0, capacity = 0;

    for (; object_graph_is_block(&graph->graph, node); node = above[node]) {
        nodes = memory_grow(nodes, &capacity, count + 1, sizeof *nodes);
        nodes[count++] = node;
    }
    if (node == OBJECT_GRAPH_WHOLE && count > 0) /* several roots hold it: the nearest */
        node = process_graph_holder(graph, nodes[count - 1]);
    add_node(graph, runs, node);
    while (count > 0)
        add_node(graph, runs, nodes[--count]);
    free(nodes);
}

static char *take_text(struct text *text, bool is_known)
{
    if (is_known)
        return text_take(text);
    text_clear(text);
    return NULL;
}

static char *find_member(const struct process_graph *graph, uint32_t from, uint32_t to)
{
    struct text text = {0};
    uint32_t block = object_graph_block(&graph->graph, to);

    if (!graph->types || from == OBJECT_GRAPH_WHOLE || from == object_graph_lost(&graph->graph))
        return NULL;
    bool is_known = object_graph_is_block(&graph->graph, from)
                        ? type_names_add_member(
                              graph->types, object_graph_block(&graph->graph, from), block, &text)
                        : type_names_add_root_member(graph->types, from - 1, block, &text);
    return take_text(&text, is_known);
}

/* What a variable or block has most of its memory in. */
static char *find_container(const struct process_graph *graph, uint32_t node)
{
    struct text text = {0};
    struct container container;

    return held_containers_largest(graph->types,
                                   object_graph_is_block(&graph->graph, node)
                                       ? object_graph_block(&graph->graph, node)
                                       : SNAPSHOT_NONE,
                                   node - 1, &container)
               ? take_text(&text, held_containers_add_member(graph->types, &container, &text))
               : NULL;
}

static char *find_type(const struct process_graph *graph, const struct run *run,
                       const struct run *next)
{
    struct text text = {0};

    if (!graph->types)
        return NULL;
    if (run->blocks > 0) {
        const char *name = process_graph_type_name(graph,
                                                   object_graph_block(&graph->graph, run->last));

        return name ? memory_duplicate_text(name) : NULL;
    }
    if (!next || run->last == OBJECT_GRAPH_WHOLE || run->last == object_graph_lost(&graph->graph))
        return NULL;
    return take_text(&text, type_names_add_root_type(graph->types, run->last - 1,
                                                     object_graph_block(&graph->graph, next->first),
                                                     &text));
}

static void describe(const struct process_graph *graph, const struct runs *runs,
                     struct graph_path *path)
{
    path->elements = memory_allocate_zeroed(runs->count, sizeof *path->elements);
    path->count = runs->count;
    for (size_t i = 0; i < runs->count; i++) {
        const struct run *run = &runs->items[i], *next = i + 1 < runs->count ? run + 1 : NULL;
        const char *name =
            run->blocks
                ? process_graph_function(
                      graph, graph->site_of_block[object_graph_block(&graph->graph, run->last)])
                : process_graph_root_name(graph, run->last);

        path->elements[i] = (struct graph_path_element){
            .name = name ? memory_duplicate_text(name) : NULL,
            .member = next           ? find_member(graph, run->last, next->first)
                      : graph->types ? find_container(graph, run->last)
                                     : NULL,
            .type = find_type(graph, run, next),
            .blocks = run->blocks};
    }
}

void graph_path_find(const struct process_graph *graph, uint32_t block, struct graph_path *path)
{
    struct runs runs = {.count = 0};

    follow(graph, graph->graph.parents, object_graph_node(&graph->graph, block), &runs);
    describe(graph, &runs, path);
}

void graph_path_find_dominators(const struct process_graph *graph, uint32_t node,
                                struct graph_path *path)
{
    struct runs runs = {.count = 0};

    follow(graph, graph->graph.dominators, node, &runs);
    describe(graph, &runs, path);
}

void graph_path_clear(struct graph_path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        free(path->elements[i].name);
        free(path->elements[i].member);
        free(path->elements[i].type);
    }
    free(path->elements);
    *path = (struct graph_path){0};
}

void graph_path_write(const struct graph_path *path, struct text *out)
{
    for (size_t i = 0; i < path->count; i++) {
        const struct graph_path_element *element = &path->elements[i];
        const char *member = element->member;

        if (i == 0)
            text_add(out, element->name ? element->name : "?");
        if (element->blocks > 1 || (!member && i + 1 < path->count))
            text_add(out, "->...");
        if (!member)
            return;
        if (*member && !strchr("[.{", *member))
            text_add(out, i > 0 ? "->" : strchr(element->name, ' ') ? ": " : ".");
        text_add(out, member);
    }
}
