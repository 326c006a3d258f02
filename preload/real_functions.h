/* The next definition of each replaced function, found once: what dlsym(RTLD_NEXT) would give,
 * by the modules' own tables.
 *
 * A pointer may be NULL where the libc has no such function. After real_functions_find the malloc
 * family always works: free_sized, cfree, ... fall back to free; reallocarray to realloc. C++
 * operators without a next definition (a C program that dlopens a C++ plugin) are built on malloc
 * and free by their hooks.
 *
 * An executable may contain an allocator. Then ours are called only for the functions that it lacks
 * (reallocarray, C++ operators), and must lead to the very functions that would have been called
 * without us: so `real` has the program's own malloc, free, ... */
#ifndef SEEP_PRELOAD_REAL_FUNCTIONS_H
#define SEEP_PRELOAD_REAL_FUNCTIONS_H

#include <stdbool.h>

#include "preload/export.h"
#include "preload/interposed_functions.h"

struct real_functions {
#define REAL_FIELD(symbol, result, parameters) result(*symbol) parameters;
    HOOKS_ALL(REAL_FIELD)
#undef REAL_FIELD
    /* libstdc++'s operators are malloc and free plus the new-handler: then the hooks call those
     * directly, and the operator itself only when malloc fails. */
    bool is_new_plain;
    /* One of these functions may call another by its public name. Not so in an allocator that we
     * know, whose operators are its own or libstdc++'s. */
    bool may_nest;
    uint32_t allocator; /* enum wire_allocator */
    /* The program itself defines malloc, before ours: nobody calls ours. */
    bool is_malloc_own;
};

INTERNAL extern struct real_functions real;

/* Is everything found? False only before and during the lookup: then bootstrap_heap serves. */
INTERNAL extern bool real_is_ready;

/* Looks everything up; safe to enter from calls that it makes itself (they see real_is_ready false
 * and do not come here again). Returns false when another thread, or this one further up, is
 * at it. */
bool real_functions_find(void);

/* Looks again for functions of libraries that may have been loaded since: before glibc 2.34 those
 * of the loader and of threads are in some of their own. */
void real_functions_find_late(void);

#endif
