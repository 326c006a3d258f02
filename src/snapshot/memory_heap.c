/* The heap: which of it is blocks, which is free, and what lets none of it go back.
 *
 * A chunk's contents reach 8 bytes into the next one, whose first word belongs to it while it is in
 * use. So what is counted to a chunk begins with the word that holds its size:
 *
 *     chunk: | (of the one before) | size | contents ...                    | next: | ...
 *                                   <------- counted to this chunk ---------------->
 *
 * malloc_trim(0) first joins small free chunks with their neighbours. Then it gives back whole
 * pages within each free chunk, but for what the chunk's own links need, and what lies behind the
 * last chunk of the break but for 32 bytes. That is done here with the pages' state, so the answer
 * is what would become of the resident size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/glibc_heap.h"
#include "snapshot/memory_measure.h"

enum {
    HEAD_BYTES = 16, /* of a chunk */
    SIZE_OFFSET = 8,
    LINKS_BYTES = 48,    /* of a free chunk: stay when it is trimmed */
    TOP_STAYS_BYTES = 33 /* of the top, at least */
};

#define PAGE_BYTES    UINT64_C(4096)
#define PAGE_DOWN(at) ((at) & ~(PAGE_BYTES - 1))
#define PAGE_UP(at)   PAGE_DOWN((at) + PAGE_BYTES - 1)

static const char main_name[] = "main heap";
static const char arena_name[] = "arenas of threads";
static const char mapped_name[] = "mapped one by one";
static const char foreign_name[] = "blocks of the allocator";

struct heap_painting {
    struct memory_painter *painter;
    const struct glibc_region *region;       /* that is walked */
    const char *name;                        /* of its parts */
    size_t block;                            /* the first that does not end before the chunk */
    struct memory_pin pins[MEMORY_PINS_MAX]; /* the last of the region, in a ring */
    size_t used_count;                       /* of it, so far */
    uint64_t free_bytes;                     /* resident, since the last used chunk */
    uint64_t run_start;                      /* of free chunks that would be one; 0 = none */
    uint64_t run_end;
    uint64_t painted_end;
    struct memory_holder *holders;
    size_t holder_count, holder_capacity;
    struct hash_map holder_of; /* by site, position */
};

static uint64_t resident(const struct heap_painting *painting, uint64_t start, uint64_t end)
{
    return residency_count(painting->painter->input->residency, start, end);
}

/* ---- blocks ---- */

/* The block that a chunk's contents are; NULL: nobody recorded one. */
static const struct snapshot_block *find_block(struct heap_painting *painting,
                                               const struct glibc_chunk *chunk)
{
    const struct memory_measure_input *input = painting->painter->input;
    uint64_t contents = chunk->address + HEAD_BYTES;
    while (painting->block < input->block_count &&
           input->blocks[painting->block].address < contents)
        painting->block++;
    return painting->block < input->block_count &&
                   input->blocks[painting->block].address < contents + chunk->bytes - HEAD_BYTES
               ? &input->blocks[painting->block]
               : NULL;
}

