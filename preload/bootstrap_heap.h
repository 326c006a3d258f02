/* Memory for calls that come before the real functions are found: finding them (dlsym) allocates. A
 * fixed block, never given back; small, checked for bounds and overflow. */
#ifndef SEEP_PRELOAD_BOOTSTRAP_HEAP_H
#define SEEP_PRELOAD_BOOTSTRAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/export.h"

struct sampled_blocks;

/* Zeroed; NULL when the block is used up. Safe from several threads. */
void *bootstrap_heap_allocate(size_t bytes, size_t alignment);

enum {
    BOOTSTRAP_HEAP_BYTES = 64 << 10
};

INTERNAL extern char bootstrap_heap[BOOTSTRAP_HEAP_BYTES];

/* Asked of each block that is freed. */
static inline bool bootstrap_heap_owns(const void *address)
{
    return (uintptr_t)address - (uintptr_t)bootstrap_heap < BOOTSTRAP_HEAP_BYTES;
}

/* From now on releases are passed over: not those of what was, and will be, given here. */
void bootstrap_heap_start_sampling(struct sampled_blocks *blocks);

/* Bytes from `address` that are known to be readable: enough to copy a moved block. */
size_t bootstrap_heap_bytes_after(const void *address);

#endif
