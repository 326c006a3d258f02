/* The session's stacks as a prefix tree, shared by all its processes: a node is a frame and its
 * caller's node; a stack is the node of its innermost frame. Equal stacks of different processes
 * (workers) are one. Frames are interned too: (kind, module, offset, is_exact). */
#ifndef SEEP_HEAP_STACK_TABLE_H
#define SEEP_HEAP_STACK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/heap_model.h"

struct frame_id {
    uint32_t index;
};

#define STACK_TABLE_NO_FRAME UINT32_MAX /* the root's frame; adding it to a stack adds nothing */

struct frame {
    uint64_t offset;           /* see RECORDING_FIELDS_frame */
    uint32_t module_id_plus_1; /* 0 = none */
    uint8_t kind;              /* enum recording_frame_kind */
    uint8_t is_exact;
};

struct stack_table;

struct stack_table *stack_table_create(void);
void stack_table_destroy(struct stack_table *table);

struct frame_id stack_table_add_frame(struct stack_table *table, const struct frame *frame);

/* `frames` innermost first, as a report shows them; count 0 gives the root (no stack). */
struct stack_id stack_table_add(struct stack_table *table, const struct frame_id *frames,
                                size_t count);

/* The stack of `frame` called from the last frame of `caller`, which this table gave. */
struct stack_id stack_table_add_below(struct stack_table *table, struct stack_id caller,
                                      struct frame_id frame);

/* Counts include the root node 0. */
size_t stack_table_node_count(const struct stack_table *table);
size_t stack_table_frame_count(const struct stack_table *table);

struct stack_id stack_table_parent(const struct stack_table *table, struct stack_id node);
struct frame_id stack_table_node_frame(const struct stack_table *table, struct stack_id node);
struct frame stack_table_frame(const struct stack_table *table, struct frame_id frame);

uint64_t stack_table_own_bytes(const struct stack_table *table);

#endif
