/* Objects are numbered first, since they refer to each other; then each is written with what it
 * refers to. What an object keeps apart in arenas is part of its bytes; blocks of malloc's are
 * blocks of their own.
 *
 * Modules are where names begin, so each is a root, and other references to it, or to the
 * dictionary that every function of it has as its globals, are left out: otherwise all modules
 * would be held by all others, and none would retain anything.
 *
 * What stands in variables of C code is no heap: it is no node, and what it holds is held by the
 * one root "static objects". */
#include "runtimes/cpython/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/cpython/dicts.h"
#include "runtimes/cpython/frames.h"
#include "runtimes/cpython/labels.h"
#include "runtimes/graph_labels.h"
#include "snapshot/mapping_search.h"
#include "snapshot/python_graph.h"

enum {
    MODULE_DICT = 16
};

#define NO_NODE     UINT32_MAX
#define UNCOUNTED   INT32_MAX /* as garbage.unexplained has it */
#define MEMORY_TEXT ".<memory>"

enum graph_mark {
    MARK_MODULE = 1,
    MARK_MODULE_DICT = 2,
    MARK_ROOT = 4,   /* it is one, by whatever name */
    MARK_LOST = 8,   /* garbage, or reached from there */
    MARK_PLACED = 16 /* the place in memory is told that holds it */
};

struct making {
    const struct cpython_graph_input *input;
    struct cpython_objects *objects;
    const struct cpython *python;
    struct python_graph *graph;
    uint32_t *nodes;         /* by object */
    uint32_t *node_of_block; /* by native block */
    int32_t *left;           /* by object: references that nothing explains yet, or UNCOUNTED */
    uint8_t *marks;
    uint32_t *type_ids; /* of names of types, + 1 */
    struct graph_labels labels;
    uint32_t storage_label, memory_label;
    size_t interpreter; /* whose modules are visited */

    /* The object whose edges are being followed. */
    uint32_t from, from_block;
    const struct cpython_type *type;
    uint64_t storage_bytes;
};

/* ---- native blocks ---- */

static uint32_t find_block(const struct making *making, uint64_t address)
{
    return cpython_native_find(making->input->native, address);
}

/* ---- labels ---- */

static uint32_t make_label(struct making *making, const struct cpython_edge *edge)
{
    bool of_attributes = making->input->of_attributes[making->from];
    struct cpython_label label;
    uint32_t made;
    if (edge->kind == CPYTHON_EDGE_ITEM && edge->number < PYTHON_GRAPH_TEXTS)
        return (uint32_t)edge->number;
    if (edge->kind == CPYTHON_EDGE_VALUE && !of_attributes) {
        cpython_label_make(making->python, making->type, edge, false,
                           graph_labels_are_many(&making->labels), &label);
        return graph_labels_add(&making->labels, label.text);
    }
    uint64_t key = cpython_label_key(making->type, edge, of_attributes);
    if (graph_labels_find(&making->labels, key, &made))
        return made;
    cpython_label_make(making->python, making->type, edge, of_attributes, false, &label);
    made = graph_labels_add(&making->labels, label.text);
    graph_labels_keep(&making->labels, key, made);
    return made;
}

/* ---- edges ---- */

static bool is_left_out(const struct making *making, uint32_t target)
{
    uint8_t marks = making->marks[target];
    return marks & MARK_MODULE ||
           (marks & MARK_MODULE_DICT && !(making->marks[making->from] & MARK_MODULE));
}

static void write_edge(void *context, const struct cpython_edge *edge)
{
    struct making *making = context;
    uint32_t target = cpython_objects_find(making->objects, edge->target);
    if (target == CPYTHON_NO_OBJECT)
        return;
    if (making->nodes[target] == NO_NODE || target == making->from || is_left_out(making, target))
        return;
    python_graph_add_edge(making->graph, make_label(making, edge), making->nodes[target]);
}

