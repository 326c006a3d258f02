/* What a parent's other threads did around a fork.
 *
 * The recorder keeps the parent's heap for the child when the parent says that it is about to fork;
 * but until the kernel has copied the memory other threads go on, and the child has what they did.
 * Where in that window the fork was nobody can tell; but what the child does with an address tells
 * for that address: what it frees was there, and where it is given a block nothing was. So the
 * births and releases of the window are kept by address, and looked up when the child contradicts
 * the heap that it was given. The window ends with the child's first word, or when the fork has
 * returned in the parent, whichever comes first: what is stamped later the child cannot have. */
#ifndef SEEP_HEAP_FORK_WINDOW_H
#define SEEP_HEAP_FORK_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "heap/heap_model.h"

struct fork_window_place {
    bool is_released; /* what stood there at the window's start may have been gone */
    bool has_birth;   /* the latest one: */
    uint8_t function;
    struct stack_id stack;
    uint64_t size;
    uint64_t birth_ns;
};

/* A zeroed struct is valid, empty and closed. */
struct fork_window {
    bool is_open;
    struct hash_map positions; /* by address: position in `places` */
    struct fork_window_place *places;
    size_t count, capacity;
};

void fork_window_clear(struct fork_window *window);

/* Keeps what the parent did; so much and no more. */
void fork_window_note(struct fork_window *window, const struct heap_event *events, size_t count);

/* NULL = nothing happened there. Borrowed until the next note. */
const struct fork_window_place *fork_window_find(const struct fork_window *window,
                                                 uint64_t address);

#endif
