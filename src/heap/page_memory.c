#include "heap/page_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"

#define KERNEL_BYTES    (128u << 10) /* from here on whole pages are worth it */
#define HUGE_PAGE_BYTES (2u << 20)

void *page_memory_allocate(uint64_t bytes)
{
    if (bytes < KERNEL_BYTES)
        return memory_allocate_zeroed(1, bytes);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return memory_allocate_zeroed(SIZE_MAX, bytes); /* ends the program, with its message */
    /* Two wishes, which older kernels refuse: huge pages, and all pages at once instead of a fault
     * for each; tables are used all over from the start. */
    if (bytes >= HUGE_PAGE_BYTES)
        madvise(memory, bytes, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
    madvise(memory, bytes, MADV_POPULATE_WRITE);
#endif
    return memory;
}

void page_memory_release(void *memory, uint64_t bytes)
{
    if (bytes < KERNEL_BYTES)
        free(memory);
    else
        munmap(memory, bytes);
}
