/* A heap snapshot as Chrome's DevTools and memlab read it: Memory > Load profile. V8 writes the
 * format and documents it in its sources only (src/profiler/heap-snapshot-generator.cc).
 *
 * One JSON object whose keys stand in V8's order, since readers parse while they load. Nodes and
 * edges are rows of numbers in two flat arrays, in which `meta` names the columns; the edges of a
 * node follow those of the node before it, and an edge names its target by the position of that
 * node's first number. Everything must hang from node 0: below it are the named roots and "lost".
 * An object's "constructor" is its type, or the function that allocated it; allocation stacks are a
 * tree of functions (trace_tree), to which nodes refer. Readers keep sizes and ids in 32 bits.
 *
 * Ids are made of address and birth, so that two snapshots of one process can be compared. Edges
 * are those that count (object_graph.h), so retained sizes come out as ours. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_map.h"
#include "base/memory.h"
#include "graph/object_edges.h"
#include "graph/process_graph.h"
#include "report/export.h"
#include "report/graph_report.h"
#include "report/json_stream.h"

enum {
    NODE_FIELDS = 7,
    ROOT_NODES = 2,          /* node 0 and "(GC roots)" */
    MEMBERS_BLOCKS = 500000, /* above, edges are named by their offset alone */
    TYPE_OBJECT = 3,         /* positions in node_types */
    TYPE_SYNTHETIC = 9,
    EDGE_ELEMENT = 1, /* and in edge_types */
    EDGE_PROPERTY = 2
};

struct writing {
    const struct process_graph *graph;
    FILE *out;
    char **strings;
    size_t string_count, string_capacity;
    struct hash_index string_index;
    uint32_t *position_of; /* by node of the graph; OBJECT_GRAPH_NONE = left out */
    uint32_t count;        /* of nodes */
    struct hash_map ids;
    uint64_t *trace_of; /* by node of the profile's stacks: id in the trace tree, 0 = none */
    uint64_t trace_count;
    uint8_t *is_traced;
};

/* ---- strings ---- */

static bool is_string(const void *context, uint32_t position, const void *key)
{
    return strcmp(((const struct writing *)context)->strings[position], key) == 0;
}

static uint32_t string_of(struct writing *writing, const char *text)
{
    uint64_t hash = hash_bytes(text, strlen(text), 0);
    uint32_t position = hash_index_find(&writing->string_index, hash, text, is_string, writing);

    if (position == HASH_INDEX_NONE) {
        writing->strings = memory_grow(writing->strings, &writing->string_capacity,
                                       writing->string_count + 1, sizeof *writing->strings);
        position = (uint32_t)writing->string_count;
        writing->strings[writing->string_count++] = memory_duplicate_text(text);
        hash_index_add(&writing->string_index, hash, position);
    }
    return position;
}

static uint32_t string_of_text(struct writing *writing, struct text *text)
{
    uint32_t position = string_of(writing, text_get(text));

    text_clear(text);
    return position;
}

static void write_strings(const struct writing *writing)
{
    fputs("\"strings\":[", writing->out);
    for (size_t i = 0; i < writing->string_count; i++) {
        json_t *text = json_text(writing->strings[i]);

        if (i > 0)
            fputs(",\n", writing->out);
        json_dumpf(text, writing->out, JSON_ENCODE_ANY);
        json_decref(text);
    }
    fputs("]}\n", writing->out);
}

/* ---- nodes ---- */

/* A root that retains nothing alone still keeps others from it. */
static bool is_in_graph(const struct object_graph *objects, uint32_t node)
{
    return object_graph_is_block(objects, node)
               ? objects->dominators[node] != OBJECT_GRAPH_NONE
               : objects->root_starts[node] > objects->root_starts[node - 1];
}

static void place_nodes(struct writing *writing)
{
    const struct object_graph *objects = &writing->graph->graph;

    writing->position_of = memory_allocate_large(objects->node_count, sizeof *writing->position_of);
    writing->count = ROOT_NODES;
    writing->position_of[OBJECT_GRAPH_WHOLE] = 1;
    for (uint32_t node = 1; node < objects->node_count; node++)
        writing->position_of[node] = is_in_graph(objects, node) ? writing->count++
                                                                : OBJECT_GRAPH_NONE;
}

