#include "snapshot/python_graph_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "recording/varint.h"

enum {
    ADDRESS_UNIT = 8
};

static bool damage(struct python_graph_records *read)
{
    read->is_damaged = true;
    return false;
}

static uint8_t *copy_bytes(const struct recording_bytes *bytes, size_t *count)
{
    *count = bytes->count;
    uint8_t *copy = memory_allocate(bytes->count + 1);
    if (bytes->count > 0)
        memcpy(copy, bytes->bytes, bytes->count);
    return copy;
}

static bool take_head(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct python_graph_records *read = context;
    const struct recording_snapshot_python_graph *head = record;
    if (head->snapshot_id != read->id || read->has_head)
        return true;
    read->has_head = true;
    read->node_total = head->node_count;
    read->edge_total = head->edge_count;
    read->type_total = head->type_count;
    read->label_total = head->label_count;
    read->roots = copy_bytes(&head->roots, &read->root_bytes);
    read->slots = copy_bytes(&head->slots, &read->slot_bytes);
    read->locals = copy_bytes(&head->locals, &read->local_bytes);
    read->holders = copy_bytes(&head->holders, &read->holder_bytes);
    read->arenas = copy_bytes(&head->arenas, &read->arena_bytes);
    read->unsure = copy_bytes(&head->unsure, &read->unsure_bytes);
    return head->node_count < PYTHON_GRAPH_BLOCK - read->native_count || damage(read);
}

static bool take_names(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct python_graph_records *read = context;
    const struct recording_snapshot_python_names *names = record;
    struct python_graph_texts *texts = names->kind == 0 ? &read->types : &read->labels;
    if (names->snapshot_id != read->id)
        return true;
    if (names->first != texts->count || names->kind > 1)
        return damage(read);
    texts->items = memory_grow(texts->items, &texts->capacity, texts->count + names->names.count,
                               sizeof *texts->items);
    for (size_t i = 0; i < names->names.count; i++)
        texts->items[texts->count++] = memory_duplicate_text(names->names.items[i]);
    return true;
}

/* The label of an edge, whose code this is. */
static bool take_label(const struct python_graph_records *read, uint64_t code, const uint8_t **at,
                       const uint8_t *end, uint64_t *next, uint32_t *label)
{
    if (code >= 2) {
        *label = PYTHON_GRAPH_TEXTS + (uint32_t)(code - 2);
        return code - 2 < read->labels.count;
    }
    if (code == 1 && !varint_read(at, end, next))
        return false;
    if (*next >= PYTHON_GRAPH_TEXTS)
        return false;
    *label = (uint32_t)(*next)++;
    return true;
}

static bool take_edges(struct python_graph_records *read, const uint8_t **at, const uint8_t *end)
{
    uint64_t count, next = 0;
    if (!varint_read(at, end, &count) || count > (uint64_t)(end - *at))
        return false;
    read->edges = memory_grow(read->edges, &read->edge_capacity, read->edge_count + count,
                              sizeof *read->edges);
    for (uint64_t i = 0; i < count; i++) {
        struct python_graph_edge *edge = &read->edges[read->edge_count];
        uint64_t code, target;
        if (!varint_read(at, end, &code) ||
            !take_label(read, code >> 1, at, end, &next, &edge->label) ||
            !varint_read(at, end, &target))
            return false;
        bool is_block = code & 1;
        target = (uint64_t)varint_unzigzag(target) + (is_block ? 0 : read->node_count);
        if (target >= (is_block ? read->native_count : read->node_total))
            return false;
        edge->target = (uint32_t)target | (is_block ? PYTHON_GRAPH_BLOCK : 0);
        read->edge_count++;
    }
    return true;
}

struct last_place {
    uint64_t address, block;
};