static bool is_generic(const struct cpython_type *type)
{
    return type->shape == CPYTHON_SHAPE_FIELDS || type->shape == CPYTHON_SHAPE_TYPE;
}

static void write_storage(void *context, uint64_t address, uint64_t bytes)
{
    struct making *making = context;
    struct cpython_objects *objects = making->objects;
    struct obmalloc_block arena_block;
    uint32_t block = find_block(making, address);
    if (block != PYTHON_GRAPH_NO_BLOCK) {
        if (block != making->from_block && making->node_of_block[block] == NO_NODE)
            python_graph_add_block_edge(
                making->graph,
                is_generic(making->type) ? making->memory_label : making->storage_label, block);
    } else if (obmalloc_is_arena(objects->arenas, address)) {
        if (obmalloc_find(objects->arenas, address, &arena_block) &&
            cpython_objects_kind(objects, arena_block.position) == CPYTHON_BLOCK_STORAGE &&
            objects->values[arena_block.position] == making->from)
            making->storage_bytes += arena_block.bytes;
    } else if (mapping_search(making->python->mappings, address) != NULL) {
        making->storage_bytes += bytes;
    }
}

/* ---- nodes ---- */

static void number_nodes(struct making *making, uint32_t count)
{
    struct cpython_objects *objects = making->objects;
    const struct snapshot *native = making->input->native->snapshot;
    uint32_t number = 0;
    for (uint32_t i = 0; i < count; i++) {
        making->nodes[i] = NO_NODE;
        if (!cpython_objects_is_object(objects, i) || cpython_objects_is_static(objects, i))
            continue;
        making->nodes[i] = number++;
        if (native == NULL)
            continue;
        uint32_t block = find_block(making, cpython_objects_address(objects, i));
        if (block != PYTHON_GRAPH_NO_BLOCK)
            making->node_of_block[block] = making->nodes[i];
    }
}

static uint32_t type_id(struct making *making, uint32_t type)
{
    if (making->type_ids[type] == 0)
        making->type_ids[type] =
            string_pool_add(making->graph->types, making->objects->types.items[type].name).index +
            1;
    return making->type_ids[type] - 1;
}

static void follow(struct making *making, uint32_t object)
{
    making->from = object;
    making->type = &making->objects->types.items[cpython_objects_type(making->objects, object)];
    cpython_objects_visit_edges(making->objects, object, write_edge, making);
}

static void write_node(struct making *making, uint32_t object)
{
    struct cpython_objects *objects = making->objects;
    uint64_t address = cpython_objects_address(objects, object);
    making->from_block = find_block(making, address);
    making->storage_bytes = 0;
    follow(making, object);
    cpython_edges_visit_storage(making->python, making->type, address, write_storage, making);
    python_graph_add_node(
        making->graph,
        &(struct python_graph_node){.type = type_id(making, cpython_objects_type(objects, object)),
                                    .block = making->from_block,
                                    .address = address - making->type->prefix_bytes,
                                    .bytes = cpython_objects_bytes(objects, object) +
                                             making->storage_bytes});
}

static void write_nodes(struct making *making, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (making->nodes[i] != NO_NODE)
            write_node(making, i);
}

/* ---- roots ---- */

static void add_root(struct making *making, uint32_t object, const char *name)
{
    if (object == CPYTHON_NO_OBJECT || making->nodes[object] == NO_NODE)
        return;
    making->marks[object] |= MARK_ROOT;
    python_graph_add_root(making->graph, name, making->nodes[object]);
}

static bool mark_module(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)key;
    (void)slot;
    struct making *making = context;
    uint32_t module = cpython_objects_find(making->objects, value);
    if (module == CPYTHON_NO_OBJECT)
        return true;
    const struct cpython_type *type =
        &making->objects->types.items[cpython_objects_type(making->objects, module)];
    if (type->shape != CPYTHON_SHAPE_MODULE)
        return true;
    uint32_t dict = cpython_objects_find(making->objects,
                                         cpython_field(making->python, value, MODULE_DICT));
    making->marks[module] |= MARK_MODULE;
    if (dict != CPYTHON_NO_OBJECT)
        making->marks[dict] |= MARK_MODULE_DICT;
    return true;
}

