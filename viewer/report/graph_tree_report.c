/* Folded trees of a graph (graph_tree.h) for people and as JSON. What holds little is left out, and
 * said to be; JSON is a list of nodes, since trees nest deeper than many readers of JSON do. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/units.h"
#include "report/graph_report.h"
#include "report/graph_tree_report.h"
#include "report/text_parts.h"

static const double LEAST_SHARE = 0.002;

void graph_tree_add_name(const struct process_graph *graph, const struct graph_tree_node *node,
                         bool is_upwards, struct text *out)
{
    uint64_t count = is_upwards ? node->chain : node->blocks;
    char number[UNITS_TEXT_BYTES];

    switch (node->kind) {
    case GRAPH_TREE_WHOLE:
        text_add(out, "all");
        return;
    case GRAPH_TREE_ROOT:
        graph_add_root_name(graph, node->root, out);
        return;
    case GRAPH_TREE_SHARED:
        text_add(out, "several roots together");
        return;
    case GRAPH_TREE_OMITTED:
        text_add(out, "...");
        return;
    case GRAPH_TREE_BLOCKS:
        if (count > 1)
            text_print(out, "%s x ", units_format_count(count, number));
        graph_add_class_name(graph, node->class_id, out);
    }
}

/* ---- which are shown ---- */

/* Walks depth first, without recursion. */
struct graph_tree_walk {
    const struct graph_tree *tree;
    const struct graph_tree_options *options;
    void *context;
    void (*visit)(void *context, uint32_t node);
    /* What of a node's children is not shown. */
    void (*omit)(void *context, uint32_t parent, uint64_t count, uint64_t blocks, uint64_t bytes);
};

static bool is_shown(const struct graph_tree_walk *walk, const struct graph_tree_node *node,
                     uint64_t rank)
{
    const struct graph_tree_options *options = walk->options;
    const struct graph_tree_node *whole = &walk->tree->nodes[0];

    if (options->most_depth && node->depth > options->most_depth)
        return false;
    if (!options->limit)
        return true;
    return rank < options->limit &&
           ((double)node->retained_bytes >= LEAST_SHARE * (double)whole->retained_bytes ||
            (double)node->retained_blocks >= LEAST_SHARE * (double)whole->retained_blocks);
}

static void tell_omitted(const struct graph_tree_walk *walk, uint32_t parent, uint32_t first)
{
    const struct graph_tree_node *nodes = walk->tree->nodes;
    uint64_t count = 0, blocks = 0, bytes = 0;

    for (uint32_t at = first; at != GRAPH_TREE_NONE; at = nodes[at].next_sibling) {
        count++;
        blocks += nodes[at].retained_blocks;
        bytes += nodes[at].retained_bytes;
    }
    if (count > 0)
        walk->omit(walk->context, parent, count, blocks, bytes);
}

static void walk_tree(const struct graph_tree_walk *walk)
{
    const struct graph_tree_node *nodes = walk->tree->nodes;
    uint64_t *ranks = memory_allocate_zeroed(walk->tree->count, sizeof *ranks);
    uint32_t parent = 0, at = nodes[0].first_child;

    for (;;) {
        if (at != GRAPH_TREE_NONE && is_shown(walk, &nodes[at], ranks[parent])) {
            ranks[parent]++;
            walk->visit(walk->context, at);
            parent = at;
            at = nodes[at].first_child;
            continue;
        }
        tell_omitted(walk, parent, at);
        if (parent == 0)
            break;
        at = nodes[parent].next_sibling;
        parent = nodes[parent].parent;
    }
    free(ranks);
}

/* ---- text ---- */

struct text_writing {
    struct page *page;
    const struct process_graph *graph;
    const struct graph_tree *tree;
    bool is_upwards;
};

static void add_figures(const struct text_writing *writing, uint64_t blocks, uint64_t bytes)
{
    const struct graph_tree_node *whole = &writing->tree->nodes[0];
    char cell[UNITS_TEXT_BYTES];

    page_add_right(writing->page, 11, units_format_size(bytes, cell));
    text_add_percent(writing->page, 8, bytes, whole->retained_bytes);
    page_add_right(writing->page, 11, units_format_count(blocks, cell));
}

static void indent(struct page *page, uint32_t depth)
{
    uint32_t most = page->width ? (uint32_t)page->width / 4 : 1000;

    page_add(page, "  %*s", (int)(depth < most / 2 ? 2 * depth : most), "");
}

