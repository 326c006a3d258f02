#include "runtimes/cpython/reader.h"

#include <stdio.h>
#include <string.h>

#include "runtimes/cpython/cpython.h"
#include "runtimes/cpython/obmalloc.h"

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

static void read_heap(const struct cpython *python, struct python_heap *heap)
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
    obmalloc_clear(&arenas);
}

void cpython_read(struct memory_view *view, const struct target_modules *modules,
                  struct word_cache *words, struct python_heap *heap)
{
    struct cpython python;
    enum cpython_presence presence = cpython_locate(&python, view, modules, words, heap->refusal,
                                                    sizeof heap->refusal);
    if (presence == CPYTHON_ABSENT)
        return;
    tell_version(&python, heap);
    if (presence == CPYTHON_FOUND)
        read_heap(&python, heap);
    python_heap_sort(heap);
}
