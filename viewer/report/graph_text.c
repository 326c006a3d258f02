#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/place.h"
#include "base/memory.h"
#include "base/units.h"
#include "graph/graph_kinds.h"
#include "graph/graph_path.h"
#include "graph/graph_select.h"
#include "graph/graph_suspects.h"
#include "graph/graph_tables.h"
#include "graph/graph_types.h"
#include "graph/graph_ways.h"
#include "graph/held_containers.h"
#include "report/graph_block_report.h"
#include "report/graph_report.h"
#include "report/graph_tree_report.h"
#include "report/page.h"
#include "report/text_parts.h"
#include "report/type_report.h"

enum {
    MOST_MEMBER_WAYS = 3
};

struct writing {
    struct page page;
    const struct graph_report_options *options;
    const struct process_graph *graph;
};

static uint64_t total_of(const struct process_graph *graph)
{
    return graph->graph.retained_bytes[OBJECT_GRAPH_WHOLE];
}

static void add_size(struct page *page, uint64_t bytes)
{
    char size[UNITS_TEXT_BYTES];

    page_add_right(page, 11, units_format_size(bytes, size));
}

static void add_count(struct page *page, uint64_t count)
{
    char number[UNITS_TEXT_BYTES];

    page_add_right(page, 11, units_format_count(count, number));
}

/* ---- names ---- */

static void add_root(const struct process_graph *graph, uint32_t node, const char *name,
                     struct text *out)
{
    const char *place = process_graph_root_place(graph, node);

    page_make_safe(out, name);
    if (place) {
        text_add(out, " in ");
        page_make_safe(out, place);
    }
}

void graph_add_root_name(const struct process_graph *graph, uint32_t node, struct text *out)
{
    add_root(graph, node, process_graph_root_name(graph, node), out);
}

void graph_add_root_likeness(const struct process_graph *graph, uint32_t node, struct text *out)
{
    add_root(graph, node, process_graph_root_likeness(graph, node), out);
}

static const char *function_of(const struct process_graph *graph, uint32_t site)
{
    const char *function = process_graph_function(graph, site);

    return function ? function : "an unknown function";
}

void graph_add_class_name(const struct process_graph *graph, uint32_t class_id, struct text *out)
{
    const char *name = process_graph_class_name(graph, class_id);

    if (process_graph_class_is_type(class_id))
        text_add(out, name);
    else
        place_shorten_name(name ? name : "an unknown function", out);
}

/* "; it has cache.table, a std::map<int, Session> of 1,000 elements"; "; it is a ..." */
static void add_container(const struct process_graph *graph, uint32_t node, struct text *out)
{
    bool is_block = object_graph_is_block(&graph->graph, node);
    struct container container;
    char elements[UNITS_TEXT_BYTES];

    if (!graph->types ||
        !held_containers_largest(graph->types,
                                 is_block ? object_graph_block(&graph->graph, node) : SNAPSHOT_NONE,
                                 node - 1, &container))
        return;
    struct text member = {0};
    if (is_block || held_containers_add_member(graph->types, &container, &member)) {
        text_add(out, "; it has ");
        held_containers_add_place(graph->types, &container, out);
        text_add(out, ", a ");
    } else {
        text_add(out, "; it is a ");
    }
    text_clear(&member);
    type_table_add_name(&graph->types->table, container.type, out);
    if (container.are_known)
        text_print(out, " of %s elements", units_format_count(container.elements, elements));
}

void graph_add_node_name(const struct process_graph *graph, uint32_t node, struct text *out)
{
    if (!object_graph_is_block(&graph->graph, node)) {
        graph_add_root_name(graph, node, out);
        return;
    }
    uint32_t block = object_graph_block(&graph->graph, node);
    char size[UNITS_TEXT_BYTES];

    const char *type = process_graph_type_name(graph, block);
    struct graph_path path;

    text_print(out, "%s %s of %s from ", type && strchr("aeioAEIO", type[0]) ? "an" : "a",
               type ? type : "block",
               units_format_size(graph->snapshot->blocks[block].bytes, size));
    place_shorten_name(function_of(graph, graph->site_of_block[block]), out);
    graph_path_find(graph, block, &path);
    if (path.count > 1 && path.elements[0].member) {
        text_add(out, " (");
        graph_path_write(&path, out);
        text_add(out, ")");
    }
    graph_path_clear(&path);
}

void graph_describe_suspect(const struct process_graph *graph, const struct graph_suspect *suspect,
                            struct text *out)
{
    char retained[UNITS_TEXT_BYTES], percent[UNITS_TEXT_BYTES], blocks[UNITS_TEXT_BYTES];
    char size[UNITS_TEXT_BYTES];

