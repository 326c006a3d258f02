/* Of a node in a record, all varints: how many edges; each edge: its label's code << 1 | 1 if it is
 * to a block, then its target less the node's number (of a block: the block), zigzag. A code of 0
 * is the position behind the one before, 1 a position that follows, and from 2 on texts. Behind
 * them the type << 1 | 1 if the node is a block; then that block less the last node's, zigzag; or
 * its address less the last one's, in units of 8 and zigzag, and its bytes. */
#include "snapshot/python_graph.h"

#include <stdlib.h>

#include "base/memory.h"
#include "recording/varint.h"

enum {
    PIECE_BYTES = 1 << 20,
    PIECE_TEXTS = 4096,
    ADDRESS_UNIT = 8
};

struct python_graph *python_graph_create(void)
{
    struct python_graph *graph = memory_allocate_zeroed(1, sizeof *graph);
    graph->types = string_pool_create();
    graph->labels = string_pool_create();
    return graph;
}

void python_graph_destroy(struct python_graph *graph)
{
    if (graph == NULL)
        return;
    string_pool_destroy(graph->types);
    string_pool_destroy(graph->labels);
    for (size_t i = 0; i < graph->piece_count; i++)
        text_clear(&graph->pieces[i]);
    free(graph->pieces);
    free(graph->first_nodes);
    text_clear(&graph->roots);
    text_clear(&graph->slots);
    text_clear(&graph->locals);
    text_clear(&graph->holders);
    text_clear(&graph->unsure);
    text_clear(&graph->arenas);
    text_clear(&graph->edges);
    free(graph);
}

/* ---- adding ---- */

static void add_varint(struct text *text, uint64_t value)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    if (text->capacity - text->count > VARINT_MAX_BYTES) {
        uint8_t *end = varint_write((uint8_t *)text->bytes + text->count, value);
        text->count = (size_t)((char *)end - text->bytes);
        *end = '\0';
        return;
    }
    uint8_t *end = varint_write(bytes, value);
    text_add_bytes(text, (const char *)bytes, (size_t)(end - bytes));
}

static void add_difference(struct text *text, uint64_t value, uint64_t from)
{
    add_varint(text, varint_zigzag((int64_t)(value - from)));
}

static void add_label(struct python_graph *graph, uint32_t label, bool is_block)
{
    uint64_t flag = is_block;
    graph->edges_of_node++;
    if (label >= PYTHON_GRAPH_TEXTS) {
        add_varint(&graph->edges, ((uint64_t)(label - PYTHON_GRAPH_TEXTS) + 2) << 1 | flag);
    } else if (label == graph->next_index) {
        add_varint(&graph->edges, flag);
    } else {
        add_varint(&graph->edges, 2 | flag);
        add_varint(&graph->edges, label);
    }
    if (label < PYTHON_GRAPH_TEXTS)
        graph->next_index = (uint64_t)label + 1;
}

void python_graph_add_edge(struct python_graph *graph, uint32_t label, uint32_t node)
{
    add_label(graph, label, false);
    add_difference(&graph->edges, node, graph->node_count);
}

void python_graph_add_block_edge(struct python_graph *graph, uint32_t label, uint32_t block)
{
    add_label(graph, label, true);
    add_difference(&graph->edges, block, 0);
}

static struct text *piece_for_node(struct python_graph *graph)
{
    if (graph->piece_count == 0 || graph->pieces[graph->piece_count - 1].count >= PIECE_BYTES) {
        graph->pieces = memory_grow(graph->pieces, &graph->piece_capacity, graph->piece_count + 1,
                                    sizeof *graph->pieces);
        graph->first_nodes = memory_grow(graph->first_nodes, &graph->first_capacity,
                                         graph->piece_count + 1, sizeof *graph->first_nodes);
        graph->pieces[graph->piece_count] = (struct text){0};
        graph->first_nodes[graph->piece_count++] = graph->node_count;
        graph->last_address = 0;
        graph->last_block = 0;
    }
    return &graph->pieces[graph->piece_count - 1];
}

