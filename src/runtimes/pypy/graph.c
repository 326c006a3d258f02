/* Nodes are the objects of the heap: all old ones, and the young ones that something refers to.
 * What stands in the variables of PyPy's library is no heap, and what it holds is a root.
 *
 * As of CPython's objects (its graph.c), modules are roots, and other references to them and to
 * their dictionaries are left out. PyPy itself also refers to much of what a program has: caches of
 * attributes and methods, constants of compiled loops, its own stack, and the frame of a function
 * that runs, whose variables are roots by their names. Such references are left out where the
 * program's own names lead to an object as well: otherwise no name would retain what a hot loop
 * has touched.
 *
 * An arena is one block of malloc's, and so is the nursery: what is left of such a block beside its
 * objects stays one (python_graph_join.c). A large object is the block that it stands in. Other
 * blocks of malloc's belong to the object that has their address in a word that is no reference. */
#include "runtimes/pypy/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/graph_labels.h"
#include "runtimes/pypy/roots.h"
#include "snapshot/python_graph.h"

#define NO_NODE     UINT32_MAX
#define MEMORY_TEXT ".<memory>"
#define STATIC_ROOT "static objects"
#define STACK_ROOT  "PyPy's stack"

enum {
    FIXED_BYTES_MOST = 4096 /* of an object, in which blocks of malloc's are looked for */
};

enum graph_mark {
    MARK_MODULE = 1,
    MARK_MODULE_DICT = 2,
    MARK_ROOT = 4,
    MARK_LOCALS = 8 /* the array of a running function's variables */
};

struct making {
    const struct pypy_objects *objects;
    const struct pypy_paths *paths;
    struct pypy_names *names;
    const struct snapshot *native;
    struct python_graph *graph;
    struct graph_labels labels;
    uint32_t memory_label;
    uint32_t *nodes; /* by object */
    uint8_t *marks;
    uint32_t *types; /* by a name's id: id of the graph's, + 1 */
    size_t type_count;
    uint8_t *is_taken; /* by native block: an object stands in it, or it holds objects */
    uint32_t from;     /* the object whose edges are being followed */
};

/* ---- arenas ---- */

static int compare_ranges(const void *left, const void *right)
{
    const struct address_range *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

static uint32_t find_block(const struct making *making, uint64_t address)
{
    return making->native == NULL || making->native->block_count == 0
               ? PYTHON_GRAPH_NO_BLOCK
               : snapshot_find_block(making->native, address);
}

static void add_arenas(struct making *making)
{
    const struct pypy_objects *objects = making->objects;
    const struct pypy_collector *collector = &objects->pypy->collector;
    struct address_range *ranges = memory_allocate_zeroed(objects->page_count + 1, sizeof *ranges);
    size_t count = 0;
    struct hash_map known = {0};
    ranges[count++] = (struct address_range){collector->nursery,
                                             collector->nursery + collector->nursery_bytes};
    for (size_t i = 0; i < objects->page_count; i++) {
        bool is_new;
        hash_map_put(&known, objects->pages[i].arena, &is_new);
        uint64_t start = is_new
                             ? memory_view_word_or_0(objects->pypy->view, objects->pages[i].arena)
                             : 0;
        if (start != 0)
            ranges[count++] = (struct address_range){start, start + collector->arena_bytes};
    }
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t block = find_block(making, ranges[i].start);
        if (ranges[i].start < end || ranges[i].end <= ranges[i].start)
            continue;
        end = ranges[i].end;
        python_graph_add_arena(making->graph, ranges[i].start, end - ranges[i].start);
        if (block != PYTHON_GRAPH_NO_BLOCK)
            making->is_taken[block] = 1;
    }
    hash_map_clear(&known);
    free(ranges);
}

/* ---- nodes ---- */

static uint32_t block_of(const struct making *making, uint32_t object)
{
    return pypy_objects_place(making->objects, object) == PYPY_PLACE_LARGE
               ? find_block(making, making->objects->addresses[object])
               : PYTHON_GRAPH_NO_BLOCK;
}

static bool is_node(const struct making *making, uint32_t object)
{
    switch (pypy_objects_place(making->objects, object)) {
    case PYPY_PLACE_ARENA:
    case PYPY_PLACE_LARGE:
        return true;
    case PYPY_PLACE_NURSERY:
        return pypy_paths_has(making->paths, object);
    case PYPY_PLACE_STATIC:
        return false;
    }
    return false;
}

