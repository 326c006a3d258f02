#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/fingerprint.h"
#include "base/memory.h"
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
#include "report/json_parts.h"
#include "report/json_stacks.h"
#include "report/type_report.h"
#include "report/path_parts.h"

enum {
    MOST_EXACT_SITES = 50 /* whose retained sizes are worked out unless --limit asks for more */
};

struct writing {
    const struct graph_report_options *options;
    struct json_stream stream;
    struct json_stacks stacks;
    const struct process_graph *graph;
};

/* What sets retain is worked out anew for each. */
static size_t most_rows(const struct writing *writing)
{
    uint64_t limit = writing->options->limit;

    return limit && limit < MOST_EXACT_SITES ? (size_t)limit : MOST_EXACT_SITES;
}

static void add_roots(struct writing *writing)
{
    const struct object_graph *objects = &writing->graph->graph;
    size_t count;
    uint32_t *nodes = process_graph_roots(writing->graph, &count);

    json_stream_begin_array(&writing->stream, "roots");
    for (size_t i = 0; i < count && (!writing->options->limit || i < writing->options->limit);
         i++) {
        json_t *root = json_object();

        json_object_set_new(root, "kind",
                            json_string(process_graph_root_kind(writing->graph, nodes[i])));
        json_object_set_new(root, "name",
                            json_text(process_graph_root_name(writing->graph, nodes[i])));
        json_object_set_new(root, "module",
                            json_text(process_graph_root_module(writing->graph, nodes[i])));
        json_object_set_new(root, "retained_blocks",
                            json_number(objects->retained_blocks[nodes[i]]));
        json_object_set_new(root, "retained_bytes", json_number(objects->retained_bytes[nodes[i]]));
        json_stream_add(&writing->stream, NULL, root);
    }
    json_stream_end(&writing->stream);
    free(nodes);
}

static void add_sites(struct writing *writing)
{
    size_t count;
    struct graph_site *sites = process_graph_sites(writing->graph, most_rows(writing), &count);

    json_stream_begin_array(&writing->stream, "sites");
    for (size_t i = 0; i < count; i++) {
        const struct profile_site *site = sites[i].site == GRAPH_NO_SITE
                                              ? NULL
                                              : &writing->graph->profile->sites[sites[i].site];
        uint32_t type = process_graph_site_type(writing->graph, sites[i].site);
        char fingerprint[FINGERPRINT_TEXT_BYTES];

        json_stream_begin_object(&writing->stream, NULL);
        json_stream_add(&writing->stream, "fingerprint",
                        site ? json_string(fingerprint_format(site->fingerprint, fingerprint))
                             : NULL);
        json_stream_add_number(&writing->stream, "blocks", sites[i].blocks);
        json_stream_add_number(&writing->stream, "bytes", sites[i].bytes);
        json_stream_add_number(&writing->stream, "retained_blocks", sites[i].retained_blocks);
        json_stream_add_number(&writing->stream, "retained_bytes", sites[i].retained_bytes);
        json_stream_add(
            &writing->stream, "type",
            json_text(type == TYPE_NO_GROUP ? NULL : writing->graph->types->groups[type].name));
        if (site)
            json_stacks_add(&writing->stacks, &writing->stream, "stack", site->stack_node);
        else
            json_stream_add(&writing->stream, "stack", json_array());
        json_stream_end(&writing->stream);
    }
    json_stream_end(&writing->stream);
    free(sites);
}

static json_t *make_elements(bool are_known, uint64_t elements)
{
    return are_known ? json_number(elements) : json_null();
}

static void add_types(struct writing *writing)
{
    size_t count;
    struct graph_type_row *rows = process_graph_types(writing->graph, most_rows(writing), &count);

    json_stream_begin_array(&writing->stream, "types");
    for (size_t i = 0; i < count; i++)
        if (rows[i].group != TYPE_NO_GROUP)
            json_stream_add(&writing->stream, NULL, type_make_json(writing->graph, &rows[i]));
    json_stream_end(&writing->stream);
    free(rows);
}

