/* The threads of one process: their figures, the block that each allocated last (temporary blocks),
 * and the blocks that are on their way through realloc. */
#ifndef SEEP_HEAP_HEAP_THREADS_H
#define SEEP_HEAP_HEAP_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/block.h"

enum leaving_state {
    LEAVING_BLOCK,    /* `block` is out of the table, and live */
    LEAVING_RESTORED, /* settled: `block` stands in the table again until it arrives elsewhere */
    LEAVING_FREED,    /* its release has been counted already */
    LEAVING_UNKNOWN   /* nothing was known at its address; waits for its birth (repair.h) */
};

/* A realloc between its LEAVE and its ARRIVE or UNDO. */
struct leaving {
    struct block block; /* of an unknown one only the address */
    uint64_t time_ns;
    uint8_t function;
    uint8_t state; /* enum leaving_state */
};

struct heap_thread {
    uint64_t tid;
    char *name;
    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t allocations;
    uint64_t allocated_bytes;
    uint64_t frees;
    uint64_t freed_bytes;
    uint64_t newest_address; /* of the block that it allocated last; 0 = none */
    uint64_t newest_birth_ns;
    struct leaving *leavings; /* innermost last */
    size_t leaving_count;
    size_t leaving_capacity;
    bool is_changed; /* since its record was written */
};

/* A zeroed struct is a valid empty table. */
struct heap_threads {
    struct heap_thread *items;
    size_t count;
    size_t capacity;
};

void heap_threads_clear(struct heap_threads *threads);
uint32_t heap_threads_add(struct heap_threads *threads, uint64_t tid, const char *name,
                          uint64_t time_ns);
void heap_threads_name(struct heap_threads *threads, uint32_t thread, const char *name);

struct leaving *heap_thread_push_leaving(struct heap_thread *thread);

uint64_t heap_threads_own_bytes(const struct heap_threads *threads);

#endif
