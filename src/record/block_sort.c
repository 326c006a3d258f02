/* Radix sort, least significant digit first: the process waits for it, and millions of blocks come
 * in no order. Digits are small, so that the places being written to stay in the cache; those that
 * all addresses share (high ones, and the lowest) cost nothing.
 *
 * Each thread moves a part of the blocks, to places that follow those of the parts before: where a
 * block goes depends on its address and on what stands before it, and not on who moves it. */
#include "record/block_sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"

enum {
    FEW_BLOCKS = 128,
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    DIGIT_COUNT = 5,         /* of addresses: 55 bits */
    WORTH_THREADS = 1 << 18, /* blocks: fewer are sorted by one */
    BEAT_BLOCKS = 1 << 18
};

static size_t digit_of(uint64_t address, unsigned digit)
{
    return address >> (digit * DIGIT_BITS) & (DIGITS - 1);
}

static int compare_blocks(const void *left, const void *right)
{
    const struct snapshot_block *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

struct sorting {
    block_sort_beat beat;
    void *context;
    const struct snapshot_block *from;
    struct snapshot_block *to;
    size_t count, part_count;
    unsigned digit;
    size_t (*places)[DIGITS];          /* by part */
    uint64_t differing[PARALLEL_MOST]; /* by part: bits that not all addresses share */
};

static void beat_at(const struct sorting *sorting, size_t thread, size_t position)
{
    if (thread == 0 && position % BEAT_BLOCKS == 0)
        sorting->beat(sorting->context);
}

static size_t part_begin(const struct sorting *sorting, size_t part)
{
    return part == sorting->part_count ? sorting->count
                                       : sorting->count / sorting->part_count * part;
}

static void find_differing(void *context, size_t part, size_t thread)
{
    struct sorting *sorting = context;
    uint64_t differing = 0, first = sorting->from[0].address;
    for (size_t i = part_begin(sorting, part); i < part_begin(sorting, part + 1); i++) {
        beat_at(sorting, thread, i);
        differing |= sorting->from[i].address ^ first;
    }
    sorting->differing[part] = differing;
}

static void count_digits(void *context, size_t part, size_t thread)
{
    struct sorting *sorting = context;
    size_t *counts = sorting->places[part];
    memset(counts, 0, sizeof *sorting->places);
    for (size_t i = part_begin(sorting, part); i < part_begin(sorting, part + 1); i++) {
        beat_at(sorting, thread, i);
        counts[digit_of(sorting->from[i].address, sorting->digit)]++;
    }
}

static void assign_places(struct sorting *sorting)
{
    size_t place = 0;
    for (size_t value = 0; value < DIGITS; value++)
        for (size_t part = 0; part < sorting->part_count; part++) {
            size_t here = sorting->places[part][value];
            sorting->places[part][value] = place;
            place += here;
        }
}

static void move_blocks(void *context, size_t part, size_t thread)
{
    struct sorting *sorting = context;
    size_t *places = sorting->places[part];
    for (size_t i = part_begin(sorting, part); i < part_begin(sorting, part + 1); i++) {
        beat_at(sorting, thread, i);
        sorting->to[places[digit_of(sorting->from[i].address, sorting->digit)]++] =
            sorting->from[i];
    }
}

void block_sort(struct snapshot_block **blocks, size_t count, size_t threads, block_sort_beat beat,
                void *context)
{
    if (count < FEW_BLOCKS) {
        qsort(*blocks, count, sizeof **blocks, compare_blocks);
        return;
    }
    size_t parts = threads != 0 ? threads : count >= WORTH_THREADS ? parallel_threads() : 1;
    if (parts > PARALLEL_MOST)
        parts = PARALLEL_MOST;
    struct snapshot_block *from = *blocks, *to = memory_allocate_large(count, sizeof *to);
    struct sorting sorting = {
        .beat = beat, .context = context, .from = from, .count = count, .part_count = parts};
    uint64_t differing = 0;
    sorting.places = memory_allocate_zeroed(parts, sizeof *sorting.places);
    parallel_run(parts, parts, find_differing, &sorting);
    for (size_t part = 0; part < parts; part++)
        differing |= sorting.differing[part];
    for (unsigned digit = 0; digit < DIGIT_COUNT; digit++) {
        if (digit_of(differing, digit) == 0)
            continue;
        sorting.from = from;
        sorting.to = to;
        sorting.digit = digit;
        parallel_run(parts, parts, count_digits, &sorting);
        assign_places(&sorting);
        parallel_run(parts, parts, move_blocks, &sorting);
        struct snapshot_block *sorted = to;
        to = from;
        from = sorted;
    }
    *blocks = from;
    free(to);
    free(sorting.places);
}