static void add_containers(struct writing *writing)
{
    struct type_names *types = writing->graph->types;
    uint64_t limit = writing->options->limit;

    json_stream_begin_array(&writing->stream, "containers");
    for (size_t i = 0; types && i < types->container_count && (!limit || i < limit); i++) {
        const struct container *container = &types->containers[i];
        json_t *row = json_object();
        struct text name = {0}, type = {0};

        held_containers_add_place(types, container, &name);
        type_table_add_name(&types->table, container->type, &type);
        json_object_set_new(row, "name", json_text(text_get(&name)));
        json_object_set_new(row, "type", json_text(text_get(&type)));
        json_object_set_new(row, "elements",
                            make_elements(container->are_known, container->elements));
        json_object_set_new(row, "count", json_number(container->count));
        json_object_set_new(row, "blocks", json_number(container->blocks));
        json_object_set_new(row, "bytes", json_number(container->bytes));
        json_stream_add(&writing->stream, NULL, row);
        text_clear(&name);
        text_clear(&type);
    }
    json_stream_end(&writing->stream);
}

static void add_modules(struct writing *writing)
{
    const struct profile *profile = writing->graph->profile;
    size_t count;
    struct graph_module *modules = process_graph_modules(writing->graph, most_rows(writing),
                                                         &count);

    json_stream_begin_array(&writing->stream, "modules");
    for (size_t i = 0; i < count; i++) {
        json_t *module = json_object();
        uint32_t position = modules[i].module_plus_1;

        json_object_set_new(module, "name",
                            json_text(position ? profile->modules[position - 1].path : NULL));
        json_object_set_new(module, "blocks", json_number(modules[i].blocks));
        json_object_set_new(module, "bytes", json_number(modules[i].bytes));
        json_object_set_new(module, "retained_blocks", json_number(modules[i].retained_blocks));
        json_object_set_new(module, "retained_bytes", json_number(modules[i].retained_bytes));
        json_stream_add(&writing->stream, NULL, module);
    }
    json_stream_end(&writing->stream);
    free(modules);
}

static json_t *make_path(struct graph_path *path)
{
    json_t *array = path_make_json(path);

    graph_path_clear(path);
    return array;
}

static json_t *make_dominator_path(const struct process_graph *graph, uint32_t node)
{
    struct graph_path path;

    graph_path_find_dominators(graph, node, &path);
    return make_path(&path);
}

static void add_suspects(struct writing *writing)
{
    size_t count;
    struct graph_suspect *suspects = process_graph_suspects(writing->graph,
                                                            GRAPH_REPORT_SUSPECT_SHARE, &count);

    json_stream_begin_array(&writing->stream, "suspects");
    for (size_t i = 0; i < count; i++) {
        json_t *suspect = json_object();
        struct text sentence = {0};

        graph_describe_suspect(writing->graph, &suspects[i], &sentence);
        json_object_set_new(suspect, "text", json_text(text_get(&sentence)));
        json_object_set_new(suspect, "retained_bytes", json_number(suspects[i].retained_bytes));
        json_object_set_new(suspect, "share", json_real(suspects[i].share));
        json_object_set_new(suspect, "path",
                            make_dominator_path(writing->graph, suspects[i].gathering));
        json_stream_add(&writing->stream, NULL, suspect);
        text_clear(&sentence);
    }
    json_stream_end(&writing->stream);
    free(suspects);
}

static json_t *make_way(const struct writing *writing, const struct graph_way *way, uint64_t blocks)
{
    json_t *object = json_object();
    struct graph_path path;

    json_object_set_new(object, "blocks", json_number(way->blocks));
    json_object_set_new(object, "bytes", json_number(way->bytes));
    json_object_set_new(object, "share",
                        json_real(blocks ? (double)way->blocks / (double)blocks : 0));
    graph_path_find(writing->graph, way->block, &path);
    json_object_set_new(object, "path", make_path(&path));
    return object;
}

static void add_kinds(struct writing *writing, const uint8_t *is_target)
{
    struct graph_kinds kinds;

    graph_kinds_find(writing->graph, is_target, &kinds);
    json_stream_begin_array(&writing->stream, "paths_by_kind");
    for (size_t i = 0; i < kinds.count; i++) {
        struct graph_kind *kind = &kinds.items[i];
        json_t *object = json_object();

        json_object_set_new(object, "kind", json_string(kind->name));
        json_object_set_new(object, "blocks", json_number(kind->blocks));
        json_object_set_new(object, "bytes", json_number(kind->bytes));
        json_object_set_new(object, "share",
                            json_real((double)kind->blocks / (double)kinds.target_blocks));
        json_object_set_new(object, "different_paths", json_number(kind->way_count));
        json_object_set_new(object, "path_blocks", json_number(kind->way.blocks));
        json_object_set_new(object, "path", make_path(&kind->path));
        json_stream_add(&writing->stream, NULL, object);
    }
    json_stream_end(&writing->stream);
    graph_kinds_clear(&kinds);
}

