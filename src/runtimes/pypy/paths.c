/* A search from the roots over everything, level by level, so that each object is first found by a
 * shortest way. Roots come in the order in which people look for reasons: __main__, the variables
 * of functions that run, the other modules, and then what PyPy itself holds: its stacks of
 * references, and those of its library's variables that refer to the heap.
 * Alike ways are counted together (path_patterns.h). */
#include "runtimes/pypy/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "runtimes/path_patterns.h"
#include "runtimes/pypy/roots.h"

enum {
    PATH_STEPS_MOST = 40,
    LABELS_KNOWN_MOST = 1 << 20
};

#define NO_PARENT UINT32_MAX

/* Of roots that are PyPy's own. */
static const char own_root[] = "(PyPy)";
static const char stack_root[] = "(PyPy's stack)";

struct visited {
    uint32_t parent;  /* object; NO_PARENT: a root */
    uint32_t pattern; /* PATH_NO_PATTERN: not reached */
    uint8_t role;     /* enum pypy_role */
    bool is_own;      /* only roots of PyPy's own lead to it */
};

struct pypy_paths {
    const struct pypy_objects *objects;
    struct pypy_labels labels;
    struct visited *visited; /* of objects */
    uint32_t *queue;
    size_t queue_count, next;
    struct path_patterns ways;
    struct hash_map known; /* labels by pypy_label_key */
    uint32_t from;
    bool is_own; /* the program's own roots are done */
};

/* ---- labels ---- */

static struct string_id find_label(struct pypy_paths *paths, const struct pypy_edge *edge)
{
    char text[PYPY_LABEL_BYTES];
    enum pypy_role role = (enum pypy_role)paths->visited[paths->from].role;
    uint64_t key = pypy_label_key(&paths->labels, paths->from, role, edge);
    uint64_t *known = key != 0 ? hash_map_find(&paths->known, key) : NULL;
    if (known != NULL)
        return (struct string_id){(uint32_t)*known};
    pypy_label_make(&paths->labels, paths->from, role, edge, true, text);
    struct string_id label = string_pool_add(paths->ways.texts, text);
    if (key != 0 && paths->known.count < LABELS_KNOWN_MOST)
        *hash_map_put(&paths->known, key, NULL) = label.index;
    return label;
}

/* ---- searching ---- */

static void take(struct pypy_paths *paths, uint32_t object, uint32_t parent, uint32_t pattern,
                 enum pypy_role role)
{
    paths->visited[object] = (struct visited){parent, pattern, (uint8_t)role, paths->is_own};
    paths->queue[paths->queue_count++] = object;
}

static void follow(void *context, const struct pypy_edge *edge)
{
    struct pypy_paths *paths = context;
    uint32_t target = pypy_objects_find(paths->objects, edge->target);
    if (target == PYPY_NO_OBJECT)
        return;
    if (paths->visited[target].pattern != PATH_NO_PATTERN)
        return;
    enum pypy_role role = (enum pypy_role)paths->visited[paths->from].role;
    uint32_t pattern = path_patterns_make(&paths->ways, paths->visited[paths->from].pattern,
                                          find_label(paths, edge));
    take(paths, target, paths->from, pattern,
         pypy_labels_role(&paths->labels, target, role, paths->from));
}

static void follow_all(struct pypy_paths *paths)
{
    const struct pypy_objects *objects = paths->objects;
    for (; paths->next < paths->queue_count; paths->next++) {
        paths->from = paths->queue[paths->next];
        pypy_edges_visit(objects->pypy, objects->types[paths->from],
                         objects->addresses[paths->from], follow, paths);
    }
}

/* ---- roots ---- */

static void take_root(struct pypy_paths *paths, uint32_t object, const char *name, uint32_t holder)
{
    if (object != PYPY_NO_OBJECT && paths->visited[object].pattern == PATH_NO_PATTERN)
        take(paths, object, NO_PARENT, path_patterns_make_root(&paths->ways, name),
             pypy_labels_role(&paths->labels, object, PYPY_ROLE_PLAIN, holder));
}

struct module_roots {
    struct pypy_paths *paths;
    bool is_main_wanted;
};

/* With its dictionary, which functions that run refer to as well: it is the module's. */
static void take_module(void *context, uint32_t module, uint32_t dict, const char *name)
{
    const struct module_roots *roots = context;
    if ((strcmp(name, "__main__") == 0) != roots->is_main_wanted)
        return;
    take_root(roots->paths, module, name, module);
    take_root(roots->paths, dict, name, module);
}

static void take_local(void *context, uint32_t object, uint32_t array, const char *name)
{
    (void)array;
    take_root(context, object, name, object);
}

static void take_own(void *context, uint64_t address)
{
    struct pypy_paths *paths = context;
    uint32_t object = pypy_objects_find(paths->objects, address);
    take_root(paths, object, own_root, object);
}

static void take_stacked(void *context, uint64_t address)
{
    struct pypy_paths *paths = context;
    uint32_t object = pypy_objects_find(paths->objects, address);
    take_root(paths, object, stack_root, object);
}