/* Odd, as those of V8's own objects; below 2^32 and not used yet. */
static uint32_t id_of(struct writing *writing, const struct snapshot_block *block)
{
    uint64_t hash = hash_mix(block->address ^ hash_mix(block->birth_ns));
    bool is_new;

    for (;; hash++) {
        uint32_t id = (uint32_t)hash | 1;

        hash_map_put(&writing->ids, id, &is_new);
        if (is_new && id > 1)
            return id;
    }
}

static uint32_t edge_count_of(const struct writing *writing, uint32_t node)
{
    uint64_t cursor = 0;
    uint32_t count = 0;

    for (uint32_t to;
         (to = object_edges_next(&writing->graph->graph, node, &cursor)) != OBJECT_GRAPH_NONE;)
        count += writing->position_of[to] != OBJECT_GRAPH_NONE;
    return count;
}

static void write_node(struct writing *writing, unsigned type, uint32_t name, uint32_t id,
                       uint64_t bytes, uint32_t edges, uint64_t trace)
{
    fprintf(writing->out, ",%u,%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",%" PRIu32 ",%" PRIu64 ",0\n",
            type, name, id, bytes < UINT32_MAX ? bytes : UINT32_MAX, edges, trace);
}

static uint32_t name_of_block(struct writing *writing, uint32_t block)
{
    struct text name = {0};

    graph_add_class_name(writing->graph, process_graph_class(writing->graph, block), &name);
    return string_of_text(writing, &name);
}

static void write_block(struct writing *writing, uint32_t node)
{
    const struct process_graph *graph = writing->graph;
    uint32_t block = object_graph_block(&graph->graph, node);
    const struct snapshot_block *about = &graph->snapshot->blocks[block];
    uint32_t site = graph->site_of_block[block];

    write_node(writing, TYPE_OBJECT, name_of_block(writing, block), id_of(writing, about),
               about->bytes, edge_count_of(writing, node),
               site == GRAPH_NO_SITE ? 0
                                     : writing->trace_of[graph->profile->sites[site].stack_node]);
}

/* A root's id is made of its name, which stays. */
static void write_root(struct writing *writing, uint32_t node)
{
    struct text name = {0};
    struct snapshot_block about = {0};

    graph_add_root_name(writing->graph, node, &name);
    about.address = hash_bytes(text_get(&name), name.count, 1);
    write_node(writing, TYPE_SYNTHETIC, string_of_text(writing, &name), id_of(writing, &about), 0,
               edge_count_of(writing, node), 0);
}

static void write_nodes(struct writing *writing)
{
    const struct object_graph *objects = &writing->graph->graph;

    fprintf(writing->out, "\"nodes\":[%u,%" PRIu32 ",1,0,1,0,0\n", TYPE_SYNTHETIC,
            string_of(writing, ""));
    write_node(writing, TYPE_SYNTHETIC, string_of(writing, "(GC roots)"), 3, 0,
               edge_count_of(writing, OBJECT_GRAPH_WHOLE), 0);
    hash_map_put(&writing->ids, 1, NULL);
    hash_map_put(&writing->ids, 3, NULL);
    for (uint32_t node = 1; node < objects->node_count; node++) {
        if (writing->position_of[node] == OBJECT_GRAPH_NONE)
            continue;
        if (object_graph_is_block(objects, node))
            write_block(writing, node);
        else
            write_root(writing, node);
    }
    fputs("],\n", writing->out);
}

/* ---- edges ---- */

