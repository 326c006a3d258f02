/* Massif's output file (Valgrind's ms_print): the heap over time as snapshots, two of them with a
 * tree of who held it, at the peak and at the end. One process: the file has room for no more.
 *
 * A tree's line is " n<children>: <bytes> 0xADDRESS: function (file:line)", one space more a level;
 * what lies below a hundredth is summed up in one last child. The allocator's own overhead and the
 * stacks were not measured: their figures are 0. */
#include "config.h"

#include <inttypes.h>

#include "analysis/call_tree.h"
#include "report/export_parts.h"

static const double LEAST_SHARE = 0.01;

struct writing {
    const struct profile *profile;
    const struct export_options *options;
    uint32_t process;
    FILE *out;
    unsigned snapshot;
};

static void write_snapshot(struct writing *writing, uint64_t time_ns, uint64_t bytes,
                           const char *tree)
{
    fprintf(writing->out,
            "#-----------\nsnapshot=%u\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRIu64
            "\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
            writing->snapshot++, time_ns / 1000000, bytes, tree);
}

static void write_indent(FILE *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        fputc(' ', out);
}

static void write_node(const struct writing *writing, const struct call_tree_node *node,
                       enum query_metric metric)
{
    const struct profile *profile = writing->profile;
    uint32_t children = node->child_count + (node->pruned_count > 0);

    write_indent(writing->out, node->depth);
    fprintf(writing->out, "n%u: %" PRIu64 " ", children, node->figures.values[metric]);
    if (node->depth == 0) {
        fputs("(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n", writing->out);
        return;
    }
    const struct profile_location *location = &profile->locations[node->location];
    uint32_t module = profile->frames[node->frame].module_plus_1;
    struct text name = {0}, place = {0};

    export_add_name(&name, location->function, "", ' ');
    if (location->file) {
        export_add_name(&place, text_file_name(location->file), "()", '_');
        text_print(&place, ":%" PRIu32, node->line);
    } else {
        text_add(&place, "in ");
        export_add_name(&place, module ? profile->modules[module - 1].path : "???", "()", '_');
    }
    fprintf(writing->out, "0x%" PRIx64 ": %s (%s)\n", profile->frames[node->frame].offset,
            text_get(&name), text_get(&place));
    text_clear(&name);
    text_clear(&place);
}

/* After a node's children: those that were too small. */
static void write_rest(const struct writing *writing, const struct call_tree_node *node,
                       enum query_metric metric)
{
    if (node->pruned_count == 0)
        return;
    write_indent(writing->out, node->depth + 1);
    fprintf(writing->out, "n0: %" PRIu64 " in %u place%s, below massif's threshold (%.2f%%)\n",
            node->pruned.values[metric], node->pruned_count, node->pruned_count == 1 ? "" : "s",
            100 * LEAST_SHARE);
}

static bool write_tree(struct writing *writing, enum query_metric metric, struct error *error)
{
    struct call_tree_options options = {.direction = CALL_TREE_BOTTOM_UP,
                                        .metric = metric,
                                        .process = writing->process,
                                        .min_share = LEAST_SHARE,
                                        .filter = writing->options->filter};
    struct call_tree tree;
    uint32_t at = 0;

    if (!call_tree_build(writing->profile, &options, &tree, error))
        return false;
    for (;;) { /* depth first */
        write_node(writing, &tree.nodes[at], metric);
        if (tree.nodes[at].first_child != CALL_TREE_NONE) {
            at = tree.nodes[at].first_child;
            continue;
        }
        write_rest(writing, &tree.nodes[at], metric);
        while (at && tree.nodes[at].next_sibling == CALL_TREE_NONE) {
            at = tree.nodes[at].parent;
            write_rest(writing, &tree.nodes[at], metric);
        }
        if (at == 0)
            break;
        at = tree.nodes[at].next_sibling;
    }
    call_tree_clear(&tree);
    return true;
}

static bool write_snapshots(struct writing *writing, struct error *error)
{
    const struct profile *profile = writing->profile;
    const struct profile_process *process = &profile->processes[writing->process];
    const struct recording_totals *totals = &process->totals;
    uint64_t start = process->about.start_ns, end = process->about.end_ns;
    bool has_peak = false;

    write_snapshot(writing, 0, totals->inherited_bytes, "empty");
    for (uint32_t i = 0; i <= process->sample_count; i++) {
        const struct recording_sample *sample = i < process->sample_count
                                                    ? &profile->samples[process->first_sample + i]
                                                    : NULL;

        if (!has_peak && (!sample || sample->time_ns >= totals->peak_time_ns)) {
            has_peak = true;
            write_snapshot(writing, totals->peak_time_ns - start, totals->peak_bytes, "peak");
            if (!write_tree(writing, QUERY_PEAK_BYTES, error))
                return false;
        }
        if (sample && sample->time_ns > start && sample->time_ns < end)
            write_snapshot(writing, sample->time_ns - start, sample->heap_bytes, "empty");
    }
    write_snapshot(writing, end - start, totals->live_bytes, "detailed");
    return write_tree(writing, QUERY_LIVE_BYTES, error);
}

bool export_write_massif(const struct profile *profile, const struct export_options *options,
                         FILE *out, struct error *error)
{
    struct writing writing = {.profile = profile, .options = options, .out = out};
    struct text command = {0};

    if (query_filter_is_given(&options->filter))
        return error_set(error, "the massif format holds whole heaps: it cannot be filtered");
    if (!export_choose_process(profile, options, "massif", &writing.process, error))
        return false;
    export_add_command(&command, profile, options);
    fprintf(out, "desc: written by %s %s\ncmd: %s\ntime_unit: ms\n", PACKAGE_NAME, PACKAGE_VERSION,
            text_get(&command));
    text_clear(&command);
    return write_snapshots(&writing, error);
}
