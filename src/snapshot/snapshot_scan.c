/* A scan in four steps: explain what memory is what (root_plan), read the heap once from front to
 * back (scan_blocks), judge pointers into the middle of blocks now that all blocks were seen
 * (scan_judge), and read the roots (scan_roots). */
#include "snapshot/snapshot_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/block_contents.h"
#include "snapshot/scan_state.h"
#include "snapshot/word_cache.h"

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
    return scan_is_in_time(context);
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
    scan->window = memory_allocate(SCAN_WINDOW_BYTES + SCAN_WORD_BYTES);
    scan->batch = memory_allocate(sizeof *scan->batch);
    scan_empty_batch(scan->batch);
    block_index_init(&scan->index, result->blocks, result->block_count);
    scan->shapes = block_shapes_create(result->block_count, input->mappings, scan->words);
    root_plan_init(&scan->plan, input, &scan->index, scan->words, result);
    root_plan_make(&scan->plan);
    scan->classes = class_tables_create(input->mappings, scan->words, result);
    scan_heap(scan);
    scan_judge_references(scan);
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