/* The member that leads there, or the offset in the block. */
static uint32_t name_of_edge(struct writing *writing, uint32_t from, uint32_t to, uint64_t slot)
{
    const struct process_graph *graph = writing->graph;
    struct text name = {0};
    bool is_known = false;

    if (from == OBJECT_GRAPH_WHOLE)
        graph_add_root_name(graph, to, &name);
    else if (graph->types && graph->snapshot->block_count <= MEMBERS_BLOCKS)
        is_known = object_graph_is_block(&graph->graph, from)
                       ? type_names_add_member(graph->types,
                                               object_graph_block(&graph->graph, from),
                                               object_graph_block(&graph->graph, to), &name)
                       : type_names_add_root_member(graph->types, from - 1,
                                                    object_graph_block(&graph->graph, to), &name);
    if (from != OBJECT_GRAPH_WHOLE && (!is_known || name.count == 0)) {
        name.count = 0;
        if (object_graph_is_block(&graph->graph, from))
            text_print(&name, "+%" PRIu64, slot * sizeof(uint64_t));
        else
            text_add(&name, "value");
    }
    return string_of_text(writing, &name);
}

static void write_edges_of(struct writing *writing, uint32_t node)
{
    const struct process_graph *graph = writing->graph;
    const struct snapshot *snapshot = graph->snapshot;
    bool is_block = object_graph_is_block(&graph->graph, node);
    uint64_t cursor = 0,
             first = is_block ? snapshot->first_reference[object_graph_block(&graph->graph, node)]
                              : 0;

    for (uint32_t to;
         (to = object_edges_next(&graph->graph, node, &cursor)) != OBJECT_GRAPH_NONE;) {
        if (writing->position_of[to] == OBJECT_GRAPH_NONE)
            continue;
        fprintf(writing->out, ",%d,%" PRIu32 ",%" PRIu64 "\n", EDGE_PROPERTY,
                name_of_edge(writing, node, to,
                             is_block ? snapshot->references[first + cursor - 1].slot : 0),
                (uint64_t)writing->position_of[to] * NODE_FIELDS);
    }
}

static void write_edges(struct writing *writing)
{
    const struct object_graph *objects = &writing->graph->graph;

    /* Node 0 has one: to the node of all roots. */
    fprintf(writing->out, "\"edges\":[%d,1,%d\n", EDGE_ELEMENT, NODE_FIELDS);
    for (uint32_t node = 0; node < objects->node_count; node++)
        if (writing->position_of[node] != OBJECT_GRAPH_NONE)
            write_edges_of(writing, node);
    fputs("],\n", writing->out);
}

static uint64_t count_edges(const struct writing *writing)
{
    uint64_t count = 1;

    for (uint32_t node = 0; node < writing->graph->graph.node_count; node++)
        if (writing->position_of[node] != OBJECT_GRAPH_NONE)
            count += edge_count_of(writing, node);
    return count;
}

/* ---- allocation stacks ----
 *
 * The stacks of a profile are a tree already, from the outermost frame inwards, in which parents
 * come before their children. A frame with inlined functions is several nodes, one below the other;
 * the innermost is the one that blocks and callees hang from. */

static void find_traced(struct writing *writing)
{
    const struct process_graph *graph = writing->graph;

    writing->is_traced = memory_allocate_zeroed(graph->profile->node_count, 1);
    writing->trace_of = memory_allocate_zeroed(graph->profile->node_count,
                                               sizeof *writing->trace_of);
    for (size_t i = 0; i < graph->snapshot->block_count; i++)
        if (graph->site_of_block[i] != GRAPH_NO_SITE)
            writing->is_traced[graph->profile->sites[graph->site_of_block[i]].stack_node] = 1;
    writing->trace_count = 1; /* the root's id */
    for (size_t i = graph->profile->node_count; i-- > 1;)
        if (writing->is_traced[i])
            writing->is_traced[graph->profile->nodes[i].parent] = 1;
    for (size_t i = 1; i < graph->profile->node_count; i++)
        if (writing->is_traced[i]) {
            const struct profile_frame *frame =
                &graph->profile->frames[graph->profile->nodes[i].frame];

            writing->trace_count += frame->location_count;
            writing->trace_of[i] = writing->trace_count;
        }
}

static void write_functions(struct writing *writing)
{
    const struct profile *profile = writing->graph->profile;

    fprintf(writing->out, "\"trace_function_infos\":[0,%" PRIu32 ",%" PRIu32 ",0,0,0\n",
            string_of(writing, "(root)"), string_of(writing, ""));
    for (size_t i = 0; i < profile->location_count; i++)
        fprintf(writing->out, ",%zu,%" PRIu32 ",%" PRIu32 ",0,%" PRIu32 ",0\n", i + 1,
                string_of(writing, profile->locations[i].function),
                string_of(writing, profile->locations[i].file ? profile->locations[i].file : ""),
                profile->locations[i].line);
    fputs("],\n", writing->out);
}

