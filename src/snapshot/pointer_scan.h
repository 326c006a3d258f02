/* Words that may be pointers, and the blocks that they point to. Pure: no target, no roots. */
#ifndef SEEP_SNAPSHOT_POINTER_SCAN_H
#define SEEP_SNAPSHOT_POINTER_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot/block_index.h"

/* The word at `slot` has the value `pointer`, which lies in the block at position `block`. */
typedef void (*pointer_found)(void *context, uint64_t slot, uint64_t pointer, uint32_t block);

/* Calls `found` for each of `count` words, the first of which stands at `address`, that points to a
 * block; in their order. */
void pointer_scan(const struct block_index *index, const uint64_t *words, size_t count,
                  uint64_t address, pointer_found found, void *context);

#endif
