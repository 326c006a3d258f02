/* Graphviz: what retains what, as a folded tree of dominators; or, with --focus, some blocks with
 * what refers to them and what they refer to. `dot -Tsvg` draws it. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/ranked.h"
#include "base/units.h"
#include "graph/graph_part.h"
#include "graph/graph_tree.h"
#include "report/export.h"
#include "report/graph_report.h"
#include "report/graph_tree_report.h"

/* Inside quotes; what is foreign was made harmless before. */
static void write_quoted(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void write_node(FILE *out, size_t id, const char *name, uint64_t bytes, uint64_t retained,
                       const char *style)
{
    char size[UNITS_TEXT_BYTES], held[UNITS_TEXT_BYTES];

    fprintf(out, "  n%zu [label=\"", id);
    write_quoted(out, name);
    fprintf(out, "\\n%s, retains %s\", bytes=%" PRIu64 ", retained=%" PRIu64 "%s];\n",
            units_format_size(bytes, size), units_format_size(retained, held), bytes, retained,
            style);
}

static void write_head(FILE *out, const struct process_graph *graph, const char *what)
{
    fprintf(out,
            "digraph \"seep\" {\n"
            "  graph [rankdir=LR, label=\"%s, at snapshot:%" PRIu32 "\"];\n"
            "  node [shape=box, fontname=\"sans\"];\n",
            what, graph->snapshot->number);
}

/* ---- the tree ---- */

static bool is_drawn(const struct graph_tree *tree, uint32_t node, const uint8_t *is_kept)
{
    return node == 0 || (is_kept[node] && is_kept[tree->nodes[node].parent]);
}

/* Those that retain most; a parent retains at least as much, and comes first. Caller frees. */
static uint8_t *choose_nodes(const struct graph_tree *tree, uint64_t most)
{
    struct ranked *ranked = memory_allocate_zeroed(tree->count, sizeof *ranked);
    uint8_t *is_kept = memory_allocate_zeroed(tree->count, 1);

    for (uint32_t i = 0; i < tree->count; i++)
        ranked[i] = (struct ranked){tree->nodes[i].retained_bytes, i};
    ranked_sort(ranked, tree->count);
    is_kept[0] = 1;
    for (size_t i = 0; i < tree->count && (!most || i <= most); i++)
        is_kept[ranked[i].item] = 1;
    free(ranked);
    return is_kept;
}

static void write_tree(FILE *out, const struct process_graph *graph, uint64_t most)
{
    struct graph_tree tree;
    uint8_t *is_kept;

    graph_tree_build(graph, &tree);
    is_kept = choose_nodes(&tree, most);
    write_head(out, graph, "what retains what");
    for (uint32_t i = 0; i < tree.count; i++) {
        const struct graph_tree_node *node = &tree.nodes[i];
        struct text name = {0};
        char size[UNITS_TEXT_BYTES];

        if (!is_drawn(&tree, i, is_kept))
            continue;
        graph_tree_add_name(graph, node, false, &name);
        write_node(out, i, text_get(&name), node->bytes, node->retained_bytes,
                   node->kind == GRAPH_TREE_ROOT ? ", style=filled, fillcolor=\"#d0d7de\"" : "");
        text_clear(&name);
        if (i > 0)
            fprintf(out, "  n%" PRIu32 " -> n%" PRIu32 " [label=\"%s\"];\n", node->parent, i,
                    units_format_size(node->retained_bytes, size));
    }
    fputs("}\n", out);
    free(is_kept);
    graph_tree_clear(&tree);
}

/* ---- the neighbourhood ---- */

static void write_part(FILE *out, const struct process_graph *graph, const uint8_t *is_target,
                       size_t most)
{
    const struct object_graph *objects = &graph->graph;
    struct graph_part part;

    graph_part_around(graph, is_target, most, &part);
    write_head(out, graph, "what refers to what");
    for (size_t i = 0; i < part.count; i++) {
        uint32_t node = part.nodes[i];
        bool is_block = object_graph_is_block(objects, node);
        uint32_t block = is_block ? object_graph_block(objects, node) : 0;
        struct text name = {0};

        if (is_block) {
            graph_add_class_name(graph, process_graph_class(graph, block), &name);
            text_print(&name, " 0x%" PRIx64, graph->snapshot->blocks[block].address);
        } else {
            graph_add_root_name(graph, node, &name);
        }
        write_node(out, i, text_get(&name), is_block ? graph->snapshot->blocks[block].bytes : 0,
                   objects->retained_bytes[node],
                   !is_block          ? ", style=filled, fillcolor=\"#d0d7de\""
                   : is_target[block] ? ", style=filled, fillcolor=\"#f4a582\""
                                      : "");
        text_clear(&name);
    }
    for (size_t i = 0; i < part.edge_count; i++)
        fprintf(out, "  n%" PRIu32 " -> n%" PRIu32 ";\n", part.edges[i].from, part.edges[i].to);
    fputs("}\n", out);
    graph_part_clear(&part);
}

bool export_write_dot(const struct profile *profile, const struct export_options *options,
                      FILE *out, struct error *error)
{
    (void)profile;
    (void)error;
    if (options->is_focus)
        write_part(out, options->graph, options->is_focus, (size_t)options->limit);
    else
        write_tree(out, options->graph, options->limit);
    return true;
}