static void number_nodes(struct making *making)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < making->objects->count; i++) {
        making->nodes[i] = is_node(making, i) ? number++ : NO_NODE;
        uint32_t block = making->nodes[i] != NO_NODE ? block_of(making, i) : PYTHON_GRAPH_NO_BLOCK;
        if (block != PYTHON_GRAPH_NO_BLOCK)
            making->is_taken[block] = 1;
    }
}

static uint32_t type_id(struct making *making, uint32_t object)
{
    struct string_id name = pypy_names_find(making->names, object);
    uint32_t unkept = 0,
             *id = name.index < making->type_count ? &making->types[name.index] : &unkept;
    if (*id == 0)
        *id = string_pool_add(making->graph->types, string_pool_text(making->names->texts, name))
                  .index +
              1;
    return *id - 1;
}

static uint32_t make_label(struct making *making, const struct pypy_edge *edge)
{
    const struct pypy_labels *spelling = pypy_paths_labels(making->paths);
    enum pypy_role role = pypy_paths_role(making->paths, making->from);
    char text[PYPY_LABEL_BYTES];
    uint32_t label;
    if (edge->is_item && !spelling->entries[making->objects->types[making->from]] &&
        edge->item < PYTHON_GRAPH_TEXTS)
        return (uint32_t)edge->item;
    uint64_t key = pypy_label_key(spelling, making->from, role, edge);
    if (key != 0 && graph_labels_find(&making->labels, key, &label))
        return label;
    pypy_label_make(spelling, making->from, role, edge,
                    key == 0 && graph_labels_are_many(&making->labels), text);
    label = graph_labels_add(&making->labels, text);
    if (key != 0)
        graph_labels_keep(&making->labels, key, label);
    return label;
}

/* Is what refers to it PyPy's own, beside the program's? */
static bool is_beside(const struct making *making, uint32_t target)
{
    return pypy_paths_has(making->paths, making->from) &&
           pypy_paths_is_own(making->paths, making->from) &&
           pypy_paths_has(making->paths, target) && !pypy_paths_is_own(making->paths, target);
}

static bool is_left_out(const struct making *making, uint32_t target)
{
    uint8_t marks = making->marks[target], from = making->marks[making->from];
    return marks & MARK_MODULE || (marks & MARK_MODULE_DICT && !(from & MARK_MODULE)) ||
           from & MARK_LOCALS || is_beside(making, target);
}

static void write_edge(void *context, const struct pypy_edge *edge)
{
    struct making *making = context;
    uint32_t target = pypy_objects_find(making->objects, edge->target);
    if (target != PYPY_NO_OBJECT && making->nodes[target] != NO_NODE && target != making->from &&
        !is_left_out(making, target))
        python_graph_add_edge(making->graph, make_label(making, edge), making->nodes[target]);
}

static bool is_reference(const struct pypy *pypy, const struct pypy_type *type, uint32_t offset)
{
    for (uint32_t i = 0; i < type->pointer_count; i++)
        if (pypy->types.offsets[type->pointers + i] == offset)
            return true;
    return false;
}

static void write_memory(struct making *making, uint32_t object)
{
    const struct pypy *pypy = making->objects->pypy;
    const struct pypy_type *type = &pypy->types.items[making->objects->types[object]];
    uint64_t start = making->objects->addresses[object];
    if (making->native == NULL || making->native->block_count == 0)
        return;
    for (uint32_t offset = 8; offset + 8 <= type->bytes && offset < FIXED_BYTES_MOST; offset += 8) {
        uint64_t word = memory_view_word_or_0(pypy->view, start + offset);
        if (!pypy_is_pointer(word) || word < making->native->blocks[0].address)
            continue;
        uint32_t block = find_block(making, word);
        if (block != PYTHON_GRAPH_NO_BLOCK && making->native->blocks[block].address == word &&
            !making->is_taken[block] && !is_reference(pypy, type, offset))
            python_graph_add_block_edge(making->graph, making->memory_label, block);
    }
}

static void write_nodes(struct making *making)
{
    const struct pypy_objects *objects = making->objects;
    for (uint32_t i = 0; i < objects->count; i++) {
        if (making->nodes[i] == NO_NODE)
            continue;
        making->from = i;
        pypy_edges_visit(objects->pypy, objects->types[i], objects->addresses[i], write_edge,
                         making);
        write_memory(making, i);
        python_graph_add_node(making->graph,
                              &(struct python_graph_node){.type = type_id(making, i),
                                                          .block = block_of(making, i),
                                                          .address = objects->addresses[i],
                                                          .bytes = pypy_objects_bytes(objects, i)});
    }
}

