/* A scan in four steps: explain what memory is what (root_plan), read the heap once from front to
 * back, judge pointers into the middle of blocks now that all blocks were seen, and read the roots.
 *
 * Reading is the cost, so neighbouring blocks are read together, and large ones by the pages that
 * somebody touched. */
#include "snapshot/snapshot_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "snapshot/block_contents.h"
#include "snapshot/block_shapes.h"
#include "snapshot/class_tables.h"
#include "snapshot/mapping_search.h"
#include "snapshot/pointer_scan.h"
#include "snapshot/root_plan.h"
#include "snapshot/scan_part.h"

enum {
    WORD_BYTES = 8,
    PAGE_BYTES = 4096,
    WINDOW_BYTES = 1 << 20,  /* read at once */
    GAP_BYTES = 8192,        /* between blocks that are read together */
    SPARSE_BYTES = 64 << 10, /* from here on, only touched pages are read */
    HEAD_WORDS = 3,
    BATCH_BYTES = 256 << 10,
    LOOK_EVERY = 8,               /* stretches, of a window at most: a look at the clock */
    ARRAY_ELEMENTS_MAX = 1 << 24, /* what may stand in front of an array's */
    PART_BLOCKS = 1 << 14,        /* what a thread takes at once: so many blocks or bytes */
    PART_BYTES = 4 << 20,
    PARTS_MOST = 16,   /* of a round, behind which their results are put together */
    WORTH_IT = 1 << 16 /* blocks: fewer are scanned before a thread has begun */
};

/* Small stretches that are read at once, one behind the other. They are collected in a first pass,
 * and found there in a second one, in the same order. */
struct batch {
    struct target_stretch stretches[TARGET_STRETCHES_MAX];
    size_t count, bytes;
    size_t next, next_bytes; /* those before were found */
    uint64_t words[BATCH_BYTES / WORD_BYTES];
};

struct scan {
    const struct snapshot_scan_input *input;
    struct snapshot *result;
    struct word_cache *words;
    struct block_index index;
    struct block_shapes *shapes;
    struct class_tables *classes;
    struct root_plan plan;
    uint64_t *window;
    struct batch *batch;
    struct scan_part *part; /* where to what is found in blocks goes; NULL: into `result` */
    uint32_t end_block;     /* where runs of blocks end */
    bool is_collecting;     /* for the batch; nothing is read */

    /* What the words come from that are looked at. */
    uint32_t source;
    uint64_t source_address;
    uint64_t source_end;
    const uint64_t *passing; /* words that are looked at, from passing_address on */
    size_t passing_count;
    uint64_t passing_address;
    const struct root_range *range;
    /* Of the root before: repetitions are left out. */
    uint32_t last_block;
    uint64_t last_address;
    unsigned last_reference;
    bool is_late;
    unsigned looks; /* at the time */
};

static uint64_t align_up(uint64_t address)
{
    return (address + WORD_BYTES - 1) & ~(uint64_t)(WORD_BYTES - 1);
}

static bool is_in_time(struct scan *scan)
{
    if (scan->looks++ % LOOK_EVERY == 0)
        scan->is_late = scan->is_late || root_plan_is_late(&scan->plan);
    return !scan->is_late;
}

/* Hands over the words of [start, end), piece by piece; pages that cannot be read are left out and
 * counted. */
typedef void (*take_words)(struct scan *scan, const uint64_t *words, size_t count,
                           uint64_t address);

static void collect(struct batch *batch, uint64_t start, uint64_t end)
{
    size_t wanted = (size_t)(end - start) / WORD_BYTES * WORD_BYTES;
    if (wanted == 0 || batch->count == TARGET_STRETCHES_MAX ||
        wanted > sizeof batch->words - batch->bytes)
        return; /* it is read by itself */
    batch->stretches[batch->count++] = (struct target_stretch){start, wanted};
    batch->bytes += wanted;
}

static const uint64_t *find_in_batch(struct batch *batch, uint64_t start, size_t wanted)
{
    const struct target_stretch *next = &batch->stretches[batch->next];
    if (batch->next == batch->count || next->address != start || next->count != wanted)
        return NULL;
    const uint64_t *words = batch->words + batch->next_bytes / WORD_BYTES;
    batch->next++;
    batch->next_bytes += wanted;
    return words;
}

