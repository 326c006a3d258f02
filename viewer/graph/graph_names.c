#include "graph/graph_names.h"

#include <inttypes.h>

#include "analysis/place.h"

void graph_names_add_node(const struct process_graph *graph, uint32_t node, struct text *out)
{
    const char *name, *place;

    if (object_graph_is_block(&graph->graph, node)) {
        uint32_t block = object_graph_block(&graph->graph, node);

        name = process_graph_type_name(graph, block);
        if (!name)
            name = process_graph_function(graph, graph->site_of_block[block]);
        text_add(out, name ? name : "an unknown function");
        text_print(out, " 0x%" PRIx64, graph->snapshot->blocks[block].address);
        return;
    }
    text_add(out, process_graph_root_name(graph, node));
    place = process_graph_root_place(graph, node);
    if (place)
        text_print(out, " in %s", place);
}

void graph_names_add_type(const struct process_graph *graph, uint32_t block, struct text *out)
{
    const char *name = process_graph_type_name(graph, block);

    if (!name) {
        text_add(out, "not known");
        return;
    }
    const struct block_type *type = &graph->types->types.blocks[block];
    text_print(out, "%s (%s, %s)", name,
               type_confidence_name((enum type_confidence)type->confidence),
               type_source_name((enum type_source)type->source));
}

void graph_names_add_site(const struct process_graph *graph, uint32_t block, struct text *out)
{
    uint32_t site = graph->site_of_block[block];
    struct place place = {0};
    const struct profile_location *location = NULL;

    if (site != GRAPH_NO_SITE) {
        place_find(graph->profile, graph->profile->sites[site].stack_node, PLACE_NAMED_CALLER,
                   &place);
        location = place_named_location(&place);
    }
    text_add(out, location ? location->function : "an unknown function");
    if (location && location->file && location->line)
        text_print(out, " %s:%" PRIu32, text_file_name(location->file), location->line);
}

void graph_names_add_link(const struct process_graph *graph, uint32_t self,
                          const struct graph_link *link, struct text *out)
{
    if (link->node == self)
        text_add(out, "this block");
    else
        graph_names_add_node(graph, link->node, out);
    if (!link->is_keeping)
        text_add(out, " (interior, does not hold)");
    else if (link->is_interior)
        text_add(out, " (interior)");
}

void graph_names_add_value(const struct process_graph *graph, uint32_t self,
                           const struct graph_member *member, struct text *out)
{
    if (member->block != SNAPSHOT_NONE) {
        text_add(out, "-> ");
        if (member->block == self)
            text_add(out, "this block");
        else
            graph_names_add_node(graph, object_graph_node(&graph->graph, member->block), out);
        if (member->block_offset > 0)
            text_print(out, " +%" PRIu64, member->block_offset);
        text_add(out, " ");
    } else if (member->value) {
        text_print(out, "%s ", member->value);
        if (member->module != SNAPSHOT_NONE)
            text_print(out, "in %s ",
                       text_file_name(graph->snapshot->modules[member->module].path));
    }
    text_print(out, "(%s)", member->type);
}
