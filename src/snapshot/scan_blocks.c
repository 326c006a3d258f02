/* Looks at the words of blocks: what they refer to, and facts. Reading is the cost, so neighbouring
 * blocks are read together, and large ones by the pages that somebody touched. */
#include "snapshot/scan_state.h"

#include <string.h>

#include "snapshot/word_cache.h"

enum {
    GAP_BYTES = 8192, /* between blocks that are read together */
    HEAD_WORDS = 3,
    ARRAY_ELEMENTS_MAX = 1 << 24 /* what may stand in front of an array's */
};

/* The two words behind a slot, where they belong to the same block or range. What passes by may end
 * between them. */
static bool read_following(struct scan *scan, uint64_t slot, uint64_t following[2])
{
    uint64_t at = (slot - scan->passing_address) / SCAN_WORD_BYTES;
    if (scan->source_end < 3 * SCAN_WORD_BYTES || slot > scan->source_end - 3 * SCAN_WORD_BYTES)
        return false;
    if (at + 2 < scan->passing_count) {
        memcpy(following, scan->passing + at + 1, 2 * sizeof *following);
        return true;
    }
    return word_cache_read_bytes(scan->words, slot + SCAN_WORD_BYTES, following,
                                 2 * sizeof *following);
}

void scan_note_pointer(struct scan *scan, uint64_t slot, uint64_t pointer, uint32_t block,
                       uint32_t owner, uint64_t owner_slot, unsigned shift)
{
    const struct snapshot_block *found = &scan->index.blocks[block];
    uint64_t offset = pointer - found->address, following[2];
    if (offset != 0) {
        snapshot_add_fact(scan->result, (enum snapshot_fact_kind)(SNAPSHOT_FACT_OFFSET + shift),
                          owner, owner_slot, offset);
        return;
    }
    if (!read_following(scan, slot, following))
        return;
    if (following[1] == found->address + found->bytes && following[0] - pointer <= found->bytes)
        snapshot_add_fact(scan->result, (enum snapshot_fact_kind)(SNAPSHOT_FACT_FILLED + shift),
                          owner, owner_slot, following[0] - pointer);
    else if (following[1] + 1 == found->bytes && following[0] < found->bytes)
        snapshot_add_fact(scan->result, (enum snapshot_fact_kind)(SNAPSHOT_FACT_LENGTH + shift),
                          owner, owner_slot, following[0]);
}

void scan_set_passing(struct scan *scan, const uint64_t *words, size_t count, uint64_t address)
{
    scan->passing = words;
    scan->passing_count = count;
    scan->passing_address = address;
}

static bool add_reference(struct scan *scan, uint32_t block, uint64_t number,
                          enum snapshot_reference_kind kind)
{
    size_t count = scan->result->reference_count;
    if (scan->part != NULL)
        return scan_part_add(scan->part, scan->source, block, number, kind);
    snapshot_add_reference(scan->result, scan->source, block, number, kind);
    return scan->result->reference_count > count;
}

static void found_in_block(void *context, uint64_t slot, uint64_t pointer, uint32_t block)
{
    struct scan *scan = context;
    unsigned place = pointer_place_of(&scan->index.blocks[block], pointer);
    uint64_t number = (slot - scan->source_address) / SCAN_WORD_BYTES;
    if (add_reference(scan, block, number, (enum snapshot_reference_kind)place))
        scan_note_pointer(scan, slot, pointer, block, scan->source, number, 0);
}

/* An array made with new[] may have its number of elements in front. */
static void note_class(struct scan *scan, const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < 2 && i < count; i++) {
        uint32_t class = class_tables_find(scan->classes, words[i]);
        if (class != SNAPSHOT_NONE)
            snapshot_add_fact(scan->result, SNAPSHOT_FACT_CLASS, scan->source, i,
                              scan->part != NULL ? words[i] : class);
        if (class != SNAPSHOT_NONE || words[0] == 0 || words[0] > ARRAY_ELEMENTS_MAX)
            return;
    }
}

static void note_head(struct scan *scan, const uint64_t *words, size_t count)
{
    block_shapes_note(scan->shapes, scan->source, &scan->index.blocks[scan->source], words,
                      count < HEAD_WORDS ? count : HEAD_WORDS);
    note_class(scan, words, count);
}

