#include "runtimes/cpython/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/cpython/cpython.h"
#include "runtimes/cpython/garbage.h"
#include "runtimes/cpython/objects.h"
#include "runtimes/cpython/obmalloc.h"
#include "runtimes/cpython/paths.h"

enum {
    PINNED_SHARE = 100 /* an arena is pinned when less than this part of it is live */
};

static void tell_version(const struct cpython *python, struct python_heap *heap)
{
    unsigned hex = python->version_hex;
    heap->is_present = true;
    snprintf(heap->implementation, sizeof heap->implementation, "CPython");
    if (hex == 0)
        return;
    unsigned level = hex >> 4 & 0xf;
    int length = snprintf(heap->version, sizeof heap->version, "%u.%u.%u", hex >> 24,
                          hex >> 16 & 0xff, hex >> 8 & 0xff);
    if (level != 0xf && length > 0)
        snprintf(heap->version + length, sizeof heap->version - (size_t)length, "%s%u",
                 level == 0xa   ? "a"
                 : level == 0xb ? "b"
                                : "rc",
                 hex & 0xf);
}

static void tell_arenas(const struct obmalloc *arenas, struct python_heap *heap)
{
    struct python_figures *figures = &heap->figures;
    figures->arenas = arenas->arena_count;
    figures->arena_bytes = arenas->arena_count * arenas->arena_bytes;
    figures->live_blocks = arenas->block_count;
    figures->live_bytes = arenas->live_bytes;
    figures->free_pool_bytes = arenas->free_pool_bytes;
    figures->partly_free_bytes = arenas->partly_free_bytes;
    figures->overhead_bytes = arenas->overhead_bytes;
    figures->torn_pools = arenas->torn_pools;
    for (size_t i = 0; i < arenas->arena_count; i++)
        python_heap_add_memory(heap, PYTHON_MEMORY_ARENA, arenas->arenas[i].address,
                               arenas->arenas[i].address + arenas->arena_bytes);
    figures->pools = 0;
    for (size_t i = 0; i < OBMALLOC_CLASSES; i++) {
        const struct obmalloc_class *class = &arenas->classes[i];
        figures->pools += class->pools;
        if (class->pools > 0)
            heap->classes[heap->class_count++] = (struct python_size_class){
                (i + 1) * OBMALLOC_ALIGNMENT, class->pools, class->used_blocks, class->free_blocks};
    }
}

static bool is_pinned(const struct obmalloc *arenas, const struct obmalloc_arena *arena)
{
    return arena->live_blocks > 0 && arena->live_bytes < arenas->arena_bytes / PINNED_SHARE;
}

static void tell_pinning(const struct obmalloc *arenas, struct python_heap *heap)
{
    struct python_figures *figures = &heap->figures;
    figures->pinned_arenas = figures->pinned_blocks = figures->pinned_live_bytes = 0;
    figures->pinned_bytes = figures->pinned_most_blocks = 0;
    for (size_t i = 0; i < arenas->arena_count; i++) {
        const struct obmalloc_arena *arena = &arenas->arenas[i];
        if (!is_pinned(arenas, arena))
            continue;
        figures->pinned_arenas++;
        figures->pinned_blocks += arena->live_blocks;
        figures->pinned_live_bytes += arena->live_bytes;
        figures->pinned_bytes += arenas->arena_bytes;
        if (arena->live_blocks > figures->pinned_most_blocks)
            figures->pinned_most_blocks = arena->live_blocks;
    }
}

/* Debug allocators put a letter and seven bytes of 0xfd in front of each block's contents, behind
 * its size. */
struct padding {
    const struct cpython *python;
    uint64_t seen, padded;
};

static void look_at_padding(void *context, const struct obmalloc_block *block)
{
    struct padding *padding = context;
    if (padding->seen >= 4096)
        return;
    uint64_t word = cpython_field(padding->python, block->address, 8);
    uint8_t letter = word & 0xff;
    padding->seen++;
    padding->padded += word >> 8 == UINT64_C(0xfdfdfdfdfdfdfd) &&
                       (letter == 'o' || letter == 'm' || letter == 'r');
}

static bool has_debug_allocator(const struct cpython *python, const struct obmalloc *arenas)
{
    struct padding padding = {.python = python};
    obmalloc_visit_blocks(arenas, look_at_padding, &padding);
    return padding.padded * 2 > padding.seen;
}

