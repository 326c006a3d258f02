/* Memory of the tools (never of the target): running out ends the program with a message, so no
 * caller checks. Release everything with free(). */
#ifndef SEEP_BASE_MEMORY_H
#define SEEP_BASE_MEMORY_H

#include <stddef.h>

/* Caller owns the result; never NULL, also for 0 bytes. */
void *memory_allocate(size_t bytes) __attribute__((malloc, returns_nonnull));

/* `count` zeroed items of `item_bytes`; an overflow of the product ends the program. */
void *memory_allocate_zeroed(size_t count, size_t item_bytes)
    __attribute__((malloc, returns_nonnull));

/* The same, beginning where a cache line does. */
enum {
    MEMORY_LINE_BYTES = 64
};
void *memory_allocate_zeroed_lines(size_t count, size_t item_bytes)
    __attribute__((malloc, returns_nonnull));

/* Not zeroed, for what is soon filled: large memory comes in huge pages where there are
 * some, since a page fault for each 4 KiB costs more than filling them. memory_grow does so too. */
void *memory_allocate_large(size_t count, size_t item_bytes)
    __attribute__((malloc, returns_nonnull));
void *memory_allocate_zeroed_large(size_t count, size_t item_bytes);

void *memory_resize(void *memory, size_t count, size_t item_bytes);
void *memory_resize_large(void *memory, size_t count, size_t item_bytes);

/* Grows an array so that it holds at least `wanted` items: doubles, starting at 8. Updates
 * *capacity; returns the moved array. Use:
 *     list->items = memory_grow(list->items, &list->capacity, list->count + 1, sizeof
 * *list->items); New items are not initialised. */
void *memory_grow(void *items, size_t *capacity, size_t wanted, size_t item_bytes);

/* Gives what was freed back to the system, where libc can: what is allocated next may be of other
 * sizes, and would come on top. */
void memory_give_back(void);

/* Caller owns the copies. */
void *memory_duplicate(const void *bytes, size_t count);
char *memory_duplicate_text(const char *text);
char *memory_print_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
