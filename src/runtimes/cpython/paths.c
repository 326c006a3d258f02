/* A search from the roots over everything, level by level, so that each object is first found by a
 * shortest way. Roots come in the order in which people look for reasons: __main__, the other
 * modules, variables of functions that run, what the interpreter itself holds, and what C code
 * holds (that is: what has more references than all objects together explain; by what holds it
 * where that is found). Alike ways are counted together (path_patterns.h). 8 bytes an object. */
#include "runtimes/cpython/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "runtimes/cpython/allocation_sites.h"
#include "runtimes/cpython/dicts.h"
#include "runtimes/cpython/edges.h"
#include "runtimes/cpython/frames.h"
#include "runtimes/cpython/graph.h"
#include "runtimes/cpython/holders.h"
#include "runtimes/cpython/labels.h"
#include "runtimes/cpython/native_blocks.h"
#include "runtimes/cpython/reference_leaks.h"
#include "runtimes/graph_labels.h"
#include "runtimes/path_patterns.h"
#include "snapshot/python_graph.h"

enum {
    PATH_STEPS_MOST = 40,
    TYPES_TOLD = 40,
    PATTERNS_TOLD = 3, /* of each type */
    PINNING_TOLD = 10,
    LABELS_KNOWN_MOST = 1 << 22
};

#define HOLDERS_PATIENCE_NS UINT64_C(1000000000)

#define NO_PARENT UINT32_MAX
#define CODE_ROOT "(C code)"

struct path_search {
    struct cpython_objects *objects; /* as the thread sees them that is at work */
    const struct cpython_garbage *garbage;
    struct used_memory memory;
    struct cpython_holders holders;
    uint32_t *parents;      /* of objects; NO_PARENT: a root, or not reached */
    uint32_t *patterns;     /* of objects; PATH_NO_PATTERN: not reached */
    uint8_t *of_attributes; /* dictionaries of attributes */
    uint32_t *queue;
    size_t queue_count;

    struct path_patterns ways;
    struct hash_map labels; /* of attributes by key, and of fields by type and offset */
    struct path_place kept_labels[PATH_PLACES_KEPT]; /* those that were just asked for */

    uint32_t from; /* the object whose edges are being followed */
    const struct cpython_type *type;
    struct string_id root;
    uint32_t code_pattern; /* of what C code holds */
};

/* ---- labels ---- */

/* Labels that need reading are kept by what they are read from. */
enum {
    LABEL_OF_ATTRIBUTES = 1 /* in what is kept of a label, below its text's id */
};

static uint64_t look_up_label(struct path_search *search, const struct cpython_edge *edge,
                              uint64_t key)
{
    struct cpython_label label;
    const uint64_t *known = hash_map_find(&search->labels, key);
    if (known != NULL)
        return *known;
    cpython_label_make(search->objects->python, search->type, edge,
                       search->of_attributes[search->from], true, &label);
    uint64_t made = (uint64_t)string_pool_add(search->ways.texts, label.text).index << 1 |
                    (label.is_attributes ? LABEL_OF_ATTRIBUTES : 0);
    if (search->labels.count < LABELS_KNOWN_MOST)
        *hash_map_put(&search->labels, key, NULL) = made;
    return made;
}

static uint64_t find_label(struct path_search *search, const struct cpython_edge *edge)
{
    uint64_t key = cpython_label_key(search->type, edge, search->of_attributes[search->from]);
    struct path_place *kept = &search->kept_labels[(key >> 4 ^ key) & (PATH_PLACES_KEPT - 1)];
    if (kept->key != key + 1)
        *kept = (struct path_place){key + 1, look_up_label(search, edge, key)};
    return kept->place;
}

/* ---- searching ---- */

static void take(struct path_search *search, uint32_t object, uint32_t parent, uint32_t pattern)
{
    search->parents[object] = parent;
    search->patterns[object] = pattern;
    search->queue[search->queue_count++] = object;
}

static void follow(void *context, const struct cpython_edge *edge)
{
    struct path_search *search = context;
    uint32_t target = cpython_objects_find(search->objects, edge->target);
    if (target == CPYTHON_NO_OBJECT || search->patterns[target] != PATH_NO_PATTERN)
        return;
    uint64_t label = find_label(search, edge);
    search->of_attributes[target] = label & LABEL_OF_ATTRIBUTES;
    take(search, target, search->from,
         path_patterns_make(&search->ways, search->patterns[search->from],
                            (struct string_id){(uint32_t)(label >> 1)}));
}

