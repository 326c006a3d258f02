/* Zeroed memory for tables that grow large: straight from the kernel once it is large enough, so
 * that what a table gives up goes back at once instead of splintering the tool's own heap, and with
 * huge pages where they help. */
#ifndef SEEP_HEAP_PAGE_MEMORY_H
#define SEEP_HEAP_PAGE_MEMORY_H

#include <stdint.h>

/* Never NULL; running out ends the program, as in base/memory.h. */
void *page_memory_allocate(uint64_t bytes);

/* `bytes` as it was allocated. NULL is allowed. */
void page_memory_release(void *memory, uint64_t bytes);

#endif
