/* Pointers into the middle of blocks, judged when all blocks were seen. */
#include "snapshot/scan_state.h"

#include "snapshot/word_cache.h"

enum {
    LOOK_EVERY_BLOCKS = 64 /* whether there is time */
};

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

unsigned scan_judge(struct scan *scan, uint32_t block, unsigned place)
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

void scan_judge_references(struct scan *scan)
{
    struct snapshot *result = scan->result;
    size_t kept = 0;
    uint64_t row_start = 0;
    for (size_t i = 0; i < result->block_count; i++) {
        if (i % LOOK_EVERY_BLOCKS == 0 && !scan_is_in_time(scan))
            break;
        uint64_t row_end = result->first_reference[i + 1];
        for (uint64_t j = row_start; j < row_end; j++) {
            struct snapshot_reference reference = result->references[j];
            unsigned kind = scan_judge(scan, reference.block, reference.kind);
            if (kind == POINTER_IS_OPEN)
                kind = judge_inheritance(scan, scan_align_up(result->blocks[i].address) +
                                                   (uint64_t)reference.slot * SCAN_WORD_BYTES);
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