static bool take_place(struct python_graph_records *read, const uint8_t **at, const uint8_t *end,
                       bool is_block, struct last_place *last, uint32_t *block)
{
    uint64_t difference, bytes;
    if (!varint_read(at, end, &difference))
        return false;
    if (is_block) {
        last->block += (uint64_t)varint_unzigzag(difference);
        *block = (uint32_t)last->block;
        return last->block < read->native_count;
    }
    last->address += (uint64_t)varint_unzigzag(difference);
    if (!varint_read(at, end, &bytes) || bytes > UINT64_MAX / 4 ||
        last->address > UINT64_MAX / 2 / ADDRESS_UNIT)
        return false;
    *block = (uint32_t)read->snapshot->block_count;
    snapshot_add_block(read->snapshot,
                       &(struct snapshot_block){.address = last->address * ADDRESS_UNIT,
                                                .bytes = bytes,
                                                .site = SNAPSHOT_NONE,
                                                .thread = UINT16_MAX});
    return true;
}

static bool take_node(struct python_graph_records *read, const uint8_t **at, const uint8_t *end,
                      struct last_place *last)
{
    uint64_t type;
    uint32_t block;
    if (!take_edges(read, at, end) || !varint_read(at, end, &type) ||
        type >> 1 >= read->types.count || !take_place(read, at, end, type & 1, last, &block))
        return false;
    size_t wanted = read->node_count + 1;
    read->block_of_node = memory_grow(read->block_of_node, &read->node_capacity, wanted,
                                      sizeof *read->block_of_node);
    read->type_of_node = memory_grow(read->type_of_node, &read->type_capacity, wanted,
                                     sizeof *read->type_of_node);
    read->edge_ends = memory_grow(read->edge_ends, &read->end_capacity, wanted,
                                  sizeof *read->edge_ends);
    read->block_of_node[read->node_count] = block;
    read->type_of_node[read->node_count] = (uint32_t)(type >> 1);
    read->edge_ends[read->node_count++] = read->edge_count;
    return true;
}

static bool take_nodes(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct python_graph_records *read = context;
    const struct recording_snapshot_python_nodes *piece = record;
    struct last_place last = {0};
    if (piece->snapshot_id != read->id)
        return true;
    if (piece->first_node != read->node_count ||
        piece->node_count > read->node_total - read->node_count)
        return damage(read);
    const uint8_t *at = piece->nodes.bytes, *end = at + piece->nodes.count;
    for (uint64_t i = 0; i < piece->node_count; i++)
        if (!take_node(read, &at, end, &last))
            return damage(read);
    return true;
}

bool python_graph_read(struct recording_reader *reader, uint64_t snapshot_id,
                       struct snapshot *snapshot, struct python_graph_records *read,
                       struct error *error)
{
    *read = (struct python_graph_records){
        .snapshot = snapshot, .id = snapshot_id, .native_count = (uint32_t)snapshot->block_count};
    bool is_read = recording_reader_visit_owned(reader, RECORDING_snapshot_python_graph,
                                                snapshot_id, take_head, read, error);
    if (is_read && read->has_head)
        is_read = recording_reader_visit_owned(reader, RECORDING_snapshot_python_names, snapshot_id,
                                               take_names, read, error) &&
                  recording_reader_visit_owned(reader, RECORDING_snapshot_python_nodes, snapshot_id,
                                               take_nodes, read, error);
    read->is_whole = is_read && !read->is_damaged && read->node_count == read->node_total &&
                     read->edge_count == read->edge_total &&
                     read->types.count == read->type_total &&
                     read->labels.count == read->label_total;
    return is_read || read->is_damaged;
}

static void clear_texts(struct python_graph_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

void python_graph_records_clear(struct python_graph_records *read)
{
    clear_texts(&read->types);
    clear_texts(&read->labels);
    free(read->block_of_node);
    free(read->type_of_node);
    free(read->edge_ends);
    free(read->edges);
    free(read->roots);
    free(read->slots);
    free(read->locals);
    free(read->holders);
    free(read->unsure);
    free(read->arenas);
}
