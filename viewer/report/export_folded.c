/* Folded stacks, a line each: the functions from main inwards with ';' between them, a space, and
 * the metric. flamegraph.pl, inferno, speedscope, Perfetto and Firefox Profiler read them. Figures
 * of stacks that differ in line numbers alone are one line; with several processes each stack
 * begins with its process. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/memory.h"
#include "report/export_parts.h"

/* Of a line, ';' would begin another frame and a line end another stack. */
static void add_function(struct text *line, const struct profile *profile,
                         const struct call_tree_node *node)
{
    if (line->count > 0)
        text_add(line, ";");
    export_add_name(line, profile->locations[node->location].function, ";", ':');
}

/* Depth first. lengths[d] is how much of the line belongs to the path down to depth d. */
static void write_tree(const struct profile *profile, const struct call_tree *tree,
                       enum query_metric metric, struct text *line, FILE *out)
{
    size_t *lengths = NULL, capacity = 0;
    uint32_t at = 0;

    while (at != CALL_TREE_NONE) {
        const struct call_tree_node *node = &tree->nodes[at];
        uint64_t value = node->self.values[metric];

        lengths = memory_grow(lengths, &capacity, node->depth + 1, sizeof *lengths);
        if (at != 0) {
            line->count = lengths[node->depth - 1];
            if (line->bytes)
                line->bytes[line->count] = '\0';
            add_function(line, profile, node);
        }
        lengths[node->depth] = line->count;
        if (at != 0 && value > 0)
            fprintf(out, "%s %" PRIu64 "\n", text_get(line), value);
        if (node->first_child != CALL_TREE_NONE) {
            at = node->first_child;
            continue;
        }
        while (at && tree->nodes[at].next_sibling == CALL_TREE_NONE)
            at = tree->nodes[at].parent;
        at = at ? tree->nodes[at].next_sibling : CALL_TREE_NONE;
    }
    free(lengths);
}

bool export_write_folded(const struct profile *profile, const struct export_options *options,
                         FILE *out, struct error *error)
{
    bool is_one = export_process_count(profile, options) <= 1;

    for (uint32_t i = 0; i < profile->process_count; i++) {
        struct call_tree_options tree_options = {.direction = CALL_TREE_TOP_DOWN,
                                                 .metric = options->metric,
                                                 .process = i,
                                                 .filter = options->filter};
        struct call_tree tree;
        struct text line = {0};

        if (!export_has_process(options, i) || profile->processes[i].site_count == 0)
            continue;
        if (!call_tree_build(profile, &tree_options, &tree, error))
            return false;
        if (!is_one)
            export_add_process_name(&line, &profile->processes[i]);
        write_tree(profile, &tree, options->metric, &line, out);
        text_clear(&line);
        call_tree_clear(&tree);
    }
    return true;
}
