/* Looks at the words of roots. */
#include "snapshot/scan_state.h"

/* A slot that says what the one before it said, and has no other name: on a stack it may be another
 * function's, in a module another variable's. */
static bool is_told_already(const struct scan *scan, const struct snapshot_root *root,
                            unsigned kind)
{
    bool has_own_name = root->kind == SNAPSHOT_ROOT_STACK ||
                        ((root->kind == SNAPSHOT_ROOT_GLOBAL || root->kind == SNAPSHOT_ROOT_TLS) &&
                         root->address - scan->last_address != SCAN_WORD_BYTES);
    return root->block == scan->last_block && kind == scan->last_reference && !has_own_name;
}

static void add_root(struct scan *scan, const struct snapshot_root *like, uint64_t pointer)
{
    struct snapshot_root root = *like;
    unsigned kind = scan_judge(scan, root.block,
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
    scan_note_pointer(scan, like->address, pointer, root.block,
                      (uint32_t)scan->result->root_count - 1, 0,
                      SNAPSHOT_FACT_ROOT_OFFSET - SNAPSHOT_FACT_OFFSET);
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
    scan_set_passing(scan, words, count, address);
    pointer_scan(&scan->index, words, count, address, found_in_range, scan);
}

/* From this range on; returns which one comes after those that were looked at. What cannot be read
 * at once is read one by one. */
static size_t fill_batch(struct scan *scan, size_t first)
{
    const struct target_memory *memory = scan->input->memory;
    const struct root_plan *plan = &scan->plan;
    struct scan_batch *batch = scan->batch;
    size_t last = first;
    scan_empty_batch(batch);
    if (memory->read_several == NULL)
        return plan->range_count;
    scan->is_collecting = true;
    for (; last < plan->range_count; last++) {
        uint64_t start = plan->ranges[last].start, end = plan->ranges[last].end;
        bool is_small = end - start < SCAN_SPARSE_BYTES;
        if (last != first && (!is_small || batch->bytes + (end - start) > sizeof batch->words))
            break;
        if (is_small)
            scan_read_mapped(scan, start, end, NULL);
    }
    scan->is_collecting = false;
    if (batch->count != 0 && memory->read_several(memory->context, batch->stretches, batch->count,
                                                  batch->words) != batch->bytes)
        scan_empty_batch(batch);
    return last;
}

static void scan_range(struct scan *scan, const struct root_range *range)
{
    scan->range = range;
    scan->last_block = SNAPSHOT_NONE;
    scan->source_end = range->end;
    scan_read_mapped(scan, range->start, range->end, take_root_words);
}

void scan_roots(struct scan *scan)
{
    const struct root_plan *plan = &scan->plan;
    for (size_t i = 0; i < plan->range_count && scan_is_in_time(scan);)
        for (size_t last = fill_batch(scan, i); i < last && scan_is_in_time(scan); i++)
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