static bool add_module(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)slot;
    struct making *making = context;
    char name[96], root[128];
    uint32_t module = cpython_objects_find(making->objects, value);
    if (module != CPYTHON_NO_OBJECT && making->left[module] != UNCOUNTED)
        making->left[module]--;
    if (module != CPYTHON_NO_OBJECT && making->marks[module] & MARK_MODULE &&
        !(making->marks[module] & MARK_ROOT) &&
        cpython_string(making->python, key, name, sizeof name)) {
        cpython_root_name(making->python, making->interpreter, name, root, sizeof root);
        add_root(making, module, root);
    }
    return true;
}

static void visit_modules(struct making *making, cpython_visit_entry visit)
{
    const struct cpython *python = making->python;
    for (size_t i = 0; i < python->interpreter_count; i++) {
        making->interpreter = i;
        uint64_t modules = cpython_field(python, python->interpreters[i],
                                         python->offsets.interpreter_modules);
        if (cpython_is_pointer(modules))
            cpython_dict_visit(python, modules, visit, making);
    }
}

struct frame_roots {
    struct making *making;
    const struct cpython_frame *frame;
};

static void add_local(void *context, const struct cpython_edge *edge)
{
    const struct frame_roots *roots = context;
    struct making *making = roots->making;
    char name[96], root[224];
    uint32_t target = cpython_objects_find(making->objects, edge->target);
    if (target == CPYTHON_NO_OBJECT)
        return;
    if (making->left[target] != UNCOUNTED)
        making->left[target]--;
    if (edge->kind != CPYTHON_EDGE_LOCAL ||
        making->marks[target] & (MARK_MODULE | MARK_MODULE_DICT))
        return;
    if (!cpython_label_local(making->python, edge->key, edge->number, name, sizeof name))
        snprintf(name, sizeof name, "<stack>");
    snprintf(root, sizeof root, "%s().%s", roots->frame->name, name);
    add_root(making, target, root);
}

static void add_frame(void *context, const struct cpython_frame *frame)
{
    struct making *making = context;
    struct frame_roots roots = {making, frame};
    if (making->python->offsets.minor >= 11) {
        cpython_edges_visit_frame(making->python, frame->address, add_local, &roots);
        return;
    }
    uint32_t object = cpython_objects_find(making->objects, frame->address);
    if (object != CPYTHON_NO_OBJECT)
        cpython_objects_visit_edges(making->objects, object, add_local, &roots);
}

static void add_interpreters(struct making *making)
{
    const struct cpython *python = making->python;
    const struct cpython_offsets *offsets = &python->offsets;
    const struct {
        uint32_t field;
        const char *name;
    } fields[] = {{offsets->interpreter_modules, "sys.modules"},
                  {offsets->interpreter_sysdict, "sys"},
                  {offsets->interpreter_builtins, "builtins"}};
    for (size_t i = 0; i < python->interpreter_count; i++)
        for (size_t j = 0; j < sizeof fields / sizeof *fields; j++) {
            uint32_t object = cpython_objects_find(
                making->objects, cpython_field(python, python->interpreters[i], fields[j].field));
            char root[64];
            if (object == CPYTHON_NO_OBJECT || making->marks[object] & MARK_MODULE_DICT)
                continue;
            cpython_root_name(python, i, fields[j].name, root, sizeof root);
            add_root(making, object, root);
        }
}

/* What instances and their dictionaries have in common counts once. */
static void count_edge(struct making *making, const struct cpython_edge *edge, uint32_t target)
{
    if (making->left[target] != UNCOUNTED && (edge->is_counted || edge->kind != CPYTHON_EDGE_VALUE))
        making->left[target]--;
}

