/* What the program says of its memory (include/seep.h, LSan's interface), told in records. False:
 * this process is not recorded, or the call came from a signal handler inside the recording of
 * another event. errno is left alone. */
#ifndef SEEP_PRELOAD_ANNOTATION_H
#define SEEP_PRELOAD_ANNOTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An instant with a name, which is cut where it is too long. `*ticks` (may be NULL) is its time. */
bool annotation_mark(const char *name, uint64_t *ticks);

/* The block that has this address is no leak, nor is what it refers to. */
bool annotation_ignore(const void *address);

/* Neither is what the calling thread allocates from the first of these to its last. */
bool annotation_begin_ignoring(void);
bool annotation_end_ignoring(void);

/* How deep the calling thread is in that, and, for the child of a fork, that again. */
uint32_t annotation_ignoring_depth(void);
void annotation_restore_ignoring(uint32_t depth);

/* Memory that holds references, or does not any more. */
bool annotation_region(const void *start, size_t bytes, bool is_added);

/* By which the program suppresses its leaks, as LeakSanitizer reads it. */
void annotation_suppressions(const char *text);

/* Memory of which the program gives objects itself, or does not any more. */
bool annotation_pool(const void *start, size_t bytes, bool is_made);

#endif
