/* The pieces that a snapshot is cut into: what those who write them, count them (snapshot_list) and
 * read them (snapshot_read) have in common. */
#ifndef SEEP_SNAPSHOT_SNAPSHOT_PIECES_H
#define SEEP_SNAPSHOT_SNAPSHOT_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "recording/recording_records.h"
#include "snapshot/snapshot_store.h"

enum {
    SNAPSHOT_BLOCK_FIELDS = 5, /* varints of an item */
    SNAPSHOT_REFERENCE_FIELDS = 2,
    SNAPSHOT_ROOT_FIELDS = 6,
    SNAPSHOT_FACT_FIELDS = 3,
    SNAPSHOT_KIND_SHIFT = 4 /* a kind, and what shares a varint with it */
};

#define SNAPSHOT_KIND_MASK ((1u << SNAPSHOT_KIND_SHIFT) - 1)

/* In the order in which they are read: what refers to others comes behind them. */
static const enum recording_kind snapshot_piece_kinds[] = {
    RECORDING_snapshot_module,     RECORDING_snapshot_thread, RECORDING_snapshot_blocks,
    RECORDING_snapshot_references, RECORDING_snapshot_roots,  RECORDING_snapshot_class,
    RECORDING_snapshot_facts,
};

enum {
    SNAPSHOT_PIECE_KINDS = sizeof snapshot_piece_kinds / sizeof *snapshot_piece_kinds
};

/* What is there of a snapshot: sums over the records that were found. */
struct snapshot_tally {
    uint64_t blocks, rows, references, roots, modules, threads, classes, facts;
};

static inline bool snapshot_tally_is_whole(const struct snapshot_tally *tally,
                                           const struct recording_snapshot *head)
{
    return tally->blocks == head->block_count && tally->rows == head->block_count &&
           tally->references == head->reference_count && tally->roots == head->root_count &&
           tally->modules == head->module_count && tally->threads == head->thread_count &&
           tally->classes == head->class_count && tally->facts == head->fact_count;
}

#endif