/* ---- objects ---- */

static void add_type_rows(const struct cpython_types *types, size_t table, struct python_heap *heap)
{
    struct hash_map by_name; /* types of one name are one row */
    hash_map_init(&by_name);
    for (size_t i = 0; i < types->count; i++) {
        const struct cpython_type *type = &types->items[i];
        const struct cpython_type_count counts[PYTHON_TABLE_COUNT] = {
            [PYTHON_LIVE_TYPES] = type->live,
            [PYTHON_GARBAGE_TYPES] = type->garbage,
            [PYTHON_FREE_TYPES] = type->free,
            [PYTHON_PINNING_TYPES] = type->pinning,
        };
        bool is_new;
        if (counts[table].objects == 0)
            continue;
        uint64_t *row = hash_map_put(&by_name, hash_bytes(type->name, strlen(type->name), 0),
                                     &is_new);
        if (is_new) {
            *row = heap->tables[table].count;
            python_heap_add_type(heap, (enum python_table)table,
                                 &(struct python_type_row){.name = (char *)type->name,
                                                           .retained_bytes = PYTHON_NOT_KNOWN});
        }
        heap->tables[table].rows[*row].count += counts[table].objects;
        heap->tables[table].rows[*row].bytes += counts[table].bytes;
    }
    hash_map_clear(&by_name);
}

struct pinning {
    struct cpython_objects *objects;
    const struct obmalloc *arenas;
};

static void count_pinning(void *context, const struct obmalloc_block *block)
{
    struct pinning *pinning = context;
    struct cpython_objects *objects = pinning->objects;
    if (!is_pinned(pinning->arenas, &pinning->arenas->arenas[block->arena]))
        return;
    uint32_t object = (uint32_t)block->position;
    if (cpython_objects_kind(objects, object) == CPYTHON_BLOCK_STORAGE)
        object = objects->values[object];
    else if (cpython_objects_kind(objects, object) == CPYTHON_BLOCK_UNKNOWN)
        return;
    struct cpython_type *type = &objects->types.items[cpython_objects_type(objects, object)];
    type->pinning.objects++;
    type->pinning.bytes += block->bytes;
}

static void tell_objects(struct cpython_objects *objects, struct python_heap *heap)
{
    struct python_figures *figures = &heap->figures;
    struct pinning pinning = {objects, objects->arenas};
    obmalloc_visit_blocks(objects->arenas, count_pinning, &pinning);
    figures->objects = figures->object_bytes = 0;
    for (size_t i = 0; i < objects->types.count; i++) {
        figures->objects += objects->types.items[i].live.objects;
        figures->object_bytes += objects->types.items[i].live.bytes;
    }
    figures->storage_blocks = objects->storage_blocks;
    figures->storage_bytes = objects->storage_block_bytes;
    figures->unknown_blocks = objects->unknown_blocks;
    figures->unknown_bytes = objects->unknown_bytes;
    figures->static_objects = objects->static_count;
}

static bool is_in_pinned_arena(const struct cpython_objects *objects, uint32_t block)
{
    uint32_t arena = cpython_objects_arena(objects, block);
    return is_pinned(objects->arenas, &objects->arenas->arenas[arena]);
}

static void tell_collector(const struct cpython *python, struct python_heap *heap)
{
    const struct cpython_offsets *offsets = &python->offsets;
    uint64_t collector = cpython_collector(python, 0);
    heap->figures.is_collecting = memory_view_half_or_0(python->view,
                                                        collector + offsets->gc_collecting) != 0;
    for (size_t i = 0; i < PYTHON_GENERATIONS; i++) {
        uint64_t generation = collector + offsets->gc_generations + i * 24;
        uint64_t stats = collector + offsets->gc_stats + i * 24;
        heap->generations[i] = (struct python_generation){
            .threshold = memory_view_half_or_0(python->view, generation + 16),
            .count = memory_view_half_or_0(python->view, generation + 20),
            .collections = memory_view_word_or_0(python->view, stats),
            .collected = memory_view_word_or_0(python->view, stats + 8),
            .uncollectable = memory_view_word_or_0(python->view, stats + 16),
        };
    }
    heap->generation_count = PYTHON_GENERATIONS;
}

