#include "runtimes/pypy/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "runtimes/pypy/code.h"
#include "runtimes/pypy/frames.h"
#include "runtimes/pypy/graph.h"
#include "runtimes/pypy/names.h"
#include "runtimes/pypy/objects.h"
#include "runtimes/pypy/paths.h"

enum {
    TYPES_TOLD = 40, /* by ways to their objects */
    WAYS_TOLD = 3,
    PINNED_SHARE = 100 /* an arena is pinned when less than this part of it is live */
};

/* ---- arenas ---- */

struct arena {
    uint64_t base;
    uint64_t live_bytes, live_blocks;
};

struct arenas {
    struct arena *items;
    size_t count, capacity;
    struct hash_map index; /* address of its record to position */
};

static struct arena *find_arena(struct arenas *arenas, const struct pypy *pypy, uint64_t record)
{
    bool is_new;
    uint64_t *position = hash_map_put(&arenas->index, record, &is_new);
    if (is_new) {
        arenas->items = memory_grow(arenas->items, &arenas->capacity, arenas->count + 1,
                                    sizeof *arenas->items);
        *position = arenas->count;
        arenas->items[arenas->count++] = (struct arena){
            .base = memory_view_word_or_0(pypy->view, record)};
    }
    return &arenas->items[*position];
}

static void count_arenas(const struct pypy_objects *objects, struct arenas *arenas)
{
    for (size_t i = 0; i < objects->page_count; i++) {
        const struct pypy_page *page = &objects->pages[i];
        struct arena *arena = find_arena(arenas, objects->pypy, page->arena);
        arena->live_blocks += page->count;
        arena->live_bytes += (uint64_t)page->count * page->block_bytes;
    }
}

static void tell_classes(const struct pypy_objects *objects, struct python_heap *heap)
{
    struct python_size_class classes[PYTHON_CLASSES_MAX + 1] = {{0}};
    for (size_t i = 0; i < objects->page_count; i++) {
        const struct pypy_page *page = &objects->pages[i];
        size_t position = page->block_bytes / 8;
        if (position > PYTHON_CLASSES_MAX)
            continue;
        struct python_size_class *class = &classes[position];
        class->bytes = page->block_bytes;
        class->pools++;
        class->used_blocks += page->count;
        class->free_blocks += (PYPY_PAGE_BYTES - 32) / page->block_bytes - page->count;
    }
    for (size_t i = 0; i <= PYTHON_CLASSES_MAX && heap->class_count < PYTHON_CLASSES_MAX; i++)
        if (classes[i].pools > 0)
            heap->classes[heap->class_count++] = classes[i];
}

/* As of CPython's arenas: an arena goes back when all of its pages are free. */
static void tell_pinned(const struct arena *arena, uint64_t arena_bytes,
                        struct python_figures *figures)
{
    if (arena->live_blocks == 0 || arena->live_bytes >= arena_bytes / PINNED_SHARE)
        return;
    figures->pinned_arenas++;
    figures->pinned_blocks += arena->live_blocks;
    figures->pinned_live_bytes += arena->live_bytes;
    figures->pinned_bytes += arena_bytes;
    if (arena->live_blocks > figures->pinned_most_blocks)
        figures->pinned_most_blocks = arena->live_blocks;
}

static void tell_arenas(const struct pypy_objects *objects, struct python_heap *heap)
{
    const struct pypy_collector *collector = &objects->pypy->collector;
    struct python_figures *figures = &heap->figures;
    struct arenas arenas = {0};
    uint64_t page_bytes = objects->page_count * (uint64_t)PYPY_PAGE_BYTES;
    count_arenas(objects, &arenas);
    figures->arenas = collector->arena_count;
    figures->arena_bytes = collector->arena_count * collector->arena_bytes;
    figures->live_blocks = objects->large_first;
    figures->live_bytes = objects->used_bytes - objects->unknown_bytes;
    figures->free_pool_bytes = figures->arena_bytes > page_bytes ? figures->arena_bytes - page_bytes
                                                                 : 0;
    figures->partly_free_bytes = objects->free_bytes;
    figures->overhead_bytes = page_bytes - objects->free_bytes - objects->used_bytes;
    figures->pools = objects->page_count;
    figures->torn_pools = objects->torn_pages;
    figures->pinned_arenas = figures->pinned_blocks = figures->pinned_live_bytes = 0;
    figures->pinned_bytes = figures->pinned_most_blocks = 0;
    for (size_t i = 0; i < arenas.count; i++) {
        tell_pinned(&arenas.items[i], collector->arena_bytes, figures);
        python_heap_add_memory(heap, PYTHON_MEMORY_OLD, arenas.items[i].base,
                               arenas.items[i].base + collector->arena_bytes);
    }
    tell_classes(objects, heap);
    free(arenas.items);
    hash_map_clear(&arenas.index);
}