void python_graph_add_node(struct python_graph *graph, const struct python_graph_node *node)
{
    struct text *piece = piece_for_node(graph);
    add_varint(piece, graph->edges_of_node);
    text_add_bytes(piece, text_get(&graph->edges), graph->edges.count);
    add_varint(piece, (uint64_t)node->type << 1 | (node->block != PYTHON_GRAPH_NO_BLOCK));
    if (node->block != PYTHON_GRAPH_NO_BLOCK) {
        add_difference(piece, node->block, graph->last_block);
        graph->last_block = node->block;
    } else {
        add_difference(piece, node->address / ADDRESS_UNIT, graph->last_address);
        add_varint(piece, node->bytes);
        graph->last_address = node->address / ADDRESS_UNIT;
    }
    graph->edge_count += graph->edges_of_node;
    graph->node_count++;
    graph->edges.count = 0;
    graph->edges_of_node = graph->next_index = 0;
}

void python_graph_add_root(struct python_graph *graph, const char *name, uint32_t node)
{
    add_varint(&graph->roots, string_pool_add(graph->labels, name).index);
    add_varint(&graph->roots, node);
    graph->root_count++;
}

void python_graph_add_slot(struct python_graph *graph, const struct python_graph_slot *slot)
{
    add_varint(&graph->slots, slot->kind);
    add_varint(&graph->slots, slot->address);
    add_varint(&graph->slots, slot->tid);
    add_varint(&graph->slots, slot->node);
}

void python_graph_add_local(struct python_graph *graph, const struct python_graph_local *local)
{
    add_varint(&graph->locals, local->address);
    add_varint(&graph->locals, local->module_start);
    add_varint(&graph->locals, local->offset);
    add_varint(&graph->locals, local->node);
}

void python_graph_add_holder(struct python_graph *graph, uint32_t block, uint32_t node)
{
    add_varint(&graph->holders, block);
    add_varint(&graph->holders, node);
    graph->holder_count++;
}

void python_graph_add_unsure(struct python_graph *graph, uint32_t node)
{
    add_varint(&graph->unsure, node);
    graph->unsure_count++;
}

void python_graph_add_arena(struct python_graph *graph, uint64_t address, uint64_t bytes)
{
    add_varint(&graph->arenas, address - graph->arena_end);
    add_varint(&graph->arenas, bytes);
    graph->arena_end = address + bytes;
}

/* ---- writing ---- */

static struct recording_bytes bytes_of(const struct text *text)
{
    return (struct recording_bytes){.bytes = (const uint8_t *)text_get(text), .count = text->count};
}

static void write_texts(const struct string_pool *pool, uint64_t kind, uint64_t snapshot_id,
                        snapshot_add_record add, void *context)
{
    const char **texts = memory_allocate_zeroed(PIECE_TEXTS, sizeof *texts);
    size_t all = string_pool_count(pool);
    for (size_t first = 0; first < all; first += PIECE_TEXTS) {
        size_t count = all - first < PIECE_TEXTS ? all - first : PIECE_TEXTS;
        for (size_t i = 0; i < count; i++)
            texts[i] = string_pool_text(pool, (struct string_id){(uint32_t)(first + i)});
        const struct recording_snapshot_python_names record = {
            .snapshot_id = snapshot_id, .kind = kind, .first = first, .names = {texts, count}};
        add(context, RECORDING_snapshot_python_names, &record);
    }
    free(texts);
}

void python_graph_write(const struct python_graph *graph, uint64_t snapshot_id,
                        snapshot_add_record add, void *context)
{
    const struct recording_snapshot_python_graph head = {
        .snapshot_id = snapshot_id,
        .node_count = graph->node_count,
        .edge_count = graph->edge_count,
        .type_count = string_pool_count(graph->types),
        .label_count = string_pool_count(graph->labels),
        .roots = bytes_of(&graph->roots),
        .holders = bytes_of(&graph->holders),
        .unsure = bytes_of(&graph->unsure),
        .arenas = bytes_of(&graph->arenas),
        .slots = bytes_of(&graph->slots),
        .locals = bytes_of(&graph->locals),
    };
    add(context, RECORDING_snapshot_python_graph, &head);
    write_texts(graph->types, 0, snapshot_id, add, context);
    write_texts(graph->labels, 1, snapshot_id, add, context);
    for (size_t i = 0; i < graph->piece_count; i++) {
        uint64_t end = i + 1 < graph->piece_count ? graph->first_nodes[i + 1] : graph->node_count;
        const struct recording_snapshot_python_nodes record = {
            .snapshot_id = snapshot_id,
            .first_node = graph->first_nodes[i],
            .node_count = end - graph->first_nodes[i],
            .nodes = bytes_of(&graph->pieces[i]),
        };
        add(context, RECORDING_snapshot_python_nodes, &record);
    }
}