/* What of the process is read beside its interpreter. */
struct surroundings {
    const struct python_runtimes_input *process;
    const struct target_modules *modules;
    struct word_cache *words;
};

/* What needs only the objects, in two parts that take about as long. */
struct object_parts {
    struct cpython_objects *objects, *beside;
    struct cpython_garbage *garbage;
    const struct cpython_paths_input *paths_input;
    struct cpython_paths *paths;
    struct python_heap *heap;
};

enum {
    FIND_PATHS = 0,
    FIND_GARBAGE = 1,
    OBJECT_PARTS = 2
};

static void read_part(void *context, size_t part, size_t thread)
{
    (void)thread;
    struct object_parts *parts = context;
    if (part == FIND_GARBAGE) {
        cpython_garbage_find(parts->garbage, parts->beside);
        return;
    }
    cpython_objects_find_storage(parts->objects);
    tell_objects(parts->objects, parts->heap);
    parts->paths = cpython_paths_search(parts->paths_input);
}

static void read_objects(const struct cpython *python, struct obmalloc *arenas,
                         const struct surroundings *around, struct python_heap *heap)
{
    struct cpython_team team;
    struct cpython_objects objects;
    struct cpython_garbage garbage;
    const struct cpython_paths_input paths = {.objects = &objects,
                                              .garbage = &garbage,
                                              .is_pinned = is_in_pinned_arena,
                                              .process = around->process,
                                              .modules = around->modules,
                                              .words = around->words};
    cpython_team_init(&team, python, around->process->read_threads, arenas->block_count);
    if (!cpython_objects_read(&objects, &team, arenas, heap->note, sizeof heap->note)) {
        cpython_objects_clear(&objects);
        cpython_team_clear(&team);
        return;
    }
    tell_collector(python, heap);
    struct cpython_objects *beside = cpython_objects_share(&objects, cpython_team_beside(&team));
    struct object_parts parts = {&objects, beside, &garbage, &paths, NULL, heap};
    parallel_run(team.thread_count, OBJECT_PARTS, read_part, &parts);
    free(beside);
    cpython_garbage_weigh(&garbage, &objects);
    heap->figures.garbage_objects = garbage.count;
    heap->figures.garbage_bytes = garbage.bytes;
    heap->figures.start_garbage_objects = garbage.start_count;
    heap->figures.start_garbage_bytes = garbage.start_bytes;
    cpython_cycles_tell(&garbage, heap);
    cpython_paths_tell(parts.paths, &team, heap);
    for (size_t table = 0; table < PYTHON_TABLE_COUNT; table++)
        add_type_rows(&objects.types, table, heap);
    cpython_paths_destroy(parts.paths);
    cpython_garbage_clear(&garbage);
    cpython_objects_clear(&objects);
    cpython_team_clear(&team);
}

static void read_heap(const struct cpython *python, const struct surroundings *around,
                      struct python_heap *heap)
{
    struct obmalloc arenas;
    heap->figures.interpreters = python->interpreter_count;
    heap->figures.threads = python->thread_count;
    if (!obmalloc_read(&arenas, python, heap->refusal, sizeof heap->refusal)) {
        obmalloc_clear(&arenas);
        return;
    }
    heap->is_read = true;
    tell_arenas(&arenas, heap);
    tell_pinning(&arenas, heap);
    if (has_debug_allocator(python, &arenas))
        snprintf(heap->note, sizeof heap->note,
                 "objects are not told apart: its memory is padded by a debug allocator "
                 "(PYTHONMALLOC=debug or -X dev)");
    else
        read_objects(python, &arenas, around, heap);
    obmalloc_clear(&arenas);
}

void cpython_read(struct memory_view *view, const struct target_modules *modules,
                  struct word_cache *words, const struct python_runtimes_input *process,
                  struct python_heap *heap)
{
    struct cpython python;
    const struct surroundings around = {process, modules, words};
    enum cpython_presence presence = cpython_locate(&python, view, process->mappings, modules,
                                                    words, heap->refusal, sizeof heap->refusal);
    if (presence == CPYTHON_ABSENT)
        return;
    tell_version(&python, heap);
    if (presence == CPYTHON_FOUND)
        read_heap(&python, &around, heap);
    python_heap_sort(heap);
}