static void read_stretch(struct scan *scan, uint64_t start, uint64_t end, take_words take)
{
    const struct target_memory *memory = scan->input->memory;
    if (scan->is_collecting) {
        collect(scan->batch, start, end);
        return;
    }
    while (end - start >= WORD_BYTES && start < end && is_in_time(scan)) {
        size_t wanted = end - start < WINDOW_BYTES ? (size_t)(end - start) : WINDOW_BYTES;
        wanted -= wanted % WORD_BYTES;
        const uint64_t *words = find_in_batch(scan->batch, start, wanted);
        size_t got = words != NULL ? wanted
                                   : memory->read(memory->context, start, scan->window, wanted);
        got -= got % WORD_BYTES;
        if (got > 0)
            take(scan, words != NULL ? words : scan->window, got / WORD_BYTES, start);
        scan->result->scanned_bytes += got;
        start += got;
        if (got == wanted)
            continue;
        uint64_t next = (start & ~(uint64_t)(PAGE_BYTES - 1)) + PAGE_BYTES;
        if (next > end || next < start)
            next = end;
        scan->result->unreadable_bytes += next - start;
        start = next;
    }
}

static void read_words(struct scan *scan, uint64_t start, uint64_t end, take_words take)
{
    const struct target_memory *memory = scan->input->memory;
    start = align_up(start);
    if (start >= end)
        return;
    if (!memory->find_touched || end - start < SPARSE_BYTES) {
        read_stretch(scan, start, end, take);
        return;
    }
    uint64_t from, to;
    uint64_t before = scan->result->scanned_bytes + scan->result->unreadable_bytes;
    uint64_t all = end - start;
    while (start < end && is_in_time(scan) &&
           memory->find_touched(memory->context, start, end, &from, &to) && to > start) {
        read_stretch(scan, align_up(from), to, take);
        start = to;
    }
    uint64_t seen = scan->result->scanned_bytes + scan->result->unreadable_bytes - before;
    if (seen < all)
        scan->result->skipped_bytes += all - seen;
}

/* The same, of what of it is mapped and may be read: a range that a target's own headers and lists
 * name may be anything. Returns how many bytes are not. */
static uint64_t read_mapped(struct scan *scan, uint64_t start, uint64_t end, take_words take)
{
    const struct target_mappings *mappings = scan->input->mappings;
    uint64_t missing = end - start;
    for (size_t i = mapping_first_behind(mappings, start);
         i < mappings->count && mappings->items[i].start < end && is_in_time(scan); i++) {
        const struct target_mapping *mapping = &mappings->items[i];
        if (!(mapping->flags & TARGET_MAPPING_READ))
            continue;
        uint64_t from = mapping->start > start ? mapping->start : start;
        uint64_t to = mapping->end < end ? mapping->end : end;
        read_words(scan, from, to, take);
        missing -= to - from;
    }
    return missing;
}

/* --- the heap --- */

/* The two words behind a slot, where they belong to the same block or range. What passes by may end
 * between them. */
static bool read_following(struct scan *scan, uint64_t slot, uint64_t following[2])
{
    uint64_t at = (slot - scan->passing_address) / WORD_BYTES;
    if (scan->source_end < 3 * WORD_BYTES || slot > scan->source_end - 3 * WORD_BYTES)
        return false;
    if (at + 2 < scan->passing_count) {
        memcpy(following, scan->passing + at + 1, 2 * sizeof *following);
        return true;
    }
    return word_cache_read_bytes(scan->words, slot + WORD_BYTES, following, 2 * sizeof *following);
}

/* What a pointer, and what stands behind it, tell of how far a block is filled. `shift` is from the
 * kinds of facts of blocks to those of roots. */