/* What variables of C code hold. */
static void add_held_by_static(void *context, const struct cpython_edge *edge)
{
    struct making *making = context;
    uint32_t target = cpython_objects_find(making->objects, edge->target);
    if (target == CPYTHON_NO_OBJECT)
        return;
    count_edge(making, edge, target);
    if (!(making->marks[target] & MARK_ROOT) && !is_left_out(making, target))
        add_root(making, target, "static objects");
}

static void add_static(struct making *making, uint32_t count)
{
    for (uint32_t i = making->objects->block_count; i < count; i++) {
        if (!cpython_objects_is_static(making->objects, i))
            continue;
        making->from = i;
        cpython_objects_visit_edges(making->objects, i, add_held_by_static, making);
    }
}

struct losing {
    struct making *making;
    uint32_t *stack;
    size_t count, capacity;
};

static void lose(struct losing *losing, uint32_t object)
{
    losing->making->marks[object] |= MARK_LOST;
    losing->stack = memory_grow(losing->stack, &losing->capacity, losing->count + 1,
                                sizeof *losing->stack);
    losing->stack[losing->count++] = object;
}

static void lose_target(void *context, const struct cpython_edge *edge)
{
    struct losing *losing = context;
    const struct making *making = losing->making;
    uint32_t target = cpython_objects_find(making->objects, edge->target);
    if (target != CPYTHON_NO_OBJECT && !making->input->is_reached[target] &&
        !(making->marks[target] & MARK_LOST))
        lose(losing, target);
}

/* Garbage hangs from no root, nor does what it alone reaches. */
static void mark_lost(struct making *making, uint32_t count)
{
    struct losing losing = {.making = making};
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_garbage_has(making->input->garbage, i) || making->marks[i] & MARK_LOST)
            continue;
        lose(&losing, i);
        while (losing.count > 0)
            cpython_objects_visit_edges(making->objects, losing.stack[--losing.count], lose_target,
                                        &losing);
    }
    free(losing.stack);
}

/* The block of malloc's that holds it, where those are known. */
static uint32_t block_of_holder(const struct making *making, const struct cpython_holder *holder)
{
    const struct snapshot *native = making->input->native->snapshot;
    return native == NULL || holder->kind != CPYTHON_HELD_BY_BLOCK
               ? SNAPSHOT_NONE
               : snapshot_find_block(native, holder->address);
}

static void add_slot(struct making *making, uint32_t object, const struct cpython_holder *holder,
                     enum snapshot_root_kind kind)
{
    making->marks[object] |= MARK_PLACED;
    python_graph_add_slot(
        making->graph,
        &(struct python_graph_slot){.kind = kind,
                                    .address = holder->address,
                                    .tid = holder->thread != NULL ? holder->thread->tid : 0,
                                    .node = making->nodes[object]});
}

static void add_thread_local(struct making *making, uint32_t object,
                             const struct cpython_holder *holder)
{
    making->marks[object] |= MARK_PLACED;
    python_graph_add_local(making->graph,
                           &(struct python_graph_local){.address = holder->address,
                                                        .module_start = holder->module->start,
                                                        .offset = holder->offset,
                                                        .node = making->nodes[object]});
}

static void add_held(struct making *making, uint32_t object, const struct cpython_holder *holder)
{
    enum cpython_holder_kind kind = holder != NULL ? holder->kind : CPYTHON_HELD_BY_MEMORY;
    making->marks[object] |= MARK_ROOT;
    if (kind == CPYTHON_HELD_BY_LOCAL)
        add_thread_local(making, object, holder);
    else if (holder != NULL && holder->module != NULL)
        add_slot(making, object, holder, SNAPSHOT_ROOT_GLOBAL);
    else if (kind == CPYTHON_HELD_BY_STACK)
        add_slot(making, object, holder, SNAPSHOT_ROOT_STACK);
    else if (kind == CPYTHON_HELD_BY_REGISTER)
        add_slot(making, object, holder, SNAPSHOT_ROOT_REGISTER);
    else if (holder != NULL && block_of_holder(making, holder) != SNAPSHOT_NONE)
        making->marks[object] |= MARK_PLACED;
    else
        add_root(making, object, kind == CPYTHON_HELD_BY_BLOCK ? "blocks of malloc's" : "C code");
}

