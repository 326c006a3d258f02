/* Memory that is released at once: what a profile or a query result points to. A million small
 * texts cost no more than their bytes. */
#ifndef SEEP_ANALYSIS_ARENA_H
#define SEEP_ANALYSIS_ARENA_H

#include <stddef.h>

struct arena;

/* Caller owns the arena; destroying NULL is allowed. */
struct arena *arena_create(void);
void arena_destroy(struct arena *arena);

/* Aligned for any scalar, not initialised; borrowed until the arena is destroyed. */
void *arena_allocate(struct arena *arena, size_t bytes) __attribute__((returns_nonnull));

/* Copies, borrowed as above. */
void *arena_copy(struct arena *arena, const void *bytes, size_t count);
char *arena_copy_text(struct arena *arena, const char *text);
char *arena_print(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