static void note_pointer(struct scan *scan, uint64_t slot, uint64_t pointer, uint32_t block,
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

static void set_passing(struct scan *scan, const uint64_t *words, size_t count, uint64_t address)
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
    uint64_t number = (slot - scan->source_address) / WORD_BYTES;
    if (add_reference(scan, block, number, (enum snapshot_reference_kind)place))
        note_pointer(scan, slot, pointer, block, scan->source, number, 0);
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

static void take_block_words(struct scan *scan, const uint64_t *words, size_t count,
                             uint64_t address)
{
    if (address == scan->source_address) {
        block_shapes_note(scan->shapes, scan->source, &scan->index.blocks[scan->source], words,
                          count < HEAD_WORDS ? count : HEAD_WORDS);
        note_class(scan, words, count);
    }
    set_passing(scan, words, count, address);
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
        scan->result->unreadable_bytes += read_mapped(scan, alive.start, alive.end,
                                                      take_block_words);
}

/* A run of small neighbours, read together. Returns how many it took; 0: there is none here, or a
 * part of it cannot be read. */
static uint32_t scan_run(struct scan *scan, uint32_t first)
{
    const struct snapshot_block *blocks = scan->index.blocks;
    const struct target_memory *memory = scan->input->memory;
    uint64_t start = blocks[first].address & ~(uint64_t)(WORD_BYTES - 1);
    uint64_t end = start;
    uint32_t last = first;
    for (; last < scan->end_block; last++) {
        uint64_t block_end = blocks[last].address + blocks[last].bytes;
        if (blocks[last].bytes >= SPARSE_BYTES || blocks[last].address - end > GAP_BYTES ||
            block_end - start > WINDOW_BYTES)
            break;
        end = block_end;
    }
    if (last == first || range_list_overlap(&scan->plan.dead, start, end) ||
        memory->read(memory->context, start, scan->window, end - start) != end - start)
        return 0;
    for (uint32_t i = first; i < last; i++) {
        uint64_t from = align_up(blocks[i].address);
        uint64_t to = blocks[i].address + blocks[i].bytes;
        if (to < from + WORD_BYTES)
            continue;
        scan->source = i;
        scan->source_address = blocks[i].address;
        scan->source_end = to;
        take_block_words(scan, scan->window + (from - start) / WORD_BYTES,
                         (size_t)(to - from) / WORD_BYTES, from);
        scan->result->scanned_bytes += (to - from) / WORD_BYTES * WORD_BYTES;
    }
    return last - first;
}

static void scan_blocks(struct scan *scan, uint32_t first, uint32_t end)
{
    scan->end_block = end;
    for (uint32_t i = first; i < end && is_in_time(scan);) {
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

/* --- the heap, by several threads --- */

/* A thread's own of everything that looking changes. It never looks at the clock: a round ends
 * soon, and then somebody does. */
struct scan_worker {
    struct snapshot_scan_input input;
    struct snapshot classes;
    struct scan scan;
};

struct scan_team {
    struct scan_worker workers[PARALLEL_MOST];
    size_t count;
    struct scan_part parts[PARTS_MOST];
    size_t part_count;
};

static void init_worker(struct scan_worker *worker, const struct scan *scan)
{
    worker->input = *scan->input;
    worker->input.deadline_ns = 0;
    worker->scan = *scan;
    worker->scan.input = worker->scan.plan.input = &worker->input;
    worker->scan.words = word_cache_create(scan->input->memory);
    worker->scan.window = memory_allocate(WINDOW_BYTES + WORD_BYTES);
    worker->scan.shapes = block_shapes_share(scan->shapes, worker->scan.words);
    worker->scan.classes = class_tables_create(scan->input->mappings, worker->scan.words,
                                               &worker->classes);
}

static void clear_worker(struct scan_worker *worker)
{
    block_shapes_destroy(worker->scan.shapes);
    class_tables_destroy(worker->scan.classes);
    snapshot_clear(&worker->classes);
    word_cache_destroy(worker->scan.words);
    free(worker->scan.window);
}

static void scan_one_part(void *context, size_t number, size_t thread)
{
    struct scan_team *team = context;
    struct scan_part *part = &team->parts[number];
    struct scan *scan = &team->workers[thread].scan;
    scan->part = part;
    scan->result = &part->found;
    scan_blocks(scan, part->first, part->end);
}

/* Large blocks are nobody's part: which of their pages were touched is asked for by one thread. */
static uint32_t plan_round(struct scan_team *team, const struct block_index *index, uint32_t first)
{
    uint64_t bytes = 0;
    uint32_t i = first, part_first = first;
    team->part_count = 0;
    for (; i < index->block_count && index->blocks[i].bytes < SPARSE_BYTES; i++) {
        bool is_full = i - part_first >= PART_BLOCKS || bytes >= PART_BYTES;
        if (is_full && team->part_count + 1 == PARTS_MOST)
            break;
        if (is_full) {
            scan_part_begin(&team->parts[team->part_count++], part_first, i);
            part_first = i;
            bytes = 0;
        }
        bytes += index->blocks[i].bytes;
    }
    if (i > part_first)
        scan_part_begin(&team->parts[team->part_count++], part_first, i);
    return i;
}

/* Part after part, in the order of the blocks. */
static void scan_rounds(struct scan *scan, struct scan_team *team)
{
    for (uint32_t i = 0; i < scan->index.block_count && is_in_time(scan);) {
        uint32_t end = plan_round(team, &scan->index, i);
        if (team->part_count < 2) {
            end = end > i ? end : i + 1;
            scan_blocks(scan, i, end);
        } else {
            parallel_run(team->count, team->part_count, scan_one_part, team);
            for (size_t part = 0; part < team->part_count; part++)
                scan_part_add_to(&team->parts[part], scan->result, scan->classes);
        }
        scan->is_late = scan->is_late || root_plan_is_late(&scan->plan);
        i = end;
    }
}

static size_t choose_threads(const struct scan *scan)
{
    if (!scan->input->memory->is_shareable)
        return 1;
    if (scan->input->scan_threads != 0)
        return scan->input->scan_threads < PARALLEL_MOST ? scan->input->scan_threads
                                                         : PARALLEL_MOST;
    return scan->index.block_count >= WORTH_IT ? parallel_threads() : 1;
}

static void scan_heap(struct scan *scan)
{
    size_t threads = choose_threads(scan);
    if (threads == 1) {
        scan_blocks(scan, 0, (uint32_t)scan->index.block_count);
    } else {
        struct scan_team *team = memory_allocate_zeroed(1, sizeof *team);
        for (; team->count < threads; team->count++)
            init_worker(&team->workers[team->count], scan);
        scan_rounds(scan, team);
        for (size_t i = 0; i < team->count; i++)
            clear_worker(&team->workers[i]);
        for (size_t i = 0; i < PARTS_MOST; i++)
            scan_part_clear(&team->parts[i]);
        free(team);
    }
    snapshot_end_references(scan->result);
}

/* --- pointers into the middle --- */

/* The pointer itself is read again: few pointers need it, and keeping all would cost as much as all
 * the rest. */
static unsigned judge_inheritance(struct scan *scan, uint64_t slot)
{
    uint64_t pointer;
    return word_cache_read(scan->words, slot, &pointer) &&
                   block_shapes_is_inheritance(scan->shapes, pointer)
               ? SNAPSHOT_INHERITANCE
               : SNAPSHOT_INTERIOR;
}

static unsigned judge(struct scan *scan, uint32_t block, unsigned place)
{
    if (scan->input->has_no_heuristics && place >= POINTER_AT_8)
        return place == POINTER_AT_END ? (unsigned)POINTER_IS_NONE : SNAPSHOT_INTERIOR;
    return block_shapes_judge(scan->shapes, block, place);
}

static bool is_repetition(const struct snapshot_reference *before,
                          const struct snapshot_reference *reference)
{
    return before->block == reference->block && before->kind == reference->kind;
}

static void judge_references(struct scan *scan)
{
    struct snapshot *result = scan->result;
    size_t kept = 0;
    uint64_t row_start = 0;
    for (size_t i = 0; i < result->block_count && is_in_time(scan); i++) {
        uint64_t row_end = result->first_reference[i + 1];
        for (uint64_t j = row_start; j < row_end; j++) {
            struct snapshot_reference reference = result->references[j];
            unsigned kind = judge(scan, reference.block, reference.kind);
            if (kind == POINTER_IS_OPEN)
                kind = judge_inheritance(scan, align_up(result->blocks[i].address) +
                                                   (uint64_t)reference.slot * WORD_BYTES);
            reference.kind = kind & 0xf;
            if (kind != POINTER_IS_NONE &&
                (kept == result->first_reference[i] ||
                 !is_repetition(&result->references[kept - 1], &reference)))
                result->references[kept++] = reference;
        }
        row_start = row_end;
        result->first_reference[i + 1] = kept;
    }
    result->reference_count = kept;
}

/* --- the roots --- */

/* A slot that says what the one before it said, and has no other name: on a stack it may be another
 * function's, in a module another variable's. */
static bool is_told_already(const struct scan *scan, const struct snapshot_root *root,
                            unsigned kind)
{
    bool has_own_name = root->kind == SNAPSHOT_ROOT_STACK ||
                        ((root->kind == SNAPSHOT_ROOT_GLOBAL || root->kind == SNAPSHOT_ROOT_TLS) &&
                         root->address - scan->last_address != WORD_BYTES);
    return root->block == scan->last_block && kind == scan->last_reference && !has_own_name;
}

static void add_root(struct scan *scan, const struct snapshot_root *like, uint64_t pointer)
{
    struct snapshot_root root = *like;
    unsigned kind = judge(scan, root.block,
                          pointer_place_of(&scan->index.blocks[root.block], pointer));
    if (kind == POINTER_IS_OPEN)
        kind = block_shapes_is_inheritance(scan->shapes, pointer) ? SNAPSHOT_INHERITANCE
                                                                  : SNAPSHOT_INTERIOR;
    if (kind == POINTER_IS_NONE || is_told_already(scan, &root, kind))
        return;
    scan->last_block = root.block;
    scan->last_address = root.address;
    scan->last_reference = kind;
    root.reference = (uint8_t)kind;
    snapshot_add_root(scan->result, &root);
    note_pointer(scan, like->address, pointer, root.block, (uint32_t)scan->result->root_count - 1,
                 0, SNAPSHOT_FACT_ROOT_OFFSET - SNAPSHOT_FACT_OFFSET);
}

static void found_in_range(void *context, uint64_t slot, uint64_t pointer, uint32_t block)
{
    struct scan *scan = context;
    const struct root_range *range = scan->range;
    uint32_t number = range->kind == SNAPSHOT_ROOT_TLS
                          ? (uint32_t)(slot - range->start) + range->number
                          : range->number;
    add_root(scan,
             &(struct snapshot_root){.address = slot,
                                     .block = block,
                                     .module = range->module,
                                     .thread = range->thread,
                                     .number = number,
                                     .kind = (uint8_t)range->kind},
             pointer);
}

static void take_root_words(struct scan *scan, const uint64_t *words, size_t count,
                            uint64_t address)
{
    set_passing(scan, words, count, address);
    pointer_scan(&scan->index, words, count, address, found_in_range, scan);
}

static void empty_batch(struct batch *batch)
{
    batch->count = batch->bytes = batch->next = batch->next_bytes = 0;
}

/* From this range on; returns which one comes after those that were looked at. What cannot be read
 * at once is read one by one. */
static size_t fill_batch(struct scan *scan, size_t first)
{
    const struct target_memory *memory = scan->input->memory;
    const struct root_plan *plan = &scan->plan;
    struct batch *batch = scan->batch;
    size_t last = first;
    empty_batch(batch);
    if (memory->read_several == NULL)
        return plan->range_count;
    scan->is_collecting = true;
    for (; last < plan->range_count; last++) {
        uint64_t start = plan->ranges[last].start, end = plan->ranges[last].end;
        bool is_small = end - start < SPARSE_BYTES;
        if (last != first && (!is_small || batch->bytes + (end - start) > sizeof batch->words))
            break;
        if (is_small)
            read_mapped(scan, start, end, NULL);
    }
    scan->is_collecting = false;
    if (batch->count != 0 && memory->read_several(memory->context, batch->stretches, batch->count,
                                                  batch->words) != batch->bytes)
        empty_batch(batch);
    return last;
}

static void scan_range(struct scan *scan, const struct root_range *range)
{
    scan->range = range;
    scan->last_block = SNAPSHOT_NONE;
    scan->source_end = range->end;
    read_mapped(scan, range->start, range->end, take_root_words);
}

static void scan_roots(struct scan *scan)
{
    const struct root_plan *plan = &scan->plan;
    for (size_t i = 0; i < plan->range_count && is_in_time(scan);)
        for (size_t last = fill_batch(scan, i); i < last && is_in_time(scan); i++)
            scan_range(scan, &plan->ranges[i]);
    scan->source_end = 0; /* what stands behind a register is not told */
    for (size_t i = 0; i < plan->value_count; i++) {
        const struct root_value *value = &plan->values[i];
        uint32_t block = block_index_find(&scan->index, value->value);
        scan->last_block = SNAPSHOT_NONE;
        if (block != SNAPSHOT_NONE)
            add_root(scan,
                     &(struct snapshot_root){.address = value->address,
                                             .block = block,
                                             .module = SNAPSHOT_NONE,
                                             .thread = value->thread,
                                             .number = value->number,
                                             .kind = (uint8_t)value->kind},
                     value->value);
    }
}

/* --- all together --- */

static bool take_blocks(struct scan *scan, struct error *error)
{
    const struct snapshot_scan_input *input = scan->input;
    struct snapshot *result = scan->result;
    if (input->block_count >= SNAPSHOT_NONE)
        return error_set(error, "%zu blocks are too many for a snapshot", input->block_count);
    for (size_t i = 1; i < input->block_count; i++)
        if (input->blocks[i].address <= input->blocks[i - 1].address)
            return error_set(error, "the blocks of a snapshot are not sorted");
    result->block_count = result->block_capacity = input->block_count;
    if (input->given_blocks) {
        result->blocks = *input->given_blocks;
        *input->given_blocks = NULL;
    } else {
        result->blocks = memory_allocate_large(input->block_count, sizeof *result->blocks);
        if (input->block_count > 0)
            memcpy(result->blocks, input->blocks, input->block_count * sizeof *result->blocks);
    }
    for (size_t i = 0; i < input->block_count; i++)
        result->unsure_blocks += (result->blocks[i].flags & SNAPSHOT_BLOCK_TRANSIT) != 0;
    return true;
}

static bool may_go_on(void *context)
{
    return is_in_time(context);
}

/* Not for their sake is a snapshot given up. */
static void keep_contents(struct scan *scan)
{
    uint64_t limit = block_contents_limit(scan->result, scan->input->content_limit,
                                          BLOCK_CONTENTS_MOST_BYTES);
    bool was_late = scan->is_late;

    block_contents_read(scan->result, scan->input->memory, limit, may_go_on, scan);
    scan->is_late = was_late;
}

static bool run(struct scan *scan, struct error *error)
{
    const struct snapshot_scan_input *input = scan->input;
    if (!input->mappings || input->mappings->count == 0)
        return error_set(error, "the process has no memory");
    if (!take_blocks(scan, error))
        return false;
    struct snapshot *result = scan->result;
    result->roots_off = input->roots_off;
    scan->words = word_cache_create(input->memory);
    scan->window = memory_allocate(WINDOW_BYTES + WORD_BYTES);
    scan->batch = memory_allocate(sizeof *scan->batch);
    empty_batch(scan->batch);
    block_index_init(&scan->index, result->blocks, result->block_count);
    scan->shapes = block_shapes_create(result->block_count, input->mappings, scan->words);
    root_plan_init(&scan->plan, input, &scan->index, scan->words, result);
    root_plan_make(&scan->plan);
    scan->classes = class_tables_create(input->mappings, scan->words, result);
    scan_heap(scan);
    judge_references(scan);
    scan_roots(scan);
    if (!scan->is_late && scan->input->content_limit > 0)
        keep_contents(scan);
    return !scan->is_late || error_set(error, "the scan took longer than it may");
}

bool snapshot_scan(const struct snapshot_scan_input *input, struct snapshot *result,
                   struct error *error)
{
    struct scan scan = {.input = input, .result = result};
    struct error why = {""};
    bool is_done = run(&scan, &why);
    root_plan_clear(&scan.plan);
    block_shapes_destroy(scan.shapes);
    class_tables_destroy(scan.classes);
    block_index_clear(&scan.index);
    word_cache_destroy(scan.words);
    free(scan.window);
    free(scan.batch);
    if (!is_done) {
        snapshot_clear(result);
        result->end = scan.is_late ? SNAPSHOT_BUDGET : SNAPSHOT_FAILED;
        snprintf(result->note, sizeof result->note, "%s", why.message);
        error_set(error, "%s", why.message);
    }
    return is_done;
}