static void follow_all(struct path_search *search, size_t *next)
{
    struct cpython_objects *objects = search->objects;
    for (; *next < search->queue_count; ++*next) {
        search->from = search->queue[*next];
        search->type = &objects->types.items[cpython_objects_type(objects, search->from)];
        if (!search->type->is_leaf)
            cpython_objects_visit_edges(objects, search->from, follow, search);
    }
}

/* ---- roots ---- */

static void take_root(struct path_search *search, uint64_t address, const char *name)
{
    uint32_t object = cpython_objects_find(search->objects, address);
    if (object == CPYTHON_NO_OBJECT || search->patterns[object] != PATH_NO_PATTERN)
        return;
    take(search, object, NO_PARENT, path_patterns_make_root(&search->ways, name));
}

struct module_roots {
    struct path_search *search;
    bool is_main_wanted;
    size_t interpreter;
};

static bool take_module(void *context, uint64_t key, uint64_t value, uint64_t slot)
{
    (void)slot;
    const struct module_roots *roots = context;
    const struct cpython *python = roots->search->objects->python;
    char name[96], root[128];
    if (!cpython_string(python, key, name, sizeof name) ||
        (strcmp(name, "__main__") == 0) != roots->is_main_wanted)
        return true;
    cpython_root_name(python, roots->interpreter, name, root, sizeof root);
    take_root(roots->search, value, root);
    return true;
}

static void take_modules(struct path_search *search, bool is_main_wanted)
{
    const struct cpython *python = search->objects->python;
    struct module_roots roots = {search, is_main_wanted, 0};
    for (size_t i = 0; i < python->interpreter_count; i++) {
        uint64_t modules = cpython_field(python, python->interpreters[i],
                                         python->offsets.interpreter_modules);
        roots.interpreter = i;
        if (cpython_is_pointer(modules))
            cpython_dict_visit(python, modules, take_module, &roots);
    }
}

/* The variables of a function that runs; modules have theirs in their dictionaries. */
struct local_roots {
    struct path_search *search;
    const struct cpython_frame *frame;
};

static void take_local(void *context, const struct cpython_edge *edge)
{
    const struct local_roots *roots = context;
    char name[96], root[224];
    if (edge->kind != CPYTHON_EDGE_LOCAL)
        return;
    if (!cpython_label_local(roots->search->objects->python, edge->key, edge->number, name,
                             sizeof name))
        snprintf(name, sizeof name, "<stack>");
    snprintf(root, sizeof root, "%s().%s", roots->frame->name, name);
    take_root(roots->search, edge->target, root);
}

static void take_frame(void *context, const struct cpython_frame *frame)
{
    struct path_search *search = context;
    const struct cpython *python = search->objects->python;
    struct local_roots roots = {search, frame};
    if (python->offsets.minor >= 11) {
        cpython_edges_visit_frame(python, frame->address, take_local, &roots);
        return;
    }
    uint32_t object = cpython_objects_find(search->objects, frame->address);
    if (object != CPYTHON_NO_OBJECT)
        cpython_objects_visit_edges(search->objects, object, take_local, &roots);
}

/* A module's dictionary, where it is the interpreter that holds it. */
static void take_attributes(struct path_search *search, uint64_t dict, const char *name)
{
    uint32_t object = cpython_objects_find(search->objects, dict);
    if (object == CPYTHON_NO_OBJECT || search->patterns[object] != PATH_NO_PATTERN)
        return;
    search->of_attributes[object] = 1;
    take_root(search, dict, name);
}

static void take_interpreters(struct path_search *search)
{
    const struct cpython *python = search->objects->python;
    const struct cpython_offsets *offsets = &python->offsets;
    char names[3][64];
    for (size_t i = 0; i < python->interpreter_count; i++) {
        uint64_t interpreter = python->interpreters[i];
        cpython_root_name(python, i, "sys", names[0], sizeof names[0]);
        cpython_root_name(python, i, "builtins", names[1], sizeof names[1]);
        cpython_root_name(python, i, "sys.modules", names[2], sizeof names[2]);
        take_attributes(search, cpython_field(python, interpreter, offsets->interpreter_sysdict),
                        names[0]);
        take_attributes(search, cpython_field(python, interpreter, offsets->interpreter_builtins),
                        names[1]);
        take_root(search, cpython_field(python, interpreter, offsets->interpreter_modules),
                  names[2]);
    }
}

/* Has it references that no object explains? */
static bool is_held(const struct path_search *search, uint32_t object)
{
    uint8_t marks = search->garbage->marks[object];
    return marks & GARBAGE_PERMANENT ||
           (marks & GARBAGE_TRACKED && search->garbage->counts[object] > 0);
}

