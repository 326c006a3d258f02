/* A flame graph (flame_svg.h) of what is retained: the roots above, what they retain below, by the
 * folded tree of dominators (graph_tree.h). */
#include "config.h"

#include <stdlib.h>

#include "base/memory.h"
#include "graph/graph_tree.h"
#include "report/export_parts.h"
#include "report/flame_svg.h"
#include "report/graph_tree_report.h"
#include "report/xml_text.h"

struct writing {
    const struct process_graph *graph;
    const struct graph_tree *tree;
    struct text *name; /* of the last node that was asked for */
};

static const char *name_of(const void *context, uint32_t node)
{
    const struct writing *writing = context;

    writing->name->count = 0;
    graph_tree_add_name(writing->graph, &writing->tree->nodes[node], false, writing->name);
    return text_get(writing->name);
}

static void write_title(const void *context, uint32_t node, FILE *out)
{
    const struct writing *writing = context;
    uint64_t blocks = writing->tree->nodes[node].retained_blocks;

    xml_write_text(out, name_of(context, node));
    fprintf(out, " retains %llu block%s", (unsigned long long)blocks, blocks == 1 ? "" : "s");
}

/* Roots are of one colour, blocks of a class of another. */
static const char *family_of(const void *context, uint32_t node)
{
    const struct writing *writing = context;
    const struct graph_tree_node *about = &writing->tree->nodes[node];
    const char *name = about->kind == GRAPH_TREE_BLOCKS
                           ? process_graph_class_name(writing->graph, about->class_id)
                           : NULL;

    return name ? name : "";
}

/* Caller frees. */
static struct flame_svg_node *make_nodes(const struct graph_tree *tree)
{
    struct flame_svg_node *nodes = memory_allocate_zeroed(tree->count, sizeof *nodes);

    for (size_t i = 0; i < tree->count; i++)
        nodes[i] = (struct flame_svg_node){.first_child = tree->nodes[i].first_child,
                                           .next_sibling = tree->nodes[i].next_sibling,
                                           .depth = tree->nodes[i].depth,
                                           .value = tree->nodes[i].retained_bytes};
    return nodes;
}

_Static_assert(GRAPH_TREE_NONE == FLAME_SVG_NONE, "links are copied as they are");

bool export_write_graph_flamegraph(const struct profile *profile,
                                   const struct export_options *options, FILE *out,
                                   struct error *error)
{
    struct text command = {0}, name = {0};
    struct graph_tree tree;
    struct flame_svg_node *nodes;

    (void)error;
    graph_tree_build(options->graph, &tree);
    nodes = make_nodes(&tree);
    export_add_command(&command, profile, options);
    const struct writing writing = {options->graph, &tree, &name};
    flame_svg_write(&(struct flame_svg){.title = text_get(&command),
                                        .what = "bytes that are retained",
                                        .is_bytes = true,
                                        .nodes = nodes,
                                        .count = (uint32_t)tree.count,
                                        .context = &writing,
                                        .name = name_of,
                                        .write_title = write_title,
                                        .family = family_of},
                    out);
    text_clear(&command);
    text_clear(&name);
    free(nodes);
    graph_tree_clear(&tree);
    return true;
}