    if (suspect->group > 0)
        text_print(out, "%s blocks such as ", units_format_count(suspect->group, blocks));
    graph_add_node_name(graph, suspect->node, out);
    text_print(out, "%s %s (%s) in %s block%s",
               suspect->group > 0 ? " together retain" : " retains",
               units_format_size(suspect->retained_bytes, retained),
               units_format_percent(suspect->retained_bytes, total_of(graph), percent),
               units_format_count(suspect->retained_blocks, blocks),
               units_plural(suspect->retained_blocks));
    if (object_graph_is_block(&graph->graph, suspect->node)) {
        text_add(out, ", held by ");
        graph_add_root_name(graph, process_graph_holder(graph, suspect->node), out);
        text_add(out, " and others");
    }
    if (suspect->gathering != suspect->node) {
        text_add(out, suspect->retained_blocks == 1                         ? ", "
                      : object_graph_is_block(&graph->graph, suspect->node) ? "; they gather at "
                                                                            : ", which gather at ");
        graph_add_node_name(graph, suspect->gathering, out);
    }
    add_container(graph, suspect->gathering, out);
    if (suspect->site != GRAPH_NO_SITE && suspect->retained_blocks > 1) {
        text_print(out, "; most of it, %s in %s, ", units_format_size(suspect->site_bytes, size),
                   units_format_count(suspect->site_blocks, blocks));
        text_add(out, "was allocated by ");
        place_shorten_name(function_of(graph, suspect->site), out);
    }
}

/* ---- parts ---- */

static void write_suspects(struct writing *writing)
{
    size_t count;
    struct graph_suspect *suspects = process_graph_suspects(writing->graph,
                                                            GRAPH_REPORT_SUSPECT_SHARE, &count);

    if (count > 0)
        page_heading(&writing->page, "Suspects");
    for (size_t i = 0; i < count; i++) {
        struct text line = {0};

        graph_describe_suspect(writing->graph, &suspects[i], &line);
        page_label(&writing->page, "-", text_get(&line));
        text_clear(&line);
    }
    free(suspects);
}

static void write_titles(struct page *page, const char *last)
{
    page_set_style(page, PAGE_DIM);
    page_add(page, "%11s%8s%11s  %s", "Retained", "%", "Blocks", last);
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
}

static void write_roots(struct writing *writing)
{
    struct page *page = &writing->page;
    const struct object_graph *objects = &writing->graph->graph;
    size_t count;
    uint32_t *nodes = process_graph_roots(writing->graph, &count);
    uint64_t omitted = 0, alone = 0, limit = writing->options->limit;

    page_heading(page, "Roots by what they alone retain");
    write_titles(page, "Root");
    for (size_t i = 0; i < count; i++) {
        alone += objects->retained_bytes[nodes[i]];
        if (limit && i >= limit) {
            omitted += objects->retained_bytes[nodes[i]];
            continue;
        }
        struct text name = {0};

        add_size(page, objects->retained_bytes[nodes[i]]);
        text_add_percent(page, 8, objects->retained_bytes[nodes[i]], total_of(writing->graph));
        add_count(page, objects->retained_blocks[nodes[i]]);
        graph_add_root_name(writing->graph, nodes[i], &name);
        page_add(page, "  ");
        page_add_foreign(page, text_get(&name), page_left(page, 20));
        page_end_line(page);
        text_clear(&name);
    }
    if (alone < total_of(writing->graph)) {
        add_size(page, total_of(writing->graph) - alone);
        text_add_percent(page, 8, total_of(writing->graph) - alone, total_of(writing->graph));
        page_add(page, "%11s  several roots together", "");
        page_end_line(page);
    }
    if (limit && count > limit)
        text_write_omitted(page, count - limit, omitted);
    free(nodes);
}

static void write_sites(struct writing *writing)
{
    struct page *page = &writing->page;
    struct report_options stack_options;
    size_t count, exact = writing->options->limit ? (size_t)writing->options->limit : SIZE_MAX;
    struct graph_site *sites = process_graph_sites(writing->graph, exact, &count);

    report_options_init(&stack_options);
    stack_options.stack_depth = writing->options->stack_depth;
    page_heading(page, "Sites by what their blocks retain together");
    page_set_style(page, PAGE_DIM);
    page_add(page, "%11s%8s%11s%11s  By", "Retained", "%", "Own", "Blocks");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    for (size_t i = 0; i < count; i++) {
        add_size(page, sites[i].retained_bytes);
        text_add_percent(page, 8, sites[i].retained_bytes, total_of(writing->graph));
        add_size(page, sites[i].bytes);
        add_count(page, sites[i].blocks);
        if (sites[i].site == GRAPH_NO_SITE) {
            page_end_line(page);
            continue;
        }
        const struct profile_site *site = &writing->graph->profile->sites[sites[i].site];
        text_write_function_and_stack(page, &stack_options, site->function, site->stack_node);
    }
    free(sites);
}

