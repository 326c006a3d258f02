/* The words of a process, outside of CPython's arenas, by which somebody may hold an object: C
 * variables, blocks of malloc's, stacks and registers, other memory of the program's own.
 *
 * Left out is what holds nothing any more: free memory of glibc's heaps, stacks below their stack
 * pointers and of threads that are gone, what Python's own stacks were used for before, and places
 * of lists and deques that are not in use. What is not known to be dead counts. */
#ifndef SEEP_RUNTIMES_CPYTHON_USED_MEMORY_H
#define SEEP_RUNTIMES_CPYTHON_USED_MEMORY_H

#include "runtimes/cpython/objects.h"
#include "runtimes/python_runtimes.h"
#include "snapshot/glibc_heap.h"
#include "snapshot/range_list.h"
#include "snapshot/target_modules.h"
#include "snapshot/word_cache.h"

struct used_memory {
    struct cpython_objects *objects; /* borrowed, as what follows */
    const struct python_runtimes_input *process;
    const struct target_modules *modules;
    struct word_cache *words;
    struct range_list stacks; /* what is in use of threads' stacks */
    struct glibc_heap heap;   /* once `rest` was visited */
    bool has_heap;
    struct range_list heaps;       /* of glibc: told chunk by chunk */
    struct range_list interpreter; /* its own variables and states */
    struct range_list dead;        /* arenas too, which are told by nobody here */
    bool is_late;                  /* the time for it is over */
    bool is_unreadable;            /* some of it could not be read */
    uint64_t deadline_ns;          /* by the clock of `process`; 0 = none */
};

/* `objects`, `process`, `modules` and `words` are set, the rest is zeroed. */
void used_memory_plan(struct used_memory *memory);
void used_memory_clear(struct used_memory *memory);

/* Calls for words in a row, the first of which stands at `address` (0: in registers); false: no
 * more is wanted. */
typedef bool (*used_memory_found)(void *context, uint64_t address, const uint64_t *words,
                                  size_t count);

/* Gives what is visited from now on so much time; what could not be read before is forgotten. */
void used_memory_begin(struct used_memory *memory, uint64_t patience_ns);

/* Stacks and registers of threads. */
void used_memory_visit_stacks(struct used_memory *memory, used_memory_found found, void *context);
/* Everything else: variables and blocks first, large pieces last. */
void used_memory_visit_rest(struct used_memory *memory, used_memory_found found, void *context);

/* Is this the interpreter's own memory: its variables, and what it keeps of interpreters? */
bool used_memory_is_interpreter(const struct used_memory *memory, uint64_t address);

/* Lists and dictionaries to be used again stand in tables of the interpreter's own, whose places
 * keep the address when it is used. Of words in a row from an address on: is the one at `position`
 * such a place, one of many in a row? */
bool used_memory_is_of_free_list(const struct used_memory *memory, uint64_t address,
                                 const uint64_t *words, size_t count, size_t position);

#endif
