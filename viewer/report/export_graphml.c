/* GraphML, for Gephi, yEd, networkx and igraph: all blocks and roots with their sizes and what they
 * retain, all references that count; or, with --focus, some blocks with what is around them. */
#include "config.h"

#include <inttypes.h>

#include "graph/graph_part.h"
#include "graph/object_edges.h"
#include "report/export.h"
#include "report/graph_report.h"
#include "report/xml_text.h"

static void write_head(FILE *out)
{
    static const char *const keys[][2] = {{"kind", "string"},    {"name", "string"},
                                          {"address", "string"}, {"bytes", "long"},
                                          {"retained", "long"},  {"dominator", "string"}};

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n",
          out);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        fprintf(out, "<key id=\"%s\" for=\"node\" attr.name=\"%s\" attr.type=\"%s\"/>\n",
                keys[i][0], keys[i][0], keys[i][1]);
    fputs("<graph id=\"heap\" edgedefault=\"directed\">\n", out);
}

static void write_node(FILE *out, const struct process_graph *graph, uint32_t node)
{
    const struct object_graph *objects = &graph->graph;
    struct text name = {0};

    fprintf(out, "<node id=\"n%" PRIu32 "\"><data key=\"kind\">%s</data>", node,
            object_graph_is_block(objects, node) ? "block" : process_graph_root_kind(graph, node));
    if (object_graph_is_block(objects, node)) {
        const struct snapshot_block *block =
            &graph->snapshot->blocks[object_graph_block(objects, node)];

        graph_add_class_name(graph, process_graph_class(graph, object_graph_block(objects, node)),
                             &name);
        fprintf(out,
                "<data key=\"address\">0x%" PRIx64 "</data><data key=\"bytes\">%" PRIu64 "</data>",
                block->address, block->bytes);
    } else {
        graph_add_root_name(graph, node, &name);
    }
    fputs("<data key=\"name\">", out);
    xml_write_text(out, text_get(&name));
    fprintf(out, "</data><data key=\"retained\">%" PRIu64 "</data>", objects->retained_bytes[node]);
    if (objects->dominators[node] != OBJECT_GRAPH_WHOLE)
        fprintf(out, "<data key=\"dominator\">n%" PRIu32 "</data>", objects->dominators[node]);
    fputs("</node>\n", out);
    text_clear(&name);
}

static void write_edge(FILE *out, uint32_t from, uint32_t to)
{
    fprintf(out, "<edge source=\"n%" PRIu32 "\" target=\"n%" PRIu32 "\"/>\n", from, to);
}

static bool is_shown(const struct object_graph *objects, uint32_t node)
{
    return objects->dominators[node] != OBJECT_GRAPH_NONE && objects->retained_blocks[node] > 0;
}

static void write_all(FILE *out, const struct process_graph *graph)
{
    const struct object_graph *objects = &graph->graph;

    for (uint32_t node = 1; node < objects->node_count; node++)
        if (is_shown(objects, node))
            write_node(out, graph, node);
    for (uint32_t node = 1; node < objects->node_count; node++) {
        uint64_t cursor = 0;

        if (!is_shown(objects, node))
            continue;
        for (uint32_t to; (to = object_edges_next(objects, node, &cursor)) != OBJECT_GRAPH_NONE;)
            write_edge(out, node, to);
    }
}

static void write_part(FILE *out, const struct process_graph *graph, const uint8_t *is_focus,
                       size_t most)
{
    struct graph_part part;

    graph_part_around(graph, is_focus, most, &part);
    for (size_t i = 0; i < part.count; i++)
        write_node(out, graph, part.nodes[i]);
    for (size_t i = 0; i < part.edge_count; i++)
        write_edge(out, part.nodes[part.edges[i].from], part.nodes[part.edges[i].to]);
    graph_part_clear(&part);
}

bool export_write_graphml(const struct profile *profile, const struct export_options *options,
                          FILE *out, struct error *error)
{
    (void)profile;
    (void)error;
    write_head(out);
    if (options->is_focus)
        write_part(out, options->graph, options->is_focus, (size_t)options->limit);
    else
        write_all(out, options->graph);
    fputs("</graph>\n</graphml>\n", out);
    return true;
}