struct trace_children {
    uint32_t *first, *next; /* by node of the profile; 0 = none */
};

static void begin_trace(const struct writing *writing, uint32_t node)
{
    const struct profile *profile = writing->graph->profile;
    const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
    uint64_t id = writing->trace_of[node] - frame->location_count;

    for (uint32_t i = frame->location_count; i-- > 0;)
        fprintf(writing->out, "%" PRIu64 ",%" PRIu32 ",0,0,[", ++id, frame->first_location + i + 1);
}

static void end_trace(const struct writing *writing, uint32_t node)
{
    const struct profile *profile = writing->graph->profile;

    for (uint32_t i = 0; i < profile->frames[profile->nodes[node].frame].location_count; i++)
        fputc(']', writing->out);
}

/* Depth first without recursion. */
static void write_trace_tree(struct writing *writing)
{
    const struct profile *profile = writing->graph->profile;
    struct trace_children children = {
        .first = memory_allocate_zeroed(profile->node_count, sizeof(uint32_t)),
        .next = memory_allocate_zeroed(profile->node_count, sizeof(uint32_t))};
    uint32_t at;

    for (uint32_t i = (uint32_t)profile->node_count; i-- > 1;)
        if (writing->is_traced[i]) {
            children.next[i] = children.first[profile->nodes[i].parent];
            children.first[profile->nodes[i].parent] = i;
        }
    fputs("\"trace_tree\":[1,0,0,0,[", writing->out);
    for (at = children.first[0]; at != 0;) {
        begin_trace(writing, at);
        if (children.first[at]) {
            at = children.first[at];
            continue;
        }
        while (at != 0) {
            end_trace(writing, at);
            if (children.next[at]) {
                fputc(',', writing->out);
                at = children.next[at];
                break;
            }
            at = profile->nodes[at].parent;
        }
    }
    fputs("]],\n", writing->out);
    free(children.first);
    free(children.next);
}

/* ---- the whole ---- */

static void write_head(const struct writing *writing)
{
    fprintf(writing->out,
            "{\"snapshot\":{\"meta\":{"
            "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\","
            "\"trace_node_id\",\"detachedness\"],\n"
            "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\","
            "\"regexp\",\"number\",\"native\",\"synthetic\",\"concatenated string\","
            "\"sliced string\",\"symbol\",\"bigint\",\"object shape\"],\"string\",\"number\","
            "\"number\",\"number\",\"number\",\"number\"],\n"
            "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\n"
            "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\","
            "\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],\n"
            "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\","
            "\"script_id\",\"line\",\"column\"],\n"
            "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\","
            "\"children\"],\n"
            "\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],\n"
            "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},\n"
            "\"node_count\":%" PRIu32 ",\"edge_count\":%" PRIu64
            ",\"trace_function_count\":%zu,\"extra_native_bytes\":0},\n",
            writing->count, count_edges(writing), writing->graph->profile->location_count + 1);
}

bool export_write_heapsnapshot(const struct profile *profile, const struct export_options *options,
                               FILE *out, struct error *error)
{
    struct writing writing = {.graph = options->graph, .out = out};

    (void)profile;
    (void)error;
    place_nodes(&writing);
    find_traced(&writing);
    write_head(&writing);
    write_nodes(&writing);
    write_edges(&writing);
    write_functions(&writing);
    write_trace_tree(&writing);
    fputs("\"samples\":[],\n\"locations\":[],\n", out);
    write_strings(&writing);
    for (size_t i = 0; i < writing.string_count; i++)
        free(writing.strings[i]);
    free(writing.strings);
    hash_index_clear(&writing.string_index);
    hash_map_clear(&writing.ids);
    free(writing.position_of);
    free(writing.trace_of);
    free(writing.is_traced);
    return true;
}
