/* The mappings that nobody has explained yet.
 *
 * Writable memory that is no heap may hold the only pointer to a block: shared memory, memory of
 * the program's own allocators, stacks of coroutines. But an allocator's mappings are full of
 * addresses of its blocks, and would make everything reachable. Heap is what an allocator mapped,
 * by its own word; and, since the kernel merges neighbours into one line, a line with a block in it
 * is heap but for what the program is known to have mapped itself and keeps no block in. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "snapshot/root_plan.h"

enum {
    PAGE_BYTES = 4096,
    FIRST_CHUNK_HEADS = 2 /* words before glibc's first piece of a heap */
};

static const struct snapshot_block *first_block_behind(const struct block_index *index,
                                                       uint64_t address)
{
    size_t low = 0, high = index->block_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->blocks[middle].address + index->blocks[middle].bytes <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->block_count ? &index->blocks[low] : NULL;
}

static bool has_block(const struct block_index *index, uint64_t start, uint64_t end)
{
    const struct snapshot_block *block = first_block_behind(index, start);
    return block && block->address < end;
}

/* Devices answer reads with effects, or not at all. */
static bool is_device(const struct target_mapping *mapping)
{
    return text_starts_with(mapping->path, "/dev/") &&
           !text_starts_with(mapping->path, "/dev/shm/") &&
           !text_starts_with(mapping->path, "/dev/zero");
}

static bool is_own(const struct target_mapping *mapping)
{
    return text_starts_with(mapping->path, "/memfd:seep-");
}

/* The break's memory belongs to glibc if it begins as glibc begins it: with the cache of the first
 * thread, whose size depends on the version. */
static bool is_break_of_glibc(struct word_cache *words, const struct target_mapping *mapping)
{
    uint64_t head[FIRST_CHUNK_HEADS];
    return strcmp(mapping->path, "[heap]") == 0 &&
           word_cache_read_bytes(words, mapping->start, head, sizeof head) && head[0] == 0 &&
           (head[1] & 1) && head[1] >= 0x20 && head[1] < PAGE_BYTES;
}

static void add_root(struct root_plan *plan, uint64_t start, uint64_t end)
{
    root_plan_add_range(plan, &(struct root_range){.start = start,
                                                   .end = end,
                                                   .kind = SNAPSHOT_ROOT_MAPPING,
                                                   .module = SNAPSHOT_NONE,
                                                   .thread = SNAPSHOT_NONE});
}

/* Of a line with blocks in it: what the program mapped itself. */
static void add_program_parts(struct root_plan *plan, const struct range_list *program,
                              uint64_t start, uint64_t end)
{
    const struct address_range *part;
    for (; (part = range_list_overlap(program, start, end)); start = part->end) {
        uint64_t from = part->start > start ? part->start : start;
        uint64_t to = part->end < end ? part->end : end;
        if (!has_block(plan->index, from, to))
            add_root(plan, from, to);
        if (part->end >= end)
            return;
    }
}

static void plan_mapping(struct root_plan *plan, const struct range_list *explained,
                         const struct range_list *program, const struct target_mapping *mapping)
{
    bool is_allocators = plan->input->has_foreign_allocator && mapping->inode == 0 &&
                         !(mapping->flags & TARGET_MAPPING_SHARED);
    bool has_blocks = is_allocators || has_block(plan->index, mapping->start, mapping->end) ||
                      is_break_of_glibc(plan->words, mapping);
    uint64_t start = mapping->start;
    struct address_range gap;
    for (; range_list_gap(explained, start, mapping->end, &gap); start = gap.end) {
        if (has_blocks)
            add_program_parts(plan, program, gap.start, gap.end);
        else
            add_root(plan, gap.start, gap.end);
    }
}

static bool may_be_root(const struct target_mapping *mapping)
{
    const uint32_t needed = TARGET_MAPPING_READ | TARGET_MAPPING_WRITE;
    return (mapping->flags & needed) == needed && !is_device(mapping) && !is_own(mapping) &&
           strcmp(mapping->path, "[vvar]") != 0 && strcmp(mapping->path, "[stack]") != 0;
}

void mapping_roots_plan(struct root_plan *plan)
{
    /* Roots are claimed as they are added; the list is asked meanwhile, so it is another one. */
    struct range_list explained = plan->claimed;
    struct range_list program = {0};
    plan->claimed = (struct range_list){0};
    range_list_add_all(&program, &plan->input->program);
    range_list_sort(&program);
    const struct target_mappings *mappings = plan->input->mappings;
    for (size_t i = 0; i < mappings->count; i++)
        if (mappings->items[i].inode == 0 &&
            allocator_is_arena_heap(plan->words, &mappings->items[i]))
            range_list_add(&explained, mappings->items[i].start, mappings->items[i].end);
    range_list_sort(&explained);
    for (size_t i = 0; i < mappings->count; i++)
        if (may_be_root(&mappings->items[i]))
            plan_mapping(plan, &explained, &program, &mappings->items[i]);
    range_list_clear(&program);
    range_list_clear(&explained);
}
