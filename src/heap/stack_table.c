#include "heap/stack_table.h"

#include <stdlib.h>

#include "base/hash_map.h"
#include "base/memory.h"

enum {
    STACK_TABLE_MAX = 1 << 28
}; /* nodes, and frames: beyond, stacks lose their inner ends */

struct stack_node {
    uint32_t parent;
    uint32_t frame;
};

struct stack_table {
    struct frame *frames;
    size_t frame_count;
    size_t frame_capacity;
    struct hash_index frame_index;
    struct stack_node *nodes;
    size_t node_count;
    size_t node_capacity;
    struct hash_index node_index;
};

struct stack_table *stack_table_create(void)
{
    struct stack_table *table = memory_allocate_zeroed(1, sizeof *table);
    hash_index_init(&table->frame_index);
    hash_index_init(&table->node_index);
    table->nodes = memory_grow(NULL, &table->node_capacity, 1, sizeof *table->nodes);
    table->nodes[0] = (struct stack_node){.parent = 0, .frame = STACK_TABLE_NO_FRAME};
    table->node_count = 1;
    return table;
}

void stack_table_destroy(struct stack_table *table)
{
    if (!table)
        return;
    hash_index_clear(&table->frame_index);
    hash_index_clear(&table->node_index);
    free(table->frames);
    free(table->nodes);
    free(table);
}

static bool frame_equals(const void *context, uint32_t position, const void *key)
{
    const struct stack_table *table = context;
    const struct frame *a = &table->frames[position];
    const struct frame *b = key;
    return a->offset == b->offset && a->module_id_plus_1 == b->module_id_plus_1 &&
           a->kind == b->kind && a->is_exact == b->is_exact;
}

static uint64_t frame_hash(const struct frame *frame)
{
    uint64_t rest = (uint64_t)frame->module_id_plus_1 << 16 | (uint64_t)frame->kind << 8 |
                    (uint64_t)frame->is_exact;
    return hash_mix(hash_mix(frame->offset) ^ rest);
}

struct frame_id stack_table_add_frame(struct stack_table *table, const struct frame *frame)
{
    uint64_t hash = frame_hash(frame);
    uint32_t position = hash_index_find(&table->frame_index, hash, frame, frame_equals, table);
    if (position != HASH_INDEX_NONE)
        return (struct frame_id){position};
    if (table->frame_count >= STACK_TABLE_MAX)
        return (struct frame_id){STACK_TABLE_NO_FRAME};
    position = (uint32_t)table->frame_count;
    table->frames = memory_grow(table->frames, &table->frame_capacity, table->frame_count + 1,
                                sizeof *table->frames);
    table->frames[table->frame_count++] = *frame;
    hash_index_add(&table->frame_index, hash, position);
    return (struct frame_id){position};
}

static bool node_equals(const void *context, uint32_t position, const void *key)
{
    const struct stack_table *table = context;
    const struct stack_node *a = &table->nodes[position];
    const struct stack_node *b = key;
    return a->parent == b->parent && a->frame == b->frame;
}

/* The newest node has none yet. */
static bool has_callees(const struct stack_table *table, uint32_t node)
{
    return node + 1 != table->node_count;
}

struct stack_id stack_table_add_below(struct stack_table *table, struct stack_id caller,
                                      struct frame_id frame_id)
{
    uint32_t parent = caller.index, frame = frame_id.index;
    struct stack_node node = {.parent = parent, .frame = frame};
    uint64_t hash = hash_mix((uint64_t)parent << 32 | frame);
    uint32_t position = has_callees(table, parent)
                            ? hash_index_find(&table->node_index, hash, &node, node_equals, table)
                            : HASH_INDEX_NONE;
    if (position != HASH_INDEX_NONE)
        return (struct stack_id){position};
    if (table->node_count >= STACK_TABLE_MAX || frame >= table->frame_count)
        return caller;
    position = (uint32_t)table->node_count;
    table->nodes = memory_grow(table->nodes, &table->node_capacity, table->node_count + 1,
                               sizeof *table->nodes);
    table->nodes[table->node_count++] = node;
    hash_index_add(&table->node_index, hash, position);
    return (struct stack_id){position};
}

struct stack_id stack_table_add(struct stack_table *table, const struct frame_id *frames,
                                size_t count)
{
    struct stack_id node = {0};
    for (size_t i = count; i-- > 0;)
        node = stack_table_add_below(table, node, frames[i]);
    return node;
}

size_t stack_table_node_count(const struct stack_table *table)
{
    return table->node_count;
}

size_t stack_table_frame_count(const struct stack_table *table)
{
    return table->frame_count;
}

struct stack_id stack_table_parent(const struct stack_table *table, struct stack_id node)
{
    uint32_t parent = node.index < table->node_count ? table->nodes[node.index].parent : 0;
    return (struct stack_id){parent};
}

struct frame_id stack_table_node_frame(const struct stack_table *table, struct stack_id node)
{
    uint32_t frame = node.index < table->node_count ? table->nodes[node.index].frame
                                                    : STACK_TABLE_NO_FRAME;
    return (struct frame_id){frame};
}

struct frame stack_table_frame(const struct stack_table *table, struct frame_id frame)
{
    static const struct frame NO_FRAME = {.kind = RECORDING_FRAME_UNKNOWN};
    return frame.index < table->frame_count ? table->frames[frame.index] : NO_FRAME;
}

uint64_t stack_table_own_bytes(const struct stack_table *table)
{
    size_t index_bytes = sizeof *table->node_index.slots;
    return sizeof *table + table->frame_capacity * sizeof *table->frames +
           table->node_capacity * sizeof *table->nodes +
           (table->frame_index.capacity + table->node_index.capacity) * index_bytes;
}