/* What no name leads to, and is no garbage. What the collector does not know may be held by what
 * it does know, so that comes first. */
static void find_holders(struct path_search *search)
{
    struct cpython_objects *objects = search->objects;
    uint32_t count = cpython_objects_count(objects);
    uint8_t *is_wanted = memory_allocate_zeroed_large((size_t)count + 1, 1);
    for (uint32_t i = 0; i < count; i++)
        is_wanted[i] = cpython_objects_is_object(objects, i) &&
                       !cpython_objects_is_static(objects, i) &&
                       search->patterns[i] == PATH_NO_PATTERN &&
                       (is_held(search, i) || !(search->garbage->marks[i] & GARBAGE_TRACKED));
    used_memory_begin(&search->memory, HOLDERS_PATIENCE_NS);
    cpython_holders_find(&search->holders, is_wanted, &search->memory);
    free(is_wanted);
}

static void take_held(struct path_search *search, bool are_tracked, size_t *next)
{
    char name[160];
    for (size_t i = 0; i < search->holders.count; i++) {
        const struct cpython_holder *holder = &search->holders.items[i];
        if (is_held(search, holder->object) != are_tracked ||
            holder->kind == CPYTHON_HELD_BY_INTERPRETER || holder->kind == CPYTHON_HELD_BY_MEMORY)
            continue;
        cpython_holder_name(holder, name, sizeof name);
        take_root(search, cpython_objects_address(search->objects, holder->object), name);
        if (!are_tracked)
            follow_all(search, next);
    }
    follow_all(search, next);
}

/* Whatever has references that no object explains, or stands in variables of modules. */
static void take_rest(struct path_search *search)
{
    size_t next = search->queue_count;
    struct cpython_objects *objects = search->objects;
    uint32_t count = cpython_objects_count(objects);
    find_holders(search);
    take_held(search, true, &next);
    take_held(search, false, &next);
    for (uint32_t i = 0; i < count; i++) {
        if (!cpython_objects_is_object(objects, i) || search->patterns[i] != PATH_NO_PATTERN)
            continue;
        if (!cpython_objects_is_static(objects, i) && !is_held(search, i))
            continue;
        take_root(search, cpython_objects_address(objects, i),
                  cpython_objects_is_static(objects, i) ? "(C variables)" : CODE_ROOT);
        follow_all(search, &next);
    }
}

static void search_names(struct path_search *search)
{
    size_t next = 0;
    take_modules(search, true);
    cpython_frames_visit(search->objects->python, take_frame, search);
    take_modules(search, false);
    take_interpreters(search);
    follow_all(search, &next);
}

/* ---- in words ---- */

struct step_search {
    struct path_search *search;
    const struct cpython_type *type;
    uint32_t from, to;
    bool is_found;
    struct cpython_label label;
};

static void look_for_step(void *context, const struct cpython_edge *edge)
{
    struct step_search *step = context;
    if (step->is_found || cpython_objects_find(step->search->objects, edge->target) != step->to)
        return;
    step->is_found = true;
    cpython_label_make(step->search->objects->python, step->type, edge,
                       step->search->of_attributes[step->from], false, &step->label);
}

/* The way to one object, with its keys and indices. */
static void add_example(struct path_search *search, uint32_t object, struct text *out)
{
    struct cpython_objects *objects = search->objects;
    uint32_t chain[PATH_STEPS_MOST];
    size_t length = 0;
    for (; object != NO_PARENT && length < PATH_STEPS_MOST; object = search->parents[object])
        chain[length++] = object;
    if (object == NO_PARENT) {
        text_add(out, path_patterns_root(&search->ways, search->patterns[chain[length - 1]]));
    } else {
        text_add(out, "...");
    }
    while (length-- > 1) {
        struct step_search step = {
            .search = search,
            .type = &objects->types.items[cpython_objects_type(objects, chain[length])],
            .from = chain[length],
            .to = chain[length - 1]};
        cpython_objects_visit_edges(objects, step.from, look_for_step, &step);
        text_add(out, step.label.text);
    }
}

/* ---- counting ---- */

static void tell_count(struct path_search *search, const struct path_count *count,
                       enum python_text_kind kind, struct python_heap *heap)
{
    struct text example = {0};
    add_example(search, count->example, &example);
    path_counts_tell(&search->ways, count, kind, search->objects->types.items[count->subject].name,
                     text_get(&example), heap);
    text_clear(&example);
}

/* ---- which types are told of ---- */