static void seek_block(struct heap_painting *painting, uint64_t address)
{
    const struct memory_measure_input *input = painting->painter->input;
    size_t low = 0, high = input->block_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (input->blocks[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    painting->block = low;
}

static void add_to_holder(struct heap_painting *painting, uint64_t site, uint64_t bytes)
{
    bool is_new;
    uint64_t *position = hash_map_put(&painting->holder_of, site, &is_new);
    if (is_new) {
        *position = painting->holder_count;
        painting->holders = memory_grow(painting->holders, &painting->holder_capacity,
                                        painting->holder_count + 1, sizeof *painting->holders);
        painting->holders[painting->holder_count++] = (struct memory_holder){.site = site};
    }
    struct memory_holder *holder = &painting->holders[*position];
    holder->blocks++;
    holder->bytes += bytes;
    holder->free_bytes += painting->free_bytes;
}

/* Something that stays: what is free before it is free no further. */
static void add_pin(struct heap_painting *painting, const struct glibc_chunk *chunk,
                    const struct snapshot_block *block)
{
    painting->pins[painting->used_count++ % MEMORY_PINS_MAX] = (struct memory_pin){
        .arena = painting->region->arena,
        .address = chunk->address + HEAD_BYTES,
        .bytes = block != NULL ? block->bytes : chunk->bytes - SIZE_OFFSET,
        .site = block != NULL ? block->site : MEMORY_SITE_UNKNOWN,
        .is_cached = chunk->state == GLIBC_CHUNK_CACHED,
        .free_bytes = painting->free_bytes,
    };
    if (painting->free_bytes > 0)
        add_to_holder(painting, block != NULL ? block->site : MEMORY_SITE_UNKNOWN,
                      block != NULL ? block->bytes : chunk->bytes - SIZE_OFFSET);
    painting->free_bytes = 0;
}

/* ---- what malloc_trim(0) would give back ---- */

static void end_run(struct heap_painting *painting)
{
    struct memory_figures *figures = &painting->painter->use->figures;
    if (painting->run_start != 0) {
        uint64_t start = PAGE_UP(painting->run_start + LINKS_BYTES);
        uint64_t end = PAGE_DOWN(painting->run_end);
        /* The end of a chunk that ends where a page does is no page of its own. */
        if (start < end)
            figures->trimmable_bytes += resident(painting, start, end);
    }
    painting->run_start = 0;
}

static void add_to_run(struct heap_painting *painting, const struct glibc_chunk *chunk)
{
    if (painting->run_start == 0)
        painting->run_start = chunk->address;
    painting->run_end = chunk->address + chunk->bytes;
}

/* Whole pages from the break down; tops of arenas of threads stay. */
static void trim_top(struct heap_painting *painting, const struct glibc_chunk *top)
{
    struct memory_figures *figures = &painting->painter->use->figures;
    uint64_t start = painting->run_start != 0 ? painting->run_start : top->address;
    uint64_t end = top->address + top->bytes;
    painting->run_start = 0;
    if (painting->region->arena != 0 || end - start <= TOP_STAYS_BYTES)
        return;
    uint64_t bytes = PAGE_DOWN(end - start - TOP_STAYS_BYTES);
    uint64_t given = resident(painting, end - bytes, end);
    figures->trimmable_bytes += given;
    figures->trimmable_top_bytes += given;
}

/* ---- chunk after chunk ---- */

static uint64_t paint(struct heap_painting *painting, uint64_t start, uint64_t end,
                      enum memory_category category)
{
    if (start >= end)
        return 0;
    painting->painted_end = end;
    return memory_painter_paint(painting->painter, start, end, category, painting->name)
        .resident_bytes;
}

static void paint_used(struct heap_painting *painting, const struct glibc_chunk *chunk)
{
    struct memory_figures *figures = &painting->painter->use->figures;
    const struct snapshot_block *block = find_block(painting, chunk);
    uint64_t start = chunk->address + SIZE_OFFSET, end = start + chunk->bytes;
    uint64_t live_start = chunk->address + HEAD_BYTES, live_end = end;
    end_run(painting);
    add_pin(painting, chunk, block);
    if (block != NULL) {
        live_start = block->address;
        live_end = block->bytes < end - live_start ? live_start + block->bytes : end;
        figures->live_blocks++;
    } else {
        figures->unrecorded_blocks++;
        figures->unrecorded_bytes += live_end - live_start;
    }
    paint(painting, start, live_start, MEMORY_HEAP_OVERHEAD);
    paint(painting, live_start, live_end, MEMORY_HEAP_LIVE);
    paint(painting, live_end, end, MEMORY_HEAP_OVERHEAD);
}

static void paint_free(struct heap_painting *painting, const struct glibc_chunk *chunk)
{
    struct memory_figures *figures = &painting->painter->use->figures;
    uint64_t start = chunk->address + SIZE_OFFSET, end = start + chunk->bytes;
    if (chunk->state == GLIBC_CHUNK_TOP)
        end = painting->region->end;
    uint64_t bytes = paint(painting, start, end, MEMORY_HEAP_FREE);
    if (painting->region->arena == 0)
        figures->main_free_bytes += bytes;
    else
        figures->arena_free_bytes += bytes;
    if (chunk->state == GLIBC_CHUNK_CACHED || chunk->state == GLIBC_CHUNK_SMALL)
        figures->cached_bytes += bytes;
    if (chunk->state == GLIBC_CHUNK_TOP && painting->region->arena == 0)
        figures->main_top_bytes += bytes;
    painting->free_bytes += bytes;
}

static void paint_chunk(void *context, const struct glibc_chunk *chunk)
{
    struct heap_painting *painting = context;
    enum glibc_chunk_state state = chunk->state;
    /* What the recording knows to be live is so: lists of a process that runs wild say anything. */
    if (state == GLIBC_CHUNK_CACHE && find_block(painting, chunk) != NULL)
        state = GLIBC_CHUNK_USED;
    switch (state) {
    case GLIBC_CHUNK_USED:
        paint_used(painting, chunk);
        break;
    case GLIBC_CHUNK_CACHE:
        end_run(painting);
        add_pin(painting, chunk, NULL);
        paint(painting, chunk->address + SIZE_OFFSET, chunk->address + SIZE_OFFSET + chunk->bytes,
              MEMORY_HEAP_OVERHEAD);
        break;
    case GLIBC_CHUNK_CACHED:
        end_run(painting);
        paint_free(painting, chunk);
        break;
    case GLIBC_CHUNK_FREE:
    case GLIBC_CHUNK_SMALL:
        paint_free(painting, chunk);
        add_to_run(painting, chunk);
        break;
    case GLIBC_CHUNK_TOP:
        paint_free(painting, chunk);
        trim_top(painting, chunk);
        break;
    }
}

/* From the end of the heap down. */
static void keep_pins(struct heap_painting *painting)
{
    size_t count = painting->used_count < MEMORY_PINS_MAX ? painting->used_count : MEMORY_PINS_MAX;
    for (size_t i = 1; i <= count && painting->region->top != 0; i++)
        memory_use_add_pin(painting->painter->use,
                           &painting->pins[(painting->used_count - i) % MEMORY_PINS_MAX]);
}

static void paint_region(struct heap_painting *painting, const struct glibc_heap *heap,
                         const struct glibc_region *region)
{
    struct memory_painter *painter = painting->painter;
    painting->region = region;
    painting->name = region->arena == 0 ? main_name : arena_name;
    painting->used_count = 0;
    painting->free_bytes = painting->run_start = 0;
    seek_block(painting, region->start);
    /* Before the first chunk's size, and behind the last one. */
    paint(painting, region->mapping_start, region->start + SIZE_OFFSET, MEMORY_HEAP_OVERHEAD);
    glibc_heap_visit(heap, region, painter->input->memory, paint_chunk, painting);
    end_run(painting);
    paint(painting, painting->painted_end, region->end, MEMORY_HEAP_OVERHEAD);
    keep_pins(painting);
    if (region->arena != 0)
        painter->use->figures.arena_reserved_bytes += region->reserved_end - region->end;
}

/* ---- blocks that are mapped one by one ---- */

/* What a chunk of its own begins with, and how long it is: in front of a block. */
static bool is_mapped_block(const struct heap_painting *painting,
                            const struct snapshot_block *block, uint64_t *start, uint64_t *bytes)
{
    uint64_t head[2];
    if (block->address < HEAD_BYTES ||
        !target_memory_read(painting->painter->input->memory, block->address - HEAD_BYTES, head,
                            sizeof head))
        return false;
    *start = block->address - HEAD_BYTES - head[0];
    return *start % PAGE_BYTES == 0 && block->bytes <= UINT64_MAX - block->address &&
           glibc_heap_is_mapped_chunk(head, *start, UINT64_MAX, bytes) &&
           *bytes - (block->address - *start) >= block->bytes;
}

/* Of what is no region: blocks that are recorded. Their contents are known; what is around them is
 * for the end of their page. */
static void paint_recorded(struct heap_painting *painting)
{
    struct memory_painter *painter = painting->painter;
    const struct memory_measure_input *input = painter->input;
    struct memory_figures *figures = &painter->use->figures;
    struct range_list found = {0};
    size_t position = 0;
    uint64_t painted_end = 0;
    painting->name = input->has_foreign_allocator ? foreign_name : mapped_name;
    for (size_t i = 0; i < input->block_count; i++) {
        const struct snapshot_block *block = &input->blocks[i];
        uint64_t start = block->address, bytes = block->bytes;
        struct address_range gap;
        if (start < painted_end || bytes > UINT64_MAX - start || bytes == 0 ||
            !range_list_next_gap(&painter->taken, &position, start, start + bytes, &gap))
            continue;
        if (!input->has_foreign_allocator && !is_mapped_block(painting, block, &start, &bytes))
            start = block->address, bytes = block->bytes;
        if (start < painted_end)
            start = painted_end;
        uint64_t end = block->address + block->bytes;
        painted_end = start + bytes > end ? start + bytes : end;
        paint(painting, start, block->address, MEMORY_HEAP_OVERHEAD);
        paint(painting, block->address, end, MEMORY_HEAP_LIVE);
        paint(painting, end, painted_end, MEMORY_HEAP_OVERHEAD);
        memory_painter_count(painter, MEMORY_HEAP_LIVE, painting->name, 1);
        figures->live_blocks++;
        range_list_add(&found, start, painted_end);
    }
    for (size_t i = 0; i < found.count; i++)
        memory_painter_take(painter, found.items[i].start, found.items[i].end);
    range_list_clear(&found);
    range_list_sort(&painter->taken);
}

/* Chunks in memory that nobody has explained, where nobody recorded: one begins with a page, and
 * says how long it is. All pages are looked at, since others may lie before it in the same mapping;
 * `gap` ends with its mapping. */
static void find_mapped(struct heap_painting *painting, const struct address_range *gap,
                        struct range_list *found)
{
    const struct target_memory *memory = painting->painter->input->memory;
    uint64_t at = PAGE_UP(gap->start), touched_start = at, touched_end = at, head[2], bytes;
    while (at < gap->end) {
        if (at >= touched_end) {
            if (memory->find_touched != NULL &&
                !memory->find_touched(memory->context, at, gap->end, &touched_start, &touched_end))
                return;
            if (memory->find_touched == NULL || touched_end <= at)
                touched_start = at, touched_end = gap->end;
            if (touched_start > at)
                at = touched_start;
        }
        if (!target_memory_read(memory, at, head, sizeof head) ||
            !glibc_heap_is_mapped_chunk(head, at, gap->end, &bytes) || head[0] != 0) {
            at += PAGE_BYTES;
            continue;
        }
        range_list_add(found, at, at + bytes);
        at += bytes;
    }
}

static void paint_unrecorded(struct heap_painting *painting)
{
    struct memory_painter *painter = painting->painter;
    const struct target_mappings *mappings = &painter->input->residency->mappings;
    struct range_list found = {0};
    for (size_t i = 0; i < mappings->count; i++) {
        const struct target_mapping *mapping = &mappings->items[i];
        struct address_range gap;
        if (mapping->inode != 0 || !(mapping->flags & TARGET_MAPPING_WRITE) ||
            mapping->flags & TARGET_MAPPING_SHARED || mapping->path[0] == '[' ||
            painter->input->residency->items[i].resident_bytes == 0)
            continue;
        for (uint64_t at = mapping->start; range_list_gap(&painter->taken, at, mapping->end, &gap);
             at = gap.end)
            find_mapped(painting, &gap, &found);
    }
    painting->name = mapped_name;
    for (size_t i = 0; i < found.count; i++) {
        uint64_t start = found.items[i].start, end = found.items[i].end;
        paint(painting, start, start + HEAD_BYTES, MEMORY_HEAP_OVERHEAD);
        paint(painting, start + HEAD_BYTES, end, MEMORY_HEAP_LIVE);
        memory_painter_count(painter, MEMORY_HEAP_LIVE, mapped_name, 1);
        painter->use->figures.unrecorded_blocks++;
        painter->use->figures.unrecorded_bytes += end - start - HEAD_BYTES;
    }
    for (size_t i = 0; i < found.count; i++)
        memory_painter_take(painter, found.items[i].start, found.items[i].end);
    range_list_clear(&found);
    range_list_sort(&painter->taken);
}

/* ---- all of it ---- */

static int compare_holders(const void *left, const void *right)
{
    const struct memory_holder *a = left, *b = right;
    if (a->free_bytes != b->free_bytes)
        return a->free_bytes < b->free_bytes ? 1 : -1;
    return (a->site > b->site) - (a->site < b->site);
}

static void keep_holders(struct heap_painting *painting)
{
    if (painting->holder_count > 0)
        qsort(painting->holders, painting->holder_count, sizeof *painting->holders,
              compare_holders);
    for (size_t i = 0; i < painting->holder_count && i < MEMORY_HOLDERS_MAX; i++)
        memory_use_add_holder(painting->painter->use, &painting->holders[i]);
}

static void begin_figures(struct memory_figures *figures, const struct glibc_heap *heap)
{
    figures->live_blocks = figures->unrecorded_blocks = figures->unrecorded_bytes = 0;
    if (!heap->is_found)
        return;
    figures->trimmable_bytes = figures->trimmable_top_bytes = 0;
    figures->main_free_bytes = figures->main_top_bytes = figures->arena_free_bytes = 0;
    figures->arena_reserved_bytes = figures->cached_bytes = 0;
    figures->arenas = heap->arena_count - 1;
}

static void paint_regions(struct heap_painting *painting, const struct glibc_heap *heap)
{
    struct memory_painter *painter = painting->painter;
    for (size_t i = 0; i < heap->region_count; i++)
        paint_region(painting, heap, &heap->regions[i]);
    for (size_t i = 0; i < heap->region_count; i++) {
        memory_painter_take(painter, heap->regions[i].mapping_start, heap->regions[i].end);
    }
    range_list_sort(&painter->taken);
    /* What an arena of threads may grow into: most of it nobody may touch yet. */
    for (size_t i = 0; i < heap->region_count; i++) {
        const struct glibc_region *region = &heap->regions[i];
        if (region->arena == 0)
            continue;
        struct memory_amount amount = memory_painter_paint(painter, region->end,
                                                           region->reserved_end, MEMORY_OTHER,
                                                           "reserved by arenas of threads");
        memory_painter_count(painter, MEMORY_OTHER, "reserved by arenas of threads", 1);
        painter->use->figures.reserved_bytes += amount.virtual_bytes;
        memory_painter_count(painter, MEMORY_HEAP_FREE, arena_name, 1);
        memory_painter_take(painter, region->end, region->reserved_end);
    }
    range_list_sort(&painter->taken);
}

/* Of another allocator, or of one that could not be walked: what its mappings hold besides blocks.
 */
static void paint_foreign(struct heap_painting *painting)
{
    struct memory_painter *painter = painting->painter;
    struct range_list heap = {0};
    range_list_add_all(&heap, &painter->input->heap);
    const struct target_mappings *mappings = &painter->input->residency->mappings;
    for (size_t i = 0; painter->input->has_foreign_allocator && i < mappings->count; i++)
        if (strcmp(mappings->items[i].path, "[heap]") == 0)
            range_list_add(&heap, mappings->items[i].start, mappings->items[i].end);
    range_list_sort(&heap);
    for (size_t i = 0; i < heap.count; i++)
        memory_painter_paint(painter, heap.items[i].start, heap.items[i].end, MEMORY_HEAP_FREE,
                             "of the allocator, without a block");
    for (size_t i = 0; i < heap.count; i++)
        memory_painter_take(painter, heap.items[i].start, heap.items[i].end);
    range_list_sort(&painter->taken);
    range_list_clear(&heap);
}

void memory_heap_paint(struct memory_painter *painter, const struct target_modules *modules,
                       struct word_cache *words)
{
    const struct memory_measure_input *input = painter->input;
    struct memory_use *use = painter->use;
    struct heap_painting painting = {.painter = painter};
    struct glibc_heap heap = {0};
    const struct glibc_heap_input heap_input = {
        .memory = input->memory,
        .mappings = &input->residency->mappings,
        .modules = modules,
        .words = words,
        .libc = input->libc,
        .blocks = input->blocks,
        .block_count = input->block_count,
    };
    glibc_heap_read(&heap, &heap_input);
    begin_figures(&use->figures, &heap);
    if (heap.is_found)
        paint_regions(&painting, &heap);
    else if (input->has_foreign_allocator)
        snprintf(use->note, sizeof use->note,
                 "the allocator is not glibc's: what it keeps free is told as a whole, and what of "
                 "it could be trimmed is not known");
    else
        snprintf(use->note, sizeof use->note, "%s", heap.reason);
    paint_recorded(&painting);
    if (input->block_count == 0)
        paint_unrecorded(&painting);
    paint_foreign(&painting);
    keep_holders(&painting);
    glibc_heap_clear(&heap);
    hash_map_clear(&painting.holder_of);
    free(painting.holders);
}