static void write_modules(struct writing *writing)
{
    struct page *page = &writing->page;
    const struct profile *profile = writing->graph->profile;
    size_t count, exact = writing->options->limit ? (size_t)writing->options->limit : SIZE_MAX;
    struct graph_module *modules = process_graph_modules(writing->graph, exact, &count);
    const char *no_module = writing->graph->snapshot->objects ? "Python's objects, or not known"
                                                              : "not known";

    if (count > 1) { /* else it is the whole */
        page_heading(page, "Modules by what the blocks that they allocated retain together");
        write_titles(page, "Module");
    }
    for (size_t i = 0; count > 1 && i < count; i++) {
        uint32_t position = modules[i].module_plus_1;

        add_size(page, modules[i].retained_bytes);
        text_add_percent(page, 8, modules[i].retained_bytes, total_of(writing->graph));
        add_count(page, modules[i].retained_blocks);
        page_add(page, "  ");
        page_add_foreign(page, position ? profile->modules[position - 1].name : no_module,
                         page_left(page, 20));
        page_end_line(page);
    }
    free(modules);
}

static void write_types(struct writing *writing)
{
    const struct process_graph *graph = writing->graph;
    size_t count, exact = writing->options->limit ? (size_t)writing->options->limit : SIZE_MAX;
    struct graph_type_row *rows = process_graph_types(graph, exact, &count);

    if (count > 0 && graph->types->group_count > 0) {
        page_heading(&writing->page, "Types by what their blocks retain together");
        type_write_rows(&writing->page, graph, rows, count);
    }
    free(rows);
}

static void write_containers(struct writing *writing)
{
    struct page *page = &writing->page;
    struct type_names *types = writing->graph->types;
    uint64_t limit = writing->options->limit;

    if (!types || types->container_count == 0)
        return;
    page_heading(page, "Containers by their own memory");
    page_set_style(page, PAGE_DIM);
    page_add(page, "%11s%11s%11s  %s", "Own", "Blocks", "Elements", "Container");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    for (size_t i = 0; i < types->container_count && (!limit || i < limit); i++) {
        const struct container *container = &types->containers[i];
        char elements[UNITS_TEXT_BYTES] = "";
        struct text name = {0};

        add_size(page, container->bytes);
        add_count(page, container->blocks);
        page_add_right(page, 11,
                       container->are_known ? units_format_count(container->elements, elements)
                                            : "");
        held_containers_add_place(types, container, &name);
        text_add(&name, ", ");
        type_table_add_name(&types->table, container->type, &name);
        page_add(page, "  ");
        page_add_foreign(page, text_get(&name), page_left(page, 20));
        page_end_line(page);
        text_clear(&name);
    }
}

/* Ways by members, as far as these are known. */
static void write_members(struct writing *writing, const struct graph_way *ways, size_t count)
{
    struct page *page = &writing->page;
    bool is_first = true;

    for (size_t i = 0; i < count && i < MOST_MEMBER_WAYS; i++) {
        struct graph_path path;
        struct text line = {0};

        graph_path_find(writing->graph, ways[i].block, &path);
        if (path.count > 1 && path.elements[0].member) {
            graph_path_write(&path, &line);
            if (is_first)
                page_heading(page, "Such as");
            is_first = false;
            page_add(page, "  ");
            page_add_foreign(page, text_get(&line), page_left(page, 20));
            page_end_line(page);
        }
        text_clear(&line);
        graph_path_clear(&path);
    }
}

/* What else holds them, which matters when somebody is about to break the shortest way. */
static void write_kinds(struct writing *writing, const uint8_t *is_target)
{
    struct page *page = &writing->page;
    struct graph_kinds kinds;
    char text[UNITS_TEXT_BYTES];

    graph_kinds_find(writing->graph, is_target, &kinds);
    page_heading(page, "By kind of root, with the shortest way of most of them");
    page_set_style(page, PAGE_DIM);
    page_add(page, "    Share     Blocks  Kind      Way");
    page_set_style(page, PAGE_PLAIN);
    page_end_line(page);
    for (size_t i = 0; i < kinds.count; i++) {
        struct text way = {0};

        graph_path_write(&kinds.items[i].path, &way);
        page_add_right(page, 9,
                       units_format_percent(kinds.items[i].blocks, kinds.target_blocks, text));
        add_count(page, kinds.items[i].blocks);
        page_add(page, "  %-8s  ", kinds.items[i].name);
        page_add_foreign(page, text_get(&way), page_left(page, 20));
        page_end_line(page);
        text_clear(&way);
    }
    graph_kinds_clear(&kinds);
}

