/* Snapshots in a recording: their records, written and read.
 *
 * A snapshot is cut into records of some tens of thousands of blocks, references or roots, each of
 * which can be decoded alone; the formats stand in recording_records.h. About 9 bytes a block and 4
 * a reference, before compression. It counts once all that its head announces is there: of a torn
 * recording, only whole snapshots are found. */
#ifndef SEEP_SNAPSHOT_SNAPSHOT_STORE_H
#define SEEP_SNAPSHOT_SNAPSHOT_STORE_H

#include <stdbool.h>

#include "base/error.h"
#include "recording/recording_reader.h"
#include "recording/recording_records.h"
#include "snapshot/snapshot.h"

/* Hands over the records, borrowed until `add` returns; shaped for recording_writer_add. Snapshots
 * of a recording have different numbers. A flush of the writer should follow. */
typedef void (*snapshot_add_record)(void *context, enum recording_kind kind, const void *record);
void snapshot_write(const struct snapshot *snapshot, snapshot_add_record add, void *context);

/* The heads of the whole snapshots of a recording. A zeroed struct is empty. */
struct snapshot_list {
    struct recording_snapshot *heads; /* by id; notes are owned by the list */
    size_t count;
    size_t torn_count; /* announced, but not whole */
};
bool snapshot_list_read(struct snapshot_list *list, struct recording_reader *reader,
                        struct error *error);
void snapshot_list_clear(struct snapshot_list *list);

/* Reads one; `snapshot` is initialised and empty, and stays so on failure. Whatever it refers to
 * within itself is there: blocks, modules, threads; ids of sites and frames are the caller's to
 * check. */
bool snapshot_read(struct recording_reader *reader, uint64_t id, struct snapshot *snapshot,
                   struct error *error);

/* Its blocks alone, by address; no other piece is looked at. False from `visit` ends it. */
typedef bool (*snapshot_visit_block)(void *context, const struct snapshot_block *block);
bool snapshot_visit_blocks(struct recording_reader *reader, uint64_t id, snapshot_visit_block visit,
                           void *context, struct error *error);

#endif
