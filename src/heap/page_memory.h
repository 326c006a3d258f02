/* Zeroed memory for tables that grow large: straight from the kernel once it is large enough, so
 * that what a table gives up goes back at once instead of splintering the tool's own heap, and with
 * huge pages where they help. */
#ifndef SEEP_HEAP_PAGE_MEMORY_H
#define SEEP_HEAP_PAGE_MEMORY_H

#include <stdint.h>

/* Never NULL; running out ends the program, as in base/memory.h. */
void *page_memory_allocate(uint64_t bytes);

/* The same for what is filled bit by bit: pages come when they are written to. */
void *page_memory_reserve(uint64_t bytes);

/* The contents up to `end` (from `memory`, as it was reserved) are not needed any more: gives back
 * what whole huge pages lie there. */
void page_memory_drop(void *memory, const void *end);

/* `bytes` as it was allocated. NULL is allowed. */
void page_memory_release(void *memory, uint64_t bytes);

#endif