static void write_node(void *context, uint32_t position)
{
    const struct text_writing *writing = context;
    const struct graph_tree_node *node = &writing->tree->nodes[position];
    struct page *page = writing->page;
    struct text name = {0};

    graph_tree_add_name(writing->graph, node, writing->is_upwards, &name);
    graph_tree_add_holder(writing->graph, writing->tree, position, &name);
    add_figures(writing, node->retained_blocks, node->retained_bytes);
    indent(page, node->depth - 1);
    if (node->kind == GRAPH_TREE_ROOT)
        page_set_style(page, PAGE_BOLD);
    page_add_foreign(page, text_get(&name), page_left(page, 20));
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    text_clear(&name);
}

static void write_omitted(void *context, uint32_t parent, uint64_t count, uint64_t blocks,
                          uint64_t bytes)
{
    const struct text_writing *writing = context;
    struct page *page = writing->page;
    char number[UNITS_TEXT_BYTES];

    page_set_style(page, PAGE_DIM);
    add_figures(writing, blocks, bytes);
    indent(page, writing->tree->nodes[parent].depth);
    page_add(page, "(%s more)", units_format_count(count, number));
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

void graph_tree_write_text(struct page *page, const struct process_graph *graph,
                           const struct graph_tree *tree, const struct graph_tree_options *options)
{
    struct text_writing writing = {page, graph, tree, options->is_upwards};
    const struct graph_tree_walk walk = {tree, options, &writing, write_node, write_omitted};

    page_set_style(page, PAGE_DIM);
    page_add(page, "%11s%8s%11s  %s", options->is_upwards ? "Bytes" : "Retained", "%", "Blocks",
             options->is_upwards ? "Held by" : "What");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    walk_tree(&walk);
}

/* ---- JSON ---- */

struct json_writing {
    struct json_stream *stream;
    const struct process_graph *graph;
    const struct graph_tree *tree;
    bool is_upwards;
    uint32_t *ids; /* by position in the tree: as written */
    uint32_t count;
};

static const char *const kind_names[] = {
    [GRAPH_TREE_WHOLE] = "whole",     [GRAPH_TREE_ROOT] = "root",
    [GRAPH_TREE_SHARED] = "shared",   [GRAPH_TREE_BLOCKS] = "blocks",
    [GRAPH_TREE_OMITTED] = "omitted",
};

static const char *name_of(const struct json_writing *writing, const struct graph_tree_node *node)
{
    switch (node->kind) {
    case GRAPH_TREE_ROOT:
        return process_graph_root_name(writing->graph, node->root);
    case GRAPH_TREE_BLOCKS:
        return process_graph_class_name(writing->graph, node->class_id);
    case GRAPH_TREE_WHOLE:
    case GRAPH_TREE_SHARED:
    case GRAPH_TREE_OMITTED:
        break;
    }
    return NULL;
}

static void add_object(struct json_writing *writing, uint32_t parent, const char *kind,
                       const char *name, const struct graph_tree_node *figures)
{
    json_t *object = json_object();

    json_object_set_new(object, "id", json_integer(writing->count++));
    json_object_set_new(object, "parent",
                        parent ? json_integer(writing->ids[parent]) : json_null());
    json_object_set_new(object, "kind", json_string(kind));
    json_object_set_new(object, "name", json_text(name));
    json_object_set_new(object, "blocks", json_number(figures->blocks));
    json_object_set_new(object, "bytes", json_number(figures->bytes));
    if (writing->is_upwards)
        json_object_set_new(object, "chain",
                            figures->chain ? json_number(figures->chain) : json_null());
    json_object_set_new(object, "retained_blocks", json_number(figures->retained_blocks));
    json_object_set_new(object, "retained_bytes", json_number(figures->retained_bytes));
    json_stream_add(writing->stream, NULL, object);
}

static void add_node(void *context, uint32_t position)
{
    struct json_writing *writing = context;
    const struct graph_tree_node *node = &writing->tree->nodes[position];

    writing->ids[position] = writing->count;
    add_object(writing, node->parent, kind_names[node->kind], name_of(writing, node), node);
}

static void add_omitted(void *context, uint32_t parent, uint64_t count, uint64_t blocks,
                        uint64_t bytes)
{
    const struct graph_tree_node rest = {.retained_blocks = blocks, .retained_bytes = bytes};

    (void)count;
    add_object(context, parent, "omitted", NULL, &rest);
}

void graph_tree_write_json(struct json_stream *stream, const char *key,
                           const struct process_graph *graph, const struct graph_tree *tree,
                           const struct graph_tree_options *options)
{
    struct json_writing writing = {.stream = stream,
                                   .graph = graph,
                                   .tree = tree,
                                   .is_upwards = options->is_upwards,
                                   .ids = memory_allocate_zeroed(tree->count, sizeof(uint32_t))};
    const struct graph_tree_walk walk = {tree, options, &writing, add_node, add_omitted};

    json_stream_begin_array(stream, key);
    walk_tree(&walk);
    json_stream_end(stream);
    free(writing.ids);
}
