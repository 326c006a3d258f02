/* The mappings that the program made itself, by site: how much of each is still mapped; and where
 * those are that an allocator made.
 *
 * A mapping lives as long as any piece of it does. What is mapped over is unmapped first. */
#ifndef SEEP_HEAP_MAPPINGS_H
#define SEEP_HEAP_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_map.h"
#include "heap/interval_map.h"

enum {
    MAPPINGS_MAX = 1 << 20
}; /* pieces; the kernel's own limit is 65530 by default */

struct mapping_site {
    uint32_t stack;
    uint8_t function;
    bool is_anonymous;
    bool is_changed; /* since its record was written */
    uint64_t count;
    uint64_t mapped_bytes; /* ever */
    uint64_t live_count;
    uint64_t live_bytes;
};

struct mapping {
    uint32_t site;   /* of a free one: the next free one + 1 */
    uint32_t pieces; /* that remain */
    bool has_held;   /* a block, ever */
};

/* A zeroed struct is valid and empty. */
struct mappings {
    struct mapping_site *sites;
    size_t site_count;
    size_t site_capacity;
    struct hash_map site_ids;
    struct mapping *mappings;
    size_t mapping_count;
    size_t mapping_capacity;
    uint32_t free_mapping_plus_1;
    struct interval_map ranges;
    struct interval_map heaps; /* that an allocator made for its blocks: of no site */
    uint64_t anonymous_bytes;  /* live */
    uint64_t anonymous_peak_bytes;
};

void mappings_clear(struct mappings *mappings);

/* start < end. */
void mappings_map(struct mappings *mappings, uint64_t start, uint64_t end, uint32_t stack,
                  uint8_t function, bool is_anonymous);
void mappings_map_heap(struct mappings *mappings, uint64_t start, uint64_t end);
void mappings_unmap(struct mappings *mappings, uint64_t start, uint64_t end);

/* A block is born at the address: if the program mapped that itself, it did so for an allocator of
 * its own, and the mapping is heap from now on. */
void mappings_hold_block(struct mappings *mappings, uint64_t address);

/* Pieces of what the program made itself, by address: those that never held a block; or what is
 * heap, which is the others, and then what an allocator made. */
void mappings_visit_program(const struct mappings *mappings, interval_visit visit, void *context);
void mappings_visit_heap(const struct mappings *mappings, interval_visit visit, void *context);

uint64_t mappings_own_bytes(const struct mappings *mappings);

#endif
