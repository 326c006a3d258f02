/* Callgrind's profile format, version 1 (Valgrind's manual, "Callgrind Format Specification"), for
 * KCachegrind and callgrind_annotate. A function's own cost is what it allocated itself; a call's
 * cost is what the callee and its callees did. How often functions were called is not known: calls=
 * counts the allocations below them. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "analysis/call_tree.h"
#include "base/hash_map.h"
#include "base/memory.h"
#include "report/export_parts.h"

static const struct {
    const char *name;
    const char *help;
    enum query_metric metric;
} events[] = {
    {"LiveB", "Live bytes", QUERY_LIVE_BYTES},
    {"LiveN", "Live blocks", QUERY_LIVE_BLOCKS},
    {"PeakB", "Bytes at the peak", QUERY_PEAK_BYTES},
    {"AllocB", "Allocated bytes", QUERY_ALLOCATED_BYTES},
    {"AllocN", "Allocations", QUERY_ALLOCATIONS},
    {"TempN", "Temporary allocations", QUERY_TEMPORARY},
};

enum {
    EVENTS = sizeof events / sizeof *events
};

struct writing {
    const struct profile *profile;
    FILE *out;
    struct hash_map names; /* address of a text to its number; shared texts have one address */
};

/* "fn=(7) main", later "fn=(7)". */
static void write_name(struct writing *writing, const char *key, const char *name)
{
    bool is_new;
    uint64_t *number = hash_map_put(&writing->names, (uint64_t)(uintptr_t)name, &is_new);

    if (is_new)
        *number = writing->names.count;
    fprintf(writing->out, "%s=(%" PRIu64 ")", key, *number);
    if (is_new) {
        struct text safe = {0};

        export_add_name(&safe, name, "", ' ');
        fprintf(writing->out, " %s", text_get(&safe));
        text_clear(&safe);
    }
    fputc('\n', writing->out);
}

static const char *module_of(const struct writing *writing, const struct call_tree_node *node)
{
    uint32_t module = writing->profile->frames[node->frame].module_plus_1;

    return module ? writing->profile->modules[module - 1].path : "???";
}

static void write_place(struct writing *writing, const struct call_tree_node *node, bool is_callee)
{
    const struct profile_location *location = &writing->profile->locations[node->location];

    write_name(writing, is_callee ? "cob" : "ob", module_of(writing, node));
    write_name(writing, is_callee ? "cfi" : "fl", location->file ? location->file : "???");
    write_name(writing, is_callee ? "cfn" : "fn", location->function);
}

static void write_costs(const struct writing *writing, const uint64_t *values)
{
    for (size_t i = 0; i < EVENTS; i++)
        if (export_knows(writing->profile, events[i].metric))
            fprintf(writing->out, " %" PRIu64, values[events[i].metric]);
    fputc('\n', writing->out);
}

static void write_node(struct writing *writing, const struct call_tree *tree,
                       const struct call_tree_node *node)
{
    fputc('\n', writing->out);
    write_place(writing, node, false);
    fprintf(writing->out, "%" PRIu32, node->line);
    write_costs(writing, node->self.values);
    for (uint32_t i = node->first_child; i != CALL_TREE_NONE; i = tree->nodes[i].next_sibling) {
        const struct call_tree_node *callee = &tree->nodes[i];

        write_place(writing, callee, true);
        fprintf(writing->out, "calls=%" PRIu64 " %" PRIu32 "\n%" PRIu32,
                callee->figures.values[QUERY_ALLOCATIONS], callee->line, node->line);
        write_costs(writing, callee->figures.values);
    }
}

bool export_write_callgrind(const struct profile *profile, const struct export_options *options,
                            FILE *out, struct error *error)
{
    struct call_tree_options tree_options = {.direction = CALL_TREE_TOP_DOWN,
                                             .metric = options->metric,
                                             .process = options->process,
                                             .are_zeros_kept = true,
                                             .filter = options->filter};
    struct writing writing = {.profile = profile, .out = out};
    struct text command = {0};
    struct call_tree tree;

    if (!call_tree_build(profile, &tree_options, &tree, error))
        return false;
    export_add_command(&command, profile, options);
    fprintf(out, "# callgrind format\nversion: 1\ncreator: %s %s\ncmd: %s\npart: 1\n", PACKAGE_NAME,
            PACKAGE_VERSION, text_get(&command));
    fputs("positions: line\n", out);
    for (size_t i = 0; i < EVENTS; i++)
        if (export_knows(profile, events[i].metric))
            fprintf(out, "event: %s : %s\n", events[i].name, events[i].help);
    fputs("events:", out);
    for (size_t i = 0; i < EVENTS; i++)
        if (export_knows(profile, events[i].metric))
            fprintf(out, " %s", events[i].name);
    fputs("\nsummary:", out);
    write_costs(&writing, tree.nodes[0].figures.values);
    for (size_t i = 1; i < tree.node_count; i++)
        write_node(&writing, &tree, &tree.nodes[i]);
    fputs("\ntotals:", out);
    write_costs(&writing, tree.nodes[0].figures.values);
    hash_map_clear(&writing.names);
    text_clear(&command);
    call_tree_clear(&tree);
    return true;
}
