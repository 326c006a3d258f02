/* Words out of memory that may be sparse, unmapped or unreadable. */
#include "snapshot/scan_state.h"

#include <string.h>

#include "snapshot/mapping_search.h"
#include "snapshot/word_cache.h"

enum {
    PAGE_BYTES = 4096,
    LOOK_EVERY = 8 /* stretches, of a window at most: a look at the clock */
};

bool scan_is_in_time(struct scan *scan)
{
    if (scan->looks++ % LOOK_EVERY == 0)
        scan->is_late = scan->is_late || root_plan_is_late(&scan->plan);
    return !scan->is_late;
}

static void collect(struct scan_batch *batch, uint64_t start, uint64_t end)
{
    size_t wanted = (size_t)(end - start) / SCAN_WORD_BYTES * SCAN_WORD_BYTES;
    if (wanted == 0 || batch->count == TARGET_STRETCHES_MAX ||
        wanted > sizeof batch->words - batch->bytes)
        return; /* it is read by itself */
    batch->stretches[batch->count++] = (struct target_stretch){start, wanted};
    batch->bytes += wanted;
}

static const uint64_t *find_in_batch(struct scan_batch *batch, uint64_t start, size_t wanted)
{
    const struct target_stretch *next = &batch->stretches[batch->next];
    if (batch->next == batch->count || next->address != start || next->count != wanted)
        return NULL;
    const uint64_t *words = batch->words + batch->next_bytes / SCAN_WORD_BYTES;
    batch->next++;
    batch->next_bytes += wanted;
    return words;
}

static void read_stretch(struct scan *scan, uint64_t start, uint64_t end, scan_take_words take)
{
    const struct target_memory *memory = scan->input->memory;
    if (scan->is_collecting) {
        collect(scan->batch, start, end);
        return;
    }
    while (end - start >= SCAN_WORD_BYTES && start < end && scan_is_in_time(scan)) {
        size_t wanted = end - start < SCAN_WINDOW_BYTES ? (size_t)(end - start) : SCAN_WINDOW_BYTES;
        wanted -= wanted % SCAN_WORD_BYTES;
        const uint64_t *words = find_in_batch(scan->batch, start, wanted);
        size_t got = words != NULL ? wanted
                                   : memory->read(memory->context, start, scan->window, wanted);
        got -= got % SCAN_WORD_BYTES;
        if (got > 0)
            take(scan, words != NULL ? words : scan->window, got / SCAN_WORD_BYTES, start);
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

static void read_words(struct scan *scan, uint64_t start, uint64_t end, scan_take_words take)
{
    const struct target_memory *memory = scan->input->memory;
    start = scan_align_up(start);
    if (start >= end)
        return;
    if (!memory->find_touched || end - start < SCAN_SPARSE_BYTES) {
        read_stretch(scan, start, end, take);
        return;
    }
    uint64_t from, to;
    uint64_t before = scan->result->scanned_bytes + scan->result->unreadable_bytes;
    uint64_t all = end - start;
    while (start < end && scan_is_in_time(scan) &&
           memory->find_touched(memory->context, start, end, &from, &to) && to > start) {
        read_stretch(scan, scan_align_up(from), to, take);
        start = to;
    }
    uint64_t seen = scan->result->scanned_bytes + scan->result->unreadable_bytes - before;
    if (seen < all)
        scan->result->skipped_bytes += all - seen;
}

uint64_t scan_read_mapped(struct scan *scan, uint64_t start, uint64_t end, scan_take_words take)
{
    const struct target_mappings *mappings = scan->input->mappings;
    uint64_t missing = end - start;
    for (size_t i = mapping_first_behind(mappings, start);
         i < mappings->count && mappings->items[i].start < end && scan_is_in_time(scan); i++) {
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

void scan_empty_batch(struct scan_batch *batch)
{
    batch->count = batch->bytes = batch->next = batch->next_bytes = 0;
}
