/* The heap, by several threads. */
#include "snapshot/scan_state.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "snapshot/word_cache.h"

enum {
    PART_BLOCKS = 1 << 14, /* what a thread takes at once: so many blocks or bytes */
    PART_BYTES = 4 << 20,
    PARTS_MOST = 16,   /* of a round, behind which their results are put together */
    WORTH_IT = 1 << 16 /* blocks: fewer are scanned before a thread has begun */
};

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
    worker->scan.window = memory_allocate(SCAN_WINDOW_BYTES + SCAN_WORD_BYTES);
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
    for (; i < index->block_count && index->blocks[i].bytes < SCAN_SPARSE_BYTES; i++) {
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
    for (uint32_t i = 0; i < scan->index.block_count && scan_is_in_time(scan);) {
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

void scan_heap(struct scan *scan)
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