static int compare_type_bytes(const void *left, const void *right)
{
    const struct cpython_type *const *a = left, *const *b = right;
    if ((*a)->live.bytes != (*b)->live.bytes)
        return (*a)->live.bytes < (*b)->live.bytes ? 1 : -1;
    return (*a)->address < (*b)->address ? -1 : (*a)->address > (*b)->address;
}

/* The largest, by position: how many of their patterns may still be told. */
static uint8_t *choose_types(const struct cpython_types *types)
{
    uint8_t *left = memory_allocate_zeroed(types->count + 1, 1);
    const struct cpython_type **sorted = memory_allocate_zeroed(types->count + 1, sizeof *sorted);
    for (size_t i = 0; i < types->count; i++)
        sorted[i] = &types->items[i];
    qsort(sorted, types->count, sizeof *sorted, compare_type_bytes);
    for (size_t i = 0; i < types->count && i < TYPES_TOLD; i++)
        left[sorted[i] - types->items] = PATTERNS_TOLD;
    free(sorted);
    return left;
}

static bool is_worth_telling(const struct path_search *search, const struct path_count *count)
{
    static const char *const own[] = {CODE_ROOT, "(C variables)", "sys", "builtins"};
    return path_counts_is_worth(&search->ways, count, own, sizeof own / sizeof *own);
}

static void tell_types(struct path_search *search, struct python_heap *heap)
{
    struct cpython_objects *objects = search->objects;
    struct path_counts counts = {0};
    uint8_t *left = choose_types(&objects->types);
    for (size_t i = 0; i < search->queue_count; i++) {
        uint32_t object = search->queue[i], type = cpython_objects_type(objects, object);
        if (left[type] > 0 && !cpython_objects_is_static(objects, object))
            path_counts_add(&counts, type, search->patterns[object], object,
                            cpython_objects_bytes(objects, object));
    }
    path_counts_sort(&counts);
    for (size_t i = 0; i < counts.count; i++)
        if (left[counts.items[i].subject] > 0 && is_worth_telling(search, &counts.items[i])) {
            left[counts.items[i].subject]--;
            tell_count(search, &counts.items[i], PYTHON_TEXT_PATH, heap);
        }
    free(left);
    path_counts_clear(&counts);
}

static void tell_pinning(struct path_search *search, cpython_is_pinned_block is_pinned,
                         const struct cpython_native *native, struct python_heap *heap)
{
    struct cpython_objects *objects = search->objects;
    struct path_counts counts = {0};
    struct cpython_site_counts sites = {0};
    for (uint32_t i = 0; i < objects->block_count; i++) {
        enum cpython_block_kind kind = cpython_objects_kind(objects, i);
        uint32_t object = kind == CPYTHON_BLOCK_STORAGE ? objects->values[i] : i;
        if (kind == CPYTHON_BLOCK_UNKNOWN || kind == CPYTHON_BLOCK_FREE || !is_pinned(objects, i))
            continue;
        uint32_t type = cpython_objects_type(objects, object);
        uint64_t bytes = cpython_objects_block_bytes(objects, i);
        if (search->patterns[object] != PATH_NO_PATTERN)
            path_counts_add(&counts, type, search->patterns[object], object, bytes);
        if (native->has_arena_blocks)
            cpython_sites_count(&sites, native, &objects->types.items[type],
                                cpython_objects_address(objects, i), bytes);
    }
    path_counts_sort(&counts);
    for (size_t i = 0; i < counts.count && i < PINNING_TOLD; i++)
        tell_count(search, &counts.items[i], PYTHON_TEXT_PINNING, heap);
    path_counts_clear(&counts);
    cpython_sites_tell(&sites, PYTHON_SITE_PINNING, 0, heap);
}

struct cpython_paths {
    struct path_search search;
    const struct cpython_paths_input *input;
    struct cpython_native native;
};

/* What is told of the ways, and the graph, are two parts of work. `search` is not changed by the
 * graph. */
static void make_graph(const struct cpython_paths *paths, struct cpython_objects *objects,
                       struct python_graph *graph)
{
    const struct path_search *search = &paths->search;
    size_t count = (size_t)cpython_objects_count(objects) + 1;
    uint8_t *is_reached = memory_allocate_zeroed_large(count, 1);
    uint8_t *is_held_by_code = memory_allocate_zeroed_large(count, 1);
    for (size_t i = 0; i < search->queue_count; i++) {
        uint32_t object = search->queue[i];
        is_reached[object] = 1;
        is_held_by_code[object] = search->parents[object] == NO_PARENT &&
                                  (search->patterns[object] == search->code_pattern ||
                                   cpython_holders_of(&search->holders, object) != NULL);
    }
    const struct cpython_graph_input input = {
        .objects = objects,
        .garbage = search->garbage,
        .is_reached = is_reached,
        .is_held_by_code = is_held_by_code,
        .of_attributes = search->of_attributes,
        .native = &paths->native,
        .holders = &search->holders,
    };
    cpython_graph_make(&input, graph);
    free(is_reached);
    free(is_held_by_code);
}