static void add_tree(struct writing *writing, const char *key, bool is_upwards,
                     const struct graph_tree *tree)
{
    const struct graph_tree_options options = {.is_upwards = is_upwards,
                                               .limit = writing->options->limit,
                                               .most_depth = writing->options->tree_depth};

    graph_tree_write_json(&writing->stream, key, writing->graph, tree, &options);
}

static void add_dominators(struct writing *writing)
{
    struct graph_tree tree;

    graph_tree_build(writing->graph, &tree);
    add_tree(writing, "tree", false, &tree);
    graph_tree_clear(&tree);
}

static bool add_paths(struct writing *writing, struct error *error)
{
    struct graph_tree tree;
    uint8_t *is_target = memory_allocate_zeroed(writing->graph->snapshot->block_count, 1);
    struct graph_way *ways = NULL;
    uint64_t blocks = 0, limit = writing->options->limit;
    size_t count = 0;
    bool is_any, is_good = process_graph_select(writing->graph, writing->options->why, is_target,
                                                &is_any, error);

    if (is_good) {
        ways = process_graph_ways(writing->graph, is_target, &count);
        for (size_t i = 0; i < count; i++)
            blocks += ways[i].blocks;
        json_stream_begin_array(&writing->stream, "paths");
        for (size_t i = 0; i < count && (!limit || i < limit); i++)
            json_stream_add(&writing->stream, NULL, make_way(writing, &ways[i], blocks));
        json_stream_end(&writing->stream);
        graph_tree_build_upwards(ways, count, &tree);
        add_tree(writing, "held_by", true, &tree);
        add_kinds(writing, is_target);
        graph_tree_clear(&tree);
    }
    free(ways);
    free(is_target);
    return is_good;
}

static bool add_process(struct writing *writing, const struct profile *profile,
                        const struct graph_report_process *process, struct error *error)
{
    struct json_stream *stream = &writing->stream;
    const struct process_graph *graph = process->graph;
    bool is_good = true;

    writing->graph = graph;
    json_stream_begin_object(stream, NULL);
    json_add_process(stream, profile, process->process, writing->options->are_arguments_shown);
    json_stream_add(stream, "snapshot", graph ? json_number(process->head->id) : NULL);
    json_stream_add(stream, "blocks", graph ? json_number(graph->snapshot->block_count) : NULL);
    json_stream_add(stream, "edges", graph ? json_number(graph->snapshot->reference_count) : NULL);
    json_stream_add(stream, "bytes",
                    graph ? json_number(graph->graph.retained_bytes[OBJECT_GRAPH_WHOLE]) : NULL);
    if (graph) {
        add_roots(writing);
        add_sites(writing);
        add_types(writing);
        add_suspects(writing);
        if (writing->options->is_tree)
            add_dominators(writing);
        is_good = !writing->options->why || add_paths(writing, error);
        add_modules(writing);
        add_containers(writing);
        if (writing->options->is_block)
            graph_block_write_json(stream, graph, process->block, writing->options->limit);
    } else {
        json_stream_add(stream, "roots", json_array());
        json_stream_add(stream, "sites", json_array());
        json_stream_add(stream, "types", json_array());
        json_stream_add(stream, "suspects", json_array());
    }
    json_stream_end(stream);
    return is_good;
}

bool graph_write_json(const struct profile *profile, const struct graph_report_process *processes,
                      size_t count, const struct graph_report_options *options, FILE *out,
                      struct error *error)
{
    struct writing writing = {.options = options};
    bool is_good = true;

    json_stream_init(&writing.stream, out);
    json_stacks_init(&writing.stacks, profile);
    json_begin_report(&writing.stream, profile, "seep/graph", "1.0", options->instant,
                      options->are_arguments_shown);
    json_stream_begin_array(&writing.stream, "processes");
    for (size_t i = 0; i < count && is_good; i++)
        is_good = add_process(&writing, profile, &processes[i], error);
    if (is_good) {
        json_stream_end(&writing.stream);
        json_stream_end(&writing.stream);
    }
    json_stacks_clear(&writing.stacks);
    errno = 0;
    if (is_good && (fflush(out) != 0 || ferror(out)))
        return error_set_errno(error, errno ? errno : EIO, "cannot write the report");
    return is_good;
}