static void take_block_words(struct scan *scan, const uint64_t *words, size_t count,
                             uint64_t address)
{
    if (address == scan->source_address)
        note_head(scan, words, count);
    scan_set_passing(scan, words, count, address);
    pointer_scan(&scan->index, words, count, address, found_in_block, scan);
}

/* One block by itself, without what is dead of it. */
static void scan_block_alone(struct scan *scan, uint32_t position)
{
    const struct snapshot_block *block = &scan->index.blocks[position];
    uint64_t start = block->address, end = block->address + block->bytes;
    struct address_range alive;
    scan->source_end = end;
    for (; range_list_gap(&scan->plan.dead, start, end, &alive); start = alive.end)
        scan->result->unreadable_bytes += scan_read_mapped(scan, alive.start, alive.end,
                                                           take_block_words);
}

static void set_source(struct scan *scan, uint32_t block)
{
    scan->source = block;
    scan->source_address = scan->index.blocks[block].address;
    scan->source_end = scan->source_address + scan->index.blocks[block].bytes;
}

/* A word of a run, which belongs to one of its blocks or to what is between them. They come by
 * address. */
static void found_in_run(void *context, uint64_t slot, uint64_t pointer, uint32_t block)
{
    struct scan *scan = context;
    while (scan->source_end < slot + SCAN_WORD_BYTES) {
        if (scan->source + 1 == scan->run_end)
            return;
        set_source(scan, scan->source + 1);
    }
    if (slot >= scan->source_address)
        found_in_block(scan, slot, pointer, block);
}

/* All at once and not block by block: what small blocks refer to would be looked for with nothing
 * to do meanwhile. */
static void take_run_words(struct scan *scan, uint32_t first, uint32_t end, uint64_t start,
                           size_t count)
{
    scan->run_end = end;
    set_source(scan, first);
    scan_set_passing(scan, scan->window, count, start);
    pointer_scan(&scan->index, scan->window, count, start, found_in_run, scan);
}

/* A run of small neighbours, read together. Returns how many it took; 0: there is none here, or a
 * part of it cannot be read. */
static uint32_t scan_run(struct scan *scan, uint32_t first)
{
    const struct snapshot_block *blocks = scan->index.blocks;
    const struct target_memory *memory = scan->input->memory;
    uint64_t start = blocks[first].address & ~(uint64_t)(SCAN_WORD_BYTES - 1);
    uint64_t end = start;
    uint32_t last = first;
    for (; last < scan->end_block; last++) {
        uint64_t block_end = blocks[last].address + blocks[last].bytes;
        if (blocks[last].bytes >= SCAN_SPARSE_BYTES || blocks[last].address - end > GAP_BYTES ||
            block_end - start > SCAN_WINDOW_BYTES)
            break;
        end = block_end;
    }
    if (last == first || range_list_overlap(&scan->plan.dead, start, end) ||
        memory->read(memory->context, start, scan->window, end - start) != end - start)
        return 0;
    for (uint32_t i = first; i < last; i++) {
        uint64_t from = scan_align_up(blocks[i].address);
        uint64_t to = blocks[i].address + blocks[i].bytes;
        if (to < from + SCAN_WORD_BYTES)
            continue;
        scan->source = i;
        if (from == blocks[i].address)
            note_head(scan, scan->window + (from - start) / SCAN_WORD_BYTES,
                      (size_t)(to - from) / SCAN_WORD_BYTES);
        scan->result->scanned_bytes += (to - from) / SCAN_WORD_BYTES * SCAN_WORD_BYTES;
    }
    take_run_words(scan, first, last, start, (size_t)(end - start) / SCAN_WORD_BYTES);
    return last - first;
}

void scan_blocks(struct scan *scan, uint32_t first, uint32_t end)
{
    scan->end_block = end;
    for (uint32_t i = first; i < end && scan_is_in_time(scan);) {
        uint32_t taken = scan_run(scan, i);
        if (taken == 0) {
            scan->source = i;
            scan->source_address = scan->index.blocks[i].address;
            scan_block_alone(scan, i);
            taken = 1;
        }
        i += taken;
    }
}