static void add_path(void *context, uint32_t object, struct text *out)
{
    struct path_search *search = context;
    if (search->patterns[object] != PATH_NO_PATTERN)
        add_example(search, object, out);
    else
        text_add(out, CODE_ROOT);
}

static void tell_leaks(struct cpython_paths *paths, struct python_heap *heap)
{
    struct path_search *search = &paths->search;
    const int32_t *unexplained = search->garbage->unexplained;
    struct cpython_surpluses surpluses;
    const struct cpython_surplus_input looking = {
        .objects = search->objects, .unexplained = unexplained, .memory = &search->memory};
    const struct cpython_leaks_input telling = {.objects = search->objects,
                                                .garbage = search->garbage,
                                                .native = &paths->native,
                                                .surpluses = &surpluses,
                                                .unexplained = unexplained,
                                                .add_path = add_path,
                                                .context = search};
    cpython_surplus_find(&looking, &surpluses);
    cpython_leaks_tell(&telling, heap);
    cpython_surplus_clear(&surpluses);
}

/* ---- all of it ---- */

struct cpython_paths *cpython_paths_search(const struct cpython_paths_input *input)
{
    struct cpython_objects *objects = input->objects;
    size_t count = (size_t)cpython_objects_count(objects) + 1;
    struct cpython_paths *paths = memory_allocate_zeroed(1, sizeof *paths);
    struct path_search *search = &paths->search;
    paths->input = input;
    search->objects = objects;
    search->garbage = input->garbage;
    search->memory = (struct used_memory){.objects = objects,
                                          .process = input->process,
                                          .modules = input->modules,
                                          .words = input->words};
    search->parents = memory_allocate_large(count, sizeof *search->parents);
    search->patterns = memory_allocate_large(count, sizeof *search->patterns);
    search->queue = memory_allocate_large(count, sizeof *search->queue);
    search->of_attributes = memory_allocate_zeroed_large(count, 1);
    memset(search->patterns, 0xff, count * sizeof *search->patterns);
    path_patterns_init(&search->ways);
    search->code_pattern = path_patterns_make_root(&search->ways, CODE_ROOT);
    used_memory_plan(&search->memory);
    search_names(search);
    return paths;
}

struct telling {
    struct cpython_paths *paths;
    struct cpython_objects *beside;
    struct python_heap *heap;
    struct python_graph *graph; /* NULL: it is left out */
};

enum {
    MAKE_GRAPH = 0,
    TELL_WAYS = 1,
    TELLING_PARTS = 2
};

static void tell_part(void *context, size_t part, size_t thread)
{
    (void)thread;
    const struct telling *telling = context;
    struct cpython_paths *paths = telling->paths;
    if (part == MAKE_GRAPH && telling->graph != NULL) {
        make_graph(paths, telling->beside, telling->graph);
    } else if (part == TELL_WAYS) {
        tell_pinning(&paths->search, paths->input->is_pinned, &paths->native, telling->heap);
        tell_types(&paths->search, telling->heap);
        if (telling->graph != NULL)
            tell_leaks(paths, telling->heap);
    }
}

void cpython_paths_tell(struct cpython_paths *paths, const struct cpython_team *team,
                        struct python_heap *heap)
{
    struct cpython_objects *objects = paths->input->objects;
    take_rest(&paths->search);
    cpython_native_init(&paths->native, paths->input->process->native, objects->arenas);
    if (graph_labels_have_room(cpython_objects_count(objects), heap))
        heap->graph = python_graph_create();
    struct cpython_objects *beside = cpython_objects_share(objects, cpython_team_beside(team));
    struct telling telling = {paths, beside, heap, heap->graph};
    parallel_run(team->thread_count, TELLING_PARTS, tell_part, &telling);
    free(beside);
    heap->figures.recorded_objects = paths->native.recorded_count;
}

void cpython_paths_destroy(struct cpython_paths *paths)
{
    path_patterns_clear(&paths->search.ways);
    hash_map_clear(&paths->search.labels);
    cpython_holders_clear(&paths->search.holders);
    used_memory_clear(&paths->search.memory);
    free(paths->search.parents);
    free(paths->search.patterns);
    free(paths->search.queue);
    free(paths->search.of_attributes);
    free(paths);
}
