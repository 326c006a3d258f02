/* A flame graph (flame_svg.h) of stacks: main above, what it calls below, as wide as the metric. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/memory.h"
#include "report/export_parts.h"
#include "report/flame_svg.h"
#include "report/xml_text.h"

struct writing {
    const struct profile *profile;
    const struct call_tree *tree;
};

static const char *name_of(const void *context, uint32_t node)
{
    const struct writing *writing = context;

    return writing->profile->locations[writing->tree->nodes[node].location].function;
}

static const char *module_of(const void *context, uint32_t node)
{
    const struct writing *writing = context;
    uint32_t module = writing->profile->frames[writing->tree->nodes[node].frame].module_plus_1;

    return module ? writing->profile->modules[module - 1].name : "";
}

static void write_title(const void *context, uint32_t position, FILE *out)
{
    const struct writing *writing = context;
    const struct call_tree_node *node = &writing->tree->nodes[position];
    const struct profile_location *location = &writing->profile->locations[node->location];

    xml_write_text(out, location->function);
    if (location->file) {
        fputs(" at ", out);
        xml_write_text(out, text_file_name(location->file));
        if (node->line)
            fprintf(out, ":%" PRIu32, node->line);
    }
    if (node->is_inlined)
        fputs(", inlined", out);
    else if (node->is_tail_call)
        fputs(", tail call", out);
}

/* Caller frees. */
static struct flame_svg_node *make_nodes(const struct call_tree *tree, enum query_metric metric)
{
    struct flame_svg_node *nodes = memory_allocate_zeroed(tree->node_count, sizeof *nodes);

    for (uint32_t i = 0; i < tree->node_count; i++)
        nodes[i] = (struct flame_svg_node){.first_child = tree->nodes[i].first_child,
                                           .next_sibling = tree->nodes[i].next_sibling,
                                           .depth = tree->nodes[i].depth,
                                           .value = tree->nodes[i].figures.values[metric]};
    return nodes;
}

_Static_assert(CALL_TREE_NONE == FLAME_SVG_NONE, "links are copied as they are");

bool export_write_flamegraph(const struct profile *profile, const struct export_options *options,
                             FILE *out, struct error *error)
{
    const struct query_metric_info *metric = query_metric_at(options->metric);
    struct call_tree_options tree_options = {.direction = CALL_TREE_TOP_DOWN,
                                             .metric = options->metric,
                                             .process = options->process,
                                             .min_share = FLAME_SVG_LEAST_SHARE,
                                             .filter = options->filter};
    struct call_tree tree;
    struct text command = {0};

    if (!call_tree_build(profile, &tree_options, &tree, error))
        return false;
    struct writing writing = {.profile = profile, .tree = &tree};
    struct flame_svg_node *nodes = make_nodes(&tree, options->metric);
    export_add_command(&command, profile, options);
    flame_svg_write(
        &(struct flame_svg){.title = text_get(&command),
                            .what = options->metric_help ? options->metric_help : metric->help,
                            .is_bytes = metric->is_bytes,
                            .nodes = nodes,
                            .count = (uint32_t)tree.node_count,
                            .context = &writing,
                            .name = name_of,
                            .write_title = write_title,
                            .family = module_of},
        out);
    text_clear(&command);
    free(nodes);
    call_tree_clear(&tree);
    return true;
}