/* ---- roots ---- */

static void mark_module(void *context, uint32_t module, uint32_t dict, const char *name)
{
    (void)name;
    struct making *making = context;
    making->marks[module] |= MARK_MODULE;
    if (dict != PYPY_NO_OBJECT)
        making->marks[dict] |= MARK_MODULE_DICT;
}

static void mark_local(void *context, uint32_t object, uint32_t array, const char *name)
{
    (void)object;
    (void)name;
    struct making *making = context;
    if (array != PYPY_NO_OBJECT)
        making->marks[array] |= MARK_LOCALS;
}

static void add_root(struct making *making, uint32_t object, const char *name)
{
    if (object == PYPY_NO_OBJECT || making->nodes[object] == NO_NODE)
        return;
    making->marks[object] |= MARK_ROOT;
    python_graph_add_root(making->graph, name, making->nodes[object]);
}

/* Of a module that is no heap, its dictionary is one. */
static void add_module(void *context, uint32_t module, uint32_t dict, const char *name)
{
    struct making *making = context;
    add_root(making, making->nodes[module] != NO_NODE ? module : dict, name);
}

static void add_local(void *context, uint32_t object, uint32_t array, const char *name)
{
    (void)array;
    struct making *making = context;
    if (!(making->marks[object] & (MARK_MODULE | MARK_MODULE_DICT)))
        add_root(making, object, name);
}

static void add_held_by_static(void *context, const struct pypy_edge *edge)
{
    struct making *making = context;
    uint32_t target = pypy_objects_find(making->objects, edge->target);
    if (target == PYPY_NO_OBJECT || making->marks[target] & MARK_ROOT ||
        is_left_out(making, target))
        return;
    const char *module = pypy_paths_module(making->paths, making->from);
    add_root(making, target, module != NULL ? module : STATIC_ROOT);
}

static void add_static(struct making *making)
{
    const struct pypy_objects *objects = making->objects;
    for (uint32_t i = objects->found_first; i < objects->count; i++) {
        if (pypy_objects_place(objects, i) != PYPY_PLACE_STATIC ||
            !pypy_paths_has(making->paths, i))
            continue;
        making->from = i;
        pypy_edges_visit(objects->pypy, objects->types[i], objects->addresses[i],
                         add_held_by_static, making);
    }
}

static void add_own(struct making *making, uint64_t address, const char *name)
{
    uint32_t object = pypy_objects_find(making->objects, address);
    if (object != PYPY_NO_OBJECT && pypy_paths_is_own(making->paths, object) &&
        !(making->marks[object] & MARK_ROOT))
        add_root(making, object, name);
}

static void add_stacked(void *context, uint64_t address)
{
    add_own(context, address, STACK_ROOT);
}

static void add_listed(void *context, uint64_t address)
{
    add_own(context, address, STATIC_ROOT);
}

/* ---- all of it ---- */

void pypy_graph_make(const struct pypy_objects *objects, const struct pypy_paths *paths,
                     struct pypy_names *names, const struct snapshot *native,
                     struct python_heap *heap)
{
    if (!graph_labels_have_room(objects->count, heap))
        return;
    heap->graph = python_graph_create();
    struct making making = {.objects = objects,
                            .paths = paths,
                            .names = names,
                            .native = native,
                            .graph = heap->graph,
                            .labels = {.graph = heap->graph},
                            .type_count = string_pool_count(names->texts)};
    making.nodes = memory_allocate_large(objects->count + 1, sizeof *making.nodes);
    making.marks = memory_allocate_zeroed_large(objects->count + 1, 1);
    making.types = memory_allocate_zeroed(making.type_count + 1, sizeof *making.types);
    making.is_taken = memory_allocate_zeroed_large((native != NULL ? native->block_count : 0) + 1,
                                                   1);
    making.memory_label = graph_labels_add(&making.labels, MEMORY_TEXT);
    add_arenas(&making);
    number_nodes(&making);
    pypy_roots_visit_modules(objects, mark_module, &making);
    pypy_roots_visit_locals(objects, mark_local, &making);
    write_nodes(&making);
    pypy_roots_visit_modules(objects, add_module, &making);
    pypy_roots_visit_locals(objects, add_local, &making);
    add_static(&making);
    pypy_roots_visit_stack(objects, add_stacked, &making);
    pypy_list_visit(objects->pypy, PYPY_LIST_STATIC_ROOTS, add_listed, &making);
    graph_labels_clear(&making.labels);
    free(making.nodes);
    free(making.marks);
    free(making.types);
    free(making.is_taken);
}