/* By growing block, as they stand. */
static void add_holders(struct making *making)
{
    const struct cpython_holders *holders = making->input->holders;
    for (size_t i = 0; i < holders->count; i++) {
        const struct cpython_holder *holder = &holders->items[i];
        uint32_t block = block_of_holder(making, holder);
        if (block != SNAPSHOT_NONE && making->nodes[holder->object] != NO_NODE)
            python_graph_add_holder(making->graph, block, making->nodes[holder->object]);
    }
}

/* What nothing else reaches, and is no garbage. */
static void add_held_by_code(struct making *making, uint32_t count)
{
    const struct cpython_graph_input *input = making->input;
    for (uint32_t i = 0; i < count; i++)
        if (making->nodes[i] != NO_NODE && !(making->marks[i] & (MARK_ROOT | MARK_LOST)) &&
            (input->is_held_by_code[i] || !input->is_reached[i]))
            add_held(making, i, cpython_holders_of(input->holders, i));
    add_holders(making);
}

static void add_roots(struct making *making, uint32_t count)
{
    visit_modules(making, add_module);
    cpython_frames_visit(making->python, add_frame, making);
    add_interpreters(making);
    add_static(making, count);
    mark_lost(making, count);
    add_held_by_code(making, count);
}

/* Where it is not told what holds an object, all that looks like a reference counts. */
static void add_unsure(struct making *making, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (making->nodes[i] != NO_NODE && !(making->marks[i] & MARK_PLACED) &&
            making->left[i] > 0 && making->left[i] != UNCOUNTED &&
            find_block(making, cpython_objects_address(making->objects, i)) !=
                PYTHON_GRAPH_NO_BLOCK)
            python_graph_add_unsure(making->graph, making->nodes[i]);
}

/* ---- all of it ---- */

static void make(struct making *making, uint32_t count)
{
    const struct snapshot *native = making->input->native->snapshot;
    size_t block_count = native != NULL ? native->block_count : 0;
    making->nodes = memory_allocate_large((size_t)count + 1, sizeof *making->nodes);
    making->left = memory_allocate_large((size_t)count + 1, sizeof *making->left);
    making->marks = memory_allocate_zeroed_large((size_t)count + 1, 1);
    making->type_ids = memory_allocate_zeroed(making->objects->types.count + 1, sizeof(uint32_t));
    making->node_of_block = memory_allocate_large(block_count + 1, sizeof(uint32_t));
    memset(making->node_of_block, 0xff, (block_count + 1) * sizeof(uint32_t));
    making->storage_label = graph_labels_add(&making->labels, PYTHON_GRAPH_STORAGE);
    making->memory_label = graph_labels_add(&making->labels, MEMORY_TEXT);
    for (size_t i = 0; i < making->objects->arenas->arena_count; i++)
        python_graph_add_arena(making->graph, making->objects->arenas->arenas[i].address,
                               making->objects->arenas->arena_bytes);
    number_nodes(making, count);
    visit_modules(making, mark_module);
    write_nodes(making, count);
    memcpy(making->left, making->input->garbage->unexplained, count * sizeof *making->left);
    add_roots(making, count);
    add_unsure(making, count);
    graph_labels_clear(&making->labels);
    free(making->nodes);
    free(making->left);
    free(making->marks);
    free(making->type_ids);
    free(making->node_of_block);
}

void cpython_graph_make(const struct cpython_graph_input *input, struct python_graph *graph)
{
    struct making making = {.input = input,
                            .objects = input->objects,
                            .python = input->objects->python,
                            .graph = graph,
                            .labels = {.graph = graph}};
    make(&making, cpython_objects_count(input->objects));
}