/* ---- objects ---- */

static void tell_large(const struct pypy_objects *objects, struct python_heap *heap)
{
    heap->figures.large_objects = objects->found_first - objects->large_first;
    heap->figures.large_bytes = objects->large_bytes;
    for (uint32_t i = objects->large_first; i < objects->found_first; i++)
        python_heap_add_memory(heap, PYTHON_MEMORY_OLD, objects->addresses[i],
                               objects->addresses[i] + pypy_objects_bytes(objects, i));
}

struct row_index {
    struct python_heap *heap;
    struct hash_map rows[PYTHON_TABLE_COUNT]; /* id of a name to position */
};

static void count_row(struct row_index *index, enum python_table table, struct string_id id,
                      const char *name, uint64_t bytes)
{
    bool is_new;
    struct python_heap *heap = index->heap;
    uint64_t *row = hash_map_put(&index->rows[table], id.index, &is_new);
    if (is_new) {
        *row = heap->tables[table].count;
        python_heap_add_type(
            heap, table,
            &(struct python_type_row){.name = (char *)name, .retained_bytes = PYTHON_NOT_KNOWN});
    }
    heap->tables[table].rows[*row].count++;
    heap->tables[table].rows[*row].bytes += bytes;
}

static enum python_table table_of(const struct pypy_objects *objects,
                                  const struct pypy_paths *paths, uint32_t object)
{
    if (!pypy_paths_has(paths, object))
        return PYTHON_UNREACHED_TYPES;
    return objects->pypy->types.items[objects->types[object]].is_jit ? PYTHON_JIT_TYPES
                                                                     : PYTHON_LIVE_TYPES;
}

/* Young objects that nothing refers to are no news: nearly all die young. */
static void tell_types(const struct pypy_objects *objects, const struct pypy_paths *paths,
                       struct pypy_names *names, struct python_heap *heap)
{
    struct row_index index = {.heap = heap};
    struct python_figures *figures = &heap->figures;
    figures->objects = figures->object_bytes = figures->nursery_objects = 0;
    figures->unreached_objects = figures->unreached_bytes = figures->static_objects = 0;
    for (uint32_t i = 0; i < objects->count; i++) {
        enum python_table table = table_of(objects, paths, i);
        if (pypy_objects_place(objects, i) == PYPY_PLACE_STATIC) {
            figures->static_objects++;
            continue;
        }
        bool is_young = pypy_objects_place(objects, i) == PYPY_PLACE_NURSERY;
        uint64_t bytes = pypy_objects_bytes(objects, i);
        if (table == PYTHON_UNREACHED_TYPES && is_young)
            continue;
        struct string_id id = pypy_names_find(names, i);
        count_row(&index, table, id, string_pool_text(names->texts, id), bytes);
        if (table == PYTHON_UNREACHED_TYPES) {
            figures->unreached_objects++;
            figures->unreached_bytes += bytes;
            continue;
        }
        figures->nursery_objects += is_young;
        figures->objects++;
        figures->object_bytes += bytes;
    }
    for (size_t i = 0; i < PYTHON_TABLE_COUNT; i++)
        hash_map_clear(&index.rows[i]);
}

struct name_bytes {
    uint32_t name;
    uint64_t bytes;
};

static int compare_names(const void *left, const void *right)
{
    const struct name_bytes *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->name < b->name ? -1 : a->name > b->name;
}

