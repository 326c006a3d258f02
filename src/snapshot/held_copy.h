/* What a process that stands still has in memory, copied in large pieces, so that it can go on while
 * the copy is read: for processes that cannot be made to copy themselves. Writable memory that is
 * not shared is copied, as far as somebody ever touched it; the rest does not change, and is read
 * where it is. */
#ifndef SEEP_SNAPSHOT_HELD_COPY_H
#define SEEP_SNAPSHOT_HELD_COPY_H

#include "base/error.h"
#include "snapshot/snapshot_scan.h"
#include "snapshot/target_memory.h"

struct held_copy;

/* NULL: there is no memory for it. Both are borrowed until the copy is destroyed; of `memory` only
 * what is not copied is read later. */
struct held_copy *held_copy_make(const struct target_memory *memory,
                                 const struct target_mappings *mappings, struct error *error);
void held_copy_destroy(struct held_copy *copy);

/* Borrowed from the copy. */
struct target_memory held_copy_memory(struct held_copy *copy);

#endif
