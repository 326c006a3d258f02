/* Memory for calls that come before the real functions are found: finding them (dlsym) allocates. A
 * fixed block, never given back; small, checked for bounds and overflow. */
#ifndef SEEP_PRELOAD_BOOTSTRAP_HEAP_H
#define SEEP_PRELOAD_BOOTSTRAP_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed; NULL when the block is used up. Safe from several threads. */
void *bootstrap_heap_allocate(size_t bytes, size_t alignment);

bool bootstrap_heap_owns(const void *address);

/* Bytes from `address` that are known to be readable: enough to copy a moved block. */
size_t bootstrap_heap_bytes_after(const void *address);

#endif