/* The largest types that are not the compiler's. */
static void tell_paths(const struct pypy_objects *objects, struct pypy_paths *paths,
                       struct pypy_names *names, struct python_heap *heap)
{
    size_t count = string_pool_count(names->texts);
    struct name_bytes *sorted = memory_allocate_zeroed(count + 1, sizeof *sorted);
    uint8_t *told = memory_allocate_zeroed(count + 1, 1);
    for (uint32_t i = 0; i < count; i++)
        sorted[i].name = i;
    for (uint32_t i = 0; i < objects->count; i++)
        if (pypy_objects_place(objects, i) != PYPY_PLACE_STATIC &&
            table_of(objects, paths, i) == PYTHON_LIVE_TYPES)
            sorted[pypy_names_find(names, i).index].bytes += pypy_objects_bytes(objects, i);
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < count && i < TYPES_TOLD && sorted[i].bytes > 0; i++)
        told[sorted[i].name] = WAYS_TOLD;
    pypy_paths_tell(paths, names, told, heap);
    free(sorted);
    free(told);
}

/* ---- nursery and code ---- */

static void tell_nursery(const struct pypy_objects *objects, struct python_heap *heap)
{
    const struct pypy_collector *collector = &objects->pypy->collector;
    heap->figures.nursery_bytes = collector->nursery_bytes;
    heap->figures.nursery_used_bytes = collector->nursery_free - collector->nursery;
    python_heap_add_memory(heap, PYTHON_MEMORY_NURSERY, collector->nursery,
                           collector->nursery + collector->nursery_bytes);
}

/* Code is made where memory can be written and executed, and belongs to no file. */
static void tell_code(const struct pypy *pypy, struct python_heap *heap)
{
    const uint32_t all = TARGET_MAPPING_READ | TARGET_MAPPING_WRITE | TARGET_MAPPING_EXECUTE;
    uint64_t mapped = 0;
    for (size_t i = 0; i < pypy->mappings->count; i++) {
        const struct target_mapping *mapping = &pypy->mappings->items[i];
        if ((mapping->flags & all) != all || mapping->path[0] != '\0')
            continue;
        mapped += mapping->end - mapping->start;
        python_heap_add_memory(heap, PYTHON_MEMORY_JIT, mapping->start, mapping->end);
    }
    heap->figures.code_bytes = pypy->code_allocated != 0
                                   ? memory_view_word_or_0(pypy->view, pypy->code_allocated)
                                   : mapped;
    if (heap->figures.code_bytes > mapped)
        heap->figures.code_bytes = mapped;
}

static void read_heap(struct pypy *pypy, const struct snapshot *native, struct python_heap *heap)
{
    struct pypy_objects objects;
    struct pypy_names names;
    if (!pypy_objects_read(&objects, pypy, heap->refusal, sizeof heap->refusal)) {
        pypy_objects_clear(&objects);
        return;
    }
    pypy_names_init(&names, &objects);
    heap->is_read = true;
    tell_arenas(&objects, heap);
    tell_large(&objects, heap);
    tell_nursery(&objects, heap);
    tell_code(pypy, heap);
    heap->figures.is_collecting = pypy->collector.is_collecting || objects.moved_objects > 0;
    if (heap->figures.is_collecting == 1)
        snprintf(heap->note, sizeof heap->note,
                 "it was stopped within a minor collection: some young objects may be missing");
    if (!objects.has_all_large)
        snprintf(heap->note, sizeof heap->note,
                 "large objects were not all found: the collector's lists of them changed");
    heap->figures.unknown_blocks = objects.unknown_blocks;
    heap->figures.unknown_bytes = objects.unknown_bytes;
    struct pypy_paths *paths = pypy_paths_find(&objects, &names);
    tell_types(&objects, paths, &names, heap);
    tell_paths(&objects, paths, &names, heap);
    pypy_graph_make(&objects, paths, &names, native, heap);
    pypy_paths_destroy(paths);
    pypy_frames_tell(&objects, heap);
    pypy_code_find(&objects, heap);
    pypy_names_clear(&names);
    pypy_objects_clear(&objects);
}

void pypy_read(struct memory_view *view, const struct target_mappings *mappings,
               const struct target_modules *modules, struct word_cache *words,
               const struct snapshot *native, struct python_heap *heap)
{
    struct pypy pypy;
    enum pypy_presence presence = pypy_locate(&pypy, view, mappings, modules, words, heap->refusal,
                                              sizeof heap->refusal);
    if (presence != PYPY_ABSENT) {
        heap->is_present = true;
        snprintf(heap->implementation, sizeof heap->implementation, "PyPy");
        snprintf(heap->version, sizeof heap->version, "%s", pypy.version);
    }
    if (presence == PYPY_FOUND)
        read_heap(&pypy, native, heap);
    python_heap_sort(heap);
    pypy_clear(&pypy);
}