struct pypy_paths *pypy_paths_find(const struct pypy_objects *objects,
                                   const struct pypy_names *names)
{
    struct pypy_paths *paths = memory_allocate_zeroed(1, sizeof *paths);
    paths->objects = objects;
    path_patterns_init(&paths->ways);
    pypy_labels_init(&paths->labels, names);
    paths->queue = memory_allocate_large(objects->count + 1, sizeof *paths->queue);
    paths->visited = memory_allocate_large(objects->count + 1, sizeof *paths->visited);
    for (size_t i = 0; i < objects->count; i++)
        paths->visited[i] = (struct visited){NO_PARENT, PATH_NO_PATTERN, 0, false};
    struct module_roots roots = {paths, true};
    pypy_roots_visit_modules(objects, take_module, &roots);
    pypy_roots_visit_locals(objects, take_local, paths);
    roots.is_main_wanted = false;
    pypy_roots_visit_modules(objects, take_module, &roots);
    follow_all(paths);
    paths->is_own = true;
    pypy_roots_visit_stack(objects, take_stacked, paths);
    pypy_list_visit(objects->pypy, PYPY_LIST_STATIC_ROOTS, take_own, paths);
    follow_all(paths);
    return paths;
}

void pypy_paths_destroy(struct pypy_paths *paths)
{
    if (paths == NULL)
        return;
    pypy_labels_clear(&paths->labels);
    path_patterns_clear(&paths->ways);
    hash_map_clear(&paths->known);
    free(paths->visited);
    free(paths->queue);
    free(paths);
}

bool pypy_paths_has(const struct pypy_paths *paths, uint32_t object)
{
    return paths->visited[object].pattern != PATH_NO_PATTERN;
}

bool pypy_paths_is_own(const struct pypy_paths *paths, uint32_t object)
{
    return paths->visited[object].is_own;
}

enum pypy_role pypy_paths_role(const struct pypy_paths *paths, uint32_t object)
{
    return (enum pypy_role)paths->visited[object].role;
}

const struct pypy_labels *pypy_paths_labels(const struct pypy_paths *paths)
{
    return &paths->labels;
}

const char *pypy_paths_module(const struct pypy_paths *paths, uint32_t object)
{
    while (paths->visited[object].role == PYPY_ROLE_ATTRIBUTES &&
           paths->visited[object].parent != NO_PARENT)
        object = paths->visited[object].parent;
    bool is_module = pypy_types_is_a(&paths->objects->pypy->types, paths->objects->types[object],
                                     paths->labels.module);
    bool is_dict = paths->visited[object].role == PYPY_ROLE_ATTRIBUTES;
    return paths->visited[object].parent == NO_PARENT && !paths->visited[object].is_own &&
                   (is_module || is_dict)
               ? path_patterns_root(&paths->ways, paths->visited[object].pattern)
               : NULL;
}

/* ---- in words ---- */

struct step_search {
    struct pypy_paths *paths;
    uint32_t from, to;
    bool is_found;
    char label[PYPY_LABEL_BYTES];
};

static void look_for_step(void *context, const struct pypy_edge *edge)
{
    struct step_search *step = context;
    if (step->is_found || pypy_objects_find(step->paths->objects, edge->target) != step->to)
        return;
    step->is_found = true;
    pypy_label_make(&step->paths->labels, step->from,
                    (enum pypy_role)step->paths->visited[step->from].role, edge, false,
                    step->label);
}

/* The way to one object, with its keys and indices. */
static void add_example(struct pypy_paths *paths, uint32_t object, struct text *out)
{
    const struct pypy_objects *objects = paths->objects;
    uint32_t chain[PATH_STEPS_MOST];
    size_t length = 0;
    for (; object != NO_PARENT && length < PATH_STEPS_MOST; object = paths->visited[object].parent)
        chain[length++] = object;
    if (object == NO_PARENT)
        text_add(out, path_patterns_root(&paths->ways, paths->visited[chain[length - 1]].pattern));
    else
        text_add(out, "...");
    while (length-- > 1) {
        struct step_search step = {.paths = paths, .from = chain[length], .to = chain[length - 1]};
        pypy_edges_visit(objects->pypy, objects->types[step.from], objects->addresses[step.from],
                         look_for_step, &step);
        text_add(out, step.label);
    }
}

/* ---- counting ---- */

static bool is_worth_telling(const struct pypy_paths *paths, const struct path_count *count)
{
    const char *const own[] = {own_root, stack_root};
    return path_counts_is_worth(&paths->ways, count, own, sizeof own / sizeof *own);
}

static void tell_count(struct pypy_paths *paths, const struct pypy_names *names,
                       const struct path_count *count, struct python_heap *heap)
{
    struct text example = {0};
    const char *name = string_pool_text(names->texts, (struct string_id){count->subject});
    add_example(paths, count->example, &example);
    path_counts_tell(&paths->ways, count, PYTHON_TEXT_PATH, name, text_get(&example), heap);
    text_clear(&example);
}

void pypy_paths_tell(struct pypy_paths *paths, struct pypy_names *names, uint8_t *told,
                     struct python_heap *heap)
{
    const struct pypy_objects *objects = paths->objects;
    struct path_counts counts = {0};
    for (size_t i = 0; i < paths->queue_count; i++) {
        uint32_t object = paths->queue[i];
        if (pypy_objects_place(objects, object) == PYPY_PLACE_STATIC)
            continue;
        uint32_t name = pypy_names_find(names, object).index;
        if (told[name] > 0)
            path_counts_add(&counts, name, paths->visited[object].pattern, object,
                            pypy_objects_bytes(objects, object));
    }
    path_counts_sort(&counts);
    for (size_t i = 0; i < counts.count; i++)
        if (told[counts.items[i].subject] > 0 && is_worth_telling(paths, &counts.items[i])) {
            told[counts.items[i].subject]--;
            tell_count(paths, names, &counts.items[i], heap);
        }
    path_counts_clear(&counts);
}
