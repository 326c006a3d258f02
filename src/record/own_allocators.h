/* Programs that contain their own allocator (static jemalloc, a sanitizer): nothing of what they
 * allocate is seen, so their processes must not look as if they had allocated nothing.
 *
 * The preload says so itself where a program defines malloc; what goes by another name (je_malloc)
 * is recognised by the symbols in the file. A file is looked into once, and not at once: reading
 * the symbols of a large one takes a while, and a process that begins should not wait for it. */
#ifndef SEEP_RECORD_OWN_ALLOCATORS_H
#define SEEP_RECORD_OWN_ALLOCATORS_H

#include <stdbool.h>

#include "record/recorded_process.h"

struct own_allocators;

/* Caller owns. */
struct own_allocators *own_allocators_create(void);
void own_allocators_destroy(struct own_allocators *allocators);

/* A program begins: its file is taken note of, before it can be gone. `is_told`: it said itself
 * that it defines malloc. The process must live as long as this. */
void own_allocators_add(struct own_allocators *allocators, struct recorded_process *process,
                        bool is_told);

/* What was found in an open file already: it is not looked into again. `allocator` is static text;
 * NULL = none. */
void own_allocators_know(struct own_allocators *allocators, int fd, const char *allocator);

/* Looks into one file at most, and tells the processes that run it. False: there was none left. */
bool own_allocators_look(struct own_allocators *allocators);

/* Why nothing is seen of a program with this allocator in it. Caller owns. */
char *own_allocators_reason(const char *allocator);

#endif
