/* What the parts of a scan share: scan_reading hands words over, scan_blocks and scan_roots look at
 * them, scan_judge says what pointers into the middle are. */
#ifndef SEEP_SNAPSHOT_SCAN_STATE_H
#define SEEP_SNAPSHOT_SCAN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/block_shapes.h"
#include "snapshot/class_tables.h"
#include "snapshot/pointer_scan.h"
#include "snapshot/root_plan.h"
#include "snapshot/scan_part.h"
#include "snapshot/snapshot_scan.h"

enum {
    SCAN_WORD_BYTES = 8,
    SCAN_WINDOW_BYTES = 256 << 10, /* read at once */
    SCAN_SPARSE_BYTES = 64 << 10,  /* from here on, only touched pages are read */
    SCAN_BATCH_BYTES = 256 << 10
};

/* Small stretches that are read at once, one behind the other. They are collected in a first pass,
 * and found there in a second one, in the same order. */
struct scan_batch {
    struct target_stretch stretches[TARGET_STRETCHES_MAX];
    size_t count, bytes;
    size_t next, next_bytes; /* those before were found */
    uint64_t words[SCAN_BATCH_BYTES / SCAN_WORD_BYTES];
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
    struct scan_batch *batch;
    struct scan_part *part; /* where to what is found in blocks goes; NULL: into `result` */
    uint32_t end_block;     /* where runs of blocks end */
    bool is_collecting;     /* for the batch; nothing is read */

    /* What the words come from that are looked at. */
    uint32_t source;
    uint32_t run_end; /* of blocks whose words are looked at together */
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

static inline uint64_t scan_align_up(uint64_t address)
{
    return (address + SCAN_WORD_BYTES - 1) & ~(uint64_t)(SCAN_WORD_BYTES - 1);
}

/* The deadline, now and then. */
bool scan_is_in_time(struct scan *scan);

/* Hands over the words of [start, end), piece by piece; pages that cannot be read are left out and
 * counted. */
typedef void (*scan_take_words)(struct scan *scan, const uint64_t *words, size_t count,
                                uint64_t address);

/* Those of what is mapped of [start, end) and may be read: a range that a target's own headers and
 * lists name may be anything. Returns how many bytes are not. */
uint64_t scan_read_mapped(struct scan *scan, uint64_t start, uint64_t end, scan_take_words take);

void scan_empty_batch(struct scan_batch *batch);

/* The words that are looked at. */
void scan_set_passing(struct scan *scan, const uint64_t *words, size_t count, uint64_t address);

/* What a pointer, and what stands behind it, tell of how far a block is filled. `shift` is from the
 * kinds of facts of blocks to those of roots. */
void scan_note_pointer(struct scan *scan, uint64_t slot, uint64_t pointer, uint32_t block,
                       uint32_t owner, uint64_t owner_slot, unsigned shift);

/* Of the blocks [first, end), into the part or else the result. */
void scan_blocks(struct scan *scan, uint32_t first, uint32_t end);

/* All blocks, by several threads where that is worth it. */
void scan_heap(struct scan *scan);

/* How a root or block refers to a block at a place of it (an enum pointer_place): an
 * enum snapshot_reference_kind, POINTER_IS_OPEN or POINTER_IS_NONE. */
unsigned scan_judge(struct scan *scan, uint32_t block, unsigned place);

/* All of the result, now that all blocks were seen. */
void scan_judge_references(struct scan *scan);

void scan_roots(struct scan *scan);

#endif
