/* What was found in blocks one behind the other, apart from the snapshot, so that several threads
 * can look at once; added to it part after part, the snapshot is what one thread would have made.
 */
#ifndef SEEP_SNAPSHOT_SCAN_PART_H
#define SEEP_SNAPSHOT_SCAN_PART_H

#include "snapshot/class_tables.h"
#include "snapshot/snapshot.h"

struct scan_part {
    uint32_t first, end;   /* blocks */
    struct snapshot found; /* references, facts and sums; of a class the fact is its address */
    uint64_t *starts;      /* by block, from `first` on: its first reference */
    size_t start_capacity;
    uint32_t begun; /* so many blocks have a start */
};

/* Begins anew with other blocks. */
void scan_part_begin(struct scan_part *part, uint32_t first, uint32_t end);
void scan_part_clear(struct scan_part *part);

/* As snapshot_add_reference does; by growing `from`. False: it adds nothing. */
bool scan_part_add(struct scan_part *part, uint32_t from, uint32_t to, uint64_t slot,
                   enum snapshot_reference_kind kind);

/* To a snapshot that has what all blocks before refer to. `classes` are the snapshot's. */
void scan_part_add_to(struct scan_part *part, struct snapshot *snapshot,
                      struct class_tables *classes);

#endif