static struct graph_tree_options tree_options(const struct writing *writing, bool is_upwards)
{
    return (struct graph_tree_options){.is_upwards = is_upwards,
                                       .limit = writing->options->limit,
                                       .most_depth = writing->options->tree_depth};
}

static bool write_why(struct writing *writing, struct error *error)
{
    struct page *page = &writing->page;
    const struct process_graph *graph = writing->graph;
    const struct graph_tree_options options = tree_options(writing, true);
    uint8_t *is_target = memory_allocate_zeroed(graph->snapshot->block_count, 1);
    char blocks[UNITS_TEXT_BYTES], bytes[UNITS_TEXT_BYTES];
    struct graph_tree tree;
    struct graph_way *ways;
    size_t count;
    bool is_any,
        is_good = process_graph_select(graph, writing->options->why, is_target, &is_any, error);

    if (is_good) {
        ways = process_graph_ways(graph, is_target, &count);
        graph_tree_build_upwards(ways, count, &tree);
        page_heading(page, "Why alive: %s in %s block%s, and what holds them, up to the roots",
                     units_format_size(tree.nodes[0].retained_bytes, bytes),
                     units_format_count(tree.nodes[0].retained_blocks, blocks),
                     units_plural(tree.nodes[0].retained_blocks));
        graph_tree_write_text(page, graph, &tree, &options);
        write_members(writing, ways, count);
        if (is_any)
            write_kinds(writing, is_target);
        if (!is_any) {
            page_add(page, "  No block of this process is meant by it.");
            page_end_line(page);
        }
        graph_tree_clear(&tree);
        free(ways);
    }
    free(is_target);
    return is_good;
}

static void write_tree(struct writing *writing)
{
    const struct graph_tree_options options = tree_options(writing, false);
    struct graph_tree tree;

    graph_tree_build(writing->graph, &tree);
    page_heading(&writing->page, "What retains what, from the roots down");
    graph_tree_write_text(&writing->page, writing->graph, &tree, &options);
    graph_tree_clear(&tree);
}

/* ---- the whole ---- */

static void write_head(struct writing *writing, const struct graph_report_process *process)
{
    struct page *page = &writing->page;
    const struct snapshot *snapshot = writing->graph->snapshot;
    char blocks[UNITS_TEXT_BYTES], edges[UNITS_TEXT_BYTES], bytes[UNITS_TEXT_BYTES];
    char when[UNITS_TEXT_BYTES];
    struct text line = {0};

    page_heading(page, "Object graph of process %" PRIu64,
                 page->profile->processes[process->process].about.id);
    text_print(&line, "%s in %s block%s, %s reference%s",
               units_format_size(total_of(writing->graph), bytes),
               units_format_count(snapshot->block_count, blocks),
               units_plural(snapshot->block_count),
               units_format_count(snapshot->reference_count, edges),
               units_plural(snapshot->reference_count));
    page_label(page, "Blocks", text_get(&line));
    line.count = 0;
    text_print(&line, "snapshot:%" PRIu32 ", %s, %s after the start", snapshot->number,
               snapshot_reason_name(snapshot->reason),
               units_format_duration(snapshot->time_ns, when));
    page_label(page, "Instant", text_get(&line));
    if (!snapshot_is_complete(snapshot))
        page_label(page, "Quality",
                   *snapshot->note ? snapshot->note : "incomplete: not all could be read");
    text_clear(&line);
}

bool graph_write_text(const struct profile *profile, const struct graph_report_process *processes,
                      size_t count, const struct graph_report_options *options, FILE *out,
                      struct error *error)
{
    struct writing writing = {.options = options};
    bool is_good = true;

    page_init(&writing.page, profile, out, options->width, options->is_colour);
    for (size_t i = 0; i < count && is_good; i++) {
        writing.graph = processes[i].graph;
        page_set_program(&writing.page, processes[i].process);
        if (!writing.graph)
            continue;
        if (options->is_block && processes[i].block == SNAPSHOT_NONE)
            continue;
        write_head(&writing, &processes[i]);
        if (options->is_block) {
            graph_block_write_text(&writing.page, writing.graph, processes[i].block,
                                   options->limit);
            continue;
        }
        if (options->why) {
            is_good = write_why(&writing, error);
            continue;
        }
        if (options->is_tree) {
            write_tree(&writing);
            continue;
        }
        if (!writing.graph->is_wanted) {
            write_suspects(&writing);
            write_roots(&writing);
        }
        write_types(&writing);
        if (!writing.graph->is_wanted)
            write_containers(&writing);
        write_sites(&writing);
        write_modules(&writing);
    }
    page_clear(&writing.page);
    errno = 0;
    if (is_good && (fflush(out) != 0 || ferror(out)))
        return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
    return is_good;
}
