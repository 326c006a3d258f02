#include "heap/page_memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/memory.h"

#define KERNEL_BYTES    (128u << 10) /* from here on whole pages are worth it */
#define HUGE_PAGE_BYTES (2u << 20)

/* Huge pages are a wish, which older kernels refuse. */
void *page_memory_reserve(uint64_t bytes)
{
    if (bytes < KERNEL_BYTES)
        return memory_allocate_zeroed(1, bytes);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return memory_allocate_zeroed(SIZE_MAX, bytes); /* ends the program, with its message */
    if (bytes >= HUGE_PAGE_BYTES)
        madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

/* All pages at once instead of a fault for each: such tables are used all over from the start. */
void *page_memory_allocate(uint64_t bytes)
{
    void *memory = page_memory_reserve(bytes);
#ifdef MADV_POPULATE_WRITE
    if (bytes >= KERNEL_BYTES)
        madvise(memory, bytes, MADV_POPULATE_WRITE);
#endif
    return memory;
}

void page_memory_drop(void *memory, const void *end)
{
    uintptr_t start = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) & ~(uintptr_t)(HUGE_PAGE_BYTES - 1);
    uintptr_t stop = (uintptr_t)end & ~(uintptr_t)(HUGE_PAGE_BYTES - 1);
    if (start < stop)
        madvise((void *)start, stop - start, MADV_DONTNEED);
}

void page_memory_release(void *memory, uint64_t bytes)
{
    if (bytes < KERNEL_BYTES)
        free(memory);
    else
        munmap(memory, bytes);
}
