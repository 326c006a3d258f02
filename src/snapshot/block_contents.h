/* What blocks begin with: their first bytes, for people who want to see them.
 *
 * Memory may hold secrets, so none are kept unless somebody asks; and a heap is large, so of each
 * block only the beginning is, and all together stay below a bound: where they would not, fewer of
 * each are kept. */
#ifndef SEEP_SNAPSHOT_BLOCK_CONTENTS_H
#define SEEP_SNAPSHOT_BLOCK_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_store.h"
#include "snapshot/target_memory.h"

/* Of each block as many bytes as `snapshot` can have when each has at most `limit`, and all
 * together `most`. */
uint64_t block_contents_limit(const struct snapshot *snapshot, uint64_t limit, uint64_t most);

/* Reads them, of all blocks that the snapshot has; `may_go_on` is asked now and then. What could
 * not be read is left out; when there was no time for all, none are kept. */
void block_contents_read(struct snapshot *snapshot, const struct target_memory *memory,
                         uint64_t limit, bool (*may_go_on)(void *context), void *context);

/* Hands over their records, as snapshot_write does. */
void block_contents_write(const struct snapshot *snapshot, snapshot_add_record add, void *context);

/* The first bytes of one block, out of a recording: *bytes is the caller's to free, NULL when there
 * are none of it. False: they are damaged, or cannot be read. */
bool block_contents_find(struct recording_reader *reader, uint64_t snapshot_id, uint32_t block,
                         uint8_t **bytes, size_t *count, struct error *error);

enum {
    BLOCK_CONTENTS_MOST_BYTES = 256 << 20, /* of one snapshot */
    BLOCK_CONTENTS_MOST_LIMIT = 1 << 20    /* of a block */
};

#endif
