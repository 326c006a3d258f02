#include "config.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* No stdio here: it may want memory itself. */
static _Noreturn void out_of_memory(void)
{
    static const char message[] = "seep: out of memory\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    _exit(2);
}

static size_t product_bytes(size_t count, size_t item_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, item_bytes, &bytes))
        out_of_memory();
    return bytes;
}

void *memory_allocate(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory)
        out_of_memory();
    return memory;
}

void *memory_allocate_zeroed(size_t count, size_t item_bytes)
{
    size_t bytes = product_bytes(count, item_bytes);
    void *memory = calloc(bytes ? bytes : 1, 1);
    if (!memory)
        out_of_memory();
    return memory;
}

void *memory_allocate_zeroed_lines(size_t count, size_t item_bytes)
{
    size_t bytes = product_bytes(count, item_bytes);
    if (bytes > SIZE_MAX - MEMORY_LINE_BYTES)
        out_of_memory();
    bytes = (bytes + MEMORY_LINE_BYTES) / MEMORY_LINE_BYTES * MEMORY_LINE_BYTES;
    void *memory = aligned_alloc(MEMORY_LINE_BYTES, bytes);
    if (!memory)
        out_of_memory();
    return memset(memory, 0, bytes);
}

void *memory_resize(void *memory, size_t count, size_t item_bytes)
{
    size_t bytes = product_bytes(count, item_bytes);
    void *resized = realloc(memory, bytes ? bytes : 1);
    if (!resized)
        out_of_memory();
    return resized;
}

/* All pages that the memory touches, not the huge ones in it alone: what is advised becomes a
 * mapping of its own, and the system does not move what stands in several; growing would copy it
 * all. */
static void want_huge_pages(void *memory, size_t bytes)
{
    const uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (bytes < UINT64_C(8) << 20)
        return;
    uintptr_t start = (uintptr_t)memory & ~(page_bytes - 1);
    uintptr_t end = ((uintptr_t)memory + bytes + page_bytes - 1) & ~(page_bytes - 1);
    madvise((void *)start, end - start, MADV_HUGEPAGE); /* where there are none: as before */
}

void *memory_allocate_large(size_t count, size_t item_bytes)
{
    size_t bytes = product_bytes(count, item_bytes);
    void *memory = memory_allocate(bytes);
    want_huge_pages(memory, bytes);
    return memory;
}

void *memory_allocate_zeroed_large(size_t count, size_t item_bytes)
{
    void *memory = memory_allocate_zeroed(count, item_bytes);
    want_huge_pages(memory, product_bytes(count, item_bytes));
    return memory;
}

void *memory_resize_large(void *memory, size_t count, size_t item_bytes)
{
    memory = memory_resize(memory, count, item_bytes);
    want_huge_pages(memory, count * item_bytes);
    return memory;
}

void *memory_grow(void *items, size_t *capacity, size_t wanted, size_t item_bytes)
{
    if (wanted <= *capacity)
        return items;
    size_t grown = *capacity < 8 ? 8 : *capacity;
    while (grown < wanted) {
        if (grown > SIZE_MAX / 2)
            out_of_memory();
        grown *= 2;
    }
    items = memory_resize_large(items, grown, item_bytes);
    *capacity = grown;
    return items;
}

void memory_give_back(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void *memory_duplicate(const void *bytes, size_t count)
{
    void *copy = memory_allocate(count);
    if (count > 0)
        memcpy(copy, bytes, count);
    return copy;
}

char *memory_duplicate_text(const char *text)
{
    return memory_duplicate(text, strlen(text) + 1);
}

char *memory_print_text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        out_of_memory();
    va_end(arguments);
    return text;
}
